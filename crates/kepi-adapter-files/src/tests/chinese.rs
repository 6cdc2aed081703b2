//! The exports of Chinese platforms.

use jiff::civil::date;

use super::*;

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../fixtures/", $name))
    };
}

#[test]
fn douyin_works() {
    let page = page_of_grid("douyin/demo", "作品列表导出.xlsx", fixture!("douyin/作品列表导出.grid"));
    let id = |i: usize| page.posts[i].id.clone();
    assert_eq!(
        lines(&page),
        [
            format!(
                "{} 2026-11-01T12:00:00Z organic avg_view_duration_s=11.62 bounce_rate_2s=0.31 comments=133 \
                 completion_rate=0.214 completion_rate_5s=0.585 cover_ctr=0.061 follows_gained=37 likes=1907 \
                 profile_visits=251 saves=402 shares=88 video_plays=48213",
                id(0)
            ),
            format!(
                "{} 2026-11-01T12:00:00Z organic comments=1 follows_gained=0 likes=10 profile_visits=0 saves=2 \
                 shares=0 video_plays=12000!estimated",
                id(1)
            ),
            format!(
                "{} 2026-11-01T12:00:00Z organic avg_view_duration_s=92 bounce_rate_2s=0.03 comments=0 \
                 completion_rate_5s=0.01 cover_ctr=0.02 follows_gained=0 likes=0 profile_visits=0 saves=0 shares=0 \
                 video_plays=7",
                id(2)
            ),
        ]
    );
    assert_eq!(
        rejects(&page),
        [
            "sheet Sheet1, row 4: the row at sheet Sheet1, row 3 has the same title, publish minute and format: \
             which post is meant?",
            "sheet Sheet1, row 5, column 完播率: 42 without a percent sign may be a fraction or a percentage",
        ]
    );
    let first = &page.posts[0];
    assert_eq!(first.title.as_deref(), Some("秋日护肤三步\n#护肤"));
    assert_eq!(first.published_at, Some(at("2026-10-09T10:30:12Z")));
    assert_eq!((first.format.as_deref(), first.product_type.as_deref()), (Some("video"), Some("1-3min视频")));
    assert!(first.tags.is_empty());
    assert_eq!(page.posts[1].tags, ["自见"]);
}

#[test]
fn douyin_days() {
    let page = page_of_grid(
        "douyin/demo",
        "数据表现_作品点赞数据.xlsx",
        fixture!("douyin/数据表现_作品点赞数据.grid"),
    );
    assert_eq!(
        lines(&page),
        [
            "2026-10-01 organic likes=120",
            "2026-10-02 organic likes=-21",
            "2026-10-03 organic provisional likes=1204"
        ]
    );
    let page = page_of_grid("douyin/demo", "账号.xlsx", fixture!("douyin/账号每日.grid"));
    assert_eq!(
        lines(&page),
        [
            "2026-10-01 organic avg_view_duration_s=11.5 bounce_rate_2s=0.3 comments=3 completion_rate_5s=0.2476 \
             cover_ctr=0.05 likes=10 posts_published=1 shares=2 video_plays=1000",
            "2026-10-02 organic provisional avg_view_duration_s=12 bounce_rate_2s=0.3 comments=0 \
             completion_rate_5s=0.3014 likes=9 posts_published=0 shares=1 video_plays=900",
        ]
    );
}

#[test]
fn xiaohongshu_notes() {
    let grid = fixture!("xiaohongshu/笔记列表明细表 (1).grid");
    let page = page_of_grid("xiaohongshu/demo", "笔记列表明细表 (1).xlsx", grid);
    let numbers: Vec<String> =
        lines(&page).iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect();
    assert_eq!(
        numbers,
        [
            "2026-11-01T12:00:00Z organic avg_view_duration_s=23 comments=33 cover_ctr=0.083 danmaku=0 \
             follows_gained=21 impressions=30211 likes=420 saves=388 shares=57 views=4105",
            "2026-11-01T12:00:00Z organic avg_view_duration_s=18 comments=0 cover_ctr=0.12 danmaku=2 \
             follows_gained=0 impressions=100 likes=1 saves=0 shares=0 views=20",
        ]
    );
    assert_eq!(page.posts[0].published_at, Some(at("2026-10-08T12:05:11Z")));
    assert_eq!(page.posts[1].title, None);
}

/// A thousand notes are exported at most, so a file with as many may lack others.
#[test]
fn a_full_list_of_notes_says_that_others_may_be_missing() {
    let notices = |notes: usize| {
        let head: String = fixture!("xiaohongshu/笔记列表明细表 (1).grid")
            .lines()
            .take(3)
            .fold(String::new(), |head, line| head + line + "\n");
        let rows = (0..notes).map(|i| {
            format!("note {i}\t2026年10月08日20时05分11秒\t图文\t30\t4\t0.083\t4\t3\t3\t2\t5\t23\t0\n")
        });
        let grid = head + &rows.collect::<String>();
        let page = page_of_grid("xiaohongshu/demo", "笔记列表明细表.xlsx", &grid);
        assert_eq!((page.posts.len(), page.rejects.len()), (notes, 0));
        page.notices
    };
    assert_eq!(notices(999), []);
    let full = notices(1000);
    assert!(
        matches!(&full[..], [Notice::Gap { reason }] if reason.contains("no more than 1000")),
        "{full:?}"
    );
}

/// The workbooks as they are exported, with all their sheets.
#[test]
fn every_sheet_of_xiaohongshus_workbooks_is_known() {
    let figures = [
        ("曝光趋势", "1", "impressions=1"),
        ("观看趋势", "2", "views=2"),
        ("封面点击率趋势", "8%", "cover_ctr=0.08"),
        ("平均观看时长趋势", "18秒", "avg_view_duration_s=18"),
        ("观看总时长趋势", "74679秒", "watch_time_s=74679"),
        ("视频完播率趋势", "12%", "completion_rate=0.12"),
        ("点赞趋势", "3", "likes=3"),
        ("评论趋势", "4", "comments=4"),
        ("收藏趋势", "5", "saves=5"),
        ("分享趋势", "6", "shares=6"),
        ("净涨粉趋势", "-1", "follows_net=-1"),
        ("新增关注趋势", "7", "follows_gained=7"),
        ("取消关注趋势", "8", "follows_lost=8"),
        ("主页访客趋势", "9", "profile_visit_users=9"),
        ("总发布趋势", "2", "posts_published=2"),
    ];
    for (sheet, cell, expected) in figures {
        let grid = format!(
            "# sheet 账号整体数据\n指标\t数值\n合计\t9\n# sheet {sheet}\n日期\t数值\n2026年08月20日\t{cell}\n2026年08月21日\t{cell}\n"
        );
        let page = page_of_grid("xiaohongshu/demo", "观看数据.xlsx", &grid);
        let [first, last] =
            [format!("2026-08-20 organic {expected}"), format!("2026-08-21 organic provisional {expected}")];
        assert_eq!(lines(&page), [first, last], "{sheet}");
    }
}

/// The zone is the platform's, wherever the brand sits.
#[test]
fn clock_times_are_beijings() {
    let bytes = workbook::Workbook::of(fixture!("xiaohongshu/笔记列表明细表 (1).grid")).pack();
    let account = AccountRef { zone: "America/New_York".into(), ..account("xiaohongshu/demo") };
    let input = FileInput {
        name: "笔记列表明细表 2026-10-12.xlsx",
        bytes: &bytes,
        mtime: None,
        observed_at: None,
        account: &account,
        currency: None,
    };
    let job = FILES.recognise(&input, Choice::Detect).unwrap();
    let page = decode(&job, &bytes);
    assert_eq!(page.posts[0].published_at, Some(at("2026-10-08T12:05:11Z")));
    assert_eq!(page.measurements[0].observed_at, at("2026-10-11T16:00:00Z"));
}

#[test]
fn xiaohongshu_account() {
    let page =
        page_of_grid("xiaohongshu/demo", "近30日互动数据.xlsx", fixture!("xiaohongshu/近30日互动数据.grid"));
    assert_eq!(
        lines(&page),
        [
            "2026-08-20 organic likes=10 comments=1 cover_ctr=0.08",
            "2026-08-21 organic provisional likes=20 comments=0 watch_time_s=74679",
            "2026-08-21 organic [format=video] provisional posts_published=2",
        ]
    );
    let refused = "sheet 封面点击率趋势, row 3, column 数值: 9.5 without a percent sign may be a fraction or a percentage";
    assert_eq!(rejects(&page), [refused]);
}

#[test]
fn wechat_followers_are_html() {
    let bytes = include_bytes!("../../fixtures/wechat/user_analysis.xls");
    let file = File::of("wechat/demo", "user_analysis.xls", bytes);
    assert_eq!(file.job().unwrap().input.unwrap()["encoding"], "HTML");
    assert_eq!(
        lines(&file.page()),
        [
            "2026-08-30 organic provisional followers_total=10007 follows_gained=12 follows_lost=5 follows_net=7",
            "2026-08-29 organic followers_total=10000 follows_gained=3 follows_lost=4 follows_net=-1",
        ]
    );
}

#[test]
fn wechat_trend_is_three_tables_side_by_side() {
    let bytes = include_bytes!("../../fixtures/wechat/tendency_1786204800_1786377600.xls");
    let file = File::of("wechat/demo", "tendency_1786204800_1786377600.xls", bytes);
    assert_eq!(file.job().unwrap().input.unwrap()["encoding"], "XLS");
    let page = file.page();
    assert_eq!(
        lines(&page),
        [
            "2026-08-09 organic read_users=4685 link_click_users=12 posts_published=1 save_users=7 share_users=201",
            "2026-08-09 organic [scene=公众号消息] read_users=2204",
            "2026-08-10 organic provisional read_users=1204 link_click_users=3 posts_published=0 share_users=90",
            "2026-08-10 organic [scene=推荐] provisional read_users=300",
        ]
    );
    assert_eq!(page.measurements[0].observed_at, at("2026-08-10T16:00:00Z"));
    assert!(page.measurements[0].observed_estimated);
    assert!(page.posts.is_empty());
}

#[test]
fn wechat_articles() {
    let page = page_of_grid("wechat/demo", "已通知内容.xlsx", fixture!("wechat/已通知内容.grid"));
    assert_eq!(
        lines(&page),
        [
            "2247501234_1 2026-11-01T12:00:00Z organic delivered=90000 follows_gained=12 \
             read_completion_rate=0.6251 read_users=4685 reads=5120 share_users=201 shares=260",
            "aB-c_9 2026-11-01T12:00:00Z organic delivered=90000 follows_gained=0 read_completion_rate=0.5 \
             read_users=10 reads=12 share_users=0 shares=0",
            "2247501234_1 2026-11-01T12:00:00Z organic [scene=公众号消息] reads=2204",
            "aB-c_9 2026-11-01T12:00:00Z organic [scene=公众号消息] reads=3",
        ]
    );
    assert_eq!(page.posts.len(), 2);
    assert_eq!((page.posts[0].published_at, page.posts[0].published_day), (None, Some(date(2026, 8, 9))));
    assert_eq!(remarks(&page), ["1 row without an id skipped"]);
}

#[test]
fn wechat_channels() {
    let bytes = include_bytes!("../../fixtures/wechat/视频号动态数据明细.csv");
    let page = File::of("wechat/demo", "视频号动态数据明细.csv", bytes).page();
    let expected = "export/UzFfBgAAxxx 2026-11-01T12:00:00Z organic avg_view_duration_s=14.73 comments=2 \
                    completion_rate=0.0441 follows_gained=1 likes=31 recommends=5 shares=4 video_plays=1203";
    assert_eq!(lines(&page), [expected]);
    assert_eq!((page.posts[0].published_at, page.posts[0].published_day), (None, Some(date(2026, 7, 24))));
}

/// T43: a spreadsheet that keeps an id as a number has lost its last digits.
#[test]
fn toutiao_works() {
    let page = page_of_grid("toutiao/demo", "微头条_-_1-38.xlsx", fixture!("toutiao/微头条_-_1-38.grid"));
    let expected = "7300000000000000001 2026-11-01T12:00:00Z organic avg_read_duration_s=18 comments=1 \
                    impressions=1000 likes=3 reads=120 saves=2 shares=0";
    assert_eq!(lines(&page), [expected]);
    assert!(rejects(&page)[0].starts_with("sheet Sheet1, row 3: the id 7300000000000000000 lost its digits"));
}

#[test]
fn zhihu_days_are_a_csv_called_xls() {
    let bytes = include_bytes!("../../fixtures/zhihu/日报表.xls");
    let page = File::of("zhihu/demo", "日报表.xls", bytes).page();
    assert_eq!(
        lines(&page),
        [
            "2026-10-08 organic comments=0 likes=4 reads=120 saves=2 shares=0 video_plays=3",
            "2026-10-09 organic provisional comments=0 likes=1 saves=0 shares=0 video_plays=0",
        ]
    );
    let (gbk, ..) = encoding_rs::GBK.encode(std::str::from_utf8(bytes).unwrap());
    assert_eq!(lines(&File::of("zhihu/demo", "日报表.xls", &gbk).page()), lines(&page));
}
