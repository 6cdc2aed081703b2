//! The posts of the world: what they are, and what they have got by an instant.

use jiff::{Timestamp, tz::TimeZone};
use kepi_core::{Post, PostRef, Reading, Traffic};
use smol_str::SmolStr;

use super::{
    AccountKey, Counter, Counters, Market, Network, Split, World,
    calendar::liveliness,
    dice::Dice,
    growth::{Grown, cost, counts, temper},
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
    pub(super) engagement: f64,
    /// Whether chance makes little of it.
    pub(super) calm: bool,
    wave: Option<(f64, f64)>,
    pub(super) dice: Dice,
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

pub(super) mod draw {
    pub(in crate::world) const SLOT: u64 = 1;
    pub(in crate::world) const CLOCK: u64 = 2;
    pub(in crate::world) const FORMAT: u64 = 3;
    pub(in crate::world) const CATEGORY: u64 = 4;
    pub(in crate::world) const CAMPAIGN: u64 = 5;
    pub(in crate::world) const LUCK: u64 = 6;
    pub(in crate::world) const PROMOTED: u64 = 7;
    pub(in crate::world) const BUDGET: u64 = 8;
    pub(in crate::world) const DELETED: u64 = 9;
    pub(in crate::world) const LIFE: u64 = 10;
    pub(in crate::world) const VIRAL: u64 = 11;
    pub(in crate::world) const WAVE: u64 = 12;
    pub(in crate::world) const LENGTH: u64 = 13;
    pub(in crate::world) const LINE: u64 = 14;
    pub(in crate::world) const HOLD: u64 = 15;
    /// Each counter draws at this plus its number.
    pub(in crate::world) const COUNTER: u64 = 100;
}

/// A factor round 1 that strays by so much, in a calm world by a tenth at most.
pub(super) fn chance(dice: Dice, draw: u64, (strays, calm): (f64, bool)) -> f64 {
    let strays = if calm { 0.1 } else { strays };
    dice.between(draw, 1.0 - strays, 1.0 + strays)
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
        let forms = formats(network);
        let format = forms[dice.weighted(draw::FORMAT, forms.iter().map(|(_, weight)| *weight))].0;
        let category = dice.below(draw::CATEGORY, CATEGORIES.len());
        let local = second + market.offset_hours() * HOUR;
        let day = TimeZone::UTC.to_datetime(at(local)).date();
        let campaign_index = ((day.month() - 1) / 3) as usize % CAMPAIGNS.len();
        let in_campaign =
            dice.chance(draw::CAMPAIGN, 0.3) && !matches!(format, Format::Reply | Format::Repost);
        let calm = self.is_calm();
        let (spread, will) = format.pull();
        let will = if calm { 1.0 } else { will };
        // A heavy tail: most posts do little, a few do very well.
        let luck = if calm { 0.6 } else { 0.42 / (1.0 - 0.995 * dice.unit(draw::LUCK)).sqrt() };
        let viral = !calm && format != Format::Reply && dice.chance(draw::VIRAL, self.config.viral_share);
        let organic = profile.base
            * self.following(profile, second)
            * 0.34
            * spread
            * CATEGORIES[category].pull
            * liveliness(market, day)
            * hour_factor(local.rem_euclid(DAY) / HOUR)
            * luck
            * if viral { 14.0 } else { 1.0 };
        let promoted = spread > 0.1 && dice.chance(draw::PROMOTED, self.config.promoted_share);
        let budget = profile.base * self.spending(profile, second) * dice.between(draw::BUDGET, 0.4, 1.6);
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
            engagement: will
                * self.willingness(profile, second, format)
                * chance(dice, draw::HOLD, (0.4, calm)),
            calm,
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
            // Who did not choose to see a post acts less on it.
            let zeal = if post.calm { 1.0 } else { 0.6 };
            paid = counts(post, network, post.paid, zeal, grown);
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
