//! Users of X: the snapshot of an account.

use super::{
    Caller, price,
    problem::{Partial, Problem, fatal, hundred, write_partial},
    terms::Terms,
};
use crate::{
    Network, Profile,
    call::{Answer, Call},
    json::Object,
};

pub(super) fn by_ids(call: &Call<'_>, terms: &Terms) -> Result<Answer, Problem> {
    let ids = hundred(call, "ids")?;
    Ok(several(call, terms, "ids", &ids, |id| call.world.find_platform_id(Network::X, id)))
}

pub(super) fn by_names(call: &Call<'_>, terms: &Terms) -> Result<Answer, Problem> {
    let names = hundred(call, "usernames")?;
    Ok(several(call, terms, "usernames", &names, |name| call.world.find_handle(Network::X, name)))
}

pub(super) fn one(
    call: &Call<'_>,
    terms: &Terms,
    parameter: &'static str,
    value: &str,
) -> Result<Answer, Problem> {
    let found = match parameter {
        "id" => call.world.find_platform_id(Network::X, value),
        _ => call.world.find_handle(Network::X, value),
    };
    let body = call.json().object(|root| match found {
        Some(profile) => root.object("data", |o| write(o, call, terms, profile)),
        None => write_partial(root, &[Partial::NotFound("user", parameter, value.to_owned())]),
    });
    call.desk.ledger.bill(found.iter().count() as u64, price::USER, call.clock);
    Ok(Answer::json(200, body))
}

pub(super) fn me(call: &Call<'_>, terms: &Terms, caller: Caller) -> Result<Answer, Problem> {
    let Some(account) = caller.account() else { return Ok(fatal(call, 403, &Problem::wrong_token())) };
    let profile = call.world.account(account);
    call.desk.ledger.bill(1, price::USER, call.clock);
    Ok(Answer::json(200, call.json().object(|root| root.object("data", |o| write(o, call, terms, profile)))))
}

fn several<'w>(
    call: &Call<'_>,
    terms: &Terms,
    parameter: &'static str,
    values: &[&str],
    find: impl Fn(&str) -> Option<&'w Profile>,
) -> Answer {
    let mut missing = Vec::new();
    let mut found = Vec::new();
    for value in values {
        match find(value) {
            Some(profile) => found.push(profile),
            None => missing.push(Partial::NotFound("user", parameter, (*value).to_owned())),
        }
    }
    let body = call.json().object(|root| {
        if !found.is_empty() {
            root.array("data", |list| {
                for profile in &found {
                    list.object(|o| write(o, call, terms, profile));
                }
            });
        }
        write_partial(root, &missing);
    });
    call.desk.ledger.bill(found.len() as u64, price::USER, call.clock);
    Answer::json(200, body)
}

fn write(o: &mut Object<'_>, call: &Call<'_>, terms: &Terms, profile: &Profile) {
    let fields = call.list("user.fields");
    let wants = |field| fields.contains(&field);
    o.text("id", &profile.platform_id);
    o.text("name", &profile.name);
    o.text("username", &profile.handle);
    if wants("created_at") {
        o.text("created_at", &super::post::stamp(profile.created_at));
    }
    if wants("verified") {
        o.flag("verified", true);
    }
    if wants("verified_type") {
        o.text("verified_type", "business");
    }
    if wants("protected") {
        o.flag("protected", false);
    }
    if wants("public_metrics") {
        let world = call.world;
        let followers = call.level(world.followers_at(profile.key, call.now));
        let posts = call.level(world.posts_standing(profile.key, call.now));
        o.object("public_metrics", |m| {
            m.int("followers_count", followers);
            m.int("following_count", call.level(world.following_at(profile.key, call.now)));
            m.int(terms.posts, posts);
            m.int("listed_count", followers / 210);
            m.int("like_count", posts / 4);
            m.int("media_count", posts / 3);
        });
    }
}
