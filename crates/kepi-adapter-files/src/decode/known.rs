//! Posts that are known by the platform's id: a row without one is matched with them by title, publish time and form.

use std::collections::{HashMap, HashSet};

use jiff::tz::TimeZone;
use kepi_core::{
    NamedPost, Post, PostRef,
    named::{Occasion, minute, which_is_meant},
};
use smol_str::SmolStr;

use crate::{recipe::Known, sheet::normalized, time::Moment};

/// The known posts of a job, by their titles as they are compared.
#[derive(Debug, Default)]
pub(super) struct KnownPosts<'a>(HashMap<String, Vec<&'a Known>>);

/// What a row without an id says of its post.
#[derive(Debug, Clone, Copy)]
pub(super) struct Described<'a> {
    pub(super) title: &'a str,
    pub(super) moment: Moment,
    pub(super) format: Option<&'a str>,
}

impl<'a> KnownPosts<'a> {
    pub(super) fn of(known: &'a [Known]) -> Self {
        let mut posts: HashMap<String, Vec<&Known>> = HashMap::new();
        for post in known {
            posts.entry(post.title.clone()).or_default().push(post);
        }
        Self(posts)
    }

    /// The one known post that a row describes; `None` when there is none.
    ///
    /// # Errors
    /// When there are several.
    pub(super) fn find(&self, row: Described<'_>, zone: &TimeZone) -> Result<Option<SmolStr>, String> {
        let same_title = self.0.get(&normalized(row.title)).into_iter().flatten();
        let occasion = row.occasion(zone);
        let fits: Vec<&Known> =
            same_title.filter(|post| post.occasion().agrees(&occasion)).copied().collect();
        match fits.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(one.id.clone())),
            several => {
                let ids: Vec<&str> = several.iter().map(|post| post.id.as_str()).collect();
                Err(which_is_meant(&ids))
            }
        }
    }
}

impl<'a> Described<'a> {
    fn occasion(self, zone: &TimeZone) -> Occasion<'a> {
        let at = if let Moment::Day(_) = self.moment { None } else { self.moment.instant(zone) };
        Occasion { at, day: self.moment.day(zone), format: self.format }
    }
}

impl Known {
    fn occasion(&self) -> Occasion<'_> {
        Occasion { at: self.minute, day: self.day, format: self.format.as_deref() }
    }
}

/// The known posts that any of these may be, which is what a job needs to know of them. Titles alone are compared:
/// the rows are read when it is decoded.
pub(crate) fn that_may_be(described: &[Post], known: &[NamedPost]) -> Vec<Known> {
    let words = |post: &Post| post.title.as_deref().or(post.text.as_deref()).map(normalized);
    let titles: HashSet<String> =
        described.iter().filter_map(words).filter(|title| !title.is_empty()).collect();
    let mut may_be: Vec<Known> = known
        .iter()
        .filter(|post| !post.id.starts_with(PostRef::DERIVED))
        .filter_map(|post| {
            Some(Known {
                id: post.id.clone(),
                title: post.names().find(|name| titles.contains(name))?,
                minute: post.published_at.map(minute),
                day: post.published_day?,
                format: post.format.clone(),
            })
        })
        .collect();
    may_be.sort_by(|a, b| a.id.cmp(&b.id));
    may_be
}
