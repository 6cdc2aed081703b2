//! The posts of the world: what they are, and what they have got by an instant.

use jiff::{Timestamp, tz::TimeZone};
use kepi_core::{Post, PostRef, Reading, Traffic};
use smol_str::SmolStr;

use super::{
    AccountKey, Counter, Counters, Market, Network, Split, World,
    calendar::liveliness,
    dice::Dice,
    ids,
    words::{CAMPAIGNS, CATEGORIES},
};

const HOUR: i64 = 3600;
const DAY: i64 = 86_400;

/// A post of the world, by its place in it. Posts of an account are numbered in the order of publishing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PostKey {
    /// Its account.
    pub account: AccountKey,
    /// Its number, from 0.
    pub index: u32,
}

/// What form a post has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Words only.
    Text,
    /// A picture.
    Image,
    /// Several pictures.
    Carousel,
    /// A video.
    Video,
    /// A link.
    Link,
    /// A long article.
    Article,
    /// A poll.
    Poll,
    /// An answer to someone.
    Reply,
    /// Someone else's post, passed on.
    Repost,
}

impl Format {
    /// The form as one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Carousel => "carousel",
            Self::Video => "video",
            Self::Link => "link",
            Self::Article => "article",
            Self::Poll => "poll",
            Self::Reply => "reply",
            Self::Repost => "repost",
        }
    }

    /// How far it spreads, how willing people act on it.
    fn pull(self) -> (f64, f64) {
        match self {
            Self::Video => (1.6, 1.05),
            Self::Carousel => (1.15, 1.3),
            Self::Image => (1.0, 1.1),
            Self::Article => (1.0, 1.0),
            Self::Text => (0.8, 1.0),
            Self::Poll => (0.9, 1.4),
            Self::Link => (0.6, 0.55),
            Self::Reply => (0.05, 0.9),
            Self::Repost => (0.0, 0.0),
        }
    }
}

/// Forms of a platform's posts, by weight.
fn formats(network: Network) -> &'static [(Format, f64)] {
    match network {
        Network::X => &[
            (Format::Text, 0.26),
            (Format::Image, 0.28),
            (Format::Video, 0.18),
            (Format::Link, 0.16),
            (Format::Reply, 0.08),
            (Format::Repost, 0.04),
        ],
        Network::Wechat => &[(Format::Article, 1.0)],
        Network::Weibo => &[(Format::Text, 0.25), (Format::Image, 0.5), (Format::Video, 0.25)],
        Network::Douyin => &[(Format::Video, 0.85), (Format::Carousel, 0.15)],
        Network::Xiaohongshu => &[(Format::Carousel, 0.65), (Format::Video, 0.35)],
        Network::Instagram => &[(Format::Image, 0.3), (Format::Carousel, 0.25), (Format::Video, 0.45)],
        Network::Linkedin => &[
            (Format::Text, 0.15),
            (Format::Image, 0.3),
            (Format::Video, 0.2),
            (Format::Link, 0.25),
            (Format::Poll, 0.1),
        ],
    }
}

/// How people of a platform act, per time shown; and how long interest lives.
struct Temper {
    reach: f64,
    like: f64,
    comment: f64,
    share: f64,
    quote: f64,
    save: f64,
    click: f64,
    profile: f64,
    follow: f64,
    half_life_hours: f64,
}

fn temper(network: Network) -> Temper {
    let rates = |r: [f64; 10]| Temper {
        reach: r[0],
        like: r[1],
        comment: r[2],
        share: r[3],
        quote: r[4],
        save: r[5],
        click: r[6],
        profile: r[7],
        follow: r[8],
        half_life_hours: r[9],
    };
    match network {
        Network::X => rates([0.22, 0.012, 0.0012, 0.0019, 0.0003, 0.0012, 0.007, 0.0026, 0.0002, 8.0]),
        Network::Wechat => rates([0.09, 0.006, 0.0012, 0.010, 0.0, 0.003, 0.008, 0.002, 0.0012, 14.0]),
        Network::Weibo => rates([0.25, 0.008, 0.0015, 0.0016, 0.0, 0.0006, 0.003, 0.002, 0.0004, 6.0]),
        Network::Douyin => rates([0.60, 0.032, 0.0026, 0.0021, 0.0, 0.005, 0.002, 0.006, 0.0015, 20.0]),
        Network::Xiaohongshu => rates([0.40, 0.028, 0.0032, 0.0024, 0.0, 0.014, 0.003, 0.007, 0.0018, 60.0]),
        Network::Instagram => rates([0.38, 0.031, 0.0016, 0.0024, 0.0, 0.0042, 0.002, 0.009, 0.0009, 24.0]),
        Network::Linkedin => rates([0.30, 0.019, 0.0014, 0.0011, 0.0, 0.0, 0.018, 0.003, 0.0008, 36.0]),
    }
}

/// What a post is, in numbers; all that its counts are worked out from.
#[derive(Debug, Clone, Copy)]
pub struct PostFacts {
    /// Its place in the world.
    pub key: PostKey,
    /// When it was published.
    pub published_at: Timestamp,
    /// When it is deleted, if ever.
    pub deleted_at: Option<Timestamp>,
    /// Its form.
    pub format: Format,
    /// How long its video is.
    pub video_millis: Option<i64>,
    /// Whether money was put behind it.
    pub promoted: bool,
    /// The campaign it belongs to.
    pub campaign: Option<&'static str>,
    category: usize,
    campaign_index: usize,
    organic: f64,
    paid: f64,
    engagement: f64,
    wave: Option<(f64, f64)>,
    dice: Dice,
}

impl PostFacts {
    /// The category it was put into.
    #[must_use]
    pub fn category(&self) -> &'static str {
        CATEGORIES[self.category].name
    }

    /// Whether it stands at an instant: published, not deleted.
    #[must_use]
    pub fn stands_at(&self, at: Timestamp) -> bool {
        self.published_at <= at && self.deleted_at.is_none_or(|gone| at < gone)
    }

    /// Whether it has a count at all.
    #[must_use]
    pub fn has(&self, counter: Counter) -> bool {
        if counter.of_video() {
            self.format == Format::Video
        } else if counter.of_articles() {
            self.format == Format::Article
        } else {
            true
        }
    }
}

/// What a post says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostWords {
    /// Its headline.
    pub title: String,
    /// Its words, hashtags included.
    pub text: String,
    /// Its hashtags, without the sign.
    pub tags: Vec<&'static str>,
    /// BCP 47.
    pub language: &'static str,
}

mod draw {
    pub(super) const SLOT: u64 = 1;
    pub(super) const CLOCK: u64 = 2;
    pub(super) const FORMAT: u64 = 3;
    pub(super) const CATEGORY: u64 = 4;
    pub(super) const CAMPAIGN: u64 = 5;
    pub(super) const LUCK: u64 = 6;
    pub(super) const PROMOTED: u64 = 7;
    pub(super) const BUDGET: u64 = 8;
    pub(super) const DELETED: u64 = 9;
    pub(super) const LIFE: u64 = 10;
    pub(super) const VIRAL: u64 = 11;
    pub(super) const WAVE: u64 = 12;
    pub(super) const LENGTH: u64 = 13;
    pub(super) const LINE: u64 = 14;
    pub(super) const HOLD: u64 = 15;
    /// Each counter draws at this plus its number.
    pub(super) const COUNTER: u64 = 100;
}

/// Hours of the day at which brands post, by weight.
const POSTING_HOURS: [(i64, f64); 8] =
    [(8, 1.0), (9, 1.4), (11, 1.2), (12, 1.6), (15, 1.0), (18, 1.6), (20, 1.5), (22, 0.7)];

/// How well an hour of the day does.
fn hour_factor(hour: i64) -> f64 {
    match hour {
        7..=9 => 1.05,
        10..=11 => 0.95,
        12..=13 => 1.1,
        14..=17 => 0.9,
        18..=21 => 1.25,
        _ => 0.75,
    }
}

impl World {
    /// The post's facts.
    ///
    /// Its number must be one of the account's posts; any other gives facts of a post that is in no listing.
    #[must_use]
    pub fn post(&self, key: PostKey) -> PostFacts {
        let profile = self.account(key.account);
        let network = profile.network;
        let market = network.market();
        let dice = self.post_dice(key);
        let second = self.published_second(key);
        let progress = self.progress(market, second);
        let forms = formats(network);
        let format = forms[dice.weighted(draw::FORMAT, forms.iter().map(|(_, weight)| *weight))].0;
        let category = dice.below(draw::CATEGORY, CATEGORIES.len());
        let local = second + market.offset_hours() * HOUR;
        let day = TimeZone::UTC.to_datetime(at(local)).date();
        let campaign_index = ((day.month() - 1) / 3) as usize % CAMPAIGNS.len();
        let in_campaign =
            dice.chance(draw::CAMPAIGN, 0.3) && !matches!(format, Format::Reply | Format::Repost);
        let (spread, will) = format.pull();
        // A heavy tail: most posts do little, a few do very well.
        let luck = 0.42 / (1.0 - 0.995 * dice.unit(draw::LUCK)).sqrt();
        let viral = format != Format::Reply && dice.chance(draw::VIRAL, self.config.viral_share);
        let organic = profile.base
            * profile.story.following(progress)
            * 0.34
            * spread
            * CATEGORIES[category].pull
            * liveliness(market, day)
            * hour_factor(local.rem_euclid(DAY) / HOUR)
            * luck
            * if viral { 14.0 } else { 1.0 };
        let promoted = spread > 0.1 && dice.chance(draw::PROMOTED, self.config.promoted_share);
        let budget = profile.base * profile.story.spending(progress) * dice.between(draw::BUDGET, 0.4, 1.6);
        let deleted_at = dice
            .chance(draw::DELETED, self.config.deleted_share)
            .then(|| at(second + (dice.between(draw::LIFE, 2.0, 60.0) * DAY as f64) as i64));
        PostFacts {
            key,
            published_at: at(second),
            deleted_at,
            format,
            video_millis: (format == Format::Video)
                .then(|| (dice.between(draw::LENGTH, 8.0, 95.0) * 1000.0) as i64),
            promoted,
            campaign: in_campaign.then(|| CAMPAIGNS[campaign_index].0),
            category,
            campaign_index,
            organic,
            paid: if promoted { budget } else { 0.0 },
            engagement: will * profile.story.engagement(progress) * dice.between(draw::HOLD, 0.6, 1.4),
            wave: viral.then(|| (dice.between(draw::WAVE, 40.0, 400.0), 0.85)),
            dice,
        }
    }

    /// What the post says.
    #[must_use]
    pub fn words(&self, post: &PostFacts) -> PostWords {
        let market = self.account(post.key.account).network.market();
        let category = &CATEGORIES[post.category];
        let (campaign, chinese_campaign) = CAMPAIGNS[post.campaign_index];
        let (lines, tag, campaign_tag, close) = match market {
            Market::China => (&category.chinese, category.tags[1], chinese_campaign, "#"),
            Market::West => (&category.lines, category.tags[0], campaign, ""),
        };
        let line = lines[post.dice.below(draw::LINE, lines.len())];
        let mut tags = vec![tag];
        let mut text = format!("{line} #{tag}{close}");
        if post.campaign.is_some() {
            tags.push(campaign_tag);
            text.push_str(&format!(" #{campaign_tag}{close}"));
        }
        PostWords { title: line.to_owned(), text, tags, language: market.language() }
    }

    /// The platform's id of a post.
    #[must_use]
    pub fn post_id(&self, key: PostKey) -> SmolStr {
        let profile = self.account(key.account);
        ids::post(profile.network, profile.local, key.index).into()
    }

    /// What a job needs to know of a post.
    #[must_use]
    pub fn post_ref(&self, key: PostKey) -> PostRef {
        PostRef {
            account: self.account(key.account).id.clone(),
            id: self.post_id(key),
            published_at: Some(at(self.published_second(key))),
        }
    }

    /// What the tables may know of a post; `format` is in the world's words, not in a platform's.
    #[must_use]
    pub fn as_post(&self, key: PostKey) -> Post {
        let facts = self.post(key);
        let words = self.words(&facts);
        Post {
            published_at: Some(facts.published_at),
            format: Some(facts.format.as_str().into()),
            title: Some(words.title),
            text: Some(words.text),
            language: Some(words.language.into()),
            tags: words.tags.into_iter().map(str::to_owned).collect(),
            category: Some(facts.category().to_owned()),
            campaign: facts.campaign.map(str::to_owned),
            is_reply: Some(facts.format == Format::Reply),
            deleted_at: facts.deleted_at,
            ..Post::new(self.account(key.account).id.clone(), self.post_id(key))
        }
    }

    /// What a post has got by an instant, in metrics of the catalogue; `None` before it is published. After it
    /// is deleted its counts stand still.
    #[must_use]
    pub fn post_at(&self, key: PostKey, at: Timestamp, traffic: Traffic) -> Option<Vec<Reading>> {
        let facts = self.post(key);
        let split = self.counters_at(&facts, at)?;
        let counters = match traffic {
            Traffic::Organic => split.organic,
            Traffic::Paid => split.paid,
            Traffic::Total | Traffic::Unknown => split.total(),
        };
        let currency = self.account(key.account).network.market().currency();
        Some(counters.readings(|counter| facts.has(counter), currency))
    }

    /// What a post has got by an instant; `None` before it is published.
    #[must_use]
    pub fn counters_at(&self, post: &PostFacts, at: Timestamp) -> Option<Split> {
        if at < post.published_at {
            return None;
        }
        let network = self.account(post.key.account).network;
        let at = post.deleted_at.map_or(at, |gone| gone.min(at));
        let market = network.market();
        let age = self.lived(market, at.as_second()) - self.lived(market, post.published_at.as_second());
        let grown = Grown::at(age, temper(network).half_life_hours, post.wave);
        let organic = counts(post, network, post.organic, 1.0, grown);
        let mut paid = Counters::default();
        if post.paid > 0.0 {
            paid = counts(post, network, post.paid, 0.6, grown);
            paid[Counter::SpendMicros] = cost(post, paid[Counter::Impressions]);
        }
        Some(Split { organic, paid })
    }

    /// What all posts of an account got between two instants.
    #[must_use]
    pub fn content_between(&self, account: AccountKey, start: Timestamp, end: Timestamp) -> Split {
        let mut sum = Split::default();
        for index in 0..self.published_by(account, end) as u32 {
            let post = self.post(PostKey { account, index });
            if post.deleted_at.is_some_and(|gone| gone <= start) {
                continue;
            }
            if let Some(after) = self.counters_at(&post, end) {
                sum += after;
            }
            if let Some(before) = self.counters_at(&post, start) {
                sum -= before;
            }
        }
        sum
    }

    /// How many posts an account has published before an instant; the newest has this number less one.
    #[must_use]
    pub fn published_by(&self, account: AccountKey, at: Timestamp) -> i64 {
        let (mut low, mut high) = (0, self.config.posts_per_account);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.published_second(PostKey { account, index: middle }) < at.as_second() {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        i64::from(low)
    }

    /// How many posts of an account stand at an instant.
    #[must_use]
    pub fn posts_standing(&self, account: AccountKey, at: Timestamp) -> i64 {
        let published = self.published_by(account, at);
        let gone = (0..published as u32)
            .filter(|index| !self.post(PostKey { account, index: *index }).stands_at(at))
            .count();
        published - gone as i64
    }

    fn post_dice(&self, key: PostKey) -> Dice {
        self.account(key.account).dice.of(0x9057).of(u64::from(key.index))
    }

    /// Each post has a slot of the world's time to itself, so that their order is that of their numbers.
    fn published_second(&self, key: PostKey) -> i64 {
        let config = &self.config;
        let count = i64::from(config.posts_per_account.max(1));
        let span = config.end.as_second() - config.start.as_second();
        let begin = config.start.as_second() + span * i64::from(key.index) / count;
        let end = config.start.as_second() + span * i64::from(key.index + 1) / count;
        let dice = self.post_dice(key);
        if end - begin < 2 * DAY {
            return begin + ((end - begin) as f64 * 0.999 * dice.unit(draw::SLOT)) as i64;
        }
        // A whole local day within the slot, and an hour at which brands post.
        let offset = self.account(key.account).network.market().offset_hours() * HOUR;
        let first = (begin + offset + DAY - 1).div_euclid(DAY);
        let days = (end + offset).div_euclid(DAY) - first;
        let day = first + dice.below(draw::SLOT, days.max(1) as usize) as i64;
        let hour = POSTING_HOURS[dice.weighted(draw::CLOCK, POSTING_HOURS.iter().map(|(_, w)| *w))].0;
        day * DAY + hour * HOUR + dice.below(draw::CLOCK + 1000, HOUR as usize) as i64 - offset
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(Timestamp::MAX)
}

/// How much of what a post will ever get it has got.
#[derive(Clone, Copy)]
struct Grown {
    /// Of what only grows.
    seen: f64,
    /// Of what people take back later.
    kept: f64,
}

impl Grown {
    fn at(age: f64, half_life: f64, wave: Option<(f64, f64)>) -> Self {
        let curve = |age: f64| if age <= 0.0 { 0.0 } else { age / (age + half_life) };
        let seen = match wave {
            Some((delay, share)) => (1.0 - share) * curve(age) + share * curve(age - delay),
            None => curve(age),
        };
        // Slowly some people take their likes back: after some weeks more do than new ones come.
        let kept = seen * (1.0 - 0.08 * age.max(0.0) / (age.max(0.0) + 600.0));
        Self { seen, kept }
    }
}

fn counts(post: &PostFacts, network: Network, shown: f64, zeal: f64, grown: Grown) -> Counters {
    use Counter as C;
    let temper = temper(network);
    let will = post.engagement * zeal;
    let mut counters = Counters::default();
    let mut gross = 0;
    let mut set = |counter: Counter, rate: f64| {
        let own = post.dice.between(draw::COUNTER + counter as u64, 0.7, 1.3);
        let most = shown * rate * own;
        let share = if counter.revocable() { grown.kept } else { grown.seen };
        counters[counter] = (most * share) as i64;
        (most * grown.seen) as i64
    };
    for (counter, rate) in [
        (C::Likes, temper.like),
        (C::Comments, temper.comment),
        (C::Shares, temper.share),
        (C::Quotes, temper.quote),
        (C::Saves, temper.save),
        (C::LinkClicks, temper.click * if post.format == Format::Link { 2.4 } else { 1.0 }),
        (C::ProfileClicks, temper.profile),
        (C::HashtagClicks, temper.click * 0.05),
        (C::DetailExpands, temper.click * 1.8),
        (C::FollowsGained, temper.follow),
        (C::Zaikan, temper.like * 0.4),
    ] {
        gross += set(counter, rate * will);
    }
    set(C::Impressions, 1.0 / 1.3);
    counters[C::Engagements] = gross;
    finish(post, network, &temper, &mut counters);
    counters
}

/// What follows from the first counts: each a fixed share of another, so that parts never pass the whole.
fn finish(post: &PostFacts, network: Network, temper: &Temper, counters: &mut Counters) {
    use Counter as C;
    let share = |of: i64, low: f64, counter: Counter| {
        let rate = post.dice.between(draw::COUNTER + counter as u64, low, (low * 1.3).min(1.0));
        (of as f64 * rate) as i64
    };
    let impressions = counters[C::Impressions];
    counters[C::Reach] = share(impressions, temper.reach.max(0.5), C::Reach);
    counters[C::ShareUsers] = share(counters[C::Shares].max(0), 0.76, C::ShareUsers);
    counters[C::Views] = impressions;
    if post.format == Format::Article {
        counters[C::Reads] = share(impressions, 0.6, C::Reads);
        counters[C::Readers] = share(counters[C::Reads], 0.7, C::Readers);
    }
    if let Some(millis) = post.video_millis {
        let starts = if network == Network::Douyin { 0.77 } else { 0.5 };
        counters[C::Plays] = share(impressions, starts, C::Plays);
        let chain = [
            (C::PlaysStart, 0.70),
            (C::Plays3s, 0.68),
            (C::Plays5s, 0.66),
            (C::Plays25, 0.62),
            (C::Plays50, 0.6),
            (C::Plays75, 0.6),
            (C::Completions, 0.6),
        ];
        let mut left = counters[C::Plays];
        for (counter, low) in chain {
            left = share(left, low, counter);
            counters[counter] = left;
        }
        let watched = post.dice.between(draw::COUNTER + C::WatchMillis as u64, 0.2, 0.55);
        counters[C::WatchMillis] = counters[C::Plays] * (millis as f64 * watched) as i64;
        if matches!(network, Network::Douyin | Network::Xiaohongshu) {
            counters[C::Views] = counters[C::Plays];
        }
    }
    counters[C::Orders] = share(counters[C::LinkClicks], 0.018, C::Orders);
    counters[C::Leads] = share(counters[C::LinkClicks], 0.03, C::Leads);
    let basket = post.dice.between(draw::COUNTER + C::RevenueMicros as u64, 38.0, 120.0);
    counters[C::RevenueMicros] = counters[C::Orders] * (basket * 100.0) as i64 * 10_000;
}

/// What showing a post so often costs, in millionths.
fn cost(post: &PostFacts, impressions: i64) -> i64 {
    let per_thousand = post.dice.between(draw::COUNTER + Counter::SpendMicros as u64, 4.0, 11.0);
    (impressions as f64 * per_thousand * 1000.0) as i64
}
