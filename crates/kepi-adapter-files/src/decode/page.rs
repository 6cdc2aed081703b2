//! A page as it grows: one measurement per key, whatever tables and rows it came from.

use std::collections::HashMap;

use kepi_core::{
    AccountId, Measurement, Notice, Page, Post, Reading, Reject, Segment, Subject, Traffic, Window,
};

type Key = (Subject, Option<Segment>, Window, Traffic);

/// Collects a page.
#[derive(Debug)]
pub(super) struct PageBuilder {
    account: AccountId,
    page: Page,
    measurements: HashMap<Key, usize>,
    posts: HashMap<smol_str::SmolStr, usize>,
    without_id: usize,
}

impl PageBuilder {
    pub(super) fn new(account: AccountId) -> Self {
        Self {
            account,
            page: Page::default(),
            measurements: HashMap::new(),
            posts: HashMap::new(),
            without_id: 0,
        }
    }

    pub(super) fn reject(&mut self, place: String, reason: String, raw: String) {
        self.page.rejects.push(Reject { account: Some(self.account.clone()), place, reason, raw });
    }

    pub(super) fn remark(&mut self, text: String) {
        let remark = Notice::Remark { text };
        if !self.page.notices.contains(&remark) {
            self.page.notices.push(remark);
        }
    }

    pub(super) fn gap(&mut self, reason: String) {
        self.page.notices.push(Notice::Gap { reason });
    }

    /// Counts a row that names no post.
    pub(super) fn skip_without_id(&mut self) {
        self.without_id += 1;
    }

    /// Adds what is said of a post.
    ///
    /// # Errors
    /// When another post of the page cannot be told from it.
    pub(super) fn post(&mut self, post: Post, own_id: bool) -> Result<(), String> {
        match self.posts.get(&post.id).and_then(|at| self.page.posts.get(*at)) {
            Some(other) if !own_id || *other != post => Err(if own_id {
                format!("post {} stands in the file twice, with other words", post.id)
            } else {
                "another row has the same title, publish time and format: which post is meant?".to_owned()
            }),
            Some(_) => Ok(()),
            None => {
                self.posts.insert(post.id.clone(), self.page.posts.len());
                self.page.posts.push(post);
                Ok(())
            }
        }
    }

    /// Adds a measurement, or its numbers to one of the same key.
    pub(super) fn measure(&mut self, measurement: Measurement, place: &str, raw: &str) {
        let key = (
            measurement.subject.clone(),
            measurement.segment.clone(),
            measurement.window.clone(),
            measurement.traffic,
        );
        let Some(&at) = self.measurements.get(&key) else {
            self.measurements.insert(key, self.page.measurements.len());
            self.page.measurements.push(measurement);
            return;
        };
        for reading in measurement.values {
            if let Some(reason) = self.add(at, reading) {
                self.reject(place.to_owned(), reason, raw.to_owned());
            }
        }
    }

    fn add(&mut self, at: usize, reading: Reading) -> Option<String> {
        let kept = self.page.measurements.get_mut(at)?;
        match kept.values.iter().find(|other| other.metric == reading.metric) {
            Some(other) if *other == reading => None,
            Some(other) => Some(format!(
                "{} is {:?} here and {:?} in an earlier row of the same key; the earlier is kept",
                reading.metric, reading.value, other.value
            )),
            None => {
                kept.values.push(reading);
                None
            }
        }
    }

    pub(super) fn finish(mut self) -> Page {
        if self.without_id > 0 {
            let rows = if self.without_id == 1 { "row" } else { "rows" };
            self.remark(format!("{} {rows} without an id skipped", self.without_id));
        }
        self.page
    }
}
