//! Parts that the platforms deal out of the world's numbers by shares of their own: told again here.

use jiff::{Timestamp, civil::Date};
use kepi_core::{Window, period::add_days};
use kepi_simulator::{AccountDay, Counter, Counters, Format, Network, PostKey, StoryFacts};

use super::{About, counter, shared};

impl About<'_> {
    /// A story of Instagram at an instant: it has no days of its own.
    pub(super) fn of_story(&self, story: &StoryFacts) -> Option<f64> {
        let Window::At(at) = self.fact.window else { return None };
        let counts = story.counts_at(at);
        let value = match (self.dimension(), self.fact.metric.as_str()) {
            ("action_type", "profile_actions") => {
                shared(counts.link_clicks, &[0.8, 0.2])[usize::from(self.part() != "bio_link_clicked")]
            }
            ("", "reach") => counts.reach,
            ("", "views") => counts.views,
            ("", "shares") => counts.shares,
            ("", "interactions") => counts.shares + counts.replies,
            ("", "reposts") => 0,
            ("", "story_replies") => counts.replies,
            ("", "story_navigations") => counts.forward + counts.back + counts.exits + counts.swipes,
            ("", "follows_gained") => counts.follows,
            ("", "profile_visits") => counts.profile_visits,
            ("", "profile_actions" | "link_clicks") => counts.link_clicks,
            _ => return None,
        };
        Some(value as f64)
    }

    /// Parts of an account's readings.
    pub(super) fn part_at(&self, at: Timestamp) -> Option<f64> {
        let followers = self.world.followers_at(self.key(), at);
        match (self.account.network, self.dimension(), self.fact.metric.as_str()) {
            (Network::Douyin, "", "audience_users") => Some(followers as f64),
            (Network::Douyin, "active_days", "audience_users") => Some((followers / 6) as f64),
            (Network::Douyin, "follow_source", "audience_share") => {
                let shares = [("推荐", 0.612), ("搜索", 0.1405), ("个人主页", 0.1131), ("其他", 0.1344)];
                shares.iter().find(|(source, _)| *source == self.part()).map(|(_, share)| *share)
            }
            (Network::Douyin, dimension, "audience_users") => self.audience_of_douyin(dimension, at),
            (Network::Instagram, dimension, "audience_users") => self.audience_of_instagram(dimension, at),
            _ => None,
        }
    }

    /// Who read a note on Xiaohongshu: as the account's followers are.
    pub(super) fn readers(&self) -> Option<f64> {
        let Window::At(at) = self.fact.window else { return None };
        let value = |value: &'static str| match value {
            "F" => "female",
            "M" => "male",
            "13-17" => "<18",
            "45-54" | "55-64" | "65+" => ">44",
            same => same,
        };
        let rows = self.world.audience(self.key(), self.dimension(), self.counted_until(at));
        let part: i64 = rows.iter().filter(|row| value(row.value) == self.part()).map(|row| row.users).sum();
        Some(part as f64 / rows.iter().map(|row| row.users).sum::<i64>() as f64)
    }

    /// Douyin's bands of age are wider than the world's, and their numbers the sums.
    fn audience_of_douyin(&self, dimension: &str, at: Timestamp) -> Option<f64> {
        let band = |value: &'static str| match (dimension, value) {
            ("gender", "M") => "male",
            ("gender", "F") => "female",
            ("gender", _) => "0",
            ("age", "13-17" | "18-24") => "1-23",
            ("age", "25-34") => "24-30",
            ("age", "35-44") => "31-40",
            ("age", "45-54") => "41-50",
            ("age", _) => "50-",
            (_, value) => value,
        };
        let rows = self.world.audience(self.key(), dimension, at);
        let ours: Vec<i64> =
            rows.iter().filter(|row| band(row.value) == self.part()).map(|row| row.users).collect();
        (!ours.is_empty()).then(|| ours.iter().sum::<i64>() as f64)
    }

    /// People by all the dimensions together, as if these had nothing to do with each other.
    fn audience_of_instagram(&self, dimension: &str, at: Timestamp) -> Option<f64> {
        let (scale, dimension) = match dimension.strip_prefix("engaged_") {
            Some(dimension) => (0.08, dimension),
            None => (1.0, dimension),
        };
        let followers = self.world.followers_at(self.key(), at).max(1) as f64;
        let mut users = followers * scale;
        for (dimension, value) in dimension.split('_').zip(self.part().split('/')) {
            let rows = self.world.audience(self.key(), dimension, at);
            let row = rows.iter().find(|row| row.value == value)?;
            users = users * row.users as f64 / followers;
        }
        Some(users.floor())
    }

    /// Parts of an account's day.
    pub(super) fn dealt_out(&self, day: &AccountDay, date: Date) -> Option<f64> {
        let flows = &day.flows;
        let place = |parts: &[&str]| parts.iter().position(|part| *part == self.part());
        let value = match (self.account.network, self.dimension(), self.fact.metric.as_str()) {
            (Network::Wechat, "follow_source", metric) => {
                let sources =
                    ["other", "search", "card", "qr_code", "name_in_article", "reposted_content", "channels"];
                let weights = [0.34, 0.2, 0.06, 0.14, 0.08, 0.1, 0.08];
                let whole =
                    if metric == "follows_gained" { flows.follows_gained } else { flows.follows_lost };
                shared(whole, &weights)[place(&sources)?]
            }
            (Network::Wechat, "message_type", metric) => {
                let count =
                    shared(flows.messages_in, &[0.84, 0.13, 0.03])[place(&["text", "image", "voice"])?];
                if metric == "messages_in" { count } else { (count * 2 / 3).max(1) }
            }
            (Network::Wechat, "messages_sent", _) => {
                shared(flows.message_users, &[0.9, 0.08, 0.02])[place(&["1-5", "6-10", "11+"])?]
            }
            (Network::Weibo, "activity", _) => {
                let (_, end) = self.world.day_bounds(self.key(), date);
                let share = [0.25, 0.017][place(&["active", "loyal"])?];
                (self.world.followers_at(self.key(), end) as f64 * share) as i64
            }
            (Network::Weibo, "follower_kind", _) => match self.part() {
                "mutual" => 87,
                "verified" => day.followers_total / 400,
                "daren" => day.followers_total / 1500,
                _ => return None,
            },
            (Network::Weibo, "content", _) => day.content.total()[Counter::Impressions],
            (Network::Linkedin, "desktop_button" | "mobile_button", _) => {
                let parts = shared(flows.profile_visits / 40, &[0.8, 0.2]);
                parts[usize::from(self.dimension() == "mobile_button")]
            }
            (Network::Instagram, "follow_type", metric) => {
                let whole = instagram(metric, &day.content.total())?;
                shared(whole, &[0.6, 0.4])[place(&["FOLLOWER", "NON_FOLLOWER"])?]
            }
            (Network::Instagram, "media_product_type", metric) => {
                let kind = place(&["REELS", "POST", "CAROUSEL_CONTAINER"])?;
                self.by_kind_of_media(day, date, metric)?[kind]
            }
            _ => return None,
        };
        Some(value as f64)
    }

    /// What reels, posts and carousels had of an Instagram account's day, paid shows left out: by the impressions of
    /// the posts of each kind.
    pub(super) fn by_kind_of_media(&self, day: &AccountDay, date: Date, metric: &str) -> Option<Vec<i64>> {
        let (start, end) = (self.start_of(date), self.start_of(add_days(date, 1)));
        let mut weights = [0.0; 3];
        for index in 0..self.world.published_by(self.key(), end) {
            let post = self.world.post(PostKey { account: self.key(), index: index as u32 });
            let until = |at| self.world.counters_at(&post, at).unwrap_or_default().total();
            let kind = match post.format {
                Format::Video => 0,
                Format::Carousel => 2,
                _ => 1,
            };
            weights[kind] += (until(end)[Counter::Impressions] - until(start)[Counter::Impressions]) as f64;
        }
        let rest = instagram(metric, &day.content.total())? - instagram(metric, &day.content.paid)?;
        Some(if weights.iter().sum::<f64>() > 0.0 { shared(rest, &weights) } else { vec![rest, 0, 0] })
    }
}

/// A number of a day as Instagram counts it.
fn instagram(metric: &str, c: &Counters) -> Option<i64> {
    Some(match metric {
        "reach" => (c[Counter::Reach] as f64 * 0.9) as i64,
        "interactions" => c[Counter::Likes] + c[Counter::Comments] + c[Counter::Saves] + c[Counter::Shares],
        metric => c[counter(metric)?],
    })
}
