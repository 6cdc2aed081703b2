//! What each platform says, and how.

mod douyin;
mod instagram;
mod linkedin;
mod web;
mod wechat;
mod weibo;
mod x;
mod xiaohongshu;

pub use wechat::SCENES as WECHAT_SCENES;

use crate::{
    call::{Answer, Call},
    fault::Refusal,
};

/// One platform's API over the world.
pub(crate) trait Dialect: Send + Sync {
    /// The platform's name.
    fn name(&self) -> &'static str;

    /// What tokens of the application, of a person, and for renewing begin with.
    fn token_prefixes(&self) -> [&'static str; 3];

    /// The kind of token of the platform's second application, where it has one.
    fn second_app(&self) -> Option<&'static str> {
        None
    }

    /// Answers a call.
    fn answer(&self, call: &Call<'_>) -> Answer;

    /// Refuses a call in the platform's own words.
    fn refuse(&self, call: &Call<'_>, refusal: Refusal) -> Answer;
}

/// All platforms that are simulated.
pub(crate) fn all() -> Vec<Box<dyn Dialect>> {
    vec![
        Box::new(x::X),
        Box::new(wechat::Wechat),
        Box::new(weibo::Weibo),
        Box::new(douyin::Douyin),
        Box::new(xiaohongshu::Xiaohongshu),
        Box::new(instagram::Instagram),
        Box::new(linkedin::Linkedin),
        Box::new(web::Web),
    ]
}

/// Where a list goes on, as an opaque text: an anchor and an offset from it, and a number that makes the texts
/// of an empty page differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) anchor: i64,
    pub(crate) offset: u32,
    pub(crate) again: u32,
}

impl Place {
    pub(crate) fn write(self, prefix: &str) -> String {
        format!("{prefix}{:x}z{:x}z{:x}", self.anchor, self.offset, self.again)
    }

    pub(crate) fn read(prefix: &str, text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix(prefix)?.split('z');
        let mut next = || parts.next();
        Some(Self {
            anchor: i64::from_str_radix(next()?, 16).ok()?,
            offset: u32::from_str_radix(next()?, 16).ok()?,
            again: u32::from_str_radix(next()?, 16).ok()?,
        })
    }
}

/// A page of a list: what is on it, and where the next begins.
pub(crate) struct Cut<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<Place>,
}

/// Cuts a page out of what is left of a list, each item with its distance from the list's anchor; `left`
/// begins at `here`. The faults of paging strike here.
pub(crate) fn cut<T>(
    call: &Call<'_>,
    here: Place,
    size: usize,
    left: impl Iterator<Item = (u32, T)>,
) -> Cut<T> {
    let mut left = left.peekable();
    if call.faults.empty_page && left.peek().is_some() {
        return Cut { items: Vec::new(), next: Some(Place { again: here.again + 1, ..here }) };
    }
    let items: Vec<T> = left.by_ref().take(size).map(|(_, item)| item).collect();
    let next = left.peek().map(|(distance, _)| Place { offset: *distance, again: 0, ..here });
    let next = if call.faults.repeated_cursor { next.map(|_| here) } else { next };
    Cut { items, next }
}
