//! Posts as people name them: by title, time and form. So a source without ids is matched with one that has them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date};
use smol_str::SmolStr;
use unicode_normalization::UnicodeNormalization;

use crate::PostRef;

/// A post as people name it, so that a source without ids can be matched with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPost {
    /// The platform's id, or one of ours.
    pub id: SmolStr,
    /// When it was published, where that is known.
    pub published_at: Option<Timestamp>,
    /// The account's day on which it was published.
    pub published_day: Option<Date>,
    /// Its form.
    pub format: Option<SmolStr>,
    /// Headline, where the platform has one.
    pub title: Option<String>,
    /// The words of it.
    pub text: Option<String>,
}

/// When a post was published, and its form: what tells posts of one title apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occasion<'a> {
    /// The instant, where more than the day is known.
    pub at: Option<Timestamp>,
    /// The account's day.
    pub day: Date,
    /// Its form, where it is known.
    pub format: Option<&'a str>,
}

impl Occasion<'_> {
    /// Whether both may be of one post. Sources tell the second, the minute or the day: two agree as far as both go, and
    /// no further than the minute.
    #[must_use]
    pub fn agrees(&self, other: &Self) -> bool {
        let same_time = match (self.at, other.at) {
            (Some(one), Some(other)) => minute(one) == minute(other),
            _ => self.day == other.day,
        };
        same_time && self.format.zip(other.format).is_none_or(|(one, other)| one == other)
    }
}

impl NamedPost {
    /// When it was published, and its form; `None` while the day is not known.
    #[must_use]
    pub fn occasion(&self) -> Option<Occasion<'_>> {
        Some(Occasion { at: self.published_at, day: self.published_day?, format: self.format.as_deref() })
    }

    /// What it may be called, as titles are compared: some platforms know a headline, others the words alone.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let told = [&self.title, &self.text].into_iter().flatten();
        told.map(|name| normalized(name)).filter(|name| !name.is_empty())
    }
}

/// The minute of an instant.
#[must_use]
pub fn minute(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(60) * 60).unwrap_or(at)
}

/// A title, header or label as it is compared: compatibility forms unified (`（` is `(`, `％` is `%`), white space
/// removed, lower case.
///
/// ```
/// assert_eq!(kepi_core::normalized(" 封面点击率 （％）"), "封面点击率(%)");
/// ```
#[must_use]
pub fn normalized(text: &str) -> String {
    text.nfkc()
        .filter(|c| !c.is_whitespace() && !matches!(c, '\u{feff}' | '\u{200b}'..='\u{200d}' | '\u{2060}'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Why a post that several others agree with is taken for none of them.
#[must_use]
pub fn which_is_meant(ids: &[&str]) -> String {
    format!("its title, publish time and format are those of the posts {}: which is meant?", ids.join(", "))
}

/// Which posts under ids of ours are posts that the platform has told as well.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SamePosts {
    /// The id of ours → the platform's.
    pub same: BTreeMap<SmolStr, SmolStr>,
    /// Those of which it cannot be said.
    pub unclear: Vec<Unclear>,
}

/// A post under an id of ours that agrees with a post of the platform, but not those two alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclear {
    /// The id of ours.
    pub post: SmolStr,
    /// The posts of the platform that agree with it.
    pub theirs: Vec<SmolStr>,
    /// Others under ids of ours that agree with those.
    pub rivals: Vec<SmolStr>,
}

impl Unclear {
    /// Why it stays as it is, for people.
    #[must_use]
    pub fn reason(&self) -> String {
        let ids: Vec<&str> = self.theirs.iter().chain(&self.rivals).map(SmolStr::as_str).collect();
        which_is_meant(&ids)
    }
}

/// Which posts of one account are the same, by title, publish time and form: a post under an id of ours and one of the
/// platform that agree with each other and with no third.
#[must_use]
pub fn same_posts(posts: &[NamedPost]) -> SamePosts {
    let (ours, theirs): (Vec<&NamedPost>, Vec<&NamedPost>) =
        posts.iter().partition(|post| post.id.starts_with(PostRef::DERIVED));
    let mut titles: BTreeMap<String, Vec<&NamedPost>> = BTreeMap::new();
    for post in ours {
        if let Some(name) = post.names().next() {
            titles.entry(name).or_default().push(post);
        }
    }
    let mut fits: BTreeMap<&SmolStr, BTreeSet<&SmolStr>> = BTreeMap::new();
    let mut fitted: BTreeMap<&SmolStr, BTreeSet<&SmolStr>> = BTreeMap::new();
    for post in theirs {
        let Some(occasion) = post.occasion() else { continue };
        for own in post.names().filter_map(|name| titles.get(&name)).flatten() {
            if own.occasion().is_some_and(|own| own.agrees(&occasion)) {
                fits.entry(&own.id).or_default().insert(&post.id);
                fitted.entry(&post.id).or_default().insert(&own.id);
            }
        }
    }
    let mut found = SamePosts::default();
    for (own, theirs) in fits {
        let rivals: BTreeSet<&SmolStr> = theirs.iter().flat_map(|post| &fitted[*post]).copied().collect();
        match theirs.first() {
            Some(one) if theirs.len() == 1 && rivals.len() == 1 => {
                found.same.insert(own.clone(), (*one).clone());
            }
            _ => found.unclear.push(Unclear {
                post: own.clone(),
                theirs: theirs.into_iter().cloned().collect(),
                rivals: rivals.into_iter().filter(|other| *other != own).cloned().collect(),
            }),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A post of a day of October 2026, at a time of it where one is told.
    fn post(id: &str, title: &str, told: &str, format: Option<&str>) -> NamedPost {
        let published_at: Option<Timestamp> = told.parse().ok();
        let day = published_at.map(|at| jiff::tz::Offset::UTC.to_datetime(at).date());
        NamedPost {
            id: id.into(),
            published_at,
            published_day: day.or_else(|| told.parse().ok()),
            format: format.map(Into::into),
            title: Some(title.to_owned()),
            text: None,
        }
    }

    const SECOND: &str = "2026-10-09T10:30:12Z";
    const MINUTE: &str = "2026-10-09T10:30:00Z";

    fn check(posts: &[NamedPost], same: &[(&str, &str)], unclear: &[&str]) {
        let found = same_posts(posts);
        let of = |(own, post): (&SmolStr, &SmolStr)| (own.to_string(), post.to_string());
        let same: Vec<_> = same.iter().map(|(own, post)| ((*own).to_owned(), (*post).to_owned())).collect();
        assert_eq!(found.same.iter().map(of).collect::<Vec<_>>(), same);
        assert_eq!(found.unclear.iter().map(|one| one.post.as_str()).collect::<Vec<_>>(), unclear);
    }

    #[test]
    fn one_and_one_that_agree_are_the_same() {
        let own = post("title-1", "秋日 护肤", MINUTE, Some("video"));
        let of = |title, told, format| post("7500", title, told, format);
        for theirs in [
            of("秋日护肤", SECOND, Some("video")),
            of("秋日护肤", SECOND, None),
            of("秋日护肤", "2026-10-09", None),
        ] {
            check(&[own.clone(), theirs.clone()], &[("title-1", "7500")], &[]);
            check(&[theirs, own.clone()], &[("title-1", "7500")], &[]);
        }
        for theirs in [
            of("春日护肤", SECOND, Some("video")),
            of("秋日护肤", SECOND, Some("image")),
            of("秋日护肤", "2026-10-09T10:31:00Z", Some("video")),
            of("秋日护肤", "2026-10-10", None),
            of("秋日护肤", "", None),
        ] {
            check(&[own.clone(), theirs], &[], &[]);
        }
        let words = NamedPost { title: None, text: Some("秋日护肤".into()), ..of("", SECOND, None) };
        check(&[own, words], &[("title-1", "7500")], &[]);
    }

    #[test]
    fn where_a_third_agrees_nothing_is_said() {
        let own = |id, format| post(id, "秋日护肤", MINUTE, format);
        let theirs = |id| post(id, "秋日护肤", SECOND, Some("video"));
        check(&[own("title-1", None), theirs("7500"), theirs("7501")], &[], &["title-1"]);
        check(
            &[own("title-1", None), own("title-2", Some("video")), theirs("7500")],
            &[],
            &["title-1", "title-2"],
        );
        let (image, video) = (own("title-1", Some("image")), own("title-2", Some("video")));
        check(&[image, video, theirs("7500")], &[("title-2", "7500")], &[]);
        check(&[post("title-1", " ", MINUTE, None), post("7500", " ", SECOND, None)], &[], &[]);
        let found = same_posts(&[own("title-1", None), theirs("7500"), theirs("7501")]);
        assert_eq!(
            found.unclear[0].reason(),
            "its title, publish time and format are those of the posts 7500, 7501: which is meant?"
        );
    }
}
