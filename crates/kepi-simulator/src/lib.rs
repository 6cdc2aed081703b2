//! All platforms' APIs over one seeded synthetic world, with faults.
//!
//! A [`World`] holds brands with accounts on all platforms, posts, audiences and money; every number in it is
//! a pure function of (seed, account, post, instant). A [`Simulator`] speaks the platforms' own dialects over
//! it on loopback, one port per platform: the demo, the benchmarks and the tests ask it as they would ask the
//! platforms, and hold what arrived against the world itself. Faults can be switched on while it runs. Accounts have
//! stories; a world that is made with [`WorldConfig::incidents`] has these in their place, and nothing else moves.
//!
//! ```
//! use kepi_core::Traffic;
//! use kepi_simulator::{PostKey, World, WorldConfig};
//!
//! let world = World::new(WorldConfig::demo());
//! let account = world.accounts().next().expect("the demo has accounts");
//! let first = PostKey { account: account.key, index: 0 };
//! let published = world.post(first).published_at;
//! let week_later = published.checked_add(jiff::SignedDuration::from_hours(24 * 7))?;
//! let readings = world.post_at(first, week_later, Traffic::Organic).expect("it is published");
//! assert_eq!(readings[0].metric.as_str(), "impressions");
//! # Ok::<(), jiff::Error>(())
//! ```
#![warn(missing_docs)]

mod call;
mod clock;
mod config;
mod control;
mod dialect;
mod fault;
mod json;
mod ledger;
mod server;
mod service_account;
mod switch;
mod token;
mod wire;
mod world;

pub use clock::SimClock;
pub use config::{
    InstagramConfig, LinkedinConfig, SimulatorConfig, Vocabulary, WechatConfig, WeiboConfig, XConfig,
};
pub use dialect::WECHAT_SCENES;
pub use fault::{Fault, FaultRule, Faults, Struck};
pub use ledger::Stats;
pub use server::Simulator;
pub use switch::Switch;
pub use world::{
    AccountDay, AccountFlows, AccountKey, AudienceRow, Counter, Counters, Format, Happening, Incident,
    Market, Network, Person, PostFacts, PostKey, PostWords, Profile, Site, Split, Story, StoryCounts,
    StoryFacts, World, WorldConfig,
};

#[cfg(test)]
mod tests;
