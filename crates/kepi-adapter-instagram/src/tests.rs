//! The cases of Instagram that the shared contract does not know: what is asked, how often, and what becomes of
//! refusals.

mod platform;

use std::collections::BTreeSet;

use jiff::{Timestamp, ToSpan, civil::date};
use kepi_core::{
    AccountRef, Adapter, Body, Calls, Cursor, DateSpan, Decoder, ErrorKind, Grant, Job, Method, Notice, Page,
    Payload, PostRef, Response, Retry, Value, Window,
    http::Text,
    plan::{KnownPost, PlanInput, PlannedJob, StreamState, plan},
};
use serde_json::json;

use self::platform::Platform;
use crate::{
    EndTime, InstagramAdapter, InstagramConfig, Login, MediaMetrics, Until, WatchTime,
    descriptor::{
        ACCOUNT_DAYS, ENGAGED, FOLLOWERS, FOLLOWS, FOUR_WEEKS, MEDIA, MENTIONS, OLDER_MEDIA, REACH, SPLITS,
        STORIES, WATCHED,
    },
};

kepi_testkit::contract!(InstagramAdapter::from_settings, sample());

/// Settings of which each is set. The list holds its insights here, so that the contract reads pages of it one
/// after the other; by kind is what the tests below read.
fn sample() -> serde_json::Value {
    json!({
        "login": "facebook",
        "base_url": "https://graph.facebook.com",
        "consent_base_url": "https://api.instagram.com",
        "authorize_base_url": "https://www.facebook.com",
        "api_version": "v25.0",
        "media_metrics": "common",
        "watch_time": "milliseconds",
        "end_time": "day_before",
        "until": "exclusive",
        "retiring_metrics": true,
        "splits": true,
        "follower_breakdown": "follow_type",
        "four_weeks": true,
        "mentions": true,
        "engaged_timeframe": "this_month",
        "own_pages": true,
    })
}

/// Eight in the morning in Los Angeles.
fn now() -> Timestamp {
    "2026-09-03T15:00:00Z".parse().unwrap()
}

fn account() -> AccountRef {
    AccountRef {
        platform_id: Some("17841400000000001".into()),
        ..AccountRef::new("instagram/nordlicht".parse().unwrap(), "Europe/Berlin")
    }
}

fn job(endpoint: &str, window: Option<DateSpan>) -> Job {
    let accounts = vec![account()];
    Job {
        endpoint: endpoint.into(),
        accounts,
        window,
        posts: Vec::new(),
        planned_at: now(),
        input: None,
        refused: Vec::new(),
    }
}

fn listed() -> Option<DateSpan> {
    Some(DateSpan::new(date(2026, 6, 5), date(2026, 9, 4)))
}

fn day() -> Option<DateSpan> {
    Some(DateSpan::day(date(2026, 8, 31)))
}

fn adapter() -> InstagramAdapter {
    InstagramAdapter::new(InstagramConfig::default())
}

/// The request as one line.
fn asked(config: &InstagramConfig, job: &Job) -> String {
    let request = InstagramAdapter::new(config.clone()).request(job, &Cursor::default()).unwrap();
    assert_eq!((request.method, request.token.as_deref()), (Method::Get, Some("user")));
    request.summary()
}

fn drive(adapter: &InstagramAdapter, job: &Job, platform: &mut Platform) -> Vec<Page> {
    kepi_testkit::drive(adapter, job, Cursor::default(), &mut |request| platform.answer(request)).unwrap()
}

/// The ids of posts that have a metric, each once.
fn with(pages: &[Page], metric: &str) -> BTreeSet<String> {
    let all = pages.iter().flat_map(|page| &page.measurements).filter(|one| one.value(metric).is_some());
    let ids: Vec<String> = all.map(|one| one.subject.id.to_string()).collect();
    let set: BTreeSet<String> = ids.iter().cloned().collect();
    assert_eq!(set.len(), ids.len(), "{metric} is told twice");
    set
}

fn planned(adapter: &InstagramAdapter, endpoint: &str, known: &[KnownPost]) -> Vec<PlannedJob> {
    let descriptor = adapter.descriptor();
    let endpoint = descriptor.endpoint(endpoint).unwrap();
    let accounts = &[account()];
    let input = PlanInput { descriptor, endpoint, accounts, now: now(), range: None, posts: known };
    plan(&input, &|_| None).unwrap()
}

/// What a morning takes, counted at the platform, for so many posts of 90 days of which every second is a reel.
fn morning(config: InstagramConfig, posts: usize) -> Vec<(&'static str, usize)> {
    let adapter = InstagramAdapter::new(config);
    let endpoints = [MEDIA, STORIES, REACH, ACCOUNT_DAYS, FOLLOWS, FOLLOWERS, ENGAGED];
    let calls = endpoints.map(|endpoint| {
        let mut platform = Platform::with_media(posts);
        for planned in planned(&adapter, endpoint, &[]) {
            drive(&adapter, &planned.job, &mut platform);
        }
        (endpoint, platform.calls)
    });
    calls.to_vec()
}

/// The fewest calls: a page of fifty is one, its numbers one for each kind. The six of the groups are made once
/// a week.
#[test]
fn a_morning_takes_the_fewest_calls() {
    let fixed = [(STORIES, 1), (REACH, 1), (ACCOUNT_DAYS, 3), (FOLLOWS, 1), (FOLLOWERS, 3), (ENGAGED, 3)];
    let check = |config: &InstagramConfig, posts, media| {
        let expected: Vec<_> = [(MEDIA, media)].into_iter().chain(fixed).collect();
        assert_eq!(morning(config.clone(), posts), expected, "{posts} posts");
    };
    let common = InstagramConfig { media_metrics: MediaMetrics::Common, ..InstagramConfig::default() };
    check(&common, 0, 1);
    check(&common, 50, 1);
    check(&common, 51, 2);
    check(&common, 230, 5);
    let by_kind = InstagramConfig::default();
    check(&by_kind, 0, 1);
    check(&by_kind, 1, 2);
    check(&by_kind, 50, 3);
    check(&by_kind, 120, 9);
}

#[test]
fn groups_of_people_are_asked_for_once_a_week() {
    let adapter = adapter();
    let descriptor = adapter.descriptor();
    let accounts = &[account()];
    let due = |endpoint: &str, days: i64| {
        let endpoint = descriptor.endpoint(endpoint).unwrap();
        let input = PlanInput { descriptor, endpoint, accounts, now: now(), range: None, posts: &[] };
        let observed_at = now() - (24 * days).hours();
        let state = StreamState {
            sequence: 3,
            job: job(endpoint.name, None),
            next: None,
            observed_at,
            covered: Vec::new(),
        };
        plan(&input, &|stream| (!stream.as_str().contains('+')).then(|| state.clone())).unwrap().len()
    };
    for endpoint in [FOLLOWERS, ENGAGED] {
        assert_eq!((due(endpoint, 1), due(endpoint, 6), due(endpoint, 7)), (0, 0, 1));
    }
}

/// A post is read by the list or by its id, never by both and never by neither.
#[test]
fn every_age_is_read_once() {
    let adapter = adapter();
    for days_old in 0..730 {
        let published_at = now() - (24 * days_old).hours();
        let post = PostRef { account: account().id, id: "18".into(), published_at: Some(published_at) };
        let known = [KnownPost { post, last_observed: None }];
        let window = planned(&adapter, MEDIA, &known)[0].job.window.unwrap();
        let zone = jiff::tz::TimeZone::get("America/Los_Angeles").unwrap();
        let is_listed = window.contains(zone.to_datetime(published_at).date());
        let by_id = !planned(&adapter, OLDER_MEDIA, &known).is_empty();
        assert!(is_listed != by_id, "{days_old} days old: listed {is_listed}, by id {by_id}");
    }
}

#[test]
fn all_numbers_of_a_kind_come_in_one_reading() {
    let mut platform = Platform::with_media(120);
    let pages = drive(&adapter(), &job(MEDIA, listed()), &mut platform);
    let (posts, reels): (BTreeSet<String>, BTreeSet<String>) = (platform.posts(), platform.reels());
    let listed: Vec<String> =
        pages.iter().flat_map(|page| &page.posts).map(|post| post.id.to_string()).collect();
    assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>().len(), listed.len(), "a post is listed twice");
    assert_eq!((listed.len(), posts.len(), reels.len()), (120, 60, 60));
    assert_eq!(with(&pages, "views"), posts.union(&reels).cloned().collect());
    assert_eq!(
        (with(&pages, "avg_view_duration_s"), with(&pages, "skip_rate_3s")),
        (reels.clone(), reels.clone())
    );
    assert_eq!((with(&pages, "profile_visits"), with(&pages, "video_plays")), (posts, reels));
    let together = |one: &&kepi_core::Measurement| {
        ["reach", "likes", "video_plays", "watch_time_s"].iter().all(|metric| one.value(metric).is_some())
    };
    assert_eq!(pages.iter().flat_map(|page| &page.measurements).filter(together).count(), 60);
    // Of one page at most, cursors carry ids.
    let longest = pages.iter().filter_map(|page| page.next.as_ref()?.as_stored().map(str::len)).max();
    assert!(longest.unwrap() < 50 * 21 + 300, "{longest:?}");
}

/// What older media refuse for all is asked for in halves, and then not at all for those behind.
#[test]
fn media_of_before_the_business_account_do_not_harm_the_others() {
    for media_metrics in [MediaMetrics::ByKind, MediaMetrics::Common] {
        let config = InstagramConfig { media_metrics, ..InstagramConfig::default() };
        let mut platform = Platform { unconverted: 37, ..Platform::with_media(120) };
        let pages = drive(&InstagramAdapter::new(config), &job(MEDIA, listed()), &mut platform);
        assert_eq!(with(&pages, "reach"), platform.ids(0..83), "{media_metrics:?}");
        assert_eq!(pages.iter().map(|page| page.posts.len()).sum::<usize>(), 120, "{media_metrics:?}");
        // Public counts of those that have no more.
        let bare = platform.ids(100..120);
        assert!(with(&pages, "comments").is_superset(&bare), "{media_metrics:?}");
        assert!(platform.calls < 40, "{} calls", platform.calls);
    }
}

#[test]
fn one_story_with_few_viewers_does_not_harm_the_others() {
    let mut platform = Platform { stories: 9, few_viewers: BTreeSet::from([0, 4]), ..Platform::default() };
    let pages = drive(&adapter(), &job(STORIES, Some(DateSpan::day(date(2026, 9, 3)))), &mut platform);
    let stories: BTreeSet<usize> = (0..9).collect();
    let seen: BTreeSet<usize> = &stories - &platform.few_viewers;
    assert_eq!(with(&pages, "story_replies"), platform.story_ids(seen));
    let remarks = pages
        .iter()
        .flat_map(|page| &page.notices)
        .filter(|notice| matches!(notice, Notice::Remark { text } if text.contains("Not enough viewers")));
    assert_eq!(remarks.count(), 2);
    assert_eq!(pages.iter().map(|page| page.posts.len()).sum::<usize>(), 9);
}

#[test]
fn too_much_at_once_becomes_smaller_pages_from_the_same_place() {
    let config = InstagramConfig { media_metrics: MediaMetrics::Common, ..InstagramConfig::default() };
    let mut platform = Platform { most: 20, ..Platform::with_media(60) };
    let pages = drive(&InstagramAdapter::new(config), &job(MEDIA, listed()), &mut platform);
    assert_eq!(with(&pages, "reach"), platform.ids(0..60));
    // 50 and 25 are refused; five pages of 12.
    assert_eq!(platform.calls, 2 + 5);
    let mut stuck = Platform { most: 0, ..Platform::with_media(60) };
    let respond = &mut |request: &kepi_core::Request| stuck.answer(request);
    let adapter =
        InstagramAdapter::new(InstagramConfig { media_metrics: MediaMetrics::Common, ..Default::default() });
    let error = kepi_testkit::drive(&adapter, &job(MEDIA, listed()), Cursor::default(), respond).unwrap_err();
    assert_eq!((error.kind(), error.retry_policy()), (ErrorKind::Unavailable, Retry::Backoff));
}

/// One metric is demoted; all others of the day are there, however little Instagram says of which it was.
#[test]
fn one_unsupported_metric_is_demoted() {
    for (named, most) in [(true, 2), (false, 9)] {
        let refused = BTreeSet::from(["website_clicks"]);
        let mut platform = Platform { refused, named, ..Platform::default() };
        let pages = drive(&adapter(), &job(ACCOUNT_DAYS, day()), &mut platform);
        let metrics: BTreeSet<&str> = pages
            .iter()
            .flat_map(|page| &page.measurements)
            .flat_map(|one| &one.values)
            .map(|reading| reading.metric.as_str())
            .collect();
        assert_eq!((metrics.len(), metrics.contains("link_clicks")), (11, false), "named: {named}");
        assert!(platform.calls <= most, "{} calls", platform.calls);
        let notices: Vec<&Notice> = pages.iter().flat_map(|page| &page.notices).collect();
        let [Notice::NotOffered { metric: Some(metric), .. }] = notices.as_slice() else {
            panic!("{notices:?}")
        };
        // What is known of an account is not asked for again.
        let known = Job { refused: vec![metric.clone()], ..job(ACCOUNT_DAYS, day()) };
        let mut again = Platform { refused: platform.refused.clone(), named, ..Platform::default() };
        assert_eq!((drive(&adapter(), &known, &mut again).len(), again.calls), (1, 1));
    }
}

#[test]
fn a_metric_that_one_kind_lacks_stays_for_the_other() {
    for media_metrics in [MediaMetrics::ByKind, MediaMetrics::Common] {
        let config = InstagramConfig { media_metrics, ..InstagramConfig::default() };
        let mut platform = Platform { reels_lack: Some("reposts"), ..Platform::with_media(20) };
        let pages = drive(&InstagramAdapter::new(config), &job(MEDIA, listed()), &mut platform);
        assert_eq!(with(&pages, "reposts"), platform.posts(), "{media_metrics:?}");
        assert_eq!(with(&pages, "reach"), platform.ids(0..20), "{media_metrics:?}");
    }
}

#[test]
fn what_an_account_lacks_altogether_is_not_asked_for() {
    let job = Job { refused: vec!["reach".into(), "follows_gained".into()], ..job(REACH, day()) };
    let error = adapter().request(&job, &Cursor::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotOffered);
}

#[test]
fn both_logins_have_hosts_and_fields_of_their_own() {
    let instagram = InstagramConfig::default();
    let facebook = InstagramConfig { login: Login::Facebook, ..InstagramConfig::default() };
    let media = "followers_count,follows_count,media_count,username,media.limit(50)\
                 {id,media_type,media_product_type,timestamp,permalink,caption,like_count,comments_count";
    let totals =
        ",saved_count,shares_count,reposts_count,total_like_count,total_comments_count,total_views_count";
    let me = "17841400000000001";
    let url = format!("GET https://graph.instagram.com/v25.0/{me}?fields={media}}}");
    assert_eq!(asked(&instagram, &job(MEDIA, listed())), url);
    let url = format!("GET https://graph.facebook.com/v25.0/{me}?fields={media}{totals}}}");
    assert_eq!(asked(&facebook, &job(MEDIA, listed())), url);
    assert!(!asked(&instagram, &job(STORIES, listed())).contains("link_clicks"));
    assert!(asked(&facebook, &job(STORIES, listed())).contains("link_clicks"));
    let nameless = Job { accounts: vec![AccountRef { platform_id: None, ..account() }], ..job(REACH, day()) };
    assert!(asked(&instagram, &nameless).starts_with("GET https://graph.instagram.com/v25.0/me/insights?"));
    let error = InstagramAdapter::new(facebook).request(&nameless, &Cursor::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadConfig);
    assert!(error.hint_text().unwrap().contains("platform_id"));
    let declared = |login, metric: &str| {
        let adapter = InstagramAdapter::new(InstagramConfig { login, ..InstagramConfig::default() });
        let stories = adapter.descriptor().endpoint(STORIES).unwrap();
        stories.fields.iter().any(|field| field.metric == metric)
    };
    assert_eq!(
        (declared(Login::Instagram, "link_clicks"), declared(Login::Facebook, "link_clicks")),
        (false, true)
    );
}

#[test]
fn days_begin_and_end_at_midnight_in_los_angeles() {
    let config = InstagramConfig::default();
    let url = |window: DateSpan, config: &InstagramConfig| asked(config, &job(FOLLOWS, Some(window)));
    let tail = |since: i64, until: i64| format!("&breakdown=follow_type&since={since}&until={until}");
    let autumn = DateSpan::day(date(2026, 11, 1));
    assert!(url(autumn, &config).ends_with(&tail(1_793_516_400, 1_793_516_400 + 25 * 3_600)));
    let inclusive = InstagramConfig { until: Until::Inclusive, ..config };
    assert!(url(autumn, &inclusive).ends_with(&tail(1_793_516_400, 1_793_516_400 + 25 * 3_600 - 1)));
}

const ONE_DAY: &str = r#"{"data":[{"name":"reach","period":"day","values":[
    {"value":18342,"end_time":"2026-08-31T07:00:00+0000"}]}]}"#;

#[test]
fn what_a_label_means_is_a_setting() {
    let read = |end_time| {
        let adapter = InstagramAdapter::new(InstagramConfig { end_time, ..InstagramConfig::default() });
        let page =
            adapter.decode(&job(REACH, day()), &Cursor::default(), &Body::json(ONE_DAY, now())).unwrap();
        page.measurements[0].window.clone()
    };
    assert_eq!(read(EndTime::DayBefore), Window::Day(date(2026, 8, 30)));
    assert_eq!(read(EndTime::SameDate), Window::Day(date(2026, 8, 31)));
}

#[test]
fn instants_are_read_with_and_without_colon() {
    let read = |stamp: &str| {
        let body = ONE_DAY.replace("2026-08-31T07:00:00+0000", stamp);
        let page =
            adapter().decode(&job(REACH, day()), &Cursor::default(), &Body::json(body, now())).unwrap();
        page.measurements.first().map(|one| one.window.clone())
    };
    let expected = Some(Window::Day(date(2026, 8, 30)));
    for stamp in [
        "2026-08-31T07:00:00+0000",
        "2026-08-31T07:00:00+00:00",
        "2026-08-31T07:00:00Z",
        "2026-08-31T00:00:00-0700",
    ] {
        assert_eq!(read(stamp), expected, "{stamp}");
    }
}

#[test]
fn new_followers_are_asked_for_where_they_are_kept() {
    let metrics = |start| {
        let window = Some(DateSpan::new(start, kepi_core::period::add_days(start, 3)));
        asked(&InstagramConfig::default(), &job(REACH, window)).contains("reach,follower_count")
    };
    assert_eq!((metrics(date(2026, 8, 4)), metrics(date(2026, 8, 3))), (true, false));
}

#[test]
fn the_unit_of_watch_times_is_a_setting() {
    let read = |watch_time| {
        let adapter = InstagramAdapter::new(InstagramConfig { watch_time, ..InstagramConfig::default() });
        let cursor = Cursor::from_stored(Some(r#"{"insights":{"reels":["18"],"size":50}}"#));
        let body = r#"{"data":[{"name":"ig_reels_avg_watch_time","values":[{"value":6840}]}]}"#;
        let page = adapter.decode(&job(MEDIA, listed()), &cursor, &Body::json(body, now())).unwrap();
        page.measurements[0].value("avg_view_duration_s").cloned()
    };
    assert_eq!(read(WatchTime::Milliseconds), Some(Value::Real(6.84)));
    assert_eq!(read(WatchTime::Seconds), Some(Value::Real(6840.0)));
}

#[test]
fn what_is_switched_off_is_not_offered_and_says_how_to_switch_it_on() {
    for (endpoint, setting) in [(SPLITS, "splits"), (FOUR_WEEKS, "four_weeks"), (MENTIONS, "mentions")] {
        let error = adapter().request(&job(endpoint, day()), &Cursor::default()).unwrap_err();
        assert_eq!((error.kind(), error.retry_policy()), (ErrorKind::NotOffered, Retry::Never));
        assert!(error.hint_text().unwrap().contains(&format!("{setting} = true")));
    }
}

/// What everybody sees of an account is one call, made as the account of ours that watches.
#[test]
fn a_public_page_is_one_call_of_the_account_that_watches() {
    let rival = AccountRef {
        watched_by: Some("17841400000000001".into()),
        ..AccountRef::new("instagram/rival.official".parse().unwrap(), "Europe/Berlin")
    };
    let config = InstagramConfig { login: Login::Facebook, own_pages: true, ..InstagramConfig::default() };
    let of = |account: &AccountRef| Job { accounts: vec![account.clone()], ..job(WATCHED, None) };
    let url = |name: &str| {
        format!(
            "GET https://graph.facebook.com/v25.0/17841400000000001?fields=business_discovery.username({name})\
             {{followers_count,media_count,username,media.limit(50){{id,timestamp,permalink,media_type,\
             media_product_type,like_count,comments_count,view_count}}}}"
        )
    };
    assert_eq!(asked(&config, &of(&rival)), url("rival.official"));
    assert_eq!(asked(&config, &of(&account())), url("nordlicht"));
    assert_eq!(InstagramAdapter::new(config.clone()).calls(&of(&rival)), Calls::exactly(1));
    // That its number is known does not make it ours.
    let met = AccountRef { platform_id: Some("17841400000000099".into()), ..rival.clone() };
    assert_eq!(asked(&config, &of(&met)), url("rival.official"));
    // A field that is refused is left out, of this account and from then on.
    let known = Job { refused: vec!["views".into()], ..of(&rival) };
    assert!(!asked(&config, &known).contains("view_count"));

    let refused = |config: &InstagramConfig, account: &AccountRef| {
        let adapter = InstagramAdapter::new(config.clone());
        adapter.request(&of(account), &Cursor::default()).map(drop).map_err(|error| error.kind())
    };
    let off = InstagramConfig { own_pages: false, ..config.clone() };
    assert_eq!(refused(&off, &rival), Ok(()));
    assert_eq!(refused(&off, &account()), Err(ErrorKind::NotOffered));
    let other_login = InstagramConfig { login: Login::Instagram, ..off };
    assert_eq!(refused(&other_login, &rival), Err(ErrorKind::NotOffered));
    let sly = AccountRef { id: "instagram/a){id}".parse().unwrap(), ..rival };
    assert_eq!(refused(&config, &sly), Err(ErrorKind::BadConfig));
    let error = InstagramAdapter::from_settings(json!({"own_pages": true})).unwrap_err();
    assert!(error.to_string().contains("Facebook Login only"), "{error}");
}

#[test]
fn what_cannot_be_asked_is_said() {
    let kind = |job: &Job, cursor: Option<&str>| {
        adapter().request(job, &Cursor::from_stored(cursor)).map_err(|error| error.kind()).err()
    };
    let bad = Some(ErrorKind::BadRequest);
    assert_eq!(kind(&job("likes", None), None), bad);
    assert_eq!(kind(&job(REACH, None), None), bad);
    assert_eq!(kind(&job(ACCOUNT_DAYS, Some(DateSpan::new(date(2026, 8, 1), date(2026, 8, 3)))), None), bad);
    assert_eq!(kind(&job(REACH, Some(DateSpan::new(date(2026, 8, 1), date(2026, 9, 1)))), None), bad);
    assert_eq!(kind(&job(OLDER_MEDIA, None), None), bad);
    let sly = PostRef { account: account().id, id: "18/../me".into(), published_at: None };
    assert_eq!(kind(&Job { posts: vec![sly], ..job(OLDER_MEDIA, None) }, None), bad);
    let sly = AccountRef { platform_id: Some("me/accounts".into()), ..account() };
    assert_eq!(kind(&Job { accounts: vec![sly], ..job(REACH, day()) }, None), Some(ErrorKind::BadConfig));
    let list = r#"{"list":{"after":"a","seen":1,"limit":50,"plain":false}}"#;
    assert_eq!(kind(&job(REACH, day()), Some(list)), Some(ErrorKind::Store));
    assert_eq!(kind(&job(MEDIA, listed()), Some(r#"{"groups":[]}"#)), Some(ErrorKind::Store));
    assert_eq!(kind(&job(MEDIA, listed()), Some("torn")), Some(ErrorKind::Store));
    for version in ["25.0", "v25", "v25.0/me", "", "vx.0"] {
        let error = InstagramAdapter::from_settings(json!({"api_version": version})).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadConfig, "{version}");
    }
}

/// A refusal is gone round only where there is a way round.
#[test]
fn refusals_are_decoded_where_there_is_a_way_round() {
    let decoded = |endpoint: &str, code: i64, subcode: i64, message: &str| {
        let body = json!({"error": {"message": message, "code": code, "error_subcode": subcode}}).to_string();
        let response = Response { status: 400, headers: Vec::new(), body: body.into(), received_at: now() };
        assert!(adapter().classify(&response).is_some(), "{message}");
        adapter().decodes_refusal(endpoint, &response)
    };
    let gone = "Object with ID '18' does not exist, cannot be loaded due to missing permissions";
    assert!(decoded(OLDER_MEDIA, 100, 33, gone));
    assert!(!decoded(REACH, 100, 33, gone));
    assert!(decoded(ACCOUNT_DAYS, 100, 0, "(#100) The value must be a valid insights metric"));
    assert!(!decoded(MENTIONS, 4, 0, "(#4) Application request limit reached"));
    assert!(decoded(SPLITS, 1, 0, "An unknown error has occurred."));
    assert!(!decoded(ACCOUNT_DAYS, 1, 0, "An unknown error has occurred."));
    assert!(!decoded(
        REACH,
        100,
        0,
        "(#100) There cannot be more than 30 days (2592000 s) between since and until"
    ));
    let old = "(#100) since param is not valid. Metrics data is available for the last 2 years";
    assert!(!decoded(REACH, 100, 0, old));
    assert!(!decoded(STORIES, 10, 0, "(#10) Application does not have permission for this action"));
    assert!(!decoded(
        MEDIA,
        190,
        463,
        "Error validating access token: the metric (reach) session has expired"
    ));
}

#[test]
fn a_torn_body_is_an_error_and_never_a_panic() {
    let full = include_str!("../fixtures/media/full.http");
    let body = full.split_once("\n\n{").map(|(_, body)| format!("{{{}", body.trim_end())).unwrap();
    let adapter = InstagramAdapter::from_settings(sample()).unwrap();
    let read = |bytes: &[u8]| {
        let body = Body::json(bytes, now());
        adapter.decode(&job(MEDIA, listed()), &Cursor::default(), &body).map_err(|error| error.kind())
    };
    assert_eq!(read(body.as_bytes()).unwrap().posts.len(), 3);
    for end in (0..body.len()).filter(|end| body.is_char_boundary(*end)) {
        assert_eq!(read(&body.as_bytes()[..end]).unwrap_err(), ErrorKind::BadResponse, "cut at {end}");
    }
}

/// Secrets are named and not held; a code is exchanged once, and its token at once for the long one.
#[test]
fn token_exchanges_name_secrets_and_hold_none() {
    let code = Grant::Code { redirect_uri: "http://127.0.0.1:1/callback".to_owned() };
    let named = |request: &kepi_core::Request| -> Vec<String> {
        let form = match &request.payload {
            Payload::Form(form) => form.clone(),
            _ => Vec::new(),
        };
        let all = request.query.iter().chain(&form);
        all.filter_map(|(_, text)| if let Text::Secret(name) = text { Some(name.to_string()) } else { None })
            .collect()
    };
    let check = |login, grant: &Grant, path: &str, secrets: &[&str], second: Option<(&str, &[&str])>| {
        let adapter = InstagramAdapter::new(InstagramConfig { login, ..InstagramConfig::default() });
        let request = adapter.token_request("user", grant).unwrap();
        assert_eq!(
            (request.url.as_str(), named(&request)),
            (path, secrets.iter().map(|name| (*name).to_owned()).collect())
        );
        assert_eq!(request.idempotent, *grant == Grant::Refresh, "{path}");
        let longer = adapter.second_exchange("user", grant).unwrap();
        let longer = longer.map(|request| (request.url.clone(), named(&request)));
        let second = second
            .map(|(url, names)| (url.to_owned(), names.iter().map(|name| (*name).to_owned()).collect()));
        assert_eq!(longer, second);
    };
    let (id, secret, token) = ("client_id", "client_secret", "access_token");
    check(
        Login::Instagram,
        &code,
        "https://api.instagram.com/oauth/access_token",
        &[id, secret, "code"],
        Some(("https://graph.instagram.com/access_token", &[secret, token])),
    );
    check(
        Login::Instagram,
        &Grant::Refresh,
        "https://graph.instagram.com/refresh_access_token",
        &[token],
        None,
    );
    let facebook = "https://graph.facebook.com/v25.0/oauth/access_token";
    let long: &[&str] = &[id, secret, token];
    check(Login::Facebook, &code, facebook, &[id, secret, "code"], Some((facebook, long)));
    check(Login::Facebook, &Grant::Refresh, facebook, long, None);
    let error = adapter().token_request("app", &Grant::Client).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotOffered);
}
