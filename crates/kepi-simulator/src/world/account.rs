//! The accounts of the world and how their following moves.

use jiff::{Timestamp, tz::TimeZone};
use kepi_core::{Account, AccountId, AccountRef};
use smol_str::SmolStr;

use super::{Market, Network, World, dice::Dice, ids, words::BRANDS};

/// An account of the world, by its place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountKey(pub(crate) u32);

/// What happens to an account over the world's time; each is one that a reader of scorecards should find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Story {
    /// Slow growth, nothing else.
    Steady,
    /// The following grows by more than half, engagement with it.
    Growing,
    /// It grew once and stands still in the later two thirds.
    Stagnant,
    /// Engagement falls although more and more money is put behind posts.
    Declining,
    /// People are ever less happy: negative mentions rise, ratings fall.
    Souring,
}

impl Story {
    const ALL: [Self; 5] = [Self::Steady, Self::Declining, Self::Growing, Self::Stagnant, Self::Souring];

    /// The following at a point of the world's time (0 to 1), as a factor of what it was at the start.
    pub(crate) fn following(self, progress: f64) -> f64 {
        1.0 + match self {
            Self::Steady => 0.18 * progress,
            Self::Growing => 0.65 * progress,
            Self::Stagnant => 0.16 * (progress * 3.0).min(1.0),
            Self::Declining => 0.10 * progress - 0.06 * progress * progress,
            Self::Souring => 0.12 * progress,
        }
    }

    /// How willing people are to act on a post published then.
    pub(crate) fn engagement(self, progress: f64) -> f64 {
        match self {
            Self::Steady | Self::Stagnant => 1.0,
            Self::Growing => 1.0 + 0.25 * progress,
            Self::Declining => 1.0 - 0.45 * progress,
            Self::Souring => 1.0 - 0.12 * progress,
        }
    }

    /// How much money is put behind a promoted post published then.
    pub(crate) fn spending(self, progress: f64) -> f64 {
        if self == Self::Declining { 1.0 + 1.6 * progress } else { 1.0 + 0.2 * progress }
    }

    /// The share of mentions that is negative.
    pub(crate) fn negative_share(self, progress: f64) -> f64 {
        if self == Self::Souring { 0.09 + 0.22 * progress } else { 0.09 }
    }

    /// The mean rating people give, of five.
    pub(crate) fn rating(self, progress: f64) -> f64 {
        if self == Self::Souring { 4.5 - 0.9 * progress } else { 4.4 }
    }
}

/// What an account is.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its place in the world.
    pub key: AccountKey,
    /// Its platform.
    pub network: Network,
    /// Which of the platform's accounts, from 0.
    pub(crate) local: u32,
    /// `platform/name`.
    pub id: AccountId,
    /// The platform's own id.
    pub platform_id: SmolStr,
    /// Its handle.
    pub handle: String,
    /// Its name for people.
    pub name: String,
    /// The brand it belongs to.
    pub brand: &'static str,
    /// The zone whose days its figures are in.
    pub zone: TimeZone,
    /// What happens to it.
    pub story: Story,
    /// When it was opened.
    pub created_at: Timestamp,
    /// Followers at the world's start.
    pub(crate) base: f64,
    pub(crate) dice: Dice,
}

const TIERS: [f64; 7] = [4_000.0, 9_000.0, 18_000.0, 40_000.0, 90_000.0, 200_000.0, 420_000.0];

mod draw {
    pub(super) const TIER: u64 = 1;
    pub(super) const BASE: u64 = 2;
    pub(super) const OPENED: u64 = 3;
    pub(super) const RIPPLE: u64 = 4;
    pub(super) const FOLLOWING: u64 = 5;
}

impl Profile {
    pub(crate) fn invent(
        key: AccountKey,
        network: Network,
        local: u32,
        world: Dice,
        start: Timestamp,
    ) -> Self {
        let dice = world.of(0xacc0 + network as u64).of(u64::from(local));
        let brand = &BRANDS[local as usize % BRANDS.len()];
        let round = local as usize / BRANDS.len();
        let handle =
            if round == 0 { brand.handle.to_owned() } else { format!("{}{}", brand.handle, round + 1) };
        let name = match network.market() {
            Market::China => brand.chinese,
            Market::West => brand.name,
        };
        let opened = start.as_second() - (dice.between(draw::OPENED, 400.0, 3000.0) * 86_400.0) as i64;
        Self {
            key,
            network,
            local,
            id: AccountId::new(&format!("{network}/{handle}")).expect("handles are plain words"),
            platform_id: ids::account(network, local).into(),
            name: if round == 0 { name.to_owned() } else { format!("{name} {}", round + 1) },
            handle,
            brand: brand.name,
            zone: TimeZone::get(network.day_zone()).unwrap_or(TimeZone::UTC),
            story: Story::ALL[(local as usize + network as usize) % Story::ALL.len()],
            created_at: Timestamp::from_second(opened).unwrap_or(start),
            base: TIERS[dice.below(draw::TIER, TIERS.len())] * dice.between(draw::BASE, 0.7, 1.4),
            dice,
        }
    }

    /// What a job needs to know of it.
    #[must_use]
    pub fn as_ref(&self) -> AccountRef {
        AccountRef {
            platform_id: Some(self.platform_id.clone()),
            ..AccountRef::new(self.id.clone(), self.network.day_zone())
        }
    }

    /// What the tables know of it.
    #[must_use]
    pub fn as_account(&self) -> Account {
        Account {
            platform_id: Some(self.platform_id.clone()),
            handle: Some(self.handle.clone()),
            brand: Some(self.brand.to_owned()),
            zone: Some(self.network.day_zone().into()),
            currency: Some(self.network.market().currency().into()),
            ..Account::new(self.id.clone())
        }
    }
}

impl World {
    /// Followers at an instant.
    #[must_use]
    pub fn followers_at(&self, account: AccountKey, at: Timestamp) -> i64 {
        let day = self.day_of(account, at);
        let (start, end) = self.day_bounds(account, day);
        let (before, after) = (self.followers_when(account, start), self.followers_when(account, end));
        let part =
            (at.as_second() - start.as_second()) as f64 / (end.as_second() - start.as_second()).max(1) as f64;
        before + ((after - before) as f64 * part) as i64
    }

    /// Followers at a moment between two days.
    pub(crate) fn followers_when(&self, account: AccountKey, midnight: Timestamp) -> i64 {
        let profile = self.account(account);
        let second = midnight.as_second();
        let following = self.following(profile, second);
        let ripple = profile.dice.of(second as u64).between(draw::RIPPLE, -0.0006, 0.0006);
        (profile.base * (following + ripple)) as i64
    }

    /// Accounts that the account follows.
    #[must_use]
    pub fn following_at(&self, account: AccountKey, at: Timestamp) -> i64 {
        let profile = self.account(account);
        let months = at.duration_since(profile.created_at).as_hours() / 730;
        profile.dice.below(draw::FOLLOWING, 400) as i64 + months.max(0)
    }
}
