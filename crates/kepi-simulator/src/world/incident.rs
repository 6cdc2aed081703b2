//! What is planted in a world: incidents that a reader of signals should find, and nothing beside them.
//!
//! A world that is made with incidents has no stories: every account grows steadily, all posts are acted on alike but
//! for a little chance, and as much money is put behind the last as behind the first. What moves beyond that was
//! planted.

use jiff::civil::Date;

use super::{AccountKey, Format, Network, Profile, Story, World};

/// Something that happens to one account.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// Whose: the platform, and which of its accounts, from 0.
    pub account: (Network, u32),
    /// The account's day on which it begins.
    pub since: Date,
    /// The day from which on it is as it will stay: it comes evenly until then, and at once where this is not after
    /// `since`. What passes ends here.
    pub until: Date,
    /// What happens.
    pub what: Happening,
}

/// What can be planted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Happening {
    /// Posts are acted on less: so much of before is left.
    LessEngagement(f64),
    /// So many times the money is put behind promoted posts.
    MoreSpend(f64),
    /// The following stands still.
    Standstill,
    /// So much more of the mentions is negative, and ratings fall by four times as many stars.
    Souring(f64),
    /// Posts of one form are acted on less: so much of before is left.
    WeakFormat(Format, f64),
    /// Others name the account less: so much of before is left.
    LessMentions(f64),
    /// Passes: so many times the messages.
    Messages(f64),
    /// Passes: the platform has no row of the days.
    Silence,
}

/// An incident, with its place in the world.
#[derive(Debug)]
pub(super) struct Planted {
    account: AccountKey,
    /// The instants of its two days, in seconds.
    start: i64,
    end: i64,
    incident: Incident,
}

impl Planted {
    /// The incidents of accounts that are there.
    pub(super) fn all(incidents: &[Incident], accounts: &[Profile]) -> Vec<Self> {
        let one = |incident: &Incident| {
            let of = |profile: &&Profile| (profile.network, profile.local) == incident.account;
            let profile = accounts.iter().find(of)?;
            let midnight = |day: Date| {
                let at = day.to_zoned(profile.zone.clone());
                at.map_or(i64::MAX, |at| at.timestamp().as_second())
            };
            let (start, end) = (midnight(incident.since), midnight(incident.until));
            Some(Self { account: profile.key, start, end, incident: incident.clone() })
        };
        incidents.iter().filter_map(one).collect()
    }

    /// How far it has come at an instant: from 0 to 1.
    fn how_far(&self, second: i64) -> f64 {
        if second >= self.end.max(self.start) {
            1.0
        } else if second <= self.start {
            0.0
        } else {
            (second - self.start) as f64 / (self.end - self.start) as f64
        }
    }

    /// A factor that begins at 1.
    fn towards(&self, factor: f64, second: i64) -> f64 {
        1.0 + (factor - 1.0) * self.how_far(second)
    }

    fn holds(&self, day: Date) -> bool {
        self.incident.since <= day && day < self.incident.until
    }
}

impl World {
    /// Whether the world has incidents in place of stories.
    pub(super) fn is_calm(&self) -> bool {
        self.config.incidents.is_some()
    }

    fn happening(&self, account: AccountKey) -> impl Iterator<Item = (&Planted, Happening)> {
        let own = self.planted.iter().filter(move |planted| planted.account == account);
        own.map(|planted| (planted, planted.incident.what))
    }

    /// The following of an account at an instant, as a factor of what it was at the start.
    pub(super) fn following(&self, profile: &Profile, second: i64) -> f64 {
        let still = self.happening(profile.key).filter(|(_, what)| *what == Happening::Standstill);
        let second = still.map(|(planted, _)| planted.start).fold(second, i64::min);
        profile.story.following(self.progress(profile.network.market(), second))
    }

    /// How willing people are to act on a post of a form, published then.
    pub(super) fn willingness(&self, profile: &Profile, second: i64, format: Format) -> f64 {
        let factor = |(planted, what): (&Planted, Happening)| match what {
            Happening::LessEngagement(left) => planted.towards(left, second),
            Happening::WeakFormat(weak, left) if weak == format => planted.towards(left, second),
            _ => 1.0,
        };
        let story = profile.story.engagement(self.progress(profile.network.market(), second));
        story * self.happening(profile.key).map(factor).product::<f64>()
    }

    /// How much money is put behind a promoted post published then.
    pub(super) fn spending(&self, profile: &Profile, second: i64) -> f64 {
        if !self.is_calm() {
            return profile.story.spending(self.progress(profile.network.market(), second));
        }
        let factor = |(planted, what): (&Planted, Happening)| match what {
            Happening::MoreSpend(times) => planted.towards(times, second),
            _ => 1.0,
        };
        self.happening(profile.key).map(factor).product()
    }

    /// How much more of the mentions is negative than the story has it.
    fn soured(&self, account: AccountKey, second: i64) -> f64 {
        let more = |(planted, what): (&Planted, Happening)| match what {
            Happening::Souring(more) => more * planted.how_far(second),
            _ => 0.0,
        };
        self.happening(account).map(more).sum()
    }

    /// The share of mentions that is negative.
    pub(super) fn negative_share(&self, profile: &Profile, second: i64) -> f64 {
        let story = profile.story.negative_share(self.progress(profile.network.market(), second));
        story + self.soured(profile.key, second)
    }

    /// The mean rating people give, of five.
    pub(super) fn rating(&self, profile: &Profile, second: i64) -> f64 {
        let story = profile.story.rating(self.progress(profile.network.market(), second));
        (story - 4.0 * self.soured(profile.key, second)).max(1.0)
    }

    /// How many times as often as before others name the account.
    pub(super) fn voice(&self, account: AccountKey, second: i64) -> f64 {
        let factor = |(planted, what): (&Planted, Happening)| match what {
            Happening::LessMentions(left) => planted.towards(left, second),
            _ => 1.0,
        };
        self.happening(account).map(factor).product()
    }

    /// How many times as many messages as otherwise come on a day.
    pub(super) fn written(&self, account: AccountKey, day: Date) -> f64 {
        let factor = |(planted, what): (&Planted, Happening)| match what {
            Happening::Messages(times) if planted.holds(day) => times,
            _ => 1.0,
        };
        self.happening(account).map(factor).product()
    }

    /// Whether the platform has a row of an account's day.
    #[must_use]
    pub fn tells(&self, account: AccountKey, day: Date) -> bool {
        !self.happening(account).any(|(planted, what)| what == Happening::Silence && planted.holds(day))
    }

    /// The story of an account: a world with incidents has none but steady growth.
    pub(super) fn without_stories(accounts: &mut [Profile]) {
        accounts.iter_mut().for_each(|profile| profile.story = Story::Steady);
    }
}
