//! Tables that users describe.

use kepi_core::document::Fault;

use super::*;

const FOLLOWERS: &str = r#"
subject = "account"
missing = ["NA", "-", ""]
[day]
column = "date"
format = "%Y-%m-%d"
[metrics]
followers_total = "followers"
follows_gained = "new_followers"
"#;

fn mapped<'a>(account: &'a str, map: &'a str, text: &'a str) -> File<'a> {
    File { map: Some(map), ..File::of(account, "table.csv", text.as_bytes()) }
}

#[test]
fn days_of_an_account() {
    let text =
        "date,new_followers,note,followers\n2026-10-01,12,x,1000\n2026-10-02,NA,,1010\n02.10.2026,1,,1\n";
    let page = mapped("weibo/demo", FOLLOWERS, text).page();
    assert_eq!(
        lines(&page),
        [
            "2026-10-01 unknown followers_total=1000 follows_gained=12",
            "2026-10-02 unknown followers_total=1010"
        ]
    );
    assert_eq!(rejects(&page), ["line 4: \"02.10.2026\" is not a date such as the form %Y-%m-%d"]);
    let first = &page.measurements[0];
    assert_eq!(first.provenance, kepi_core::Provenance::Import);
    assert_eq!(first.observed_at, at("2026-11-01T12:00:00Z"));
    assert!(first.observed_estimated, "the file's time is no observation");
}

#[test]
fn a_row_that_contradicts_an_earlier_one_is_set_aside() {
    let text = "date,followers,new_followers\n2026-10-01,1000,\n2026-10-01,1000,5\n2026-10-01,1001,5\n";
    let page = mapped("weibo/demo", FOLLOWERS, text).page();
    assert_eq!(lines(&page), ["2026-10-01 unknown followers_total=1000 follows_gained=5"]);
    let expected =
        "line 4, followers_total: 1001 here and 1000 in an earlier row of the same key; the earlier is kept";
    assert_eq!(rejects(&page), [expected]);
}

/// What no account can have: fewer than nothing, days before there were platforms or after the reading.
#[test]
fn what_cannot_be_is_set_aside() {
    let map = format!("{FOLLOWERS}follows_net = \"net\"\nlikes = \"likes\"\n");
    let text = "date,followers,new_followers,net,likes\n2026-10-01,-5,-1,-3,-2\n0001-01-01,1,1,1,1\n2999-01-01,1,1,1,1\n\
                2026-11-03,1,1,1,1\n2026-11-02,7,1,1,1\n";
    let page = mapped("weibo/demo", &map, text).page();
    assert_eq!(
        lines(&page),
        [
            "2026-10-01 unknown follows_net=-3 likes=-2",
            "2026-11-02 unknown followers_total=7 follows_gained=1 follows_net=1 likes=1"
        ]
    );
    let after = "is after 2026-11-01, when the numbers were read: say it with --observed-at if that is wrong";
    assert_eq!(
        rejects(&page),
        [
            "line 2, column followers: -5 is less than nothing".to_owned(),
            "line 2, column new_followers: -1 is less than nothing".to_owned(),
            "line 3: 0001-01-01 is no day that can be meant".to_owned(),
            "line 4: 2999-01-01 is no day that can be meant".to_owned(),
            format!("line 5: 2026-11-03 {after}"),
        ]
    );
    let posts =
        "subject = \"post\"\nid = \"id\"\n[post]\npublished_at = \"when\"\n[metrics]\nlikes = \"likes\"\n";
    let page = mapped("weibo/demo", posts, "id,when,likes\n1,2027-01-01 10:00,-2\n2,2026-01-01,3\n").page();
    assert_eq!(lines(&page), ["2 2026-11-01T12:00:00Z unknown likes=3"]);
    assert_eq!(page.rejects.len(), 2, "{:?}", page.rejects);
    let told = page.posts.iter().map(|post| (post.published_at, post.published_day));
    assert_eq!(told.collect::<Vec<_>>(), [(None, None), (None, Some(jiff::civil::date(2026, 1, 1)))]);
}

/// One bad byte takes its own row along; an encoding that is only likely is told.
#[test]
fn rows_without_their_encoding() {
    let text =
        b"date,followers,note\n2026-10-01,1,\xf0\x9f\x98\x80\n2026-10-02,2,caf\xe9\n2026-10-03,3,\n".to_vec();
    let map = "subject = \"account\"\n[day]\ncolumn = \"date\"\n[metrics]\nfollowers_total = \"followers\"\n";
    let page = File { map: Some(map), ..File::of("weibo/demo", "table.csv", &text) }.page();
    assert_eq!(
        lines(&page),
        ["2026-10-01 unknown followers_total=1", "2026-10-03 unknown followers_total=3"]
    );
    assert_eq!(rejects(&page), ["line 3: a byte here is not UTF-8"]);
    assert_eq!(remarks(&page), [""; 0]);
    let map = map.replace("\"followers\"", "\"Anhänger\"");
    let text = b"date;Anh\xe4nger;Gr\xf6\xdfe\n2026-10-01;1;2\n";
    let page = File { map: Some(&map), ..File::of("weibo/demo", "table.csv", text) }.page();
    assert_eq!(lines(&page), ["2026-10-01 unknown followers_total=1"]);
    let said = "table.csv does not say its encoding and is read as windows-1252: save it as UTF-8 if words look wrong";
    assert_eq!(remarks(&page), [said]);
}

#[test]
fn a_row_with_a_cell_too_many_is_set_aside() {
    let text = "date,followers,new_followers\n2026-10-01,1,204,5\n2026-10-02,7,1,\n";
    let page = mapped("weibo/demo", FOLLOWERS, text).page();
    assert_eq!(lines(&page), ["2026-10-02 unknown followers_total=7 follows_gained=1"]);
    assert_eq!(rejects(&page), ["line 2: the row has 4 cells, its header 3"]);
}

#[test]
fn posts_with_their_ids() {
    let map = r#"
subject = "post"
traffic = "total"
zone = "Europe/Berlin"
decimal = ","
rates = "percent"
[post]
id = "Nr"
published_at = "Zeit"
format = "%d.%m.%Y %H:%M"
form = "video"
title = "Titel"
[metrics]
likes = "Gefällt mir"
completion_rate = "Quote"
"#;
    let text = "Nr;Zeit;Titel;Gefällt mir;Quote\n2377726600221403413;09.10.2026 18:30;Rad;1.234;12,5\n";
    let page = mapped("tiktok/demo", map, text).page();
    let expected = "2377726600221403413 2026-11-01T12:00:00Z total completion_rate=0.125 likes=1234";
    assert_eq!(lines(&page), [expected]);
    let post = &page.posts[0];
    assert_eq!(post.published_at, Some(at("2026-10-09T16:30:00Z")));
    assert_eq!((post.title.as_deref(), post.format.as_deref()), (Some("Rad"), Some("video")));
}

#[test]
fn periods_segments_and_other_subjects() {
    let map = r#"
subject = "location"
id = "channel"
provenance = "public"
[period]
start = "from"
end = "to"
[segment]
dimension = "stars"
column = "stars"
whole = ["all"]
[metrics]
rating_count = "ratings"
"#;
    let text = "channel,from,to,stars,ratings\nmaps,2026-10-01,2026-10-31,all,12\nmaps,2026-10-01,2026-10-31,5,8\n\
                maps,2026-10-02,2026-10-01,5,8\n";
    let page = mapped("web/demo", map, text).page();
    assert_eq!(
        lines(&page),
        [
            "maps 2026-10-01..2026-10-31 unknown rating_count=12",
            "maps 2026-10-01..2026-10-31 unknown [stars=5] rating_count=8",
        ]
    );
    assert_eq!(rejects(&page), ["line 4: the period ends on 2026-10-01, before it begins on 2026-10-02"]);
}

#[test]
fn readings_that_tell_their_instant() {
    let map = "subject = \"account\"\nkurrency = \"x\"\n[at]\ncolumn = \"when\"\n[metrics]\nfollowers_total = \"n\"\n";
    check(map, &["m.toml:2:1: unknown key \"kurrency\""]);
    let map = map.replace("kurrency = \"x\"\n", "");
    let page = mapped("weibo/demo", &map, "when,n\n2026-10-09 08:00,10\n").page();
    assert_eq!(lines(&page), ["2026-10-09T00:00:00Z unknown followers_total=10"]);
    assert_eq!(page.measurements[0].observed_at, at("2026-10-09T00:00:00Z"));
    assert!(!page.measurements[0].observed_estimated);
}

#[test]
fn money_in_the_currency_of_the_map() {
    let map = "subject = \"campaign\"\nid = \"campaign\"\ncurrency = \"CNY\"\ntraffic = \"paid\"\n[day]\ncolumn = \"day\"\n\
               [metrics]\nspend = \"cost\"\n";
    let page = mapped("douyin/demo", map, "campaign,day,cost\nautumn,2026-10-09,\"¥1,200.50\"\n").page();
    assert_eq!(lines(&page), ["autumn 2026-10-09 paid spend=1200.50CNY"]);
    let bad = map.replace("CNY", "yuan");
    check(&bad, &["m.toml:3:12: currency cannot be \"yuan\""]);
}

/// The maps of the front page are read by the code they describe.
#[test]
fn the_maps_of_the_front_page() {
    let readme = include_str!("../../README.md");
    let maps: Vec<&str> =
        readme.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(maps.len(), 2);
    for map in maps {
        Map::parse("README.md", map, Catalogue::builtin()).unwrap();
    }
    let weibo = readme.split("```toml\n").nth(2).and_then(|rest| rest.split("```").next()).unwrap();
    let text = "发布时间,微博内容,阅读数,转发数,评论数,点赞数,链接\n\
                2026-10-09 18:30,新品上市,1.2万,3,-,31,https://weibo.com/1904000001/Pgmze0007?x=1\n";
    let page = mapped("weibo/demo", weibo, text).page();
    assert_eq!(page.posts[0].id, "5139000000000007");
    assert_eq!(page.posts[0].published_at, Some(at("2026-10-09T10:30:00Z")));
    assert!(lines(&page)[0].ends_with("total likes=31 reads=12000!estimated shares=3"), "{:?}", lines(&page));
}

/// T40: what WeChat shows in public stops at 100 001.
#[test]
fn t40_public_numbers_of_wechat_are_capped() {
    let map = "subject = \"post\"\nprovenance = \"public\"\nid = \"id\"\n[metrics]\nreads = \"reads\"\n";
    let text = "id,reads\n1,100001\n2,99999\n3,10万+\n";
    let page = mapped("wechat/demo", map, text).page();
    let got: Vec<String> =
        lines(&page).iter().map(|line| line.split(' ').next_back().unwrap().to_owned()).collect();
    assert_eq!(got, ["reads=100001!capped", "reads=99999", "reads=100000!capped!estimated"]);
    let own = map.replace("public", "import");
    let page = mapped("wechat/demo", &own, text).page();
    assert!(lines(&page)[0].ends_with("reads=100001"));
}

/// T41: a rate whose form nobody declared is refused, cell by cell; the rest of the row is kept.
#[test]
fn t41_a_map_must_say_what_a_bare_rate_is() {
    let map = "subject = \"account\"\n[day]\ncolumn = \"day\"\n[metrics]\ncompletion_rate = \"rate\"\nlikes = \"likes\"\n";
    let text = "day,rate,likes\n2026-10-01,5.2,1\n2026-10-02,0.052,2\n2026-10-03,5.2%,3\n";
    let page = mapped("douyin/demo", map, text).page();
    assert_eq!(
        lines(&page),
        [
            "2026-10-01 unknown likes=1",
            "2026-10-02 unknown likes=2",
            "2026-10-03 unknown completion_rate=0.052 likes=3"
        ]
    );
    assert_eq!(page.rejects.len(), 2);
}

#[test]
fn a_table_without_the_maps_columns_is_answered_with_its_own() {
    let error = mapped("x/demo", FOLLOWERS, "date,folowers,new_followers\n2026-10-01,1,2\n").refusal();
    assert_eq!(error.context_value("missing"), Some("followers"));
    let hint = error.hint_text().unwrap();
    assert!(hint.contains("followers: did you mean folowers?"), "{hint}");
}

/// A copy under another name asks for the same, another map does not.
#[test]
fn what_makes_a_file_another_import() {
    let text = "date,followers,new_followers\n2026-10-01,1,2\n";
    let named = |name| File { name, ..mapped("x/demo", FOLLOWERS, text) }.job().unwrap();
    assert!(named("copy 2026-10-05.csv").asks_again(&named("a.csv")));
    let other = FOLLOWERS.replace("follows_gained", "likes");
    assert!(!mapped("x/demo", &other, text).job().unwrap().asks_again(&named("table.csv")));
}

fn check(map: &str, expected: &[&str]) {
    let faults = Map::parse("m.toml", map, Catalogue::builtin()).expect_err(map);
    let line = |fault: &Fault| {
        let (line, column) = fault.line_column(map);
        format!("{}:{line}:{column}: {}", fault.file, fault.message)
    };
    assert_eq!(faults.iter().map(line).collect::<Vec<_>>(), expected, "{map}");
    assert!(faults.iter().all(|fault| fault.hint.is_some()));
}

#[test]
fn every_fault_of_a_map_is_told_with_its_place() {
    check("subject = ", &["m.toml:1:11: string values must be quoted, expected literal string"]);
    check(
        "subjekt = \"account\"\nsubject = \"akkount\"\n[day]\ncolum = \"d\"\n[metrics]\nlike = \"Likes\"\n",
        &[
            "m.toml:1:1: unknown key \"subjekt\"",
            "m.toml:2:11: subject cannot be \"akkount\"",
            "m.toml:3:1: column is missing",
            "m.toml:4:1: unknown key \"colum\"",
            "m.toml:6:1: unknown metric \"like\"",
        ],
    );
    check(
        "subject = \"account\"\ndecimal = \"x\"\nmissing = \"NA\"\nzone = \"Mars\"\ncapped_at = \"a\"\n[metrics]\nlikes = 3\n",
        &[
            "m.toml:1:1: the map does not say which days the numbers are of",
            "m.toml:2:11: decimal cannot be \"x\"",
            "m.toml:3:11: missing is a list of texts",
            "m.toml:4:8: \"Mars\" is not a time zone",
            "m.toml:5:13: capped_at is a whole number",
            "m.toml:7:9: a column's header is a text",
        ],
    );
    check(
        "subject = \"post\"\nid = \"i\"\n[day]\ncolumn = \"d\"\n[at]\n[metrics]\nfollowers_total = \"f\"\n",
        &[
            "m.toml:5:1: a table has one window",
            "m.toml:7:1: followers_total is no metric of a subject of kind post",
        ],
    );
    check(
        "subject = \"topic\"\n[at]\n",
        &[
            "m.toml:1:1: the map does not say which topic a row is about",
            "m.toml:1:1: the map names no metrics",
        ],
    );
    check(
        "subject = \"account\"\n[day]\ncolumn = \"d\"\nformat = \"%Q-%Z\"\n[metrics]\nlikes = \"Likes\"\n",
        &["m.toml:4:10: \"%Q-%Z\" is no form of dates"],
    );
}
