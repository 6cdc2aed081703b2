//! A page as it grows: one measurement per key, whatever tables and rows it came from.

use std::collections::{BTreeMap, HashMap, HashSet};

use kepi_core::{
    AccountId, Measurement, Notice, Page, Post, Reading, Reject, Segment, Subject, Traffic, Value, Window,
};
use smol_str::SmolStr;

type Key = (Subject, Option<Segment>, Window, Traffic);

/// Collects a page.
#[derive(Debug)]
pub(super) struct PageBuilder {
    account: AccountId,
    page: Page,
    measurements: HashMap<Key, usize>,
    /// Where each post stands on the page, and where it was read.
    posts: HashMap<SmolStr, (usize, String)>,
    /// Rows that name no post; several tables may read the same row.
    without_id: HashSet<String>,
    /// Rows of posts that the public does not see, by what their state is called.
    left_out: BTreeMap<String, HashSet<String>>,
    /// Posts of rows without an id that are known by one.
    matched: HashSet<SmolStr>,
}

impl PageBuilder {
    pub(super) fn new(account: AccountId) -> Self {
        Self {
            account,
            page: Page::default(),
            measurements: HashMap::new(),
            posts: HashMap::new(),
            without_id: HashSet::new(),
            left_out: BTreeMap::new(),
            matched: HashSet::new(),
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
    pub(super) fn skip_without_id(&mut self, place: String) {
        self.without_id.insert(place);
    }

    /// Counts a post that is known by its id, though its row has none.
    pub(super) fn matched(&mut self, id: &SmolStr) {
        self.matched.insert(id.clone());
    }

    /// Counts a row of a post that the public does not see.
    pub(super) fn leave_out(&mut self, state: &str, place: String) {
        self.left_out.entry(state.to_owned()).or_default().insert(place);
    }

    /// Adds what the row at `place` says of a post.
    ///
    /// # Errors
    /// When a post of another row cannot be told from it.
    pub(super) fn post(&mut self, post: Post, own_id: bool, place: &str) -> Result<(), String> {
        let Some((at, other_place)) = self.posts.get(&post.id) else {
            self.posts.insert(post.id.clone(), (self.page.posts.len(), place.to_owned()));
            self.page.posts.push(post);
            return Ok(());
        };
        let same_row = other_place == place;
        let same_words = self.page.posts.get(*at) == Some(&post);
        match (same_row || (own_id && same_words), own_id) {
            (true, _) => Ok(()),
            (false, true) => {
                Err(format!("post {} stands at {other_place} already, with other words", post.id))
            }
            (false, false) => Err(format!(
                "the row at {other_place} has the same title, publish minute and format: which post is meant?"
            )),
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
            let metric = reading.metric.clone();
            if let Some(reason) = self.add(at, reading) {
                self.reject(format!("{place}, {metric}"), reason, raw.to_owned());
            }
        }
    }

    fn add(&mut self, at: usize, reading: Reading) -> Option<String> {
        let kept = self.page.measurements.get_mut(at)?;
        match kept.values.iter().find(|other| other.metric == reading.metric) {
            Some(other) if *other == reading => None,
            Some(other) => Some(format!(
                "{} here and {} in an earlier row of the same key; the earlier is kept",
                shown(&reading),
                shown(other)
            )),
            None => {
                kept.values.push(reading);
                None
            }
        }
    }

    pub(super) fn finish(mut self) -> Page {
        let skipped = self.without_id.len();
        if skipped > 0 {
            let rows = if skipped == 1 { "row" } else { "rows" };
            self.remark(format!("{skipped} {rows} without an id skipped"));
        }
        let matched = self.matched.len();
        if matched > 0 {
            self.remark(format!("posts known before by an id that the file lacks: {matched}, by title, publish time and format"));
        }
        let left_out: usize = self.left_out.values().map(HashSet::len).sum();
        if left_out > 0 {
            let posts = if left_out == 1 { "post" } else { "posts" };
            let states: Vec<String> =
                self.left_out.iter().map(|(state, rows)| format!("{state} {}", rows.len())).collect();
            self.remark(format!(
                "{left_out} {posts} that the public does not see left out: {}",
                states.join(", ")
            ));
        }
        self.page
    }
}

/// A number as people write it, with what was said of it.
fn shown(reading: &Reading) -> String {
    let number = match &reading.value {
        Value::Count(count) => count.to_string(),
        Value::Real(real) => real.to_string(),
        Value::Money(money) => format!("{} {}", money.amount, money.currency),
    };
    let flags: Vec<_> = reading.flags.names().collect();
    if flags.is_empty() { number } else { format!("{number} ({})", flags.join(", ")) }
}
