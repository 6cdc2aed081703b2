//! The exports of LinkedIn, Meta and TikTok.

use super::*;

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../fixtures/", $name))
    };
}

#[test]
fn linkedin_content() {
    let grid = fixture!("linkedin/demo_content_1760600000123.grid");
    let page = page_of_grid("linkedin/demo", "demo_content_1791600000123.xls", grid);
    let observed = "2026-10-10T02:40:00.123Z";
    assert_eq!(
        lines(&page),
        [
            "2026-10-08 organic all_clicks=5 comments=1 impressions=100 reach=80 reactions=3 shares=-1".to_owned(),
            "2026-10-08 paid all_clicks=1 comments=0 impressions=20 reactions=0 shares=0".to_owned(),
            "2026-10-08 total all_clicks=6 comments=1 impressions=120 reactions=3 shares=-1".to_owned(),
            "2026-10-09 organic provisional all_clicks=4 comments=0 impressions=90 reach=70 reactions=2 shares=1"
                .to_owned(),
            "2026-10-09 paid provisional all_clicks=0 comments=0 impressions=0 reactions=0 shares=0".to_owned(),
            "2026-10-09 total provisional all_clicks=4 comments=0 impressions=90 reactions=2 shares=1".to_owned(),
            format!(
                "urn:li:share:7001 {observed} organic all_clicks=20 comments=2 follows_gained=3 impressions=500 \
                 reactions=11 shares=1"
            ),
            format!(
                "urn:li:ugcPost:7002 {observed} paid all_clicks=9 comments=0 follows_gained=0 impressions=900 \
                 reactions=1 shares=0 video_plays=40"
            ),
        ]
    );
    let ad = &page.posts[1];
    assert_eq!((ad.campaign.as_deref(), ad.format.as_deref()), (Some("Autumn"), Some("video")));
}

#[test]
fn linkedin_followers() {
    let page = page_of_grid("linkedin/demo", "demo_followers.xls", fixture!("linkedin/demo_followers.grid"));
    assert_eq!(
        lines(&page),
        [
            "2026-10-08 organic provisional follows_gained=17",
            "2026-10-08 paid provisional follows_gained=3",
            "2026-10-08 total provisional follows_gained=20",
            "2026-11-01T12:00:00Z total [location=Berlin Area, Germany] audience_users=2120",
            "2026-11-01T12:00:00Z total [seniority=Senior] audience_users=10!censored",
        ]
    );
}

#[test]
fn instagram_content() {
    let bytes = include_bytes!("../../fixtures/meta/instagram_content.csv");
    let page = File::of("instagram/demo", "content.csv", bytes).page();
    let expected = "18012345678901234 2026-11-01T12:00:00Z total comments=5 follows_gained=1 likes=31 reach=900 \
                    saves=4 shares=2 views=1204";
    assert_eq!(lines(&page), [expected]);
    assert_eq!(rejects(&page), ["line 3: Date is \"03/29/2026\": only rows of Lifetime are read"]);
    let post = &page.posts[0];
    assert_eq!((post.format.as_deref(), post.product_type.as_deref()), (Some("video"), Some("IG reel")));
    assert_eq!(post.published_at, Some(at("2026-03-27T06:08:00Z")));
}

#[test]
fn facebook_content() {
    let bytes = include_bytes!("../../fixtures/meta/facebook_content.csv");
    let page = File::of("facebook/demo", "content.csv", bytes).page();
    assert_eq!(
        lines(&page),
        [
            "122100000000000001 2026-11-01T12:00:00Z total all_clicks=30 comments=2 interactions=12 link_clicks=7 \
             reach=400 reactions=9 shares=1 views=500",
            "122100000000000002 2026-11-01T12:00:00Z total all_clicks=5 avg_view_duration_s=5.2 comments=0 \
             estimated_revenue=0.31USD interactions=3 link_clicks=0 reach=800 reactions=3 shares=0 views=900 \
             watch_time_s=4500",
        ]
    );
}

#[test]
fn meta_daily_figures_are_named_by_a_line() {
    let bytes = include_bytes!("../../fixtures/meta/follows.csv");
    let file = File::of("instagram/demo", "export.csv", bytes);
    assert_eq!(file.job().unwrap().input.unwrap()["encoding"], "UTF-16LE");
    let expected = ["2026-10-07 total follows_gained=20", "2026-10-09 total provisional follows_gained=3"];
    assert_eq!(lines(&file.page()), expected);
    let (text, ..) = encoding_rs::UTF_16LE.decode(bytes);
    assert_eq!(lines(&File::of("instagram/demo", "copy.csv", text.as_bytes()).page()), expected);
    assert_eq!(
        File::of("facebook/demo", "export.csv", bytes).refusal().message(),
        "the file is instagram-daily-metric of instagram, the account is facebook/demo"
    );
    let unknown = text.replace("Instagram follows", "Something else");
    let error = File::of("instagram/demo", "export.csv", unknown.as_bytes()).refusal();
    assert_eq!(error.message(), "no layout fits the file");
}

#[test]
fn tiktok_days_without_a_year() {
    let name = "Overview_2026-01-02.xlsx";
    let page = page_of_grid("tiktok/demo", name, fixture!("tiktok/Overview.grid"));
    let days: Vec<String> =
        lines(&page).iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(days, ["2025-12-30", "2025-12-31", "2026-01-01"]);
    assert_eq!(
        lines(&page)[2],
        "2026-01-01 total provisional comments=0 likes=2 profile_visits=1 shares=0 video_plays=30"
    );
}

#[test]
fn tiktok_videos_and_audience() {
    let page = page_of_grid("tiktok/demo", "Content.xlsx", fixture!("tiktok/Content.grid"));
    let expected = "7300000000000000001 2026-11-01T12:00:00Z total comments=3 likes=12 shares=1 \
                    video_plays=1100!estimated";
    assert_eq!(lines(&page), [expected]);
    // A day without its year: the numbers are kept, the publish time is not guessed.
    assert_eq!(page.posts[0].published_at, None);
    assert!(rejects(&page)[0].starts_with("sheet Sheet1, row 2, publish time: \"10月9日\" is not a date"));

    let page = page_of_grid("tiktok/demo", "FollowerGender.xlsx", fixture!("tiktok/FollowerGender.grid"));
    assert_eq!(
        lines(&page),
        [
            "2026-11-01T12:00:00Z total [gender=Male] audience_share=0.4",
            "2026-11-01T12:00:00Z total [gender=Female] audience_share=0.585",
        ]
    );
}

#[test]
fn linkedin_visitors_by_section_and_device() {
    let text = "Date,Overview page views (desktop),Overview page views (mobile),Overview page views (total),\
                Overview unique visitors (total),Total page views (desktop),Total page views (mobile),\
                Total page views (total),Total unique visitors (desktop),Total unique visitors (mobile),\
                Total unique visitors (total)\n10/08/2026,5,6,11,9,7,8,15,5,6,10\n";
    let page = File::of("linkedin/demo", "demo_visitors.csv", text.as_bytes()).page();
    assert_eq!(
        lines(&page),
        [
            "2026-10-08 total provisional profile_visit_users=10 profile_visits=15",
            "2026-10-08 total [page_section=overview] provisional profile_visit_users=9 profile_visits=11",
            "2026-10-08 total [device=desktop] provisional profile_visit_users=5 profile_visits=7",
            "2026-10-08 total [device=mobile] provisional profile_visit_users=6 profile_visits=8",
        ]
    );
    assert_eq!(
        remarks(&page),
        [
            "columns Overview page views (desktop), Overview page views (mobile) are not read: a section on one kind of \
             device is split twice"
        ]
    );
}

#[test]
fn tiktok_viewers_are_new_or_returning() {
    let text = "Date,Total Viewers,New Viewers,Returning Viewers\n10月8日,10,7,3\n";
    let page = File::of("tiktok/demo", "Viewers_2026-10-09.csv", text.as_bytes()).page();
    assert_eq!(
        lines(&page),
        [
            "2026-10-08 total provisional viewers=10",
            "2026-10-08 total [viewer_kind=new] provisional viewers=7",
            "2026-10-08 total [viewer_kind=returning] provisional viewers=3",
        ]
    );
}

/// Back offices speak their user's language: the numbers are those of the English file.
#[test]
fn linkedin_in_portuguese() {
    let grid = "# sheet Métricas\nRelatório agregado\n\
                Data\tImpressões (orgânicas)\tImpressões (total)\tReações (total)\tTaxa de engajamento (total)\n\
                10/08/2026\t100\t120\t3\t0.17\n\
                # sheet Todas as publicações\nRelatório por publicação\n\
                Título da publicação\tLink da publicação\tTipo de publicação\tCriação\tImpressões\tVisualizações\tGostaram\tTipo de conteúdo\tCor\n\
                Olá\thttps://www.linkedin.com/feed/update/urn:li:activity:12345\tOrgânico\t10/07/2026\t500\t20\t5\tVídeo\tazul\n\
                # sheet Novos seguidores\nData\tSeguidores orgânicos\tTotal de seguidores\n10/08/2026\t4\t5\n";
    let page = page_of_grid("linkedin/demo", "demo_content.xlsx", grid);
    let post = &page.posts[0];
    assert_eq!((post.id.as_str(), post.format.as_deref()), ("urn:li:activity:12345", Some("video")));
    assert_eq!(
        lines(&page),
        [
            "2026-10-08 organic provisional impressions=100",
            "2026-10-08 total provisional impressions=120 reactions=3",
            "urn:li:activity:12345 2026-11-01T12:00:00Z organic impressions=500 reactions=5 video_plays=20",
        ]
    );
    assert_eq!(
        remarks(&page),
        [
            "column Cor is not read: layout linkedin-content knows no such column",
            "sheet Novos seguidores is not read: layout linkedin-content knows no such sheet",
        ]
    );
    let followers = &grid[grid.find("# sheet Novos").unwrap()..];
    let page = page_of_grid("linkedin/demo", "demo_followers.xlsx", followers);
    assert_eq!(
        lines(&page),
        ["2026-10-08 organic provisional follows_gained=4", "2026-10-08 total provisional follows_gained=5"]
    );
}
