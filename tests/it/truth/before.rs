//! Posts that are too old for every list: they are known because they were followed when they were young.

use jiff::SignedDuration;
use kepi_core::{Body, Cursor, Job, Page, Post, Stream};
use kepi_simulator::{Format, Network, PostFacts, PostKey, World};
use kepi_store::NewPage;

use super::DOUYIN_VIDEOS;
use crate::simulated::{Live, Simulated};

/// The endpoint of their streams, which no platform has: nothing counts as read that was not asked for.
const BEFORE: &str = "before";

/// Puts those of some months into the store, where a platform is asked for them by their ids.
pub(crate) async fn tell_older_posts(simulated: &Simulated, live: &Live) {
    let (world, now) = (simulated.world(), simulated.clock.now());
    let ago = |days: i64| now.checked_sub(SignedDuration::from_hours(24 * days)).expect("days ago");
    let mut writer = live.store.writer(None);
    for account in world.accounts() {
        let posts = world.published_by(account.key, ago(120))..world.published_by(account.key, ago(35));
        let posts = posts.map(|index| world.post(PostKey { account: account.key, index: index as u32 }));
        let told = posts.filter(|post| post.format != Format::Repost).filter_map(|post| {
            let published_at = Some(post.published_at);
            Some(Post { published_at, ..Post::new(account.id.clone(), id(world, account.network, &post)?) })
        });
        let page = Page { posts: told.collect(), ..Page::default() };
        let job = Job {
            endpoint: BEFORE.into(),
            accounts: vec![account.as_ref()],
            window: None,
            posts: Vec::new(),
            planned_at: now,
            input: None,
            refused: Vec::new(),
        };
        let stream = Stream::of(&account.id, BEFORE);
        let body = Body::json("{}", now);
        let page = NewPage { stream, job, cursor: Cursor::default(), request: None, body, page };
        writer.push(page).await.expect("pushed");
    }
    writer.finish().await.expect("written");
    live.store.catch_up(live).await.expect("the projections catch up");
}

/// What the platform's adapter calls a post; none where it knows of no post but by a list.
fn id(world: &World, network: Network, post: &PostFacts) -> Option<String> {
    match network {
        Network::Xiaohongshu | Network::Linkedin => None,
        Network::Douyin => Some((DOUYIN_VIDEOS + u64::from(post.key.index)).to_string()),
        _ => Some(world.post_id(post.key).to_string()),
    }
}
