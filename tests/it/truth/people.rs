//! People on LinkedIn: their posts get a third of what the page's own get, and one in twenty of its followers is theirs.

use jiff::SignedDuration;
use kepi_core::{Body, Cursor, Job, Stream, SubjectKind, Window};
use kepi_simulator::{Counter, PostKey, World};
use kepi_store::NewPage;
use serde_json::json;

use super::Fact;
use crate::simulated::{Live, Simulated};

/// Nothing lists a person's posts: they are known from what was brought before, as by an export.
pub(crate) async fn tell_posts(simulated: &Simulated, live: &Live) {
    let (world, now) = (simulated.world(), simulated.clock.now());
    let from = now.checked_sub(SignedDuration::from_hours(24 * 30)).expect("a month ago");
    let mut writer = live.store.writer(None);
    for person in world.people() {
        let posts = world.published_by(person.page, from)..world.published_by(person.page, now);
        let posts = posts.map(|index| world.post(PostKey { account: person.page, index: index as u32 }));
        let rows: Vec<_> = posts
            .filter(|post| post.stands_at(now))
            .map(|post| {
                let at = post.published_at.as_millisecond();
                json!({ "id": world.persons_post(&post), "publishedAt": at, "lastModifiedAt": at,
                        "lifecycleState": "PUBLISHED" })
            })
            .collect();
        let paging = json!({ "start": 0, "count": 100, "links": [] });
        let text = json!({ "paging": paging, "elements": rows }).to_string();
        let body = Body::json(text.into_bytes(), now);
        let job = Job {
            endpoint: "posts".into(),
            accounts: vec![person.as_ref()],
            window: None,
            posts: Vec::new(),
            planned_at: now,
            input: None,
            refused: Vec::new(),
        };
        let page = simulated.adapter("linkedin").decode(&job, &Cursor::default(), &body).expect("a list");
        assert_eq!(page.posts.len(), rows.len());
        let stream = Stream::of(&person.id, "posts");
        let page = NewPage { stream, job, cursor: Cursor::default(), request: None, body, page };
        writer.push(page).await.expect("pushed");
    }
    writer.finish().await.expect("written");
    live.store.catch_up(live).await.expect("the projections catch up");
}

pub(super) fn truth(world: &World, fact: &Fact) -> Option<f64> {
    let person = world.people().into_iter().find(|person| person.id.as_str() == fact.account)?;
    let split = match (fact.kind, &fact.window) {
        (SubjectKind::Account, Window::At(at)) if fact.metric == "followers_total" => {
            return Some((world.followers_at(person.page, *at) / 20) as f64);
        }
        (SubjectKind::Account, Window::Day(day)) => {
            world.account_day_seen(person.page, *day, fact.observed_at).content
        }
        (SubjectKind::Post, Window::At(at)) => {
            let post = world.post(world.find_persons_post(&fact.subject)?);
            world.counters_at(&post, *at)?
        }
        _ => return None,
    };
    let whole = split.total();
    let third = |counter: Counter| whole[counter] / 3;
    let value = match fact.metric.as_str() {
        "impressions" => third(Counter::Impressions),
        "reach" => third(Counter::Reach),
        "shares" => third(Counter::Shares),
        "reactions" => third(Counter::Likes),
        "comments" => third(Counter::Comments),
        "saves" => third(Counter::Saves),
        "link_shares" => third(Counter::Shares) / 2,
        "link_clicks" => third(Counter::LinkClicks),
        "follows_gained" => third(Counter::FollowsGained),
        "profile_visits" => third(Counter::ProfileClicks),
        "video_plays" => third(Counter::Plays3s),
        "viewers" => third(Counter::PlaysStart),
        "watch_time_s" => return Some(third(Counter::WatchMillis) as f64 / 1000.0),
        _ => return None,
    };
    Some(value as f64)
}
