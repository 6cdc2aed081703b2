//! What is counted of a post, and which metric of the catalogue each count is.

use std::ops::{AddAssign, Index, IndexMut, SubAssign};

use kepi_core::{Flags, MetricId, Money, Reading, Value};
use rust_decimal::Decimal;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident => $metric:literal, $form:ident;)*) => {
        /// One thing that is counted of a post.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Counter { $($(#[$doc])* $name,)* }

        impl Counter {
            /// All of them.
            pub const ALL: [Self; [$($metric),*].len()] = [$(Self::$name),*];

            /// The metric of the catalogue that it is.
            #[must_use]
            pub fn metric(self) -> &'static str {
                match self { $(Self::$name => $metric,)* }
            }

            fn form(self) -> Form {
                match self { $(Self::$name => Form::$form,)* }
            }
        }
    };
}

/// How a count is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As it is.
    Plain,
    /// People can take it back.
    Revocable,
    /// Thousandths of seconds, told in seconds.
    Millis,
    /// Millionths of a currency's unit.
    Micros,
}

counters! {
    /// Times shown.
    Impressions => "impressions", Plain;
    /// People who saw it.
    Reach => "reach", Plain;
    /// The platform's view count: times shown, or plays of a video.
    Views => "views", Plain;
    /// Likes.
    Likes => "likes", Revocable;
    /// Comments.
    Comments => "comments", Revocable;
    /// Shares and reposts, without quotes.
    Shares => "shares", Revocable;
    /// People who shared.
    ShareUsers => "share_users", Plain;
    /// Posts that quote it.
    Quotes => "quotes", Revocable;
    /// Bookmarks and favourites.
    Saves => "saves", Revocable;
    /// 在看.
    Zaikan => "zaikan", Revocable;
    /// Clicks that lead out.
    LinkClicks => "link_clicks", Plain;
    /// Clicks on the author.
    ProfileClicks => "profile_clicks", Plain;
    /// Clicks on a hashtag.
    HashtagClicks => "hashtag_clicks", Plain;
    /// Times opened for details.
    DetailExpands => "detail_expands", Plain;
    /// The platform's own sum of what people did.
    Engagements => "platform_engagements", Plain;
    /// Follows begun from it.
    FollowsGained => "follows_gained", Plain;
    /// Plays of its video.
    Plays => "video_plays", Plain;
    /// People who began its video.
    PlaysStart => "plays_start", Plain;
    /// Plays of three seconds and more.
    Plays3s => "plays_3s", Plain;
    /// Plays of five seconds and more.
    Plays5s => "plays_5s", Plain;
    /// Plays that reached a quarter.
    Plays25 => "plays_25", Plain;
    /// Plays that reached half.
    Plays50 => "plays_50", Plain;
    /// Plays that reached three quarters.
    Plays75 => "plays_75", Plain;
    /// Plays that reached the end.
    Completions => "completion_count", Plain;
    /// Time watched.
    WatchMillis => "watch_time_s", Millis;
    /// Page reads of an article.
    Reads => "reads", Plain;
    /// People who read an article.
    Readers => "read_users", Plain;
    /// Orders that followed.
    Orders => "orders", Plain;
    /// Leads that followed.
    Leads => "leads", Plain;
    /// What those orders were worth.
    RevenueMicros => "revenue", Micros;
    /// What showing it cost.
    SpendMicros => "spend", Micros;
}

impl Counter {
    /// Whether people can take it back, so that it may fall.
    #[must_use]
    pub fn revocable(self) -> bool {
        self.form() == Form::Revocable
    }

    /// Whether only video has it.
    #[must_use]
    pub fn of_video(self) -> bool {
        matches!(
            self,
            Self::Plays
                | Self::PlaysStart
                | Self::Plays3s
                | Self::Plays5s
                | Self::Plays25
                | Self::Plays50
                | Self::Plays75
                | Self::Completions
                | Self::WatchMillis
        )
    }

    /// Whether only articles have it.
    #[must_use]
    pub fn of_articles(self) -> bool {
        matches!(self, Self::Reads | Self::Readers | Self::Zaikan)
    }

    fn reading(self, value: i64, currency: &str) -> Reading {
        let value = match self.form() {
            Form::Plain | Form::Revocable => Value::Count(value),
            Form::Millis => Value::Real(value as f64 / 1000.0),
            Form::Micros => Value::Money(Money { amount: Decimal::new(value, 6), currency: currency.into() }),
        };
        Reading { metric: MetricId::from_static(self.metric()), value, flags: Flags::NONE, definition: None }
    }
}

/// All counts of one subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters([i64; Counter::ALL.len()]);

impl Default for Counters {
    fn default() -> Self {
        Self([0; Counter::ALL.len()])
    }
}

impl Counters {
    /// The counts that a subject has, as readings. Money is in `currency`.
    pub fn readings(&self, has: impl Fn(Counter) -> bool, currency: &str) -> Vec<Reading> {
        Counter::ALL
            .into_iter()
            .filter(|counter| has(*counter))
            .map(|counter| counter.reading(self[counter], currency))
            .collect()
    }
}

impl Index<Counter> for Counters {
    type Output = i64;
    fn index(&self, counter: Counter) -> &i64 {
        &self.0[counter as usize]
    }
}

impl IndexMut<Counter> for Counters {
    fn index_mut(&mut self, counter: Counter) -> &mut i64 {
        &mut self.0[counter as usize]
    }
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        for (sum, part) in self.0.iter_mut().zip(other.0) {
            *sum += part;
        }
    }
}

impl SubAssign for Counters {
    fn sub_assign(&mut self, other: Self) {
        for (sum, part) in self.0.iter_mut().zip(other.0) {
            *sum -= part;
        }
    }
}

/// Counts by whose money brought them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Split {
    /// Not paid for.
    pub organic: Counters,
    /// Paid for.
    pub paid: Counters,
}

impl Split {
    /// Both together, as platforms that mix them tell it.
    #[must_use]
    pub fn total(&self) -> Counters {
        let mut total = self.organic;
        total += self.paid;
        total
    }
}

impl AddAssign for Split {
    fn add_assign(&mut self, other: Self) {
        self.organic += other.organic;
        self.paid += other.paid;
    }
}

impl SubAssign for Split {
    fn sub_assign(&mut self, other: Self) {
        self.organic -= other.organic;
        self.paid -= other.paid;
    }
}

#[cfg(test)]
mod tests {
    use kepi_core::Catalogue;

    use super::*;

    #[test]
    fn every_counter_is_in_the_catalogue() {
        for counter in Counter::ALL {
            let metric = Catalogue::builtin().get(counter.metric()).unwrap();
            if counter.revocable() {
                assert!(metric.revocable, "{} cannot fall", metric.id);
            }
        }
    }
}
