//! Stories of the last day: their fields, and their insights as soon as five people have seen them.

use super::{Fault, fields::Field, media, nodes::metrics_of};
use crate::{Profile, StoryCounts, StoryFacts, call::Call, json::Object};

/// The metrics that stories have.
const METRICS: [&str; 11] = [
    "reach",
    "views",
    "shares",
    "total_interactions",
    "reposts",
    "replies",
    "navigation",
    "follows",
    "profile_visits",
    "profile_activity",
    "link_clicks",
];
/// So many people must have seen a story before its numbers are told.
const FEWEST_VIEWERS: i64 = 5;

/// A story that is shown now.
pub(super) fn find(call: &Call<'_>, own: &Profile, id: &str) -> Option<StoryFacts> {
    let story = call.world.find_story(id).filter(|story| story.account == own.key)?;
    (story.published_at <= call.now && call.now < story.ends_at()).then_some(story)
}

/// `/{ig-user-id}/stories`, newest first.
pub(super) fn list(call: &Call<'_>, own: &Profile, fields: &[Field]) -> Result<Vec<u8>, Fault> {
    let day = jiff::SignedDuration::from_hours(24);
    let from = call.now.saturating_sub(day).unwrap_or(call.now);
    let mut shown = call.world.stories(own.key, from, call.now);
    shown.retain(|story| call.now < story.ends_at());
    shown.reverse();
    shown.iter().try_for_each(|story| check(call, story, fields))?;
    Ok(call.json().object(|root| {
        root.array("data", |list| {
            for story in &shown {
                list.object(|o| write(o, call, own, story, fields));
            }
        });
    }))
}

/// Stories by their ids: an object by id, or the one.
pub(super) fn several(
    call: &Call<'_>,
    own: &Profile,
    ids: &str,
    fields: &[Field],
    by_id: bool,
) -> Result<Vec<u8>, Fault> {
    let of = |id: &str| find(call, own, id).ok_or_else(|| Fault::missing(id));
    let stories: Vec<StoryFacts> = ids.split(',').map(of).collect::<Result<_, _>>()?;
    stories.iter().try_for_each(|story| check(call, story, fields))?;
    Ok(call.json().object(|root| {
        for story in &stories {
            if by_id {
                root.object(&call.world.story_id(story), |o| write(o, call, own, story, fields));
            } else {
                write(root, call, own, story, fields);
            }
        }
    }))
}

/// `/{ig-media-id}/insights` of a story.
pub(super) fn insights_of(call: &Call<'_>, own: &Profile, id: &str) -> Result<Vec<u8>, Fault> {
    let story = find(call, own, id).ok_or_else(|| Fault::missing(id))?;
    let metrics: Vec<String> = call.list("metric").iter().map(|metric| (*metric).to_owned()).collect();
    check_insights(call, &story, &metrics)?;
    Ok(call.json().object(|root| write_insights(root, call, &story, &metrics)))
}

fn check(call: &Call<'_>, story: &StoryFacts, fields: &[Field]) -> Result<(), Fault> {
    for field in fields {
        if field.name == "insights" {
            check_insights(call, story, &metrics_of(field))?;
        } else if !media::FIELDS.contains(&field.name.as_str()) {
            let words =
                format!("(#100) Tried accessing nonexisting field ({}) on node type (IGMedia)", field.name);
            return Err(Fault::new(100, words));
        }
    }
    Ok(())
}

fn check_insights(call: &Call<'_>, story: &StoryFacts, metrics: &[String]) -> Result<(), Fault> {
    if let Some(metric) = metrics.iter().find(|metric| !METRICS.contains(&metric.as_str())) {
        let words = format!(
            "(#100) The Media Insights API does not support the {metric} metric for this media product type."
        );
        return Err(Fault::new(100, words));
    }
    if story.counts_at(call.now).reach < FEWEST_VIEWERS {
        return Err(Fault::new(10, "(#10) Not enough viewers for the media to show insights"));
    }
    Ok(())
}

fn write(o: &mut Object<'_>, call: &Call<'_>, own: &Profile, story: &StoryFacts, fields: &[Field]) {
    let id = call.world.story_id(story);
    for field in fields {
        match field.name.as_str() {
            "insights" => {
                o.object("insights", |nested| write_insights(nested, call, story, &metrics_of(field)));
            }
            name @ "id" => o.text(name, &id),
            name @ "permalink" => {
                o.text(name, &format!("https://www.instagram.com/stories/{}/{id}/", own.handle));
            }
            name @ "timestamp" => o.text(name, &media::stamp(story.published_at)),
            name @ "media_type" => {
                o.text(name, if story.number.is_multiple_of(2) { "IMAGE" } else { "VIDEO" })
            }
            name @ "media_product_type" => o.text(name, "STORY"),
            name @ "username" => o.text(name, &own.handle),
            _ => {}
        }
    }
    if fields.iter().all(|field| field.name != "id") {
        o.text("id", &id);
    }
}

fn write_insights(o: &mut Object<'_>, call: &Call<'_>, story: &StoryFacts, metrics: &[String]) {
    let counts = if call.faults.silent_zeros { StoryCounts::default() } else { story.counts_at(call.now) };
    media::write_metrics(o, &call.world.story_id(story), metrics, |metric| value(&counts, metric));
}

fn value(counts: &StoryCounts, metric: &str) -> i64 {
    match metric {
        "reach" => counts.reach,
        "views" => counts.views,
        "shares" => counts.shares,
        "total_interactions" => counts.interactions(),
        "replies" => counts.replies,
        "navigation" => counts.navigations(),
        "follows" => counts.follows,
        "profile_visits" => counts.profile_visits,
        "profile_activity" | "link_clicks" => counts.link_clicks,
        // Nobody can repost a story of a brand.
        _ => 0,
    }
}
