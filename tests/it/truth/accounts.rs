//! What the world says of numbers of accounts, at an instant, of a day and of a period.

use super::*;

impl About<'_> {
    pub(super) fn account(&self) -> Option<f64> {
        match &self.fact.window {
            Window::At(at) => self.account_at(*at),
            Window::Day(day) => {
                // What the platform said of the day when it was last asked.
                let seen = self.world.account_day_seen(self.key(), *day, self.fact.observed_at);
                let paid = self.account.network == Network::Douyin && self.fact.traffic == Traffic::Paid;
                if paid || self.account.network == Network::Xiaohongshu {
                    return self.delivery_of_day(*day);
                }
                if self.dimension().is_empty() {
                    self.account_day(&seen, *day)
                } else {
                    self.part_of_day(&seen, *day)
                }
            }
            Window::Period(days) => self.account_period(*days),
        }
    }

    fn account_at(&self, at: Timestamp) -> Option<f64> {
        let (world, key) = (self.world, self.key());
        let followers = world.followers_at(key, at);
        let value = match (self.account.network, self.dimension(), self.fact.metric.as_str()) {
            (_, "", "followers_total") => followers,
            (_, "", "following_total") => world.following_at(key, at),
            (_, "", "posts_total") => world.posts_standing(key, at),
            (Network::X, "", "listed_total") => followers / 210,
            (Network::Linkedin, "", "mentions") => world.mentions_between(key, world.config().start, at),
            (Network::Linkedin, "range", metric) => {
                let c = world.content_between(key, Timestamp::UNIX_EPOCH, at).organic;
                match metric {
                    "reach" => c[Counter::Reach] / 3,
                    "all_clicks" => c[Counter::LinkClicks] + c[Counter::ProfileClicks],
                    "profile_visits" => followers * 3,
                    _ => c[counter(metric)?],
                }
            }
            (Network::Linkedin, "association", "audience_users") => followers / 90,
            (Network::Linkedin, dimension, metric) => {
                let users = self.audience_of_linkedin(dimension, at)?;
                if metric == "profile_visits" { users * 3 } else { users }
            }
            (Network::Weibo, "follower_kind", _) => 87,
            _ => return self.part_at(at),
        };
        Some(value as f64)
    }

    /// A facet by its URN: parts of places that share a number are told one after another.
    fn audience_of_linkedin(&self, dimension: &str, at: Timestamp) -> Option<i64> {
        let dimension = match dimension {
            "job_function" => "function",
            "company_size" => "staff_count",
            "location" => "city",
            other => other,
        };
        let part = self.part().rsplit(':').next()?;
        let rows = self.world.audience(self.key(), dimension, at);
        rows.iter().find(|row| place_of(dimension, row.value) == part).map(|row| row.users)
    }

    fn account_day(&self, day: &AccountDay, date: Date) -> Option<f64> {
        let c = self.of_traffic(&day.content);
        let total = day.content.total();
        let flows = &day.flows;
        let interactions = c[Counter::Likes] + c[Counter::Comments] + c[Counter::Saves] + c[Counter::Shares];
        let paid_follows = day.content.paid[Counter::FollowsGained].min(flows.follows_gained);
        let value = match (self.account.network, self.fact.metric.as_str()) {
            (Network::Linkedin, "follows_gained") => match self.fact.traffic {
                Traffic::Organic => flows.follows_gained - paid_follows,
                Traffic::Paid => paid_follows,
                _ => flows.follows_gained,
            },
            (Network::Linkedin, "all_clicks") => c[Counter::LinkClicks] + c[Counter::ProfileClicks],
            (Network::Linkedin, "reach") => c[Counter::Reach],
            (Network::Instagram, "reach") => (c[Counter::Reach] as f64 * 0.9) as i64,
            (Network::Instagram, "interactions") => interactions,
            (Network::Instagram, "engaged_users") => interactions * 4 / 5,
            (Network::Instagram, "reposts") => c[Counter::Shares] / 6,
            (Network::Instagram, "profile_actions") => total[Counter::LinkClicks] / 10,
            (Network::Instagram, "profile_visits") => flows.profile_visits,
            (Network::Instagram, "link_clicks") => total[Counter::LinkClicks],
            (Network::Instagram, "story_replies") => {
                self.world.story_replies(self.key(), date, self.fact.observed_at)
            }
            (Network::Instagram, "video_plays") => self.by_kind_of_media(day, date, "views")?[0],
            (Network::Instagram, "mentions") => (flows.mentions + 4) / 5,
            (Network::Weibo, "views") => c[Counter::Impressions],
            (Network::Weibo, "reads") => c[Counter::DetailExpands],
            (Network::Weibo, "following_total") => self.world.following_at(self.key(), self.fact.observed_at),
            (Network::Douyin, "video_plays") => c[Counter::Views],
            (Network::Douyin, "downloads") => c[Counter::Saves] / 10,
            (Network::Douyin, "product_clicks") => c[Counter::LinkClicks],
            (Network::Douyin, "completion_count") => c[Counter::Completions],
            (Network::Wechat, "read_users") => c[Counter::Readers],
            (Network::Wechat, "share_users") => c[Counter::ShareUsers],
            (Network::Wechat, "zaikan_users") => c[Counter::Zaikan],
            (Network::Wechat, "like_users") => c[Counter::Likes],
            (Network::Wechat, "save_users") => c[Counter::Saves],
            (Network::Wechat, "link_click_users") => c[Counter::LinkClicks],
            (_, metric) => {
                return day
                    .readings(self.fact.traffic)
                    .into_iter()
                    .find(|it| it.metric.as_str() == metric)
                    .map(|reading| match reading.value {
                        kepi_core::Value::Count(count) => count as f64,
                        kepi_core::Value::Real(real) => real,
                        kepi_core::Value::Money(money) => {
                            money.amount.to_string().parse().unwrap_or(f64::NAN)
                        }
                    });
            }
        };
        Some(value as f64)
    }

    fn part_of_day(&self, day: &AccountDay, date: Date) -> Option<f64> {
        let total = day.content.total();
        let flows = &day.flows;
        let value = match (self.account.network, self.dimension(), self.fact.metric.as_str()) {
            (Network::Wechat, "scene", "read_users") => {
                let whole = Fact { kind: SubjectKind::Post, ..self.fact.clone() };
                let about = About { fact: &whole, ..*self };
                let any = self.world.post(PostKey { account: self.key(), index: 0 });
                return about.part_of_post(&any, &total);
            }
            (Network::Linkedin, dimension @ ("device" | "page_section"), metric) => {
                let whole =
                    if metric == "profile_visits" { flows.profile_visits } else { flows.profile_visit_users };
                let share = match (dimension, self.part()) {
                    ("device", "desktop") => 0.7,
                    ("device", "mobile") => 0.3,
                    ("page_section", "overview") => 0.58,
                    ("page_section", "jobs") => 0.14,
                    ("page_section", "about") => 0.07,
                    _ => return None,
                };
                (whole as f64 * share) as i64
            }
            (Network::Douyin, "traffic_source", metric) => {
                let whole = match metric {
                    "video_plays" => total[Counter::Views],
                    metric => total[counter(metric)?],
                };
                let sources = ["推荐", "搜索", "主页", "其他"];
                let place = sources.iter().position(|source| *source == self.part())?;
                shared(whole, &[0.62, 0.14, 0.11, 0.13])[place]
            }
            _ => return self.dealt_out(day, date),
        };
        Some(value as f64)
    }

    /// Paid delivery of a day, over the account or one of its parts, as it stood when it was read.
    fn delivery_of_day(&self, day: Date) -> Option<f64> {
        let (start, end) = self.world.day_bounds(self.key(), day);
        let end = end.min(self.fact.observed_at);
        let of = |post: &PostFacts| -> Counters {
            let mut change = self.world.counters_at(post, end).unwrap_or_default();
            change -= self.world.counters_at(post, start).unwrap_or_default();
            change.paid
        };
        let wanted: Box<dyn Fn(&PostFacts) -> bool> = match (self.fact.kind, self.dimension()) {
            (SubjectKind::Campaign, _) if self.account.network == Network::Douyin => {
                let number = self.fact.subject.clone();
                Box::new(move |post| (7_400_000_000_000_000_009 + self.number_of(post)).to_string() == number)
            }
            (SubjectKind::Campaign, _) => {
                let number: i64 = self.fact.subject.parse().ok()?;
                Box::new(move |post| campaign_of(post) == number)
            }
            (_, "creative") => {
                let number = self.part().to_owned();
                Box::new(move |post| (700_001 + self.number_of(post)).to_string() == number)
            }
            (_, "keyword") => {
                let words = ["城市骑行 (610001)", "通勤单车 (610002)", "折叠车推荐 (610003)"];
                let turn = words.iter().position(|word| *word == self.part())?;
                Box::new(move |post| index_of(post.key) as usize % 3 == turn)
            }
            (_, "spu") => {
                let turn = self.part().parse::<u32>().ok()?.checked_sub(51_001)?;
                Box::new(move |post| index_of(post.key) % 2 == turn)
            }
            (_, "ad_product") => {
                let turn = if self.part() == "easy" { 1 } else { 2 };
                Box::new(move |post| index_of(post.key) % 4 == turn)
            }
            (_, "unit") => {
                let number = self.part().to_owned();
                Box::new(move |post| (800_001 + self.number_of(post)).to_string() == number)
            }
            _ => Box::new(|_| true),
        };
        let mut sum = Counters::default();
        for index in 0..self.world.published_by(self.key(), end) {
            let key = PostKey { account: self.key(), index: index as u32 };
            let post = self.world.post(key);
            let delivered = of(&post);
            // Of a note that was not shown on the day Xiaohongshu tells nothing, whatever came of it later.
            let told = self.account.network != Network::Xiaohongshu || delivered[Counter::Impressions] > 0;
            if post.promoted && wanted(&post) && told {
                sum += delivered;
            }
        }
        self.delivered(&sum)
    }

    pub(super) fn number_of(&self, post: &PostFacts) -> u64 {
        let first = self.world.accounts_of(self.account.network).position(|it| it.key == self.key());
        first.unwrap_or(0) as u64 * 1_000_000 + u64::from(index_of(post.key))
    }

    pub(super) fn campaign(&self) -> Option<f64> {
        match self.fact.window {
            Window::Day(day) => self.delivery_of_day(day),
            _ => None,
        }
    }

    fn account_period(&self, days: DateSpan) -> Option<f64> {
        if self.account.network != Network::Instagram {
            return None;
        }
        let mut content = Split::default();
        for date in days.iter() {
            content += self.world.account_day_seen(self.key(), date, self.fact.observed_at).content;
        }
        let c = content.total();
        let length = i64::from(days.days());
        match self.fact.metric.as_str() {
            "reach" => Some((c[Counter::Reach] as f64 * 0.9 / (1.0 + 0.02 * (length - 1) as f64)).floor()),
            "engaged_users" => {
                let all = c[Counter::Likes] + c[Counter::Comments] + c[Counter::Saves] + c[Counter::Shares];
                Some((all * 4 / 5) as f64)
            }
            _ => None,
        }
    }
}
