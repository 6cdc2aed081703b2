//! What the world itself says of a number that rests in the store: the independent reading of every platform's
//! vocabulary, from the world's counters and not from an answer.

mod parts;
pub(crate) mod people;
mod web;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date};
use kepi_core::{
    Catalogue, DateSpan, SubjectKind, Traffic, Window,
    period::{add_days, local_day},
};
use kepi_simulator::{
    AccountDay, AccountKey, Counter, Counters, Network, PostFacts, PostKey, Profile, Split, World,
};
use serde_json::Value;

use crate::simulated::Live;

/// One number of the store, with all that it stands under.
#[derive(Debug, Clone)]
pub(crate) struct Fact {
    pub account: String,
    pub kind: SubjectKind,
    pub subject: String,
    /// Dimension and value; empty for the whole.
    pub segment: (String, String),
    pub window: Window,
    pub traffic: Traffic,
    pub metric: String,
    pub value: f64,
    pub observed_at: Timestamp,
}

impl Fact {
    /// What the number is one of.
    pub(crate) fn sort(&self) -> String {
        let platform = self.account.split('/').next().unwrap_or_default();
        let part = if self.segment.0.is_empty() { String::new() } else { format!(" by {}", self.segment.0) };
        let window = match self.window {
            Window::At(_) => "at",
            Window::Day(_) => "day",
            Window::Period(_) => "period",
        };
        format!("{platform} {} {window} {} {}{part}", self.kind.as_str(), self.traffic.as_str(), self.metric)
    }
}

const KINDS: [(&str, SubjectKind); 6] = [
    ("post_facts", SubjectKind::Post),
    ("account_facts", SubjectKind::Account),
    ("media_facts", SubjectKind::Media),
    ("campaign_facts", SubjectKind::Campaign),
    ("topic_facts", SubjectKind::Topic),
    ("location_facts", SubjectKind::Location),
];

const KEYS: &str = "account, \"window\", day, end_day, at, traffic, observed_at";

/// All numbers that are current, of all tables of facts.
pub(crate) async fn facts(live: &Live) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (table, kind) in KINDS {
        let metrics: Vec<&str> =
            Catalogue::builtin().columns(kind).map(|metric| metric.id.as_str()).collect();
        let subject = match kind {
            SubjectKind::Account => "''",
            SubjectKind::Post => "post",
            _ => "subject",
        };
        let columns: Vec<String> =
            metrics.iter().map(|metric| format!("cast(\"{metric}\" as double)")).collect();
        let sql = format!("select {KEYS}, {subject}, {} from {table} where current", columns.join(", "));
        for row in live.query(&sql).await {
            for (metric, value) in metrics.iter().zip(&row[8..]) {
                if let Some(value) = value.as_f64() {
                    let fact = fact(&row, kind, &row[7], metric, value);
                    facts.push(fact);
                }
            }
        }
    }
    for (table, segment) in [
        ("segment_facts", "segment_dimension, segment_value"),
        ("other_facts", "'' as dimension, '' as part"),
    ] {
        let sql = format!(
            "select {KEYS}, subject, subject_kind, metric, \
             coalesce(cast(count as double), real, cast(money as double)), {segment} from {table} where current"
        );
        for row in live.query(&sql).await {
            let kind = SubjectKind::ALL.into_iter().find(|kind| Some(kind.as_str()) == row[8].as_str());
            let metric = text(&row[9]);
            let value = row[10].as_f64().expect("a number");
            let mut fact = fact(&row, kind.expect("a kind"), &row[7], metric, value);
            fact.segment = (text(&row[11]).to_owned(), text(&row[12]).to_owned());
            facts.push(fact);
        }
    }
    facts
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn fact(row: &[Value], kind: SubjectKind, subject: &Value, metric: &str, value: f64) -> Fact {
    let day = |value: &Value| -> Date { text(value).parse().expect("a date") };
    let instant = |value: &Value| -> Timestamp { text(value).parse().expect("an instant") };
    let window = match text(&row[1]) {
        "at" => Window::At(instant(&row[4])),
        "day" => Window::Day(day(&row[2])),
        _ => Window::Period(DateSpan::new(day(&row[2]), day(&row[3]))),
    };
    let traffic = [Traffic::Organic, Traffic::Paid, Traffic::Total, Traffic::Unknown];
    Fact {
        account: text(&row[0]).to_owned(),
        kind,
        subject: text(subject).to_owned(),
        segment: (String::new(), String::new()),
        window,
        traffic: traffic.into_iter().find(|it| it.as_str() == text(&row[5])).expect("a traffic"),
        metric: metric.to_owned(),
        value,
        observed_at: instant(&row[6]),
    }
}

/// What the comparison found.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// Sort of number → how many were compared and agree.
    pub agreeing: BTreeMap<String, usize>,
    /// Sort of number → the first that differs.
    pub differing: BTreeMap<String, String>,
    /// Sorts of which the world has no word.
    pub unknown: BTreeSet<String>,
}

/// Holds every number against the world.
pub(crate) fn compare(world: &World, facts: &[Fact]) -> Comparison {
    let mut comparison = Comparison::default();
    for fact in facts {
        let sort = fact.sort();
        match truth(world, fact) {
            None => {
                comparison.unknown.insert(sort);
            }
            Some(truth) if close(truth, fact.value, &fact.metric) => {
                *comparison.agreeing.entry(sort).or_default() += 1;
            }
            Some(truth) => {
                comparison.differing.entry(sort).or_insert_with(|| format!("{truth} is told as {fact:?}"));
            }
        }
    }
    comparison
}

/// Platforms write fractions with few digits and money in hundredths; everything else is exact.
fn close(truth: f64, told: f64, metric: &str) -> bool {
    let most = match metric {
        "spend" | "revenue" => 0.0051,
        _ if truth.fract() == 0.0 && told.fract() == 0.0 => 0.0,
        _ => 5.1e-5 + truth.abs() * 1e-9,
    };
    (truth - told).abs() <= most
}

/// What the world says; `None` where it has no word for it.
pub(crate) fn truth(world: &World, fact: &Fact) -> Option<f64> {
    if fact.account.starts_with("web/") {
        return web::truth(world, fact);
    }
    if world.people().iter().any(|person| person.id.as_str() == fact.account) {
        return people::truth(world, fact);
    }
    let account = world.accounts().find(|account| account.id.as_str() == fact.account)?;
    let about = About { world, account, fact };
    match fact.kind {
        SubjectKind::Post | SubjectKind::Media => about.post(),
        SubjectKind::Account => about.account(),
        SubjectKind::Campaign => about.campaign(),
        SubjectKind::Topic | SubjectKind::Location => None,
    }
}

/// What the public numbers of Douyin's videos begin at.
pub(crate) const DOUYIN_VIDEOS: u64 = 7_500_000_000_000_000_001;

/// When the post of a fact was published.
pub(crate) fn published_at(world: &World, fact: &Fact) -> Option<Timestamp> {
    let account = world.accounts().find(|account| account.id.as_str() == fact.account)?;
    if let Some(story) = world.find_story(&fact.subject) {
        return Some(story.published_at);
    }
    Some(About { world, account, fact }.the_post()?.published_at)
}

struct About<'a> {
    world: &'a World,
    account: &'a Profile,
    fact: &'a Fact,
}

impl About<'_> {
    fn key(&self) -> AccountKey {
        self.account.key
    }

    fn dimension(&self) -> &str {
        &self.fact.segment.0
    }

    fn part(&self) -> &str {
        &self.fact.segment.1
    }

    fn start_of(&self, day: Date) -> Timestamp {
        self.world.day_bounds(self.key(), day).0
    }

    fn of_traffic(&self, split: &Split) -> Counters {
        match self.fact.traffic {
            Traffic::Organic => split.organic,
            Traffic::Paid => split.paid,
            Traffic::Total | Traffic::Unknown => split.total(),
        }
    }

    /// Until when the numbers of a reading were counted: platforms that tell a sum so far once a day tell that
    /// of the end of a day.
    fn counted_until(&self, at: Timestamp) -> Timestamp {
        let today = self.beijing(at);
        match self.account.network {
            Network::Xiaohongshu => self.start_of(today),
            _ => at,
        }
    }

    fn beijing(&self, at: Timestamp) -> Date {
        let zone = jiff::tz::TimeZone::get("Asia/Shanghai").expect("a zone");
        local_day(at, &zone)
    }

    fn the_post(&self) -> Option<PostFacts> {
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

    fn post(&self) -> Option<f64> {
        if let (Network::Instagram, Some(story)) =
            (self.account.network, self.world.find_story(&self.fact.subject))
        {
            return self.of_story(&story);
        }
        let post = self.the_post()?;
        let until = |at| self.world.counters_at(&post, at).unwrap_or_default();
        let split = match &self.fact.window {
            Window::At(at) => until(self.counted_until(*at)),
            Window::Day(day) => {
                let mut change = until(self.start_of(add_days(*day, 1)));
                change -= until(self.start_of(*day));
                change
            }
            Window::Period(days) => until(self.start_of(days.end)),
        };
        let counters = self.of_traffic(&split);
        if self.dimension().is_empty() {
            return self.of_post(&post, &counters);
        }
        self.part_of_post(&post, &counters)
    }

    fn of_post(&self, post: &PostFacts, c: &Counters) -> Option<f64> {
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

    fn finished(&self, post: &PostFacts) -> f64 {
        0.45 + f64::from(index_of(post.key) % 30) / 100.0
    }

    /// Numbers of paid delivery as Ocean Engine and Juguang name them.
    fn delivered(&self, c: &Counters) -> Option<f64> {
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

    fn part_of_post(&self, post: &PostFacts, c: &Counters) -> Option<f64> {
        let value = match (self.account.network, self.dimension()) {
            (Network::Wechat, "scene") => {
                let scenes = [
                    ("公众号消息", 0.43),
                    ("聊天会话", 0.13),
                    ("朋友圈", 0.1),
                    ("公众号主页", 0.06),
                    ("推荐", 0.26),
                    ("搜一搜", 0.04),
                    ("其他", 0.02),
                ];
                let share = scenes.iter().find(|(scene, _)| *scene == self.part())?.1;
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
            (Network::Xiaohongshu, "gender" | "age" | "province") => return self.readers(),
            _ => return None,
        };
        Some(value as f64)
    }

    fn account(&self) -> Option<f64> {
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

    fn number_of(&self, post: &PostFacts) -> u64 {
        let first = self.world.accounts_of(self.account.network).position(|it| it.key == self.key());
        first.unwrap_or(0) as u64 * 1_000_000 + u64::from(index_of(post.key))
    }

    fn campaign(&self) -> Option<f64> {
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

fn index_of(key: PostKey) -> u32 {
    key.index
}

/// The counter that a metric of the catalogue is.
fn counter(metric: &str) -> Option<Counter> {
    Counter::ALL.into_iter().find(|counter| counter.metric() == metric)
}

fn scaled(counter: Counter, value: i64) -> f64 {
    match counter {
        Counter::WatchMillis => value as f64 / 1000.0,
        Counter::RevenueMicros | Counter::SpendMicros => value as f64 / 1e6,
        _ => value as f64,
    }
}

fn clicks(c: &Counters) -> i64 {
    c[Counter::DetailExpands] + c[Counter::LinkClicks]
}

fn ratio(part: i64, whole: i64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Shares of a whole by weight; the first takes what rounding leaves.
fn shared(whole: i64, weights: &[f64]) -> Vec<i64> {
    let sum: f64 = weights.iter().sum();
    let mut parts: Vec<i64> = weights.iter().map(|weight| (whole as f64 * weight / sum) as i64).collect();
    parts[0] += whole - parts.iter().sum::<i64>();
    parts
}

fn campaign_of(post: &PostFacts) -> i64 {
    let names = ["spring_launch", "summer_ride", "golden_autumn", "year_end"];
    names.iter().position(|name| post.campaign == Some(*name)).map_or(900_001, |place| 900_002 + place as i64)
}

/// The last part of the URN that LinkedIn gives a place or a part.
fn place_of<'v>(dimension: &str, value: &'v str) -> &'v str {
    match (dimension, value) {
        ("country", "DE") => "101282230",
        ("country", "FR") => "105015875",
        ("country", "US") => "103644278",
        ("country", "GB") => "101165590",
        ("country", "NL") => "102890719",
        ("country", "ES") => "105646813",
        ("country", "IT") => "103350119",
        ("city", text) if text.starts_with("Berlin") => "90009712",
        ("city", text) if text.starts_with("Paris") => "90009659",
        ("city", text) if text.starts_with("London") => "90009496",
        ("city", text) if text.starts_with("Hamburg") => "90009726",
        ("city", _) => "90009706",
        _ => value,
    }
}
