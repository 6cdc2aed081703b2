//! Weibo: the basic API shows the present only; the commercial one, by contract, days too.

mod access;
mod commercial;
mod posts;

use jiff::{Timestamp, tz::Offset};

use super::Dialect;
use crate::{
    Network, Profile,
    call::{Answer, Call},
    fault::Refusal,
    json::Object,
    ledger::Limit,
};

const BEIJING: i64 = 8 * 3600;
/// Calls a day of a user.
const USER: Limit = Limit { pool: "user", calls: 100, window: 86_400, shift: BEIJING };
/// Calls an hour of an address.
const ADDRESS: Limit = Limit { pool: "address", calls: 15_000, window: 3600, shift: 0 };
/// Calls an hour of an address to the commercial API.
const COMMERCIAL: Limit = Limit { pool: "commercial", calls: 50_000, window: 3600, shift: 0 };

pub(crate) struct Weibo;

/// What goes wrong: HTTP status, code, words.
type Fault = (u16, i64, &'static str);

const UNKNOWN_USER: Fault = (400, 20003, "User does not exists!");
const NO_SUCH_POST: Fault = (400, 20101, "target weibo does not exist!");
const NOT_YOURS: Fault = (403, 21335, "uid parameter error!the uid must be the authorized user's uid");
const TOO_MANY_IDS: Fault = (400, 20009, "too many ids!");
const BAD_PARAMETER: Fault = (400, 10017, "parameter value is not legal");
const USER_SPENT: Fault = (403, 10023, "User requests out of rate limit!");

impl Dialect for Weibo {
    fn name(&self) -> &'static str {
        Network::Weibo.name()
    }

    fn token_prefixes(&self) -> [&'static str; 3] {
        ["2.00sim"; 3]
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        if let Some(answer) = access::answer(call) {
            return answer;
        }
        respond(call).map_or_else(|fault| refused(call, fault), |body| Answer::json(200, body))
    }

    fn refuse(&self, call: &Call<'_>, refusal: Refusal) -> Answer {
        let fault = match refusal {
            Refusal::RateLimit => (403, 10022, "IP requests out of rate limit!"),
            Refusal::QuotaExhausted | Refusal::CreditsDepleted => USER_SPENT,
            Refusal::TokenExpired => (401, 21327, "expired_token"),
            Refusal::Forbidden => (403, 10014, "Insufficient app permissions!"),
            Refusal::Trouble(status) => (status, 10001, "System error!"),
        };
        refused(call, fault)
    }
}

fn refused(call: &Call<'_>, (status, code, words): Fault) -> Answer {
    let body = call.json().object(|root| {
        root.text("error", words);
        root.int("error_code", code);
        root.text("request", &call.path);
    });
    Answer::json(status, body)
}

fn respond(call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let own = access::owner(call)?;
    let path = call.path.strip_prefix("/2/").and_then(|path| path.strip_suffix(".json"));
    let path = path.ok_or((404, 10020, "Request api not found!"))?;
    if call.method != "GET" {
        return Err((405, 10021, "HTTP METHOD is not suported for this request!"));
    }
    if path == "account/rate_limit_status" {
        return Ok(rate_limit_status(call, own));
    }
    if commercial::is(path) {
        take(call, COMMERCIAL, 0, (403, 10022, "IP requests out of rate limit!"))?;
        return commercial::respond(call, own, path);
    }
    take(call, ADDRESS, 0, (403, 10022, "IP requests out of rate limit!"))?;
    take(call, USER, u64::from(own.key.0), USER_SPENT)?;
    match path {
        "users/show" => show(call),
        "users/counts" => counts(call),
        "statuses/user_timeline" => posts::timeline(call, own, false),
        "statuses/user_timeline/ids" => posts::timeline(call, own, true),
        "statuses/show" => posts::show(call, own),
        "statuses/count" => posts::counts(call),
        "statuses/mentions" => posts::mentions(call, own),
        "comments/show" => posts::comments(call, own),
        _ => Err((404, 10020, "Request api not found!")),
    }
}

fn take(call: &Call<'_>, limit: Limit, who: u64, fault: Fault) -> Result<(), Fault> {
    let standing = call.desk.ledger.take(limit, who, call.clock);
    if standing.exceeded && call.desk.config.enforce_limits {
        call.desk.ledger.count_throttled();
        return Err(fault);
    }
    Ok(())
}

fn rate_limit_status(call: &Call<'_>, own: &Profile) -> Vec<u8> {
    let used = call.desk.ledger.used(USER, u64::from(own.key.0), call.clock);
    let of_address = call.desk.ledger.used(ADDRESS, 0, call.clock);
    let (today, hour) = call.beijing();
    let seconds = ((24.0 - hour) * 3600.0) as i64;
    call.json().object(|root| {
        root.int("ip_limit", i64::from(ADDRESS.calls));
        root.text("limit_time_unit", "DAYS");
        root.int("remaining_ip_hits", i64::from(ADDRESS.calls.saturating_sub(of_address)));
        root.int("remaining_user_hits", i64::from(USER.calls.saturating_sub(used)));
        root.shown("reset_time", format_args!("{} 00:00:00", kepi_core::period::add_days(today, 1)));
        root.int("reset_time_in_seconds", seconds);
        root.int("user_limit", i64::from(USER.calls));
    })
}

/// An instant as Weibo writes it.
fn stamp(at: Timestamp) -> String {
    Offset::constant(8).to_datetime(at).strftime("%a %b %d %H:%M:%S +0800 %Y").to_string()
}

fn find<'w>(call: &Call<'w>) -> Result<&'w Profile, Fault> {
    if let Some(uid) = call.param("uid") {
        return call.world.find_platform_id(Network::Weibo, uid).ok_or(UNKNOWN_USER);
    }
    let name = call.param("screen_name").ok_or((400, 10016, "miss required parameter (uid)"))?;
    call.world.accounts_of(Network::Weibo).find(|profile| profile.name == name).ok_or(UNKNOWN_USER)
}

fn show(call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let profile = find(call)?;
    let newest = posts::standing(call, profile).next();
    Ok(call.json().object(|root| {
        write_user(root, profile);
        root.text("province", "31");
        root.text("city", "1000");
        root.text("location", "上海");
        root.text("description", "官方微博");
        root.text("url", "https://brand.example");
        root.text("gender", "m");
        root.int("followers_count", call.level(call.world.followers_at(profile.key, call.now)));
        root.int("friends_count", call.world.following_at(profile.key, call.now));
        root.int("statuses_count", call.level(call.world.posts_standing(profile.key, call.now)));
        root.int("favourites_count", 3);
        root.text("created_at", &stamp(profile.created_at));
        root.flag("verified", true);
        root.int("verified_type", 2);
        root.text("verified_reason", &format!("{}官方微博", profile.name));
        root.int("bi_followers_count", 87);
        root.text("lang", "zh-cn");
        if let Some(post) = newest {
            root.object("status", |o| posts::write(o, call, &post, None));
        }
    }))
}

fn write_user(o: &mut Object<'_>, profile: &Profile) {
    o.bare("id", &profile.platform_id);
    o.text("idstr", &profile.platform_id);
    o.text("screen_name", &profile.name);
    o.text("name", &profile.name);
    o.text("domain", &profile.handle);
}

/// The numbers come as texts.
fn counts(call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let uids = call.list("uids");
    if uids.is_empty() || uids.len() > 100 {
        return Err(if uids.is_empty() { (400, 20002, "uids is null") } else { TOO_MANY_IDS });
    }
    Ok(call.json().array(|list| {
        for profile in uids.iter().filter_map(|uid| call.world.find_platform_id(Network::Weibo, uid)) {
            list.object(|o| {
                o.text("id", &profile.platform_id);
                o.shown("followers_count", call.level(call.world.followers_at(profile.key, call.now)));
                o.shown("friends_count", call.world.following_at(profile.key, call.now));
                o.shown("statuses_count", call.level(call.world.posts_standing(profile.key, call.now)));
            });
        }
    }))
}
