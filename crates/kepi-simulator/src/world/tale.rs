//! Instagram's stories: gone after a day, and with them their numbers.

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use smol_str::SmolStr;

use super::{AccountKey, Network, World, dice::Dice, ids};

const HOUR: i64 = 3600;
const DAY: i64 = 86_400;
/// A day has room for so many.
const PLACES: i64 = 4;
/// How long a story is shown.
const SHOWN_HOURS: i64 = 24;
/// After so many hours about half of those who see it have.
const HALF_LIFE_HOURS: f64 = 4.0;

mod draw {
    pub(super) const HOW_MANY: u64 = 1;
    pub(super) const MINUTE: u64 = 2;
    pub(super) const LUCK: u64 = 3;
    /// Each count draws at this plus its place.
    pub(super) const COUNT: u64 = 10;
}

/// A story, by its place in the world.
#[derive(Debug, Clone, Copy)]
pub struct StoryFacts {
    /// Whose.
    pub account: AccountKey,
    /// Its number among the account's.
    pub number: u32,
    /// When it was published.
    pub published_at: Timestamp,
    audience: f64,
    dice: Dice,
}

impl StoryFacts {
    /// When it is gone.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.published_at.saturating_add(SignedDuration::from_hours(SHOWN_HOURS)).unwrap_or(Timestamp::MAX)
    }

    /// What it has got by an instant.
    #[must_use]
    pub fn counts_at(&self, at: Timestamp) -> StoryCounts {
        let age = at.min(self.ends_at()).duration_since(self.published_at);
        let hours = age.as_secs().max(0) as f64 / HOUR as f64;
        let whole = SHOWN_HOURS as f64 / (SHOWN_HOURS as f64 + HALF_LIFE_HOURS);
        let seen = self.audience * hours / (hours + HALF_LIFE_HOURS) / whole;
        let part =
            |place: u64, share: f64| (seen * share * self.dice.between(draw::COUNT + place, 0.6, 1.4)) as i64;
        StoryCounts {
            reach: seen as i64,
            views: (seen * 1.15) as i64,
            shares: part(0, 0.004),
            replies: part(1, 0.006),
            forward: part(2, 0.55),
            back: part(3, 0.05),
            exits: part(4, 0.12),
            swipes: part(5, 0.2),
            follows: part(6, 0.001),
            profile_visits: part(7, 0.012),
            link_clicks: part(8, 0.009),
        }
    }
}

/// What a story has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoryCounts {
    /// People who saw it.
    pub reach: i64,
    /// Times seen.
    pub views: i64,
    /// Shares.
    pub shares: i64,
    /// Answers.
    pub replies: i64,
    /// Taps to the next one.
    pub forward: i64,
    /// Taps back to the one before.
    pub back: i64,
    /// Times left.
    pub exits: i64,
    /// Swipes to another account's.
    pub swipes: i64,
    /// Follows begun from it.
    pub follows: i64,
    /// Visits to the profile.
    pub profile_visits: i64,
    /// Clicks on its link.
    pub link_clicks: i64,
}

impl StoryCounts {
    /// Taps and swipes of all sorts.
    #[must_use]
    pub fn navigations(&self) -> i64 {
        self.forward + self.back + self.exits + self.swipes
    }

    /// The platform's total of interactions.
    #[must_use]
    pub fn interactions(&self) -> i64 {
        self.shares + self.replies
    }
}

impl World {
    /// Stories that an account published from one instant to before another, oldest first; only Instagram has any.
    #[must_use]
    pub fn stories(&self, account: AccountKey, from: Timestamp, to: Timestamp) -> Vec<StoryFacts> {
        if self.account(account).network != Network::Instagram {
            return Vec::new();
        }
        let first = self.first_story_day();
        let number = |at: Timestamp| ((at.as_second() - first).div_euclid(DAY) * PLACES).max(0);
        let last = number(to) + PLACES;
        let all = (number(from)..last).filter_map(|number| self.story(account, u32::try_from(number).ok()?));
        all.filter(|story| story.published_at >= from && story.published_at < to).collect()
    }

    /// A story by the platform's own id of it, those that are gone and those to come too.
    #[must_use]
    pub fn find_story(&self, id: &str) -> Option<StoryFacts> {
        let (local, number) = ids::parse_story(id)?;
        self.story(self.local_account(Network::Instagram, local)?.key, number)
    }

    /// The platform's id of a story.
    #[must_use]
    pub fn story_id(&self, story: &StoryFacts) -> SmolStr {
        ids::story(self.account(story.account).local, story.number).into()
    }

    /// Answers to the stories of an account on one of its days, as far as the day has gone.
    #[must_use]
    pub fn story_replies(&self, account: AccountKey, day: Date, seen_at: Timestamp) -> i64 {
        let (start, end) = self.day_bounds(account, day);
        let end = end.min(seen_at);
        let from = start.saturating_sub(SignedDuration::from_hours(SHOWN_HOURS)).unwrap_or(Timestamp::MIN);
        let replies = |story: &StoryFacts| story.counts_at(end).replies - story.counts_at(start).replies;
        self.stories(account, from, end).iter().map(replies).sum()
    }

    fn first_story_day(&self) -> i64 {
        self.config.start.as_second().div_euclid(DAY) * DAY
    }

    fn story(&self, account: AccountKey, number: u32) -> Option<StoryFacts> {
        let profile = self.account(account);
        let (day, place) = (i64::from(number) / PLACES, i64::from(number) % PLACES);
        let begins = self.first_story_day() + day * DAY;
        let of_day = profile.dice.of(0x57_0e1e).of(day as u64);
        if place >= of_day.below(draw::HOW_MANY, PLACES as usize) as i64
            || number >= ids::STORIES_OF_AN_ACCOUNT
        {
            return None;
        }
        let dice = of_day.of(place as u64);
        // Four hours apart, from seven in the morning on.
        let second = begins + (7 + 4 * place) * HOUR + dice.below(draw::MINUTE, HOUR as usize) as i64;
        let published_at = Timestamp::from_second(second).ok()?;
        let weekday = TimeZone::UTC.to_datetime(published_at).weekday().to_monday_zero_offset();
        let lively = if weekday >= 5 { 0.8 } else { 1.0 };
        let progress = self.progress(Network::Instagram.market(), second);
        let audience = profile.base
            * profile.story.following(progress)
            * 0.08
            * lively
            * dice.between(draw::LUCK, 0.5, 1.5);
        Some(StoryFacts { account, number, published_at, audience, dice })
    }
}
