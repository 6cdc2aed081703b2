//! Google Business Profile: ratings and reviews of a brand's location, newest first.

use jiff::Timestamp;
use kepi_core::period::add_days;

use super::Fault;
use crate::{
    Profile,
    call::Call,
    dialect::{Cut, Place, cut},
    json::Object,
};

const TOKEN: &str = "CiAKGjsim";
const STARS: [&str; 5] = ["ONE", "TWO", "THREE", "FOUR", "FIVE"];

/// A review: its id, when it was written, its stars from 1.
struct Review {
    id: String,
    at: Timestamp,
    stars: i64,
}

/// All reviews of the accounts' past days, oldest first.
fn all(call: &Call<'_>, accounts: &[&Profile]) -> Vec<Review> {
    let mut reviews = Vec::new();
    for profile in accounts {
        let mut day = call.world.day_of(profile.key, call.world.config().start);
        let today = call.world.day_of(profile.key, call.now);
        while day <= today {
            let flows = call.world.account_flows(profile.key, day);
            let (start, end) = call.world.day_bounds(profile.key, day);
            let length = end.as_second() - start.as_second();
            for n in 0..flows.rating_count {
                let second = start.as_second() + (2 * n + 1) * length / (2 * flows.rating_count);
                let at = Timestamp::from_second(second).unwrap_or(call.now);
                if at > call.now {
                    continue;
                }
                // The sum of the day is spread as evenly as stars can be.
                let stars = flows.rating_sum / flows.rating_count
                    + i64::from(n < flows.rating_sum % flows.rating_count);
                let id = format!("AbFv{:x}-{}-{n}", profile.key.0, day.strftime("%Y%m%d"));
                reviews.push(Review { id, at, stars: stars.clamp(1, 5) });
            }
            day = add_days(day, 1);
        }
    }
    reviews.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    reviews
}

/// `/v4/accounts/{account}/locations/{location}/reviews`; the location is named with its account.
pub(super) fn list(call: &Call<'_>, location: &str, accounts: &[&Profile]) -> Result<Vec<u8>, Fault> {
    let size: usize =
        call.param("pageSize").map_or(Ok(50), str::parse).map_err(|_| Fault::bad("Invalid pageSize"))?;
    if !(1..=50).contains(&size) {
        return Err(Fault::bad("pageSize must be between 1 and 50"));
    }
    let mut reviews = all(call, accounts);
    let here = match call.param("pageToken") {
        Some(text) => Place::read(TOKEN, text).ok_or_else(|| Fault::bad("Invalid pageToken"))?,
        None => Place { anchor: reviews.len() as i64, offset: 0, again: 0 },
    };
    let (count, sum) = (reviews.len() as i64, reviews.iter().map(|review| review.stars).sum::<i64>());
    match call.param("orderBy") {
        None | Some("updateTime desc") => {}
        Some("rating") => reviews.sort_by_key(|review| -review.stars),
        Some("rating desc") => reviews.sort_by_key(|review| review.stars),
        Some(other) => return Err(Fault::bad(format!("Invalid orderBy: {other}"))),
    }
    let first = usize::try_from(here.anchor).unwrap_or(0).min(reviews.len());
    let left = (0_u32..).zip(reviews[..first].iter().rev()).skip(here.offset as usize);
    let Cut { items, next } = cut(call, here, size, left);
    Ok(call.json().object(|root| {
        if !items.is_empty() {
            root.array("reviews", |list| {
                for review in &items {
                    list.object(|o| write(o, location, review));
                }
            });
        }
        let mean = if count == 0 { 0.0 } else { sum as f64 / count as f64 };
        root.bare("averageRating", format_args!("{:.1}", if call.faults.silent_zeros { 0.0 } else { mean }));
        root.int("totalReviewCount", call.level(count));
        if let Some(next) = next {
            root.text("nextPageToken", &next.write(TOKEN));
        }
    }))
}

fn write(o: &mut Object<'_>, location: &str, review: &Review) {
    let at = review.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    o.text("name", &format!("{location}/reviews/{}", review.id));
    o.text("reviewId", &review.id);
    o.object("reviewer", |reviewer| {
        reviewer.text("displayName", "A Google user");
        reviewer.flag("isAnonymous", true);
    });
    let stars = usize::try_from(review.stars - 1).unwrap_or(0).min(4);
    o.text("starRating", STARS[stars]);
    if review.stars != 3 {
        o.text("comment", if review.stars > 3 { "Service rapide." } else { "Waited too long." });
    }
    o.text("createTime", &at);
    o.text("updateTime", &at);
}
