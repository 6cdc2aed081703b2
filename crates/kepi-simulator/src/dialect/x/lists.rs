//! Lists of posts: timelines, mentions, look-ups by id.

use jiff::Timestamp;
use kepi_core::period::add_days;

use super::{
    Caller,
    post::{self, Wanted},
    price,
    problem::{Partial, Problem, hundred, instant, number, write_partial},
    terms::Terms,
};
use crate::{
    Format, Network, PostFacts, PostKey, Profile,
    call::{Answer, Call},
    dialect::{Cut, Place, cut},
    json::Object,
};

const TOKEN: &str = "7140dibdnow9c7btw4";
/// The newest posts that a timeline reaches, and how many without replies.
const DEPTH: u32 = 3200;
const DEPTH_WITHOUT_REPLIES: u32 = 800;
const MENTIONS: usize = 800;

/// `/2/users/{id}/tweets`
pub(super) fn timeline(call: &Call<'_>, terms: &Terms, caller: Caller, id: &str) -> Result<Answer, Problem> {
    let size = number(call, "max_results", 5, 100, 10)? as usize;
    let bounds = Bounds::of(call)?;
    let exclude = call.list("exclude");
    if let Some(word) = exclude.iter().find(|word| !["replies", "retweets"].contains(word)) {
        let message =
            format!("The `exclude` query parameter value [{word}] is not one of [replies, retweets]");
        return Err(Problem::invalid("exclude", word, message));
    }
    let Some(profile) = call.world.find_platform_id(Network::X, id) else { return Ok(no_user(call, id)) };
    let here = place(call, call.world.published_by(profile.key, call.now))?;
    let wanted = Wanted::of(call, terms);
    let depth = if exclude.contains(&"replies") { DEPTH_WITHOUT_REPLIES } else { DEPTH };
    let newest = u32::try_from(here.anchor).unwrap_or(0);
    let left = (here.offset..depth.min(newest)).filter_map(|distance| {
        let key = PostKey { account: profile.key, index: newest - 1 - distance };
        let facts = call.world.post(key);
        let hidden = match facts.format {
            Format::Reply => exclude.contains(&"replies"),
            Format::Repost => exclude.contains(&"retweets"),
            _ => false,
        };
        (!hidden && facts.stands_at(call.now) && bounds.hold(&facts)).then_some((distance, facts))
    });
    let Cut { items, next } = cut(call, here, size, left);
    // A timeline leaves out posts whose private numbers are asked for and gone, but says so.
    let (shown, left_out): (Vec<_>, Vec<_>) =
        items.into_iter().partition(|facts| !(wanted.private() && post::too_old(call, facts)));
    let mut problems = Vec::new();
    for facts in &left_out {
        wanted.refuse(&call.world.post_id(facts.key), "id", &mut problems);
    }
    let body = call.json().object(|root| {
        write_posts(root, call, &wanted, caller, &shown, "id", problems);
        root.object("meta", |meta| {
            meta.int("result_count", shown.len() as i64);
            if let (Some(newest), Some(oldest)) = (shown.first(), shown.last()) {
                meta.text("newest_id", &call.world.post_id(newest.key));
                meta.text("oldest_id", &call.world.post_id(oldest.key));
            }
            if let Some(next) = next {
                meta.text("next_token", &next.write(TOKEN));
            }
        });
    });
    bill(call, &shown);
    Ok(Answer::json(200, body))
}

/// `/2/tweets?ids=`
pub(super) fn lookup(call: &Call<'_>, terms: &Terms, caller: Caller) -> Result<Answer, Problem> {
    let ids = hundred(call, "ids")?;
    let wanted = Wanted::of(call, terms);
    let mut problems = Vec::new();
    let mut found = Vec::new();
    for id in ids {
        match standing(call, id) {
            Some(facts) => found.push(facts),
            None => problems.push(Partial::NotFound("tweet", "ids", id.to_owned())),
        }
    }
    let body = call.json().object(|root| write_posts(root, call, &wanted, caller, &found, "ids", problems));
    bill(call, &found);
    Ok(Answer::json(200, body))
}

/// `/2/tweets/{id}`
pub(super) fn one(call: &Call<'_>, terms: &Terms, caller: Caller, id: &str) -> Result<Answer, Problem> {
    let wanted = Wanted::of(call, terms);
    let Some(facts) = standing(call, id) else {
        let body = call.json().object(|root| {
            write_partial(root, &[Partial::NotFound("tweet", "id", id.to_owned())]);
        });
        return Ok(Answer::json(200, body));
    };
    let private = post::may_see(call, caller, &facts);
    let mut problems = Vec::new();
    if !private {
        wanted.refuse(id, "id", &mut problems);
    }
    let body = call.json().object(|root| {
        root.object("data", |o| post::write(o, call, &wanted, &facts, private));
        write_partial(root, &problems);
    });
    bill(call, &[facts]);
    Ok(Answer::json(200, body))
}

/// `/2/media?media_keys=`
pub(super) fn media(call: &Call<'_>, terms: &Terms, caller: Caller) -> Result<Answer, Problem> {
    let keys = hundred(call, "media_keys")?;
    let wanted = Wanted::of(call, terms);
    let mut problems = Vec::new();
    let mut found = Vec::new();
    for key in keys {
        let facts = key.split_once('_').and_then(|(_, id)| standing(call, id));
        match facts.filter(|facts| post::media_key(call, facts).as_deref() == Some(key)) {
            Some(facts) => found.push(facts),
            None => problems.push(Partial::NotFound("media", "media_keys", key.to_owned())),
        }
    }
    let body = call.json().object(|root| {
        root.array("data", |list| {
            for facts in &found {
                post::write_media(list, call, &wanted, facts, post::may_see(call, caller, facts));
            }
        });
        write_partial(root, &problems);
    });
    Ok(Answer::json(200, body))
}

/// `/2/users/{id}/mentions`
pub(super) fn mentions(call: &Call<'_>, terms: &Terms, id: &str) -> Result<Answer, Problem> {
    let size = number(call, "max_results", 5, 100, 10)? as usize;
    let (start, end) = (instant(call, "start_time")?, instant(call, "end_time")?);
    let Some(profile) = call.world.find_platform_id(Network::X, id) else { return Ok(no_user(call, id)) };
    let here = place(call, call.now.as_second())?;
    let until = Timestamp::from_second(here.anchor).unwrap_or(call.now);
    let newest = newest_mentions(call, profile, until);
    let left = (0..).zip(&newest).skip(here.offset as usize).filter(|(_, mention)| {
        start.is_none_or(|start| mention.at >= start) && end.is_none_or(|end| mention.at < end)
    });
    let Cut { items, next } = cut(call, here, size, left);
    let body = call.json().object(|root| {
        if !items.is_empty() {
            root.array("data", |list| {
                for mention in &items {
                    list.object(|o| mention.write(o, call, terms, profile));
                }
            });
        }
        root.object("meta", |meta| {
            meta.int("result_count", items.len() as i64);
            if let (Some(newest), Some(oldest)) = (items.first(), items.last()) {
                meta.text("newest_id", &newest.id);
                meta.text("oldest_id", &oldest.id);
            }
            if let Some(next) = next {
                meta.text("next_token", &next.write(TOKEN));
            }
        });
    });
    call.desk.ledger.bill(items.len() as u64, price::POST, call.clock);
    Ok(Answer::json(200, body))
}

/// A post by someone that names an account.
struct Mention {
    id: String,
    at: Timestamp,
}

impl Mention {
    fn write(&self, o: &mut Object<'_>, call: &Call<'_>, terms: &Terms, profile: &Profile) {
        o.text("id", &self.id);
        o.text("text", &format!("Riding home with @{}", profile.handle));
        o.texts(terms.edits, [&self.id]);
        if terms.asks(call, "created_at") {
            o.text("created_at", &post::stamp(self.at));
        }
        if terms.asks(call, "author_id") {
            o.text("author_id", "1600000000000000001");
        }
        if terms.asks(call, "public_metrics") {
            o.object("public_metrics", |m| {
                m.int(terms.reposts, 0);
                m.int("reply_count", 1);
                m.int("like_count", 3);
                m.int("quote_count", 0);
                m.int("bookmark_count", 0);
                m.int("impression_count", 140);
            });
        }
    }
}

fn newest_mentions(call: &Call<'_>, profile: &Profile, until: Timestamp) -> Vec<Mention> {
    let mut mentions = Vec::new();
    let mut day = call.world.day_of(profile.key, until);
    let mut quiet = 0;
    while mentions.len() < MENTIONS && quiet < 60 {
        let times = call.world.mention_times(profile.key, day);
        quiet = if times.is_empty() { quiet + 1 } else { 0 };
        let room = MENTIONS - mentions.len();
        for (number, at) in times.iter().enumerate().rev().filter(|(_, at)| **at < until).take(room) {
            let id = 1_950_000_000_000_000_000
                + u64::from(profile.key.0) * 10_000_000_000_000
                + at.as_second().unsigned_abs() * 1000
                + number as u64 % 1000;
            mentions.push(Mention { id: id.to_string(), at: *at });
        }
        day = add_days(day, -1);
    }
    mentions
}

/// Which posts are asked for: by ids where they are given, otherwise by time.
struct Bounds {
    since: Option<PostKey>,
    until: Option<PostKey>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

impl Bounds {
    fn of(call: &Call<'_>) -> Result<Self, Problem> {
        let post = |key| call.param(key).and_then(|id| call.world.find_post(Network::X, id));
        let (since, until) = (post("since_id"), post("until_id"));
        let by_id = since.is_some() || until.is_some();
        let (start, end) = (instant(call, "start_time")?, instant(call, "end_time")?);
        let times = if by_id { (None, None) } else { (start, end) };
        Ok(Self { since, until, start: times.0, end: times.1 })
    }

    fn hold(&self, post: &PostFacts) -> bool {
        self.since.is_none_or(|since| post.key > since)
            && self.until.is_none_or(|until| post.key < until)
            && self.start.is_none_or(|start| post.published_at >= start)
            && self.end.is_none_or(|end| post.published_at < end)
    }
}

/// Where the list goes on, by the caller's token; its beginning, anchored, without one.
fn place(call: &Call<'_>, anchor: i64) -> Result<Place, Problem> {
    let Some(token) = call.param("pagination_token") else {
        return Ok(Place { anchor, offset: 0, again: 0 });
    };
    Place::read(TOKEN, token).ok_or_else(|| {
        let message = format!("The `pagination_token` query parameter value [{token}] is not valid");
        Problem::invalid("pagination_token", token, message)
    })
}

/// A post that stands now, by its id.
fn standing(call: &Call<'_>, id: &str) -> Option<PostFacts> {
    let facts = call.world.post(call.world.find_post(Network::X, id)?);
    facts.stands_at(call.now).then_some(facts)
}

fn no_user(call: &Call<'_>, id: &str) -> Answer {
    let missing = [Partial::NotFound("user", "id", id.to_owned())];
    Answer::json(200, call.json().object(|root| write_partial(root, &missing)))
}

fn bill(call: &Call<'_>, posts: &[PostFacts]) {
    call.desk.ledger.bill_posts(posts.iter().map(|post| post.key), price::POST, call.clock);
}

/// Writes `data`, `includes` and `errors`.
fn write_posts(
    root: &mut Object<'_>,
    call: &Call<'_>,
    wanted: &Wanted<'_>,
    caller: Caller,
    posts: &[PostFacts],
    parameter: &'static str,
    mut problems: Vec<Partial>,
) {
    let visible: Vec<bool> = posts.iter().map(|facts| post::may_see(call, caller, facts)).collect();
    if !posts.is_empty() {
        root.array("data", |list| {
            for (facts, private) in posts.iter().zip(&visible) {
                list.object(|o| post::write(o, call, wanted, facts, *private));
            }
        });
    }
    if wanted.private() {
        for (facts, _) in posts.iter().zip(&visible).filter(|(_, private)| !**private) {
            wanted.refuse(&call.world.post_id(facts.key), parameter, &mut problems);
        }
    }
    let refers = |facts: &PostFacts| matches!(facts.format, Format::Reply | Format::Repost);
    let media = wanted.media && posts.iter().any(|facts| post::media_key(call, facts).is_some());
    let referenced = wanted.referenced && posts.iter().any(refers);
    if media || referenced {
        root.object("includes", |includes| {
            if media {
                includes.array("media", |list| {
                    for (facts, private) in posts.iter().zip(&visible) {
                        post::write_media(list, call, wanted, facts, *private);
                    }
                });
            }
            if referenced {
                includes.array(wanted.includes(), |list| {
                    post::write_referenced(list, call, wanted, posts, &mut problems);
                });
            }
        });
    }
    write_partial(root, &problems);
}
