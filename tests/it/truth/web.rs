//! Websites and reviews: visits follow from the clicks on the posts of the brand's accounts, and from people who look
//! it up; reviews are those of its accounts.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use kepi_core::{Traffic, Window};
use kepi_simulator::{Counter, Counters, Network, Profile, World};

use super::Fact;

/// What the world says; `None` where it has no word for it.
pub(super) fn truth(world: &World, fact: &Fact) -> Option<f64> {
    let site = world.sites().into_iter().find(|site| site.id.as_str() == fact.account)?;
    let accounts: Vec<&Profile> = world.accounts().filter(|account| account.brand == site.brand).collect();
    match fact.window {
        Window::At(at) if site.is_place => profile(&reviews(world, &accounts, at), &fact.metric),
        Window::Day(day) if site.is_place => of_day(&reviews(world, &accounts, fact.observed_at), day, fact),
        Window::Day(day) if !site.is_place => visits(world, &accounts, day, fact),
        _ => None,
    }
}

/// Visits of one kind.
struct Visits {
    channel: &'static str,
    /// What kepi calls the platform; none where the visits came from no platform.
    platform: Option<&'static str>,
    source: &'static str,
    medium: &'static str,
    sessions: i64,
    engaged: i64,
    pages: i64,
    seconds: i64,
    key_events: i64,
    revenue_micros: i64,
}

impl Visits {
    fn value(&self, metric: &str) -> Option<f64> {
        Some(match metric {
            "sessions" => self.sessions as f64,
            "engaged_sessions" => self.engaged as f64,
            "pageviews" => self.pages as f64,
            "conversions" => self.key_events as f64,
            // Google tells the mean of a row with three digits, and its money with two.
            "session_duration_s" => {
                rounded(self.seconds as f64 / self.sessions as f64, 3) * self.sessions as f64
            }
            "revenue" => rounded(self.revenue_micros as f64 / 1e6, 2),
            _ => return None,
        })
    }
}

fn rounded(value: f64, digits: usize) -> f64 {
    format!("{value:.digits$}").parse().expect("a number")
}

fn visits(world: &World, accounts: &[&Profile], day: Date, fact: &Fact) -> Option<f64> {
    let all = all(world, accounts, day, fact.observed_at);
    let (dimension, part) = (fact.segment.0.as_str(), fact.segment.1.as_str());
    let is_paid = |visits: &Visits| visits.channel == "Paid Social";
    let ours = all.iter().filter(|visits| match (dimension, fact.traffic) {
        ("social", Traffic::Paid) => is_paid(visits),
        ("social", Traffic::Organic) => !is_paid(visits),
        _ => true,
    });
    let ours = ours.filter(|visits| match dimension {
        "" => true,
        "channel" => visits.channel == part,
        "social" => visits.platform.is_some_and(|platform| part == "all" || part == platform),
        "source_medium" => format!("{} / {}", visits.source, visits.medium) == part,
        _ => false,
    });
    if fact.metric == "session_users" {
        let sessions: i64 = ours.map(|visits| visits.sessions).sum();
        return dimension.is_empty().then_some((sessions * 5 / 6) as f64);
    }
    let mut sum = 0.0;
    for visits in ours {
        sum += visits.value(&fact.metric)?;
    }
    Some(sum)
}

/// All visits of a day, as they were told at an instant.
fn all(world: &World, accounts: &[&Profile], day: Date, seen_at: Timestamp) -> Vec<Visits> {
    let mut all = Vec::new();
    let mut people = 0;
    for account in accounts {
        let seen = world.account_day_seen(account.key, day, seen_at);
        let flows = &seen.flows;
        people += flows.profile_visit_users;
        let clicks = seen.content.total()[Counter::LinkClicks].max(1);
        let paid = |count: i64| count * seen.content.paid[Counter::LinkClicks] / clicks;
        let (source, platform) = source(account.network);
        let visits = |channel, medium, share: &dyn Fn(i64) -> i64, counters: &Counters| Visits {
            channel,
            platform: Some(platform),
            source,
            medium,
            sessions: share(flows.sessions),
            engaged: share(flows.engaged_sessions),
            pages: share(flows.pageviews),
            seconds: share(flows.session_seconds),
            key_events: counters[Counter::Orders],
            revenue_micros: counters[Counter::RevenueMicros],
        };
        all.push(visits("Organic Social", "referral", &|count| count - paid(count), &seen.content.organic));
        all.push(visits("Paid Social", "cpc", &paid, &seen.content.paid));
    }
    let others = |channel, source, medium, sessions: i64| Visits {
        channel,
        platform: None,
        source,
        medium,
        sessions,
        engaged: sessions / 2,
        pages: sessions * 3,
        seconds: sessions * 80,
        key_events: sessions / 60,
        revenue_micros: sessions / 60 * 59_000_000,
    };
    all.push(others("Direct", "(direct)", "(none)", people / 2));
    all.push(others("Organic Search", "google", "organic", people));
    // Where nobody came, nothing is told.
    all.retain(|visits| visits.sessions > 0);
    all
}

/// The source that Google names, and the platform that it is.
fn source(network: Network) -> (&'static str, &'static str) {
    let name = match network {
        Network::X => "t.co",
        Network::Wechat => "weixin",
        Network::Weibo => "weibo.com",
        Network::Douyin => "douyin.com",
        Network::Xiaohongshu => "xiaohongshu.com",
        Network::Instagram => "l.instagram.com",
        Network::Linkedin => "linkedin.com",
    };
    (name, network.name())
}

/// All reviews that were written by an instant: when, and their stars.
fn reviews(world: &World, accounts: &[&Profile], until: Timestamp) -> Vec<(Timestamp, i64)> {
    let mut reviews = Vec::new();
    for account in accounts {
        let mut day = world.day_of(account.key, world.config().start);
        while day <= world.day_of(account.key, until) {
            let flows = world.account_flows(account.key, day);
            let (start, end) = world.day_bounds(account.key, day);
            let length = end.as_second() - start.as_second();
            for n in 0..flows.rating_count {
                let second = start.as_second() + (2 * n + 1) * length / (2 * flows.rating_count);
                let at = Timestamp::from_second(second).expect("an instant of the world");
                let of_day = flows.rating_sum / flows.rating_count;
                let stars = of_day + i64::from(n < flows.rating_sum % flows.rating_count);
                reviews.push((at, stars.clamp(1, 5)));
            }
            day = day.tomorrow().expect("a day of the world");
        }
    }
    reviews.retain(|(at, _)| *at <= until);
    reviews
}

/// What stands on the profile of a place.
fn profile(reviews: &[(Timestamp, i64)], metric: &str) -> Option<f64> {
    let count = reviews.len() as f64;
    let stars: i64 = reviews.iter().map(|(_, stars)| stars).sum();
    match metric {
        "ratings_total" | "rating_count" => Some(count),
        // Google tells the mean with one digit.
        "rating_points_total" => Some(rounded(stars as f64 / count.max(1.0), 1) * count),
        _ => None,
    }
}

/// The reviews of a day. The world answers none.
fn of_day(reviews: &[(Timestamp, i64)], day: Date, fact: &Fact) -> Option<f64> {
    let of_day = reviews.iter().filter(|(at, _)| TimeZone::UTC.to_datetime(*at).date() == day);
    let stars: Vec<i64> = of_day.map(|(_, stars)| *stars).collect();
    match (fact.metric.as_str(), fact.segment.0.as_str(), fact.segment.1.as_str()) {
        ("rating_count", "", _) | ("rating_count", "answered", "no") => Some(stars.len() as f64),
        ("rating_count", "answered", _) => Some(0.0),
        ("rating_count", "stars", part) => {
            Some(stars.iter().filter(|stars| stars.to_string() == part).count() as f64)
        }
        ("rating_sum", "", _) => Some(stars.iter().sum::<i64>() as f64),
        _ => None,
    }
}
