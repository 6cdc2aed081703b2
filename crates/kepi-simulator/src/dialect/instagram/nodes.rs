//! Nodes and edges: users, media, lists of them, several at once.

use kepi_core::period::add_days;

use super::{
    Fault, error_body,
    fields::{Field, parse},
    insights, media, stories,
};
use crate::{
    Network, PostFacts, PostKey, Profile,
    call::{Answer, Call},
    dialect::{Cut, Place, cut},
    json::{Array, Object},
};

const CURSOR: &str = "QVFIUsim";
/// Nested insights of more items than this are too much for one answer.
const NESTED_MAX: usize = 50;

/// A path without its version.
pub(super) fn unversioned(path: &str) -> &str {
    let Some(rest) = path.strip_prefix("/v") else { return path };
    let end = rest.find('/').unwrap_or(rest.len());
    let (version, after) = rest.split_at(end);
    if version.bytes().all(|c| c.is_ascii_digit() || c == b'.') && !version.is_empty() { after } else { path }
}

/// The parts of a batch, where the call is one.
pub(super) fn batch(call: &Call<'_>) -> Option<Vec<String>> {
    if call.method != "POST" || !unversioned(&call.path).trim_matches('/').is_empty() {
        return None;
    }
    let form = call.form();
    let text = crate::call::find(&form, "batch").or(call.param("batch"))?;
    let parts: serde_json::Value = serde_json::from_str(text).ok()?;
    let urls = parts.as_array()?.iter().take(50);
    Some(urls.map(|part| part["relative_url"].as_str().unwrap_or_default().to_owned()).collect())
}

/// Answers each part as if it had come alone; the bodies are texts.
pub(super) fn answer_batch(call: &Call<'_>, own: &Profile, parts: &[String]) -> Vec<u8> {
    call.json().array(|list| {
        for part in parts {
            let (path, query) = part.split_once('?').unwrap_or((part, ""));
            let single = Call {
                world: call.world,
                desk: call.desk,
                faults: call.faults,
                now: call.now,
                clock: call.clock,
                method: "GET".to_owned(),
                path: format!("/{}", path.trim_matches('/')),
                raw_query: query.to_owned(),
                query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
                headers: call.headers.clone(),
                body: Vec::new(),
            };
            let answer = match respond(&single, own) {
                Ok(body) => Answer::json(200, body),
                Err(fault) => Answer::json(fault.status, error_body(call, &fault)),
            };
            list.object(|o| {
                o.int("code", i64::from(answer.status));
                o.text("body", &String::from_utf8_lossy(&answer.body));
            });
        }
    })
}

pub(super) fn respond(call: &Call<'_>, own: &Profile) -> Result<Vec<u8>, Fault> {
    let path = unversioned(&call.path).trim_matches('/');
    let segments: Vec<&str> = path.split('/').collect();
    let fields = match call.param("fields") {
        Some(text) => parse(text).ok_or_else(|| Fault::new(2500, "Syntax error in the fields parameter"))?,
        None => vec![Field { name: "id".to_owned(), ..Field::default() }],
    };
    let own_user = |id: &str| id == "me" || id == own.platform_id;
    match segments.as_slice() {
        ["me", "accounts"] => Ok(pages(call, own)),
        [""] => several(call, own, &fields),
        [id] if own_user(id) => user(call, own, &fields),
        [id, "insights"] if own_user(id) => insights::account(call, own),
        [id, "media"] if own_user(id) => {
            let asked = Field { name: "media".to_owned(), fields, ..Field::default() };
            let page = media_page(call, own, &asked)?;
            Ok(call.json().object(|root| write_media_page(root, call, own, &asked, &page)))
        }
        [id, "stories"] if own_user(id) => stories::list(call, own, &fields),
        [id, "tags"] if own_user(id) => tags(call, own),
        [id] if stories::find(call, own, id).is_some() => stories::several(call, own, id, &fields, false),
        [id, "insights"] if stories::find(call, own, id).is_some() => stories::insights_of(call, own, id),
        [id] => {
            let post = own_post(call, own, id)?;
            check_media(call, &post, &fields)?;
            Ok(call.json().object(|root| write_media(root, call, own, &post, &fields)))
        }
        [id, "insights"] => {
            let post = own_post(call, own, id)?;
            let metrics = call.list("metric").iter().map(|metric| (*metric).to_owned()).collect();
            media::insights(call, &post, &metrics)?;
            Ok(call.json().object(|root| media::write_insights(root, call, &post, &metrics)))
        }
        _ => Err(Fault::new(2500, format!("Unknown path components: /{path}"))),
    }
}

fn own_post(call: &Call<'_>, own: &Profile, id: &str) -> Result<PostFacts, Fault> {
    let key = call.world.find_post(Network::Instagram, id).filter(|key: &PostKey| key.account == own.key);
    let post = call.world.post(key.ok_or_else(|| Fault::missing(id))?);
    if post.stands_at(call.now) { Ok(post) } else { Err(Fault::missing(id)) }
}

/// The pages of the person, each with its token and its Instagram account.
fn pages(call: &Call<'_>, own: &Profile) -> Vec<u8> {
    call.json().object(|root| {
        root.array("data", |list| {
            list.object(|page| {
                page.text("id", &format!("10{}", &own.platform_id[2..]));
                page.text("name", &own.name);
                page.text("access_token", &call.desk.tokens.user(own.key, 0));
                page.object("instagram_business_account", |o| {
                    o.text("id", &own.platform_id);
                    o.text("username", &own.handle);
                });
            });
        });
    })
}

/// `?ids=a,b`: one bad id rejects everything.
fn several(call: &Call<'_>, own: &Profile, fields: &[Field]) -> Result<Vec<u8>, Fault> {
    let ids = call.list("ids");
    if ids.is_empty() || ids.len() > 50 {
        return Err(Fault::new(100, "(#100) The parameter ids is required, with at most 50 ids"));
    }
    if ids.iter().any(|id| stories::find(call, own, id).is_some()) {
        return stories::several(call, own, &ids.join(","), fields, true);
    }
    let posts: Vec<PostFacts> = ids.iter().map(|id| own_post(call, own, id)).collect::<Result<_, _>>()?;
    for post in &posts {
        check_media(call, post, fields)?;
    }
    Ok(call.json().object(|root| {
        for (id, post) in ids.iter().zip(&posts) {
            root.object(id, |o| write_media(o, call, own, post, fields));
        }
    }))
}

/// The fields of an account that everybody sees.
pub(super) const SEEN_BY_ALL: [&str; 10] = [
    "id",
    "username",
    "name",
    "biography",
    "website",
    "profile_picture_url",
    "followers_count",
    "follows_count",
    "media_count",
    "media",
];

/// Those that its owner sees beside them.
const OWN: [&str; 5] = ["ig_id", "user_id", "account_type", "is_published", "has_profile_pic"];

fn user(call: &Call<'_>, own: &Profile, fields: &[Field]) -> Result<Vec<u8>, Fault> {
    let page = match fields.iter().find(|field| field.name == "media") {
        Some(asked) => Some(media_page(call, own, asked)?),
        None => None,
    };
    if let Some(field) =
        fields.iter().find(|field| ![&SEEN_BY_ALL[..], &OWN].concat().contains(&field.name.as_str()))
    {
        let words =
            format!("(#100) Tried accessing nonexisting field ({}) on node type (IGUser)", field.name);
        return Err(Fault::new(100, words));
    }
    Ok(call.json().object(|root| {
        for field in fields {
            write_user_field(root, call, own, &field.name);
            if let (Some(page), "media") = (&page, field.name.as_str()) {
                root.object("media", |o| write_media_page(o, call, own, field, page));
            }
        }
        if fields.iter().all(|field| field.name != "id") {
            root.text("id", &own.platform_id);
        }
    }))
}

pub(super) fn write_user_field(o: &mut Object<'_>, call: &Call<'_>, own: &Profile, name: &str) {
    match name {
        "id" | "user_id" => o.text(name, &own.platform_id),
        "ig_id" => o.bare(name, &own.platform_id[7..]),
        "username" => o.text(name, &own.handle),
        "name" => o.text(name, &own.name),
        "biography" => o.text(name, own.brand),
        "website" => o.text(name, "https://brand.example/"),
        "profile_picture_url" => o.text(name, "https://scontent.example/p.jpg"),
        "account_type" => o.text(name, "BUSINESS"),
        "followers_count" => o.int(name, call.level(call.world.followers_at(own.key, call.now))),
        "follows_count" => o.int(name, call.world.following_at(own.key, call.now)),
        "media_count" => o.int(name, call.level(call.world.posts_standing(own.key, call.now))),
        "is_published" | "has_profile_pic" => o.flag(name, true),
        _ => {}
    }
}

/// What a nested or plain list of media is asked with.
fn modifier<'a>(call: &'a Call<'_>, asked: &'a Field, name: &str) -> Option<&'a str> {
    asked.modifier(name).or_else(|| call.param(name))
}

pub(super) fn media_page(call: &Call<'_>, own: &Profile, asked: &Field) -> Result<Cut<PostFacts>, Fault> {
    let size: usize = modifier(call, asked, "limit").and_then(|text| text.parse().ok()).unwrap_or(25);
    let nested = asked.fields.iter().any(|field| field.name == "insights");
    if nested && size > NESTED_MAX {
        let words = "Please reduce the amount of data you're asking for, then retry your request";
        return Err(Fault::new(1, words).status(500));
    }
    let bound = |name| modifier(call, asked, name).and_then(|text| text.parse::<i64>().ok());
    let (since, until) = (bound("since").unwrap_or(0), bound("until").unwrap_or(i64::MAX));
    let newest = call.world.published_by(own.key, call.now);
    let here = match modifier(call, asked, "after") {
        Some(text) => {
            Place::read(CURSOR, text).ok_or_else(|| Fault::new(100, "(#100) Invalid cursors values"))?
        }
        None => Place { anchor: newest, offset: 0, again: 0 },
    };
    let first = u32::try_from(here.anchor).unwrap_or(0);
    let left = (here.offset..first).filter_map(|distance| {
        let post = call.world.post(PostKey { account: own.key, index: first - 1 - distance });
        let second = post.published_at.as_second();
        (post.stands_at(call.now) && second >= since && second < until).then_some((distance, post))
    });
    let page = cut(call, here, size.clamp(1, 100), left);
    for post in &page.items {
        check_media(call, post, &asked.fields)?;
    }
    Ok(page)
}

/// The first fault of a list of fields: a field that is unknown, or insights that this item has not.
fn check_media(call: &Call<'_>, post: &PostFacts, fields: &[Field]) -> Result<(), Fault> {
    for field in fields {
        if field.name == "insights" {
            media::insights(call, post, &metrics_of(field))?;
        } else if !media::FIELDS.contains(&field.name.as_str()) {
            let words =
                format!("(#100) Tried accessing nonexisting field ({}) on node type (IGMedia)", field.name);
            return Err(Fault::new(100, words));
        }
    }
    Ok(())
}

pub(super) fn metrics_of(field: &Field) -> Vec<String> {
    field.modifier("metric").unwrap_or_default().split(',').map(str::to_owned).collect()
}

fn write_media(o: &mut Object<'_>, call: &Call<'_>, own: &Profile, post: &PostFacts, fields: &[Field]) {
    for field in fields {
        if field.name == "insights" {
            o.object("insights", |nested| media::write_insights(nested, call, post, &metrics_of(field)));
        } else {
            media::write_field(o, call, own, post, &field.name);
        }
    }
    if fields.iter().all(|field| field.name != "id") {
        o.text("id", &call.world.post_id(post.key));
    }
}

fn write_media_page(
    o: &mut Object<'_>,
    call: &Call<'_>,
    own: &Profile,
    asked: &Field,
    page: &Cut<PostFacts>,
) {
    o.array("data", |list: &mut Array<'_>| {
        for post in &page.items {
            list.object(|item| write_media(item, call, own, post, &asked.fields));
        }
    });
    write_paging(o, call, own, page.next, page.items.is_empty());
}

/// The end is the absence of `next`. The address holds the caller's token, as the platform's does.
pub(super) fn write_paging(
    o: &mut Object<'_>,
    call: &Call<'_>,
    own: &Profile,
    next: Option<Place>,
    empty: bool,
) {
    if empty && next.is_none() {
        return;
    }
    o.object("paging", |paging| {
        let end = Place { anchor: 0, offset: 0, again: 0 };
        let after = next.unwrap_or(end).write(CURSOR);
        paging.object("cursors", |cursors| {
            cursors.text("before", &end.write(CURSOR));
            cursors.text("after", &after);
        });
        if next.is_some() {
            let host = call.header("host").unwrap_or("graph.facebook.com");
            let token =
                call.param("access_token").map(|token| format!("access_token={token}&")).unwrap_or_default();
            let id = &own.platform_id;
            paging.text("next", &format!("http://{host}/v25.0/{id}/media?{token}after={after}"));
        }
    });
}

/// `/{id}/tags`: media of others on which the account is tagged; one mention in five is such a tag.
fn tags(call: &Call<'_>, own: &Profile) -> Result<Vec<u8>, Fault> {
    let size: usize = call.param("limit").and_then(|text| text.parse().ok()).unwrap_or(25);
    let here = match call.param("after") {
        Some(text) => {
            Place::read(CURSOR, text).ok_or_else(|| Fault::new(100, "(#100) Invalid cursors values"))?
        }
        None => Place { anchor: call.now.as_second(), offset: 0, again: 0 },
    };
    let today = call.world.day_of(own.key, call.now);
    let all = (0..90).flat_map(|back| {
        let times = call.world.mention_times(own.key, add_days(today, -back));
        times.into_iter().rev().step_by(5).collect::<Vec<_>>()
    });
    let before = all.filter(|at| at.as_second() < here.anchor);
    let left = (0_u32..).zip(before).skip(here.offset as usize);
    let page = cut(call, here, size.clamp(1, 100), left);
    Ok(call.json().object(|root| {
        root.array("data", |list| {
            for at in &page.items {
                list.object(|o| {
                    o.text("id", &format!("1806{:013}", at.as_second()));
                    o.text("caption", &format!("with @{}", own.handle));
                    o.text("timestamp", &media::stamp(*at));
                    o.text("username", "someone");
                    o.int("like_count", 12);
                    o.int("comments_count", 1);
                });
            }
        });
        write_paging(root, call, own, page.next, page.items.is_empty());
    }))
}
