//! What a day brought an account: the truth, and what the platform says of it while the day is young.

use jiff::{Timestamp, civil::Date};
use kepi_core::{MetricId, Money, Reading, Traffic, Value};
use rust_decimal::Decimal;

use super::{AccountKey, Counter, Split, World, calendar::liveliness, words};

/// What happened around an account on one of its days, its posts aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AccountFlows {
    /// Follows begun.
    pub follows_gained: i64,
    /// Follows ended.
    pub follows_lost: i64,
    /// Posts published.
    pub posts_published: i64,
    /// Visits to the profile.
    pub profile_visits: i64,
    /// People who visited it.
    pub profile_visit_users: i64,
    /// Posts by others that name it.
    pub mentions: i64,
    /// Of these, positive.
    pub sentiment_pos: i64,
    /// Of these, neither.
    pub sentiment_neu: i64,
    /// Of these, negative.
    pub sentiment_neg: i64,
    /// Messages received.
    pub messages_in: i64,
    /// People who wrote them.
    pub message_users: i64,
    /// Ratings given.
    pub rating_count: i64,
    /// Sum of their stars.
    pub rating_sum: i64,
    /// Visits to the website.
    pub sessions: i64,
    /// Of these, engaged.
    pub engaged_sessions: i64,
    /// Pages seen.
    pub pageviews: i64,
    /// Seconds of all visits.
    pub session_seconds: i64,
    /// What was spent on promoted posts, in millionths.
    pub spend_micros: i64,
}

impl AccountFlows {
    fn rows(&self) -> [(&'static str, i64); 16] {
        [
            ("follows_gained", self.follows_gained),
            ("follows_lost", self.follows_lost),
            ("follows_net", self.follows_gained - self.follows_lost),
            ("posts_published", self.posts_published),
            ("profile_visits", self.profile_visits),
            ("profile_visit_users", self.profile_visit_users),
            ("mentions", self.mentions),
            ("sentiment_pos", self.sentiment_pos),
            ("sentiment_neu", self.sentiment_neu),
            ("sentiment_neg", self.sentiment_neg),
            ("messages_in", self.messages_in),
            ("message_users", self.message_users),
            ("rating_count", self.rating_count),
            ("sessions", self.sessions),
            ("engaged_sessions", self.engaged_sessions),
            ("pageviews", self.pageviews),
        ]
    }
}

/// One day of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountDay {
    /// The day, in the account's zone.
    pub date: Date,
    /// What all its posts together got that day; likes taken back make a count negative.
    pub content: Split,
    /// What happened around it.
    pub flows: AccountFlows,
    /// Followers when the day ended.
    pub followers_total: i64,
    /// Posts that stood when it ended.
    pub posts_total: i64,
    currency: &'static str,
}

impl AccountDay {
    /// The day in metrics of the catalogue. `Organic` and `Paid` give what the posts got; `Total` both
    /// together, and the flows and levels that no money is told of.
    #[must_use]
    pub fn readings(&self, traffic: Traffic) -> Vec<Reading> {
        let content = match traffic {
            Traffic::Organic => self.content.organic,
            Traffic::Paid => self.content.paid,
            Traffic::Total | Traffic::Unknown => self.content.total(),
        };
        let of_content = |counter: Counter| {
            counter != Counter::FollowsGained
                && !matches!(counter, Counter::Reach | Counter::Readers | Counter::ShareUsers)
        };
        let mut readings = content.readings(of_content, self.currency);
        if matches!(traffic, Traffic::Total | Traffic::Unknown) {
            let flows = self.flows.rows();
            let levels = [("followers_total", self.followers_total), ("posts_total", self.posts_total)];
            readings.extend(
                flows
                    .into_iter()
                    .chain(levels)
                    .map(|(metric, value)| Reading::count(MetricId::from_static(metric), value)),
            );
            readings.push(Reading::real(
                MetricId::from_static("session_duration_s"),
                self.flows.session_seconds as f64,
            ));
            readings.push(Reading::real(MetricId::from_static("rating_sum"), self.flows.rating_sum as f64));
        }
        readings
    }

    /// What was spent on the day.
    #[must_use]
    pub fn spend(&self) -> Money {
        Money { amount: Decimal::new(self.flows.spend_micros, 6), currency: self.currency.into() }
    }

    /// One number of [`Self::readings`].
    #[must_use]
    pub fn count(&self, metric: &str, traffic: Traffic) -> Option<i64> {
        self.readings(traffic).into_iter().find(|reading| reading.metric.as_str() == metric).and_then(
            |reading| match reading.value {
                Value::Count(count) => Some(count),
                _ => None,
            },
        )
    }
}

/// A part of an audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudienceRow {
    /// Which part.
    pub value: &'static str,
    /// How many people.
    pub users: i64,
}

mod draw {
    pub(super) const CHURN: u64 = 1;
    pub(super) const VISITS: u64 = 2;
    pub(super) const MENTIONS: u64 = 3;
    pub(super) const MESSAGES: u64 = 4;
    pub(super) const RATINGS: u64 = 5;
    pub(super) const SESSIONS: u64 = 6;
    pub(super) const RESTATED: u64 = 7;
    pub(super) const SHORTFALL: u64 = 8;
    pub(super) const SENTIMENT: u64 = 9;
}

impl World {
    /// What a day brought an account, all of it: the truth.
    #[must_use]
    pub fn account_day(&self, account: AccountKey, date: Date) -> AccountDay {
        let (start, end) = self.day_bounds(account, date);
        let content = self.content_between(account, start, end);
        let mut flows = self.flows(account, date, start, end);
        flows.spend_micros = content.paid[Counter::SpendMicros];
        let clicks = content.organic[Counter::LinkClicks] + content.paid[Counter::LinkClicks];
        self.add_visits(account, date, clicks, &mut flows);
        AccountDay {
            date,
            content,
            flows,
            followers_total: self.followers_when(account, end),
            posts_total: self.posts_standing(account, end),
            currency: self.account(account).network.market().currency(),
        }
    }

    /// What happened around an account on a day, without what follows from its posts (visits, money).
    #[must_use]
    pub fn account_flows(&self, account: AccountKey, date: Date) -> AccountFlows {
        let (start, end) = self.day_bounds(account, date);
        self.flows(account, date, start, end)
    }

    /// What the platform says of a day at an instant. Some days are told too low at first and restated when
    /// they are two days old; a day that is not over is told as far as it has gone.
    #[must_use]
    pub fn account_day_seen(&self, account: AccountKey, date: Date, now: Timestamp) -> AccountDay {
        let mut day = self.account_day(account, date);
        let (_, end) = self.day_bounds(account, date);
        let dice = self.day_dice(account, date);
        let age_hours = now.duration_since(end).as_hours();
        if age_hours < 48 && dice.chance(draw::RESTATED, self.config.restated_share) {
            let kept = 1.0 - dice.between(draw::SHORTFALL, 0.01, 0.07);
            for part in [&mut day.content.organic, &mut day.content.paid] {
                for counter in Counter::ALL {
                    part[counter] = (part[counter] as f64 * kept) as i64;
                }
            }
            day.flows.profile_visits = (day.flows.profile_visits as f64 * kept) as i64;
        }
        day
    }

    fn mentions_of_day(&self, account: AccountKey, date: Date) -> i64 {
        let profile = self.account(account);
        let (_, end) = self.day_bounds(account, date);
        let lively = liveliness(profile.network.market(), date);
        let dice = self.day_dice(account, date);
        let followers = self.followers_when(account, end) as f64;
        let voice = self.voice(account, end.as_second());
        (followers * 0.0009 * lively * voice * dice.between(draw::MENTIONS, 0.4, 1.6)) as i64
    }

    /// When others named an account on one of its days, evenly spread.
    #[must_use]
    pub fn mention_times(&self, account: AccountKey, date: Date) -> Vec<Timestamp> {
        let count = self.mentions_of_day(account, date);
        let (start, end) = self.day_bounds(account, date);
        let length = end.as_second() - start.as_second();
        (0..count)
            .filter_map(|n| {
                Timestamp::from_second(start.as_second() + (2 * n + 1) * length / (2 * count)).ok()
            })
            .collect()
    }

    /// How often others named an account from one instant to before another.
    #[must_use]
    pub fn mentions_between(&self, account: AccountKey, from: Timestamp, to: Timestamp) -> i64 {
        let mut sum = 0;
        let mut day = self.day_of(account, from);
        loop {
            let (start, end) = self.day_bounds(account, day);
            if start >= to {
                return sum;
            }
            let length = (end.as_second() - start.as_second()).max(1);
            let count = self.mentions_of_day(account, day);
            // How many of `mention_times` lie before an instant, without making them.
            let before = |at: Timestamp| {
                let into = (at.as_second() - start.as_second()).clamp(0, length);
                ((2 * count * into + length - 1) / (2 * length)).min(count)
            };
            sum += before(to) - before(from);
            let Ok(next) = day.tomorrow() else { return sum };
            day = next;
        }
    }

    /// The followers of an account by a dimension (`age`, `gender`, `country`, `city`, `province`,
    /// `interest`, `device`, `seniority`, `function`, `industry`, `staff_count`), biggest parts first; empty
    /// for a dimension that nobody knows. Parts need not add up: some people are not known.
    #[must_use]
    pub fn audience(&self, account: AccountKey, dimension: &str, at: Timestamp) -> Vec<AudienceRow> {
        let profile = self.account(account);
        let followers = self.followers_at(account, at) as f64;
        let shares = words::audience(dimension, profile.network.market());
        let mut rows: Vec<AudienceRow> = shares
            .iter()
            .enumerate()
            .map(|(i, (value, share))| {
                let tilt = profile.dice.of(0xa0d1).between(i as u64 + dimension.len() as u64 * 31, 0.85, 1.0);
                AudienceRow { value, users: (followers * share * tilt) as i64 }
            })
            .collect();
        rows.sort_by_key(|row| -row.users);
        rows
    }

    fn day_dice(&self, account: AccountKey, date: Date) -> super::Dice {
        let number = i64::from(date.year()) * 512 + i64::from(date.month()) * 32 + i64::from(date.day());
        self.account(account).dice.of(0xda7).of(number as u64)
    }

    fn flows(&self, account: AccountKey, date: Date, start: Timestamp, end: Timestamp) -> AccountFlows {
        let profile = self.account(account);
        let market = profile.network.market();
        let dice = self.day_dice(account, date);
        let lively = liveliness(market, date);
        let (before, after) = (self.followers_when(account, start), self.followers_when(account, end));
        let churn = (before as f64 * dice.between(draw::CHURN, 0.0002, 0.0008)) as i64;
        let follows_lost = churn + (before - after).max(0);
        let followers = after as f64;
        let visits = (followers * 0.012 * lively * dice.between(draw::VISITS, 0.7, 1.3)) as i64;
        let mentions = self.mentions_of_day(account, date);
        let negative =
            self.negative_share(profile, start.as_second()) * dice.between(draw::SENTIMENT, 0.7, 1.3);
        let sentiment_neg = (mentions as f64 * negative) as i64;
        let sentiment_pos = (mentions as f64 * (0.62 - negative)) as i64;
        let written = self.written(account, date);
        let messages =
            (followers * 0.0007 * lively * written * dice.between(draw::MESSAGES, 0.5, 1.5)) as i64;
        let ratings = (followers * 0.0001 * lively * dice.between(draw::RATINGS, 0.5, 1.5)) as i64;
        AccountFlows {
            follows_gained: (after - before) + follows_lost,
            follows_lost,
            posts_published: self.published_by(account, end) - self.published_by(account, start),
            profile_visits: visits,
            profile_visit_users: visits * 3 / 4,
            mentions,
            sentiment_pos,
            sentiment_neg,
            sentiment_neu: mentions - sentiment_pos - sentiment_neg,
            messages_in: messages,
            message_users: messages * 2 / 3,
            rating_count: ratings,
            rating_sum: (ratings as f64 * self.rating(profile, start.as_second())) as i64,
            ..AccountFlows::default()
        }
    }

    /// Visits to the website come from clicks on links.
    fn add_visits(&self, account: AccountKey, date: Date, clicks: i64, flows: &mut AccountFlows) {
        let dice = self.day_dice(account, date);
        let share = dice.between(draw::SESSIONS, 0.7, 0.95);
        flows.sessions = (clicks as f64 * share) as i64;
        flows.engaged_sessions = (flows.sessions as f64 * 0.58) as i64;
        flows.pageviews = (flows.sessions as f64 * 2.4) as i64;
        flows.session_seconds = (flows.sessions as f64 * 68.0 * share) as i64;
    }
}
