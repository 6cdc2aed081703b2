//! How the counts of a post grow: fast at first, ever slower, and what people take back.

use super::{
    Counter, Counters, Format, Network, PostFacts,
    post::{chance, draw},
};

/// How people of a platform act, per time shown; and how long interest lives.
pub(super) struct Temper {
    reach: f64,
    like: f64,
    comment: f64,
    share: f64,
    quote: f64,
    save: f64,
    click: f64,
    profile: f64,
    follow: f64,
    pub(super) half_life_hours: f64,
}

pub(super) fn temper(network: Network) -> Temper {
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

/// How much of what a post will ever get it has got.
#[derive(Clone, Copy)]
pub(super) struct Grown {
    /// Of what only grows.
    seen: f64,
    /// Of what people take back later.
    kept: f64,
}

impl Grown {
    pub(super) fn at(age: f64, half_life: f64, wave: Option<(f64, f64)>) -> Self {
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

pub(super) fn counts(post: &PostFacts, network: Network, shown: f64, zeal: f64, grown: Grown) -> Counters {
    use Counter as C;
    let temper = temper(network);
    let will = post.engagement * zeal;
    let mut counters = Counters::default();
    let mut gross = 0;
    let mut set = |counter: Counter, rate: f64| {
        let own = chance(post.dice, draw::COUNTER + counter as u64, (0.3, post.calm));
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
pub(super) fn cost(post: &PostFacts, impressions: i64) -> i64 {
    let per_thousand = post.dice.between(draw::COUNTER + Counter::SpendMicros as u64, 4.0, 11.0);
    (impressions as f64 * per_thousand * 1000.0) as i64
}
