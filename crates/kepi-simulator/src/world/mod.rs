//! One seeded synthetic world: brands, their accounts on all platforms, posts, audiences, money.
//!
//! Nothing is stored but a table of the accounts. Every number is a pure function of (seed, account, post,
//! instant) and is worked out when it is asked for, so that a million posts cost no memory, and a test can
//! hold what was ingested against the [`World`] itself.

mod account;
mod calendar;
mod counter;
mod day;
pub(crate) mod dice;
mod growth;
mod ids;
mod incident;
mod network;
mod person;
mod post;
mod site;
mod tale;
mod words;

use std::collections::HashMap;

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime},
};
use kepi_core::AccountId;

pub use account::{AccountKey, Profile, Story};
pub use counter::{Counter, Counters, Split};
pub use day::{AccountDay, AccountFlows, AudienceRow};
pub use incident::{Happening, Incident};
pub use network::{Market, Network};
pub use person::Person;
pub(crate) use person::thirds;
pub use post::{Format, PostFacts, PostKey, PostWords};
pub use site::Site;
pub use tale::{StoryCounts, StoryFacts};

use calendar::Calendar;
use dice::Dice;

/// What a world is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct WorldConfig {
    /// The same seed gives the same world, for ever.
    pub seed: u64,
    /// How many accounts on which platform.
    pub accounts: Vec<(Network, u32)>,
    /// Posts of each account, evenly spread from `start` to `end` (at most a million).
    pub posts_per_account: u32,
    /// When the first post may appear.
    pub start: Timestamp,
    /// When the last post has appeared.
    pub end: Timestamp,
    /// The share of posts that money is put behind.
    pub promoted_share: f64,
    /// The share of posts that are deleted some day.
    pub deleted_share: f64,
    /// The share of posts that go viral in a second wave.
    pub viral_share: f64,
    /// The share of account days whose first figures are too low and are restated later.
    pub restated_share: f64,
    /// What happens in place of the accounts' stories; `None` for the stories. A world with incidents has nothing
    /// to be found but these, and none at all where the list is empty.
    pub incidents: Option<Vec<Incident>>,
}

impl WorldConfig {
    /// Ten accounts of all seven platforms over a year and a half: what `kepi demo` shows.
    #[must_use]
    pub fn demo() -> Self {
        Self {
            seed: 20_260_930,
            accounts: vec![
                (Network::X, 2),
                (Network::Wechat, 2),
                (Network::Weibo, 1),
                (Network::Douyin, 1),
                (Network::Xiaohongshu, 1),
                (Network::Instagram, 2),
                (Network::Linkedin, 1),
            ],
            posts_per_account: 400,
            start: utc(2025, 7, 1),
            end: utc(2027, 1, 1),
            promoted_share: 0.12,
            deleted_share: 0.02,
            viral_share: 0.01,
            restated_share: 0.2,
            incidents: None,
        }
    }

    /// So many accounts of X with so many posts each, all within the last year of the world.
    #[must_use]
    pub fn bench(accounts: u32, posts: u32) -> Self {
        Self {
            accounts: vec![(Network::X, accounts)],
            posts_per_account: posts,
            start: utc(2025, 9, 30),
            end: utc(2026, 9, 30),
            ..Self::demo()
        }
    }
}

/// Midnight UTC of a date that the code names.
fn utc(year: i16, month: i8, day: i8) -> Timestamp {
    let midnight = DateTime::new(year, month, day, 0, 0, 0, 0);
    midnight
        .and_then(|at| at.to_zoned(jiff::tz::TimeZone::UTC))
        .map_or(Timestamp::UNIX_EPOCH, |at| at.timestamp())
}

/// The world. Cheap to ask; share it behind an `Arc`.
#[derive(Debug)]
pub struct World {
    config: WorldConfig,
    accounts: Vec<Profile>,
    by_id: HashMap<AccountId, AccountKey>,
    /// Index of the first account of each platform, in the order of [`Network::ALL`].
    firsts: [u32; Network::ALL.len()],
    china: Calendar,
    west: Calendar,
    planted: Vec<incident::Planted>,
}

impl World {
    /// Makes the world of a configuration.
    #[must_use]
    pub fn new(config: WorldConfig) -> Self {
        let dice = Dice::new(config.seed);
        let mut accounts = Vec::new();
        let mut firsts = [0; Network::ALL.len()];
        for (place, network) in Network::ALL.into_iter().enumerate() {
            firsts[place] = accounts.len() as u32;
            let count: u32 = config.accounts.iter().filter(|(of, _)| *of == network).map(|(_, n)| n).sum();
            for local in 0..count {
                let key = AccountKey(accounts.len() as u32);
                accounts.push(Profile::invent(key, network, local, dice, config.start));
            }
        }
        if config.incidents.is_some() {
            Self::without_stories(&mut accounts);
        }
        let planted = incident::Planted::all(config.incidents.as_deref().unwrap_or_default(), &accounts);
        let by_id = accounts.iter().map(|account| (account.id.clone(), account.key)).collect();
        Self {
            china: Calendar::new(Market::China, config.start, config.end),
            west: Calendar::new(Market::West, config.start, config.end),
            config,
            accounts,
            by_id,
            firsts,
            planted,
        }
    }

    /// What it was made from.
    #[must_use]
    pub fn config(&self) -> &WorldConfig {
        &self.config
    }

    /// All accounts.
    pub fn accounts(&self) -> impl Iterator<Item = &Profile> {
        self.accounts.iter()
    }

    /// The accounts of one platform.
    pub fn accounts_of(&self, network: Network) -> impl Iterator<Item = &Profile> {
        self.accounts.iter().filter(move |account| account.network == network)
    }

    /// An account.
    #[must_use]
    pub fn account(&self, key: AccountKey) -> &Profile {
        &self.accounts[key.0 as usize]
    }

    /// An account by its name, `platform/name`.
    #[must_use]
    pub fn find_account(&self, id: &AccountId) -> Option<&Profile> {
        self.by_id.get(id).map(|key| self.account(*key))
    }

    /// An account by the platform's own id of it.
    #[must_use]
    pub fn find_platform_id(&self, network: Network, platform_id: &str) -> Option<&Profile> {
        let local = ids::parse_account(network, platform_id)?;
        self.local_account(network, local)
    }

    /// An account by its handle.
    #[must_use]
    pub fn find_handle(&self, network: Network, handle: &str) -> Option<&Profile> {
        let id = format!("{}/{}", network.name(), handle.to_ascii_lowercase());
        self.find_account(&AccountId::new(&id).ok()?)
    }

    /// The number of a post within its platform, for further ids made of it.
    pub(crate) fn post_number(&self, key: PostKey) -> u64 {
        ids::number(self.account(key.account).local, key.index)
    }

    /// The number of an account within its platform.
    pub(crate) fn account_number(&self, key: AccountKey) -> u64 {
        u64::from(self.account(key).local)
    }

    /// A post by its number within its platform.
    pub(crate) fn find_post_number(&self, network: Network, number: u64) -> Option<PostKey> {
        self.find_post(
            network,
            &ids::post(network, u32::try_from(number / 1_000_000).ok()?, (number % 1_000_000) as u32),
        )
    }

    /// A post by the platform's own id of it, deleted or not yet published ones too.
    #[must_use]
    pub fn find_post(&self, network: Network, id: &str) -> Option<PostKey> {
        let (local, index) = ids::parse_post(network, id)?;
        let account = self.local_account(network, local)?.key;
        (index < self.config.posts_per_account).then_some(PostKey { account, index })
    }

    /// Lived hours of a market up to an instant, in seconds.
    fn lived(&self, market: Market, second: i64) -> f64 {
        match market {
            Market::China => self.china.lived_hours(second),
            Market::West => self.west.lived_hours(second),
        }
    }

    /// How far the world has gone at an instant: 0 at its start, 1 at its end.
    fn progress(&self, market: Market, second: i64) -> f64 {
        let start = self.lived(market, self.config.start.as_second());
        let end = self.lived(market, self.config.end.as_second());
        ((self.lived(market, second) - start) / (end - start).max(1.0)).clamp(-0.2, 1.5)
    }

    fn local_account(&self, network: Network, local: u32) -> Option<&Profile> {
        let first = self.firsts[network as usize];
        let profile = self.accounts.get(first.checked_add(local)? as usize)?;
        (profile.network == network).then_some(profile)
    }

    /// The instants at which a day of an account begins and ends.
    #[must_use]
    pub fn day_bounds(&self, account: AccountKey, day: Date) -> (Timestamp, Timestamp) {
        let zone = &self.account(account).zone;
        let midnight = |day: Date| day.to_zoned(zone.clone()).map_or(Timestamp::MAX, |at| at.timestamp());
        (midnight(day), day.tomorrow().map_or(Timestamp::MAX, midnight))
    }

    /// The day of an account that holds an instant.
    #[must_use]
    pub fn day_of(&self, account: AccountKey, at: Timestamp) -> Date {
        self.account(account).zone.to_datetime(at).date()
    }

    /// The default "now" of a simulation: three months before the world ends, or its end when it is shorter.
    #[must_use]
    pub fn default_now(&self) -> Timestamp {
        let middle =
            self.config.end.saturating_sub(SignedDuration::from_hours(24 * 92)).unwrap_or(self.config.end);
        if middle > self.config.start { middle } else { self.config.end }
    }
}
