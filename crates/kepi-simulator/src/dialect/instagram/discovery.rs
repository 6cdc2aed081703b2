//! Business Discovery: what everybody sees of a business account, asked for by its username. It draws on what the
//! application has, whoever asks.

use super::{
    Fault, app, app_usage,
    fields::{Field, parse},
    media, nodes, refused,
};
use crate::{
    Counter, Network, PostFacts, Profile,
    call::{Answer, Call},
    dialect::Cut,
    json::Object,
};

const NAME: &str = "business_discovery";

/// Answers calls of Business Discovery; `None` for all others.
pub(super) fn answer(call: &Call<'_>, own: &Profile) -> Option<Answer> {
    let asked = asked(call, own)?;
    let standing = call.desk.ledger.take(app(call), 0, call.clock);
    let answer = if standing.exceeded && call.desk.config.enforce_limits {
        call.desk.ledger.count_throttled();
        refused(call, &Fault::new(4, "(#4) Application request limit reached").status(403))
    } else {
        seen(call, own, &asked).map_or_else(|fault| refused(call, &fault), |body| Answer::json(200, body))
    };
    Some(answer.with("x-app-usage", app_usage(standing)))
}

fn asked(call: &Call<'_>, own: &Profile) -> Option<Field> {
    let path = nodes::unversioned(&call.path).trim_matches('/');
    let fields = parse(call.param("fields")?)?;
    let found = fields.into_iter().find(|field| field.name == NAME)?;
    (call.method == "GET" && (path == own.platform_id || path == "me")).then_some(found)
}

fn seen(call: &Call<'_>, own: &Profile, asked: &Field) -> Result<Vec<u8>, Fault> {
    let username = asked.modifier("username").unwrap_or_default();
    let other = call.world.accounts_of(Network::Instagram).find(|other| other.handle == username);
    let other = other.ok_or_else(|| Fault::new(110, "Invalid user id").sub(2_207_013))?;
    if let Some(field) = asked.fields.iter().find(|field| !nodes::SEEN_BY_ALL.contains(&field.name.as_str()))
    {
        let words =
            format!("(#100) Tried accessing nonexisting field ({}) on node type (ShadowIGUser)", field.name);
        return Err(Fault::new(100, words));
    }
    let media = asked.fields.iter().find(|field| field.name == "media");
    let page = media.map(|media| posts(call, other, media)).transpose()?;
    Ok(call.json().object(|root| {
        root.object(NAME, |o| {
            for field in &asked.fields {
                match &page {
                    Some(page) if field.name == "media" => {
                        o.object("media", |o| write_posts(o, call, other, field, page));
                    }
                    _ => nodes::write_user_field(o, call, other, &field.name),
                }
            }
            if asked.fields.iter().all(|field| field.name != "id") {
                o.text("id", &other.platform_id);
            }
        });
        root.text("id", &own.platform_id);
    }))
}

/// The newest posts. Their views are told here alone; insights and boosts are their owner's.
fn posts(call: &Call<'_>, other: &Profile, asked: &Field) -> Result<Cut<PostFacts>, Fault> {
    let of_owner = |field: &&Field| field.name == "insights" || field.name.starts_with("total_");
    if let Some(field) = asked.fields.iter().find(of_owner) {
        let words =
            format!("(#100) Tried accessing nonexisting field ({}) on node type (ShadowIGMedia)", field.name);
        return Err(Fault::new(100, words));
    }
    let plain = asked.fields.iter().filter(|field| field.name != "view_count").cloned().collect();
    nodes::media_page(call, other, &Field { fields: plain, ..asked.clone() })
}

fn write_posts(o: &mut Object<'_>, call: &Call<'_>, other: &Profile, asked: &Field, page: &Cut<PostFacts>) {
    o.array("data", |list| {
        for post in &page.items {
            let total = call.counters(post).total();
            list.object(|item| {
                for field in &asked.fields {
                    match field.name.as_str() {
                        name @ "like_count" => item.int(name, total[Counter::Likes]),
                        name @ "comments_count" => item.int(name, total[Counter::Comments]),
                        name @ "view_count" if media::product(post) == "REELS" => {
                            item.int(name, total[Counter::Views]);
                        }
                        name => media::write_field(item, call, other, post, name),
                    }
                }
            });
        }
    });
    nodes::write_paging(o, call, other, page.next, page.items.is_empty());
}
