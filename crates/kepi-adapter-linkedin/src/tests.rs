//! The shared contract, then the cases of LinkedIn that it does not know: what is asked, how often, and how little.

use jiff::{Timestamp, civil::date};
use kepi_core::{
    AccountRef, Adapter, Body, Cursor, DateSpan, Decoder, ErrorKind, Flags, Grant, Job, Method, Notice, Page,
    PostRef, Request, Stream, Value, Window,
    http::{Payload, Text},
    plan::{KnownPost, PlanInput, PlannedJob, StreamState, plan},
};
use serde_json::json;

use crate::{
    LinkedinAdapter,
    descriptor::{
        AUDIENCE, FOLLOWER_DAYS, FOLLOWERS, MEMBER_DAYS, MEMBER_FOLLOWERS, MEMBER_POSTS, MEMBER_VIDEOS,
        PAGE_DAYS, PAGE_TOTALS, POSTS, REACTIONS, SHARE_DAYS, SHARE_POSTS, TOTALS, UGC_POSTS, VIDEOS,
    },
};

kepi_testkit::contract!(LinkedinAdapter::from_settings, sample());

/// Settings of which each is set.
fn sample() -> serde_json::Value {
    json!({
        "base_url": "https://api.linkedin.com",
        "oauth_base_url": "https://www.linkedin.com",
        "version": "202603",
        "version_ends": "2027-03-16",
        "tier": "standard",
        "lag_days": 2,
        "posts_per_call": 100,
        "absent_is_zero_days": 7,
        "daily_totals": false,
        "reactions": true,
        "videos": "totals",
        "video_viewers": true,
        "newer_member_metrics": true,
    })
}

fn now() -> Timestamp {
    "2026-09-03T06:00:00Z".parse().unwrap()
}

fn with(settings: serde_json::Value) -> LinkedinAdapter {
    LinkedinAdapter::from_settings(settings).unwrap()
}

fn adapter() -> LinkedinAdapter {
    with(json!({}))
}

fn page_account() -> AccountRef {
    AccountRef {
        platform_id: Some("2414183".into()),
        ..AccountRef::new("linkedin/nordlicht".parse().unwrap(), "Europe/Berlin")
    }
}

fn person() -> AccountRef {
    let platform_id = Some("urn:li:person:aB1cD".into());
    AccountRef { platform_id, ..AccountRef::new("linkedin/anna".parse().unwrap(), "Europe/Berlin") }
}

fn job(endpoint: &str) -> Job {
    let accounts = vec![page_account()];
    Job {
        endpoint: endpoint.into(),
        accounts,
        window: None,
        posts: Vec::new(),
        planned_at: now(),
        input: None,
        refused: Vec::new(),
    }
}

fn span(from: (i16, i8, i8), to: (i16, i8, i8)) -> DateSpan {
    DateSpan::new(date(from.0, from.1, from.2), date(to.0, to.1, to.2))
}

/// Posts of a kind, published two days ago, one a minute.
fn posts(kind: &str, count: u64) -> Vec<PostRef> {
    let post = |i: u64| PostRef {
        account: page_account().id,
        id: format!("urn:li:{kind}:{}", 7_100_000_000_000_000_001 + i).into(),
        published_at: Some("2026-09-01T08:00:00Z".parse().unwrap()),
    };
    (0..count).map(post).collect()
}

/// The jobs of an endpoint, each of which can be asked.
fn planned(
    adapter: &LinkedinAdapter,
    endpoint: &str,
    range: Option<DateSpan>,
    posts: &[PostRef],
    state: Option<&StreamState>,
) -> Vec<PlannedJob> {
    let descriptor = adapter.descriptor();
    let endpoint = descriptor.endpoint(endpoint).unwrap();
    let accounts = &[page_account()];
    let posts: Vec<KnownPost> =
        posts.iter().map(|post| KnownPost { post: post.clone(), last_observed: None }).collect();
    let input = PlanInput { descriptor, endpoint, accounts, now: now(), range, posts: &posts };
    plan(&input, &|_: &Stream| state.cloned()).unwrap()
}

/// Where a stream stood when it was read to its end, so many days ago.
fn read_before(endpoint: &str, days: i64) -> StreamState {
    let at = now() - jiff::SignedDuration::from_hours(24 * days);
    StreamState {
        sequence: 1,
        job: Job { planned_at: at, ..job(endpoint) },
        next: None,
        observed_at: at,
        covered: Vec::new(),
    }
}

/// Drives an endpoint's jobs against a LinkedIn that answers nothing but empty lists, and counts the calls.
fn calls(adapter: &LinkedinAdapter, endpoint: &str, posts: &[PostRef], state: Option<&StreamState>) -> usize {
    let body = Body::json(r#"{"elements":[],"results":{},"firstDegreeSize":1}"#, now());
    let mut calls = 0;
    for planned in planned(adapter, endpoint, None, posts, state) {
        let mut cursor = Some(planned.cursor);
        while let Some(at) = cursor {
            match adapter.request(&planned.job, &at) {
                Ok(_) => calls += 1,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::NotOffered, "{endpoint}: {error:?}");
                    break;
                }
            }
            cursor = adapter.decode(&planned.job, &at, &body).unwrap().next;
        }
    }
    calls
}

const EVERY_ENDPOINT: [&str; 16] = [
    FOLLOWERS,
    FOLLOWER_DAYS,
    SHARE_DAYS,
    PAGE_DAYS,
    POSTS,
    SHARE_POSTS,
    UGC_POSTS,
    AUDIENCE,
    TOTALS,
    PAGE_TOTALS,
    REACTIONS,
    VIDEOS,
    MEMBER_FOLLOWERS,
    MEMBER_DAYS,
    MEMBER_POSTS,
    MEMBER_VIDEOS,
];

/// Five for the page, then one for each hundred posts of a kind: six to seven with up to a hundred posts. What is
/// of all time is read once a week.
#[test]
fn a_day_takes_the_fewest_calls() {
    let day = |settings: serde_json::Value, posts: &[PostRef]| -> Vec<usize> {
        let adapter = with(settings);
        let count = |endpoint: &&str| calls(&adapter, endpoint, posts, Some(&read_before(endpoint, 1)));
        EVERY_ENDPOINT.iter().map(count).collect()
    };
    let known = |shares, ugc| [posts("share", shares), posts("ugcPost", ugc)].concat();
    let page = [1, 1, 1, 1, 1];
    let rest = [0; 9];
    for (shares, ugc, of_posts) in [(40, 0, [1, 0]), (60, 40, [1, 1]), (100, 100, [1, 1]), (101, 250, [2, 3])]
    {
        let expected = [&page[..], &of_posts[..], &rest[..]].concat();
        assert_eq!(day(json!({}), &known(shares, ugc)), expected, "{shares} shares, {ugc} ugcPosts");
    }
    // With all that may be asked for, and no video: the list of videos, and a call for each hundred posts.
    let with_reactions = json!({"reactions": true, "tier": "standard", "videos": "totals"});
    assert_eq!(day(with_reactions, &known(60, 50)).iter().sum::<usize>(), 5 + 2 + 2 + 1);
    let daily = json!({"daily_totals": true});
    assert_eq!(day(daily, &known(60, 40)).iter().sum::<usize>(), 8);
    let smaller = json!({"posts_per_call": 20});
    assert_eq!(day(smaller, &known(60, 40)).iter().sum::<usize>(), 5 + 3 + 2);
}

#[test]
fn what_is_of_all_time_is_read_weekly() {
    for endpoint in [AUDIENCE, TOTALS, PAGE_TOTALS] {
        assert_eq!(calls(&adapter(), endpoint, &[], Some(&read_before(endpoint, 6))), 0, "{endpoint}");
        assert_eq!(calls(&adapter(), endpoint, &[], Some(&read_before(endpoint, 7))), 1, "{endpoint}");
        assert_eq!(calls(&adapter(), endpoint, &[], None), 1, "{endpoint}");
    }
}

/// The newest day is that of two days ago; two weeks are read again; a year is one call.
#[test]
fn days_end_two_days_ago_and_a_year_of_them_is_one_call() {
    let windows = |adapter: &LinkedinAdapter, range| {
        let jobs = planned(adapter, SHARE_DAYS, range, &[], None);
        jobs.iter().map(|planned| planned.job.window.unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(windows(&adapter(), None), ["2026-08-19..2026-09-01"]);
    assert_eq!(windows(&with(json!({"lag_days": 3})), None), ["2026-08-18..2026-08-31"]);
    let year = Some(span((2020, 1, 1), (2030, 1, 1)));
    assert_eq!(windows(&adapter(), year), ["2025-09-03..2026-09-01"]);
}

#[test]
fn the_list_goes_back_to_what_was_read_before() {
    let window = |state: Option<&StreamState>| {
        planned(&adapter(), POSTS, None, &[], state)[0].job.window.unwrap().to_string()
    };
    assert_eq!(window(None), "2026-03-07..2026-09-03");
    assert_eq!(window(Some(&read_before(POSTS, 1))), "2026-09-01..2026-09-03");
    let page = |rows: serde_json::Value| {
        let job = Job { window: Some(span((2026, 9, 1), (2026, 9, 4))), ..job(POSTS) };
        let link = json!([{"rel": "next", "href": "/rest/posts?start=100&q=author"}]);
        let body = json!({"paging": {"links": link}, "elements": rows}).to_string();
        adapter().decode(&job, &Cursor::default(), &Body::json(body, now())).unwrap()
    };
    let post =
        |id: u64, day: i64| json!({"id": format!("urn:li:share:{id}"), "lastModifiedAt": day * 86_400_000});
    let (new, old) = (20_698, 20_690);
    assert!(page(json!([post(1, new), post(2, new)])).next.is_some());
    let behind = page(json!([post(1, new), post(2, old)]));
    assert_eq!((behind.posts.len(), behind.next), (2, None));
}

fn text(request: &Request) -> (Method, &str, &str) {
    let body = match &request.payload {
        Payload::Encoded(text) => text,
        _ => "",
    };
    (request.method, &request.url, body)
}

fn header<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).and_then(
        |(_, value)| match value {
            Text::Plain(text) => Some(text.as_str()),
            Text::Secret(_) => None,
        },
    )
}

/// Structure stands as it is, values are encoded, and the query stands by hand so that nobody encodes it again.
#[test]
fn lists_and_records_are_written_as_restli_wants_them() {
    let two = vec![posts("share", 2)[0].clone(), posts("share", 2)[1].clone()];
    let request = adapter().request(&Job { posts: two, ..job(SHARE_POSTS) }, &Cursor::default()).unwrap();
    let (method, url, _) = text(&request);
    assert_eq!(method, Method::Get);
    assert_eq!(
        url,
        "https://api.linkedin.com/rest/organizationalEntityShareStatistics?q=organizationalEntity\
         &organizationalEntity=urn%3Ali%3Aorganization%3A2414183\
         &shares=List(urn%3Ali%3Ashare%3A7100000000000000001,urn%3Ali%3Ashare%3A7100000000000000002)"
    );
    assert!(request.query.is_empty());
    assert_eq!(header(&request, "linkedin-version"), Some("202603"));
    assert_eq!(header(&request, "x-restli-protocol-version"), Some("2.0.0"));
    assert_eq!(header(&request, "x-restli-method"), Some("FINDER"));
    assert_eq!(header(&request, "x-http-method-override"), None);
    let days = Job { window: Some(span((2026, 8, 31), (2026, 9, 2))), ..job(PAGE_DAYS) };
    let request = with(json!({"version": "202607"})).request(&days, &Cursor::default()).unwrap();
    assert_eq!(header(&request, "linkedin-version"), Some("202607"));
    assert!(request.url.ends_with(
        "&timeIntervals=(timeRange:(start:1788134400000,end:1788307200000),timeGranularityType:DAY)"
    ));
}

#[test]
fn a_long_list_goes_in_a_body() {
    let ask = |count| {
        let request =
            adapter().request(&Job { posts: posts("share", count), ..job(SHARE_POSTS) }, &Cursor::default());
        request.unwrap()
    };
    let short = ask(90);
    assert_eq!((short.method, short.url.len() <= 4000), (Method::Get, true));
    let long = ask(100);
    let (method, url, body) = text(&long);
    assert_eq!(method, Method::Post);
    assert_eq!(url, "https://api.linkedin.com/rest/organizationalEntityShareStatistics");
    assert!(body.starts_with(
        "q=organizationalEntity&organizationalEntity=urn%3Ali%3Aorganization%3A2414183&shares=List(urn%3Ali"
    ));
    assert!(body.ends_with(')') && body.len() > 3900);
    assert_eq!(header(&long, "x-http-method-override"), Some("GET"));
    assert_eq!(header(&long, "x-restli-method"), Some("FINDER"));
    assert!(long.idempotent);
}

/// The documented answer holds both kinds; a number alone names no post.
#[test]
fn shares_and_ugc_posts_are_two_keys() {
    let told = |kind: &str, id: &str, impressions: i64| {
        json!({kind: id, "organizationalEntity": "urn:li:organization:2414183",
               "totalShareStatistics": {"impressionCount": impressions, "uniqueImpressionsCount": 905, "clickCount": 57,
                                        "likeCount": 31, "commentCount": 2, "shareCount": 1, "engagement": 0.0679}})
    };
    let (share, ugc) =
        (told("share", "urn:li:share:7001", 1340), told("ugcPost", "urn:li:ugcPost:7001", 2810));
    let body =
        json!({"paging": {"start": 0, "count": 10, "links": []}, "elements": [share, ugc]}).to_string();
    let post = |id: &str| PostRef { account: page_account().id, id: id.into(), published_at: None };
    let posts = vec![post("urn:li:share:7001"), post("urn:li:ugcPost:7001")];
    let job = Job { posts, ..job(SHARE_POSTS) };
    let page = adapter().decode(&job, &Cursor::default(), &Body::json(body, now())).unwrap();
    let found: Vec<_> = page
        .measurements
        .iter()
        .map(|one| (one.subject.id.as_str(), one.value("impressions").cloned().unwrap()))
        .collect();
    assert_eq!(
        found,
        [("urn:li:share:7001", Value::Count(1340)), ("urn:li:ugcPost:7001", Value::Count(2810))]
    );
    // Each is asked for under its own parameter, and only there.
    let error = adapter().request(&job, &Cursor::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest);
    let ugc = Job { posts: self::posts("ugcPost", 1), ..self::job(UGC_POSTS) };
    let request = adapter().request(&ugc, &Cursor::default()).unwrap();
    assert!(request.url.ends_with("&ugcPosts=List(urn%3Ali%3AugcPost%3A7100000000000000001)"));
}

/// What becomes of a post that is not in the answer.
#[test]
fn absent_means_zero_only_of_a_young_post_in_a_whole_answer() {
    let zeros = |settings: serde_json::Value, body: &str, published: Option<&str>| {
        let post = PostRef {
            account: page_account().id,
            id: "urn:li:share:7002".into(),
            published_at: published.map(|at| at.parse().unwrap()),
        };
        let job = Job { posts: vec![post], ..job(SHARE_POSTS) };
        let page = with(settings).decode(&job, &Cursor::default(), &Body::json(body, now())).unwrap();
        assert!(page.notices.iter().any(|notice| format!("{notice:?}").contains("urn:li:share:7002")));
        page.measurements.iter().flat_map(|one| one.values.clone()).collect::<Vec<_>>()
    };
    let (none, young) = (r#"{"elements":[]}"#, Some("2026-08-28T00:00:00Z"));
    let told = zeros(json!({}), none, young);
    assert_eq!(told.len(), 5);
    assert!(told.iter().all(|one| one.value == Value::Count(0) && one.flags.contains(Flags::ESTIMATED)));
    assert!(told.iter().all(|one| one.metric.as_str() != "reach"));
    assert_eq!(zeros(json!({}), none, Some("2026-08-27T23:59:59Z")), []);
    assert_eq!(zeros(json!({}), none, None), []);
    assert_eq!(zeros(json!({"absent_is_zero_days": 0}), none, young), []);
    assert_eq!(zeros(json!({}), r#"{"elements":null}"#, young), []);
    assert_eq!(zeros(json!({}), r#"{"elements":[{"share":"","totalShareStatistics":{}}]}"#, young), []);
}

#[test]
fn the_end_of_a_version_is_known_beforehand() {
    let end = |settings: serde_json::Value| {
        let adapter = with(settings);
        let ends: Vec<_> =
            adapter.descriptor().endpoints.iter().map(|endpoint| endpoint.sunset.unwrap()).collect();
        assert!(ends.iter().all(|end| *end == ends[0]));
        assert_eq!(ends[0].hint.contains("version_ends"), ends[0].guessed, "{}", ends[0].hint);
        (ends[0].day.to_string(), ends[0].guessed)
    };
    let known = |day: &str| (day.to_owned(), false);
    assert_eq!(end(json!({})), known("2027-03-16"));
    assert_eq!(end(json!({"version": "202601"})), known("2027-01-15"));
    assert_eq!(end(json!({"version": "202607"})), ("2027-07-15".to_owned(), true));
    assert_eq!(end(json!({"version": "202607", "version_ends": "2027-07-19"})), known("2027-07-19"));
}

#[test]
fn settings_that_cannot_be_are_refused() {
    for bad in [
        json!({"version": "2026-03"}),
        json!({"version": "202613"}),
        json!({"version": "latest"}),
        json!({"posts_per_call": 0}),
        json!({"posts_per_call": 101}),
        json!({"lag_days": 0}),
        json!({"videos": "all"}),
        json!({"version_ends": "soon"}),
    ] {
        let error = LinkedinAdapter::from_settings(bad.clone()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadConfig, "{bad}");
        assert!(error.hint_text().is_some(), "{bad}");
    }
}

#[test]
fn what_cannot_be_asked_is_said() {
    let kind = |adapter: &LinkedinAdapter, job: &Job, cursor: Option<&str>| {
        adapter.request(job, &Cursor::from_stored(cursor)).map_err(|error| error.kind()).err()
    };
    let plain = adapter();
    let asked = |job: &Job, cursor| kind(&plain, job, cursor);
    assert_eq!(asked(&job("likes"), None), Some(ErrorKind::BadRequest));
    assert_eq!(asked(&job(SHARE_DAYS), None), Some(ErrorKind::BadRequest));
    assert_eq!(asked(&job(SHARE_POSTS), None), Some(ErrorKind::BadRequest));
    assert_eq!(asked(&job(SHARE_DAYS), Some(r#"{"start":100}"#)), Some(ErrorKind::Store));
    assert_eq!(asked(&job(POSTS), Some("torn")), Some(ErrorKind::Store));
    // Not asked for, or not granted: a state, told with what would change it.
    let not_offered = Some(ErrorKind::NotOffered);
    assert_eq!(asked(&job(VIDEOS), None), not_offered);
    let of_posts = Job { posts: posts("share", 1), ..job(REACTIONS) };
    assert_eq!(asked(&of_posts, None), not_offered);
    assert_eq!(kind(&with(json!({"reactions": true})), &of_posts, None), not_offered);
    assert_eq!(kind(&with(json!({"reactions": true, "tier": "standard"})), &of_posts, None), None);
    // A page is no person, and an account without its organization is looked up first.
    assert_eq!(asked(&job(MEMBER_FOLLOWERS), None), not_offered);
    let of = |account: AccountRef, endpoint: &str| Job { accounts: vec![account], ..job(endpoint) };
    assert_eq!(asked(&of(person(), TOTALS), None), not_offered);
    assert_eq!(asked(&of(person(), MEMBER_FOLLOWERS), None), None);
    let nameless = AccountRef { platform_id: None, ..page_account() };
    assert_eq!(asked(&of(nameless.clone(), TOTALS), None), Some(ErrorKind::BadConfig));
    assert_eq!(asked(&of(nameless, FOLLOWERS), None), None);
    let wrong = AccountRef { platform_id: Some("nordlicht".into()), ..page_account() };
    assert_eq!(asked(&of(wrong, TOTALS), None), Some(ErrorKind::BadConfig));
    let urn = AccountRef { platform_id: Some("urn:li:organization:2414183".into()), ..page_account() };
    assert_eq!(asked(&of(urn, TOTALS), None), None);
}

/// A hundred calls a day in the development tier, whichever endpoint makes them; the standard tier is not published.
#[test]
fn the_tier_decides_the_quota() {
    let pools = |settings: serde_json::Value| {
        let adapter = with(settings);
        let mut pools: Vec<_> = adapter
            .descriptor()
            .endpoints
            .iter()
            .flat_map(|endpoint| endpoint.quotas.iter().map(|quota| (quota.pool, quota.requests)))
            .collect();
        pools.sort_unstable();
        pools.dedup();
        pools
    };
    assert_eq!(pools(json!({})), [("development:app", 500), ("development:member", 100)]);
    assert_eq!(pools(json!({"tier": "standard"})), []);
}

/// The JSON of a fixture.
fn body_of(fixture: &str) -> String {
    fixture.split_once("\n\n{").map(|(_, body)| format!("{{{}", body.trim_end())).unwrap()
}

/// Answers of a list of videos over two pages, then of each number of each video.
fn drive_videos(settings: serde_json::Value, window: DateSpan) -> (Vec<String>, Vec<Page>) {
    let adapter = with(settings);
    let job = Job { window: Some(window), ..job(VIDEOS) };
    let (mut cursor, mut urls, mut pages) = (Cursor::default(), Vec::new(), Vec::new());
    loop {
        let url = adapter.request(&job, &cursor).unwrap().url;
        let video = |id: u64| {
            json!({"id": format!("urn:li:ugcPost:{id}"), "createdAt": 1_788_170_400_000_u64,
                   "content": {"media": {"id": "urn:li:video:C4E01"}}})
        };
        let body = if url.contains("start=0") {
            let no_video = json!({"id": "urn:li:ugcPost:2", "createdAt": 1_788_170_400_000_u64});
            json!({"paging": {"links": [{"rel": "next", "href": "/rest/posts?start=100"}]},
                   "elements": [video(1), no_video, video(4)]})
        } else if url.contains("start=100") {
            json!({"elements": [video(3)]})
        } else {
            json!({"elements": [{"entity": "urn:li:ugcPost:1", "value": 3000,
                                 "timeRange": {"start": 1_788_134_400_000_u64, "end": 1_788_220_800_000_u64}}]})
        };
        let page = adapter.decode(&job, &cursor, &Body::json(body.to_string(), now())).unwrap();
        urls.push(url.split_once("/rest/").unwrap().1.to_owned());
        let next = page.next.clone();
        pages.push(page);
        match next {
            Some(next) => cursor = next,
            None => return (urls, pages),
        }
    }
}

/// The list, and two calls a video: what is no video is not asked for.
#[test]
fn videos_are_found_and_asked_for_number_by_number() {
    let month = span((2026, 8, 4), (2026, 9, 4));
    let (urls, pages) = drive_videos(json!({"videos": "totals"}), month);
    let kinds: Vec<&str> = urls.iter().map(|url| url.rsplit(['=', '?']).next().unwrap()).collect();
    let watch = "TIME_WATCHED_FOR_VIDEO_VIEWS";
    let (list, one) = ("CREATED", ["VIDEO_VIEW", watch]);
    assert_eq!(kinds, [[list, one[0], one[1]].as_slice(), &one, &[list], &one].concat());
    for (at, video) in [(1, 1), (2, 1), (3, 4), (4, 4), (6, 3), (7, 3)] {
        assert!(urls[at].contains(&format!("entity=urn%3Ali%3AugcPost%3A{video}&")), "{at}: {}", urls[at]);
    }
    let first = &pages[1].measurements[0];
    assert_eq!(
        (first.window.clone(), first.value("video_plays")),
        (Window::At(now()), Some(&Value::Count(3000)))
    );
    let (urls, _) = drive_videos(json!({"videos": "totals", "video_viewers": true}), month);
    assert_eq!(urls.len(), 2 + 3 * 3);
}

#[test]
fn days_of_videos_begin_with_the_window_and_end_with_the_last_ready_day() {
    let (urls, pages) = drive_videos(json!({"videos": "days"}), span((2026, 8, 4), (2026, 9, 4)));
    assert!(
        urls[1]
            .ends_with("&type=VIDEO_VIEW&aggregation=DAY&timeRange=(start:1785801600000,end:1788307200000)")
    );
    let (plays, watched) = (&pages[1].measurements[0], &pages[2].measurements[0]);
    assert_eq!((plays.window.clone(), plays.provisional), (Window::Day(date(2026, 8, 31)), true));
    assert_eq!(watched.value("watch_time_s"), Some(&Value::Real(3.0)));
    let fields = with(json!({"videos": "days"})).descriptor().endpoint(VIDEOS).unwrap().fields;
    assert!(fields.iter().all(|field| field.window == kepi_core::WindowKind::Day));
    // Half a year, and no further.
    let (urls, _) = drive_videos(json!({"videos": "days"}), span((2020, 1, 1), (2026, 9, 4)));
    assert!(urls[1].contains("timeRange=(start:1772841600000,"));
}

/// The documented answer says a time range: the day of the number where days were asked for, and nothing where the sum
/// since publishing was.
#[test]
fn the_time_range_of_a_video_is_its_day_where_days_are_asked_for() {
    let body = body_of(include_str!("../fixtures/videos/time_range.http"));
    let cursor =
        Cursor::from_stored(Some(r#"{"video":{"videos":["urn:li:ugcPost:7005"],"metric":0,"list":null}}"#));
    let job = Job { window: Some(span((2026, 8, 4), (2026, 9, 4))), ..job(VIDEOS) };
    for (videos, window) in [("days", Window::Day(date(2026, 8, 31))), ("totals", Window::At(now()))] {
        let adapter = with(json!({ "videos": videos }));
        let page = adapter.decode(&job, &cursor, &Body::json(body.clone(), now())).unwrap();
        let [plays] = &page.measurements[..] else { panic!("{page:?}") };
        assert_eq!((&plays.window, plays.value("video_plays")), (&window, Some(&Value::Count(412))));
        assert!(page.rejects.is_empty() && page.notices.is_empty(), "{page:?}");
    }
}

/// The documented answer of a member's post names its metric in an object; newer versions in a word.
#[test]
fn a_members_metrics_are_asked_for_one_by_one() {
    let adapter = adapter();
    let accounts = vec![person()];
    let job = Job { accounts, window: Some(span((2026, 9, 1), (2026, 9, 2))), ..job(MEMBER_DAYS) };
    let mut cursor = Some(Cursor::default());
    let mut told = Vec::new();
    while let Some(at) = cursor {
        let url = adapter.request(&job, &at).unwrap().url;
        let kind = url.split("queryType=").nth(1).unwrap().split('&').next().unwrap().to_owned();
        let wrapped = "com.linkedin.adsexternalapi.memberanalytics.v1.CreatorPostAnalyticsMetricTypeV1";
        let name = if kind == "IMPRESSION" { json!({wrapped: kind}) } else { json!(kind) };
        let body = json!({"paging": {"start": 0, "count": 10, "links": []}, "elements": [{
            "count": 318, "metricType": name, "targetEntity": {"share": "urn:li:share:7100"},
            "dateRange": {"start": {"day": 1, "month": 9, "year": 2026}, "end": {"day": 2, "month": 9, "year": 2026}}}]});
        let page = adapter.decode(&job, &at, &Body::json(body.to_string(), now())).unwrap();
        assert_eq!(page.rejects, []);
        told.extend(page.measurements.iter().map(|one| one.values[0].metric.to_string()));
        cursor = page.next;
    }
    assert_eq!(told, ["impressions", "shares", "reactions", "comments"]);
}

#[test]
fn tokens_are_exchanged_where_people_consent() {
    let form = |kind: &str, grant: &Grant| {
        let request = adapter().token_request(kind, grant).unwrap();
        assert_eq!(request.url, "https://www.linkedin.com/oauth/v2/accessToken");
        let Payload::Form(pairs) = request.payload else { panic!("no form") };
        let keys: Vec<String> = pairs.iter().map(|(key, _)| key.to_string()).collect();
        (keys.join(" "), request.idempotent)
    };
    let code = Grant::Code { redirect_uri: "http://127.0.0.1:8765/callback".to_owned() };
    assert_eq!(
        form("admin", &code),
        ("grant_type code redirect_uri client_id client_secret".to_owned(), false)
    );
    assert_eq!(
        form("member", &Grant::Refresh),
        ("grant_type refresh_token client_id client_secret".to_owned(), true)
    );
    for (kind, grant) in [("admin", Grant::Client), ("user", Grant::Refresh)] {
        assert_eq!(adapter().token_request(kind, &grant).unwrap_err().kind(), ErrorKind::NotOffered);
    }
    let scopes = |settings: serde_json::Value| with(settings).descriptor().tokens[0].scopes.len();
    assert_eq!((scopes(json!({})), scopes(json!({"reactions": true}))), (2, 3));
}

/// Soon after a day no row means "not yet"; long after it means nothing at all, and never zero.
#[test]
fn a_day_without_a_row_is_not_zero() {
    let read = |at: &str| {
        let job = Job { window: Some(span((2026, 8, 20), (2026, 9, 2))), ..job(SHARE_DAYS) };
        let body = Body::json(r#"{"elements":[]}"#, at.parse().unwrap());
        adapter().decode(&job, &Cursor::default(), &body).unwrap()
    };
    let soon = read("2026-09-03T06:00:00Z");
    assert_eq!(soon.notices, [Notice::NotYet { days: span((2026, 8, 31), (2026, 9, 2)) }]);
    let late = read("2026-09-10T06:00:00Z");
    assert!(soon.measurements.is_empty() && late.measurements.is_empty() && late.notices.is_empty());
}

#[test]
fn a_torn_body_is_an_error_and_never_a_panic() {
    let body = body_of(include_str!("../fixtures/page_days/full.http"));
    let job = Job { window: Some(span((2026, 8, 31), (2026, 9, 2))), ..job(PAGE_DAYS) };
    let read = |bytes: &[u8]| {
        let body = Body::json(bytes, now());
        adapter().decode(&job, &Cursor::default(), &body).map_err(|error| error.kind())
    };
    assert_eq!(read(body.as_bytes()).unwrap().measurements.len(), 26);
    for end in 0..body.len() {
        assert_eq!(read(&body.as_bytes()[..end]).unwrap_err(), ErrorKind::BadResponse, "cut at {end}");
    }
}
