//! The world obeys its own laws.

use jiff::{SignedDuration, Timestamp, ToSpan};
use kepi_core::Traffic;

use crate::{Counter, Counters, Format, Happening, Incident, Network, PostKey, World, WorldConfig};

fn world() -> World {
    World::new(WorldConfig { posts_per_account: 60, ..WorldConfig::demo() })
}

fn posts(world: &World) -> Vec<PostKey> {
    let count = world.config().posts_per_account;
    world
        .accounts()
        .flat_map(|account| (0..count).map(|index| PostKey { account: account.key, index }))
        .collect()
}

fn later(at: Timestamp, hours: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_hours(hours)).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_world() {
    let (one, two) = (world(), world());
    let other = World::new(WorldConfig { seed: 5, ..one.config().clone() });
    let mut differs = false;
    for key in posts(&one) {
        let at = later(one.post(key).published_at, 100);
        assert_eq!(one.post_at(key, at, Traffic::Total), two.post_at(key, at, Traffic::Total));
        assert_eq!(one.as_post(key), two.as_post(key));
        differs |= one.post_at(key, at, Traffic::Total) != other.post_at(key, at, Traffic::Total);
    }
    assert!(differs);
}

/// A seed's numbers may never change: other people's expectations stand on them.
#[test]
fn the_demo_world_stays_what_it_is() {
    let world = World::new(WorldConfig::demo());
    let account = world.accounts().next().unwrap().key;
    let key = PostKey { account, index: 7 };
    let facts = world.post(key);
    let counters = world.counters_at(&facts, later(facts.published_at, 72)).unwrap().total();
    let told = format!(
        "{} {} {} {} {}",
        facts.published_at,
        facts.format.as_str(),
        counters[Counter::Impressions],
        counters[Counter::Likes],
        world.followers_at(account, facts.published_at),
    );
    assert_eq!(told, "2025-07-11T15:24:17Z image 699 20 4102");
}

#[test]
fn monotone_counts_never_fall_and_likes_may() {
    let world = world();
    let mut fell = 0;
    for key in posts(&world) {
        let facts = world.post(key);
        let mut before = Counters::default();
        for hours in [0, 1, 5, 24, 48, 100, 300, 700, 2000, 5000] {
            let now = world.counters_at(&facts, later(facts.published_at, hours)).unwrap().total();
            for counter in Counter::ALL {
                if counter.revocable() {
                    fell += usize::from(now[counter] < before[counter]);
                } else if counter != Counter::ShareUsers {
                    assert!(now[counter] >= before[counter], "{counter:?} of {key:?} after {hours} h");
                }
            }
            before = now;
        }
    }
    assert!(fell > 0, "no like was ever taken back");
}

#[test]
fn parts_stay_within_the_whole() {
    use Counter as C;
    let world = world();
    for key in posts(&world) {
        let facts = world.post(key);
        let c = world.counters_at(&facts, later(facts.published_at, 200)).unwrap().total();
        for (part, whole) in [
            (C::Reach, C::Impressions),
            (C::Plays, C::Impressions),
            (C::PlaysStart, C::Plays),
            (C::Plays25, C::PlaysStart),
            (C::Completions, C::Plays75),
            (C::Readers, C::Reads),
            (C::Likes, C::Engagements),
        ] {
            assert!(c[part] <= c[whole], "{part:?} {} > {whole:?} {}", c[part], c[whole]);
        }
        assert_eq!(facts.format == Format::Video, facts.video_millis.is_some());
    }
}

#[test]
fn posts_stand_in_the_order_of_their_numbers_and_ids_lead_back() {
    let world = world();
    for key in posts(&world) {
        let facts = world.post(key);
        let network = world.account(key.account).network;
        assert_eq!(world.find_post(network, &world.post_id(key)), Some(key));
        assert!(facts.published_at >= world.config().start && facts.published_at < world.config().end);
        if key.index > 0 {
            let before = world.post(PostKey { index: key.index - 1, ..key });
            assert!(before.published_at < facts.published_at, "{key:?}");
        }
        let by = world.published_by(key.account, later(facts.published_at, 0));
        assert_eq!(by, i64::from(key.index));
    }
}

#[test]
fn days_of_an_account_add_up_to_its_posts() {
    let world = world();
    let account = world.accounts_of(Network::X).next().unwrap();
    let start = jiff::civil::date(2026, 2, 1);
    let mut sum = Counters::default();
    let (mut gained, mut lost) = (0, 0);
    for day in 0..28 {
        let day = world.account_day(account.key, start.checked_add(day.days()).unwrap());
        sum += day.content.total();
        gained += day.flows.follows_gained;
        lost += day.flows.follows_lost;
        assert!(day.flows.follows_gained >= 0 && day.flows.follows_lost >= 0);
        assert_eq!(
            day.flows.mentions,
            day.flows.sentiment_pos + day.flows.sentiment_neu + day.flows.sentiment_neg
        );
    }
    let (from, _) = world.day_bounds(account.key, start);
    let (to, _) = world.day_bounds(account.key, jiff::civil::date(2026, 3, 1));
    assert_eq!(sum, world.content_between(account.key, from, to).total());
    assert!(sum[Counter::Impressions] > 0);
    let before = world.followers_at(account.key, from);
    assert_eq!(before + gained - lost, world.followers_at(account.key, to));
}

#[test]
fn a_young_day_may_be_restated_and_then_stands() {
    let world = world();
    let mut restated = 0;
    for account in world.accounts() {
        for day in 1..28 {
            let date = jiff::civil::date(2026, 5, day);
            let truth = world.account_day(account.key, date);
            let (_, end) = world.day_bounds(account.key, date);
            restated += usize::from(world.account_day_seen(account.key, date, later(end, 10)) != truth);
            assert_eq!(world.account_day_seen(account.key, date, later(end, 72)), truth);
        }
    }
    assert!(restated > 10, "{restated}");
}

#[test]
fn some_posts_are_paid_some_deleted() {
    let world = World::new(WorldConfig::demo());
    let all: Vec<_> = posts(&world).into_iter().map(|key| world.post(key)).collect();
    let paid: Vec<_> = all.iter().filter(|post| post.promoted).collect();
    assert!(paid.len() > all.len() / 20 && paid.len() < all.len() / 4);
    for post in paid {
        let split = world.counters_at(post, later(post.published_at, 500)).unwrap();
        assert!(split.paid[Counter::SpendMicros] > 0 && split.organic[Counter::SpendMicros] == 0);
    }
    let gone: Vec<_> = all.iter().filter(|post| post.deleted_at.is_some()).collect();
    assert!(!gone.is_empty());
    for post in gone {
        let gone_at = post.deleted_at.unwrap();
        assert!(!post.stands_at(gone_at) && post.stands_at(post.published_at));
        assert_eq!(world.counters_at(post, gone_at), world.counters_at(post, later(gone_at, 900)));
    }
}

/// An incident moves what it is about from its day on, and nothing else of the world.
#[test]
fn an_incident_moves_only_what_it_is_about() {
    let calm = |incidents| {
        let config = WorldConfig { posts_per_account: 60, incidents: Some(incidents), ..WorldConfig::demo() };
        World::new(config)
    };
    let (since, until) = (jiff::civil::date(2026, 3, 2), jiff::civil::date(2026, 3, 9));
    let of_x = |what| Incident { account: (Network::X, 0), since, until, what };
    let plain = calm(Vec::new());
    let (x, other) = {
        let mut accounts = plain.accounts_of(Network::X);
        (accounts.next().unwrap().key, accounts.next().unwrap().key)
    };
    let likes = |world: &World, index| {
        let facts = world.post(PostKey { account: x, index });
        world.counters_at(&facts, later(facts.published_at, 200)).unwrap().organic[Counter::Likes]
    };
    let weak = calm(vec![of_x(Happening::LessEngagement(0.5))]);
    assert_eq!(likes(&weak, 0), likes(&plain, 0), "published before");
    let (half, whole) = (likes(&weak, 59), likes(&plain, 59));
    assert!((2 * half - whole).abs() <= 2, "{half} of {whole}");

    let still = calm(vec![of_x(Happening::Standstill)]);
    let (_, begin) = plain.day_bounds(x, since);
    let (_, end) = plain.day_bounds(x, jiff::civil::date(2026, 12, 1));
    let grown = |world: &World| world.followers_at(x, end) as f64 / world.followers_at(x, begin) as f64;
    assert!(grown(&still) < 1.002 && grown(&plain) > 1.05, "{} {}", grown(&still), grown(&plain));

    let day = jiff::civil::date(2026, 3, 4);
    let loud = calm(vec![of_x(Happening::Messages(8.0)), of_x(Happening::Silence)]);
    let messages = |world: &World, account| world.account_flows(account, day).messages_in;
    assert!(messages(&loud, x) >= 8 * messages(&plain, x));
    assert_eq!(messages(&loud, other), messages(&plain, other));
    assert!(!loud.tells(x, day) && loud.tells(x, until) && loud.tells(other, day) && plain.tells(x, day));
    assert_eq!(loud.account_flows(x, until), plain.account_flows(x, until));
}

/// Without stories the accounts of a world differ in nothing but size and chance.
#[test]
fn a_calm_world_has_no_stories() {
    let world = World::new(WorldConfig { incidents: Some(Vec::new()), ..WorldConfig::demo() });
    assert!(world.accounts().all(|account| account.story == crate::Story::Steady));
    assert!(World::new(WorldConfig::demo()).accounts().any(|account| account.story != crate::Story::Steady));
}
