//! What the world says of numbers of posts.

use super::*;

impl About<'_> {
    pub(super) fn the_post(&self) -> Option<PostFacts> {
        // Posts of Douyin stand under their public number.
        if self.account.network == Network::Douyin {
            let number = self.fact.subject.parse::<u64>().ok()?.checked_sub(DOUYIN_VIDEOS)?;
            let index = u32::try_from(number % 1_000_000).ok()?;
            return Some(self.world.post(PostKey { account: self.key(), index }));
        }
        // Media of X stand under the post's number behind a kind, posts of LinkedIn under a URN.
        let id = match (self.account.network, self.fact.kind) {
            (Network::X, SubjectKind::Media) => self.fact.subject.rsplit('_').next()?,
            (Network::Linkedin, _) => self.fact.subject.rsplit(':').next()?,
            _ => &self.fact.subject,
        };
        let key = self.world.find_post(self.account.network, id)?;
        Some(self.world.post(key))
    }

    pub(super) fn post(&self) -> Option<f64> {
        if let (Network::Instagram, Some(story)) =
            (self.account.network, self.world.find_story(&self.fact.subject))
        {
            return self.of_story(&story);
        }
        let post = self.the_post()?;
        let counters = self.of_traffic(&self.split(&post));
        if self.dimension().is_empty() {
            return self.of_post(&post, &counters);
        }
        self.part_of_post(&post, &counters)
    }

    /// What the post has, as far as the window of the number looks.
    pub(super) fn split(&self, post: &PostFacts) -> Split {
        let until = |at| self.world.counters_at(post, at).unwrap_or_default();
        match &self.fact.window {
            Window::At(at) => until(self.counted_until(*at)),
            Window::Day(day) => {
                let mut change = until(self.start_of(add_days(*day, 1)));
                change -= until(self.start_of(*day));
                change
            }
            Window::Period(days) => until(self.start_of(days.end)),
        }
    }

    pub(super) fn of_post(&self, post: &PostFacts, c: &Counters) -> Option<f64> {
        let has = |counter: Counter| post.has(counter).then_some(c[counter]);
        let plays = c[Counter::Plays].max(1);
        let interactions = c[Counter::Likes] + c[Counter::Comments] + c[Counter::Saves] + c[Counter::Shares];
        let delivered = matches!(self.fact.window, Window::Day(_));
        let value = match (self.account.network, self.fact.metric.as_str()) {
            (Network::X, metric) if delivered => return of_contract(c, metric),
            (Network::Linkedin, "all_clicks") => c[Counter::LinkClicks] + c[Counter::ProfileClicks],
            (Network::Linkedin, "reactions") => c[Counter::Likes],
            (Network::Linkedin, "video_plays") => c[Counter::Plays3s],
            (Network::Linkedin, "viewers") => c[Counter::PlaysStart],
            (Network::Linkedin, "watch_time_s") => {
                return Some((c[Counter::WatchMillis] * 9 / 10) as f64 / 1000.0);
            }
            (Network::Instagram, "interactions") => interactions,
            (Network::Instagram, "reposts") => c[Counter::Shares] / 6,
            (Network::Instagram, "profile_visits") => c[Counter::ProfileClicks],
            (Network::Instagram, "profile_actions") => c[Counter::LinkClicks],
            (Network::Instagram, "link_clicks") => shared(c[Counter::LinkClicks], &[0.8, 0.2])[0],
            (Network::Instagram, "video_plays") => c[Counter::Views],
            (Network::Instagram, "avg_view_duration_s") => {
                return Some((c[Counter::WatchMillis] / plays) as f64 / 1000.0);
            }
            (Network::Instagram, "skip_rate_3s") => {
                return Some((100 - 100 * c[Counter::Plays3s] / plays) as f64 / 100.0);
            }
            (Network::Wechat, "read_users") => c[Counter::Readers],
            (Network::Wechat, "tips") => c[Counter::Likes] / 20,
            (Network::Wechat, "read_completion_rate") => return Some(self.finished(post)),
            (Network::Wechat, "avg_read_duration_s") => return Some(self.finished(post) * 1.7 * 60.0),
            (Network::Wechat, "open_rate") => {
                let delivered = self.world.followers_at(self.key(), post.published_at).max(1);
                return Some((c[Counter::Readers] as f64 * 0.43).floor() / delivered as f64);
            }
            (Network::Weibo, "views") => c[Counter::Impressions],
            (Network::Douyin, "video_plays") => c[Counter::Views],
            (Network::Douyin, "downloads") => c[Counter::Saves] / 10,
            // Told of every item, whatever it is.
            (Network::Douyin, "completion_count") => c[Counter::Completions],
            (Network::Douyin, "avg_view_duration_s") => {
                let seconds = c[Counter::WatchMillis] as f64 / 1000.0 / c[Counter::Views].max(1) as f64;
                return Some((seconds * 10.0).round() / 10.0);
            }
            (Network::Xiaohongshu, _) if delivered => return self.delivered(c),
            (Network::Xiaohongshu, "views") => clicks(c),
            (Network::Xiaohongshu, "viewers") => clicks(c) * 7 / 8,
            (Network::Xiaohongshu, "platform_engagements") => interactions,
            (Network::Xiaohongshu, "platform_engagement_rate") => {
                return Some(ratio(interactions, clicks(c)));
            }
            (Network::Xiaohongshu, "interest_users") => interactions / 3,
            (Network::Xiaohongshu, "avg_view_duration_s") => c[Counter::WatchMillis] / 1000 / plays,
            (Network::Xiaohongshu, "completion_rate") => {
                return Some(ratio(c[Counter::Completions], c[Counter::Plays]));
            }
            (Network::Xiaohongshu, "completion_rate_5s") => {
                return Some(ratio(c[Counter::Plays5s], c[Counter::Plays]));
            }
            (_, metric) => {
                let counter = counter(metric)?;
                return has(counter).map(|value| scaled(counter, value));
            }
        };
        Some(value as f64)
    }

    pub(super) fn finished(&self, post: &PostFacts) -> f64 {
        0.45 + f64::from(index_of(post.key) % 30) / 100.0
    }

    /// Numbers of paid delivery as Ocean Engine and Juguang name them.
    pub(super) fn delivered(&self, c: &Counters) -> Option<f64> {
        if self.account.network == Network::Douyin {
            return match self.fact.metric.as_str() {
                "spend" => Some(c[Counter::SpendMicros] as f64 / 1e6),
                "ad_impressions" => Some(c[Counter::Impressions] as f64),
                "ad_clicks" => Some(c[Counter::LinkClicks] as f64),
                "video_plays" => Some(c[Counter::Plays] as f64),
                "conversions" => Some(c[Counter::Leads] as f64),
                _ => None,
            };
        }
        let count = |counter: Counter| c[counter].max(0);
        let interactions = c[Counter::Likes]
            + c[Counter::Saves]
            + c[Counter::FollowsGained]
            + c[Counter::Comments]
            + c[Counter::Shares];
        let revenue = |hundredths: i64| c[Counter::RevenueMicros] as f64 * hundredths as f64 / 1e8;
        let orders = c[Counter::Orders];
        let value = match (self.fact.metric.as_str(), self.part()) {
            ("spend", _) => return Some(c[Counter::SpendMicros] as f64 / 1e6),
            ("revenue", "paid_7d") => return Some(revenue(90)),
            ("revenue", "live_24h") => return Some(revenue(10)),
            ("revenue", "external_7d") => return Some(revenue(20)),
            ("revenue", "external_15d") => return Some(revenue(25)),
            ("revenue", "external_30d") => return Some(revenue(33)),
            ("revenue", _) => return Some(revenue(100)),
            ("orders", "paid_7d") => orders * 9 / 10,
            ("orders", "live_24h") => orders / 10,
            ("orders", "external_7d") => orders / 5,
            ("orders", "external_15d") => orders / 4,
            ("orders", "external_30d") => orders / 3,
            ("follows_gained", "live_24h") => count(Counter::FollowsGained) / 10,
            ("comments", "live_24h") => count(Counter::Comments) / 10,
            ("leads", "valid") => c[Counter::Leads] * 3 / 4,
            ("phone_calls", _) => c[Counter::Leads] / 2,
            ("ad_impressions", _) => c[Counter::Impressions],
            ("ad_clicks", _) => clicks(c),
            ("platform_engagements", _) => interactions.max(0),
            ("app_opens", _) => clicks(c) / 40,
            ("interest_users", _) => interactions.max(0) / 3,
            ("deep_interest_users", _) => interactions.max(0) / 9,
            (metric, _) => count(counter(metric)?),
        };
        Some(value as f64)
    }

    pub(super) fn part_of_post(&self, post: &PostFacts, c: &Counters) -> Option<f64> {
        let value = match (self.account.network, self.dimension()) {
            (Network::Wechat, "scene") => {
                let share = WECHAT_SCENES.iter().find(|(scene, _)| *scene == self.part())?.1;
                (c[Counter::Readers] as f64 * share) as i64
            }
            (Network::Wechat, "read_position") => {
                let finished = self.finished(post);
                let left = [0.5, 0.22, 0.16, 0.12].map(|share| share * (1.0 - finished));
                let fifths = ["0-20%", "20-40%", "40-60%", "60-80%", "80-100%"];
                let position = fifths.iter().position(|fifth| *fifth == self.part())?;
                let rate = left.iter().chain([&finished]).nth(position);
                return rate.and_then(|rate| format!("{rate:.2}").parse().ok());
            }
            (Network::Instagram, "action_type") => {
                let parts = shared(c[Counter::LinkClicks], &[0.8, 0.2]);
                parts[usize::from(self.part() != "bio_link_clicked")]
            }
            (Network::Linkedin, "reaction") => {
                let parts = shared(c[Counter::Likes], &[0.8, 0.12, 0.05, 0.03]);
                let kinds = ["like", "praise", "empathy", "interest"];
                let place = kinds.iter().position(|kind| self.part().eq_ignore_ascii_case(kind))?;
                parts[place]
            }
            (Network::Xiaohongshu, "attribution" | "lead_channel" | "lead_quality") => {
                return self.delivered(c);
            }
            (Network::Xiaohongshu, "gender" | "age" | "province" | "interest" | "device") => {
                return self.readers();
            }
            (Network::Xiaohongshu, "cost") => {
                return Some(if self.part() == "creator" { 6000.0 } else { 600.0 });
            }
            (Network::Xiaohongshu, "source") => {
                let all =
                    (c[Counter::Likes] + c[Counter::Comments] + c[Counter::Saves] + c[Counter::Shares]) / 3;
                let (feed, search) = (all * 66 / 100, all * 28 / 100);
                match self.part() {
                    "feed" => feed,
                    "search" => search,
                    _ => all - feed - search,
                }
            }
            _ => return None,
        };
        Some(value as f64)
    }
}

/// A day of a post or a video, as X tells it under a contract: what was taken back is told apart, and kepi does not
/// ask for it.
fn of_contract(c: &Counters, metric: &str) -> Option<f64> {
    let count = match metric {
        "media_views" => c[Counter::Plays],
        "permalink_clicks" => c[Counter::DetailExpands] / 5,
        "app_opens" => c[Counter::LinkClicks] / 9,
        "email_shares" => c[Counter::Shares] / 8,
        "link_shares" => c[Counter::Shares] / 3,
        "follows_lost" => c[Counter::FollowsGained] / 6,
        metric => {
            let counter = counter(metric)?;
            return Some(scaled(counter, c[counter].max(0)));
        }
    };
    Some(count.max(0) as f64)
}
