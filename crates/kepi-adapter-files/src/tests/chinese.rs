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
                "{} 2026-11-01T12:00:00Z total avg_view_duration_s=11.62 bounce_rate_2s=0.31 comments=133 \
                 completion_rate=0.214 completion_rate_5s=0.585 cover_ctr=0.061 follows_gained=37 likes=1907 \
                 profile_visits=251 saves=402 shares=88 video_plays=48213",
                id(0)
            ),
            format!(
                "{} 2026-11-01T12:00:00Z total comments=1 follows_gained=0 likes=10 profile_visits=0 saves=2 \
                 shares=0 video_plays=12000!estimated",
                id(1)
            ),
            format!(
                "{} 2026-11-01T12:00:00Z total avg_view_duration_s=92 bounce_rate_2s=0.03 comments=0 \
                 completion_rate_5s=0.01 cover_ctr=0.02 follows_gained=0 likes=0 profile_visits=0 saves=0 shares=0 \
                 video_plays=7",
                id(2)
            ),
            format!(
                "{} 2026-11-01T12:00:00Z total comments=0 follows_gained=0 likes=0 profile_visits=0 saves=0 shares=0 \
                 video_plays=4",
                id(3)
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
    assert!(page.posts.iter().all(|post| post.tags.is_empty()));
    assert_eq!(page.posts[3].title.as_deref(), Some("没有状态"));
    assert_eq!(remarks(&page), ["3 posts that the public does not see left out: 审核中 1, 自见 2"]);
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
            "2026-10-01 total likes=120",
            "2026-10-02 total likes=-21",
            "2026-10-03 total provisional likes=1204"
        ]
    );
    let page = page_of_grid("douyin/demo", "账号.xlsx", fixture!("douyin/账号每日.grid"));
    assert_eq!(
        lines(&page),
        [
            "2026-10-01 total avg_view_duration_s=11.5 bounce_rate_2s=0.3 comments=3 completion_rate_5s=0.2476 \
             cover_ctr=0.05 likes=10 posts_published=1 shares=2 video_plays=1000",
            "2026-10-02 total provisional avg_view_duration_s=12 bounce_rate_2s=0.3 comments=0 \
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
            "2026-11-01T12:00:00Z total avg_view_duration_s=23 comments=33 cover_ctr=0.083 danmaku=0 \
             follows_gained=21 impressions=30211 likes=420 saves=388 shares=57 views=4105",
            "2026-11-01T12:00:00Z total avg_view_duration_s=18 comments=0 cover_ctr=0.12 danmaku=2 \
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
            [format!("2026-08-20 total {expected}"), format!("2026-08-21 total provisional {expected}")];
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
            "2026-08-20 total likes=10 comments=1 cover_ctr=0.08",
            "2026-08-21 total provisional likes=20 comments=0 watch_time_s=74679",
            "2026-08-21 total [format=video] provisional posts_published=2",
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
            "2026-08-30 total provisional followers_total=10007 follows_gained=12 follows_lost=5 follows_net=7",
            "2026-08-29 total followers_total=10000 follows_gained=3 follows_lost=4 follows_net=-1",
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
            "2026-08-09 total read_users=4685 link_click_users=12 posts_published=1 save_users=7 share_users=201",
            "2026-08-09 total [scene=公众号消息] read_users=2204",
            "2026-08-10 total provisional read_users=1204 link_click_users=3 posts_published=0 share_users=90",
            "2026-08-10 total [scene=推荐] provisional read_users=300",
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
            "2247501234_1 2026-11-01T12:00:00Z total delivered=90000 follows_gained=12 \
             read_completion_rate=0.6251 read_users=4685 reads=5120 share_users=201 shares=260",
            "aB-c_9 2026-11-01T12:00:00Z total delivered=90000 follows_gained=0 read_completion_rate=0.5 \
             read_users=10 reads=12 share_users=0 shares=0",
            "2247501234_1 2026-11-01T12:00:00Z total [scene=公众号消息] reads=2204",
            "aB-c_9 2026-11-01T12:00:00Z total [scene=公众号消息] reads=3",
        ]
    );
    assert_eq!(page.posts.len(), 2);
    assert_eq!((page.posts[0].published_at, page.posts[0].published_day), (None, Some(date(2026, 8, 9))));
    assert_eq!(
        remarks(&page),
        [
            "column 首次分享次数 is not read: a part of the shares, or the first step of a quotient, without a metric",
            "column 分享产生阅读次数 is not read: reads that came from shares are among the reads",
            "1 row without an id skipped",
        ]
    );
}

/// Beside the times of reading, 送达阅读率 is their quotient; without them nothing else tells it.
#[test]
fn wechats_short_list_tells_how_many_opened() {
    let text = "内容标题,发表日期,阅读人数,送达人数,送达阅读率,内容url\n\
                春季新品,20260809,900,90000,1.00%,http://mp.weixin.qq.com/s?mid=1&idx=1\n";
    let page = File::of("wechat/demo", "未开启通知内容.csv", text.as_bytes()).page();
    let expected = "1_1 2026-11-01T12:00:00Z total delivered=90000 read_users=900 open_rate=0.01";
    assert_eq!(lines(&page), [expected]);
}

#[test]
fn wechat_channels() {
    let bytes = include_bytes!("../../fixtures/wechat/视频号动态数据明细.csv");
    let page = File::of("wechat/demo", "视频号动态数据明细.csv", bytes).page();
    let expected = "export/UzFfBgAAxxx 2026-11-01T12:00:00Z total avg_view_duration_s=14.73 comments=2 \
                    completion_rate=0.0441 follows_gained=1 likes=31 recommends=5 shares=4 video_plays=1203";
    assert_eq!(lines(&page), [expected]);
    assert_eq!((page.posts[0].published_at, page.posts[0].published_day), (None, Some(date(2026, 7, 24))));
}

/// T43: a spreadsheet that keeps an id as a number has lost its last digits.
#[test]
fn toutiao_works() {
    let page = page_of_grid("toutiao/demo", "微头条_-_1-38.xlsx", fixture!("toutiao/微头条_-_1-38.grid"));
    let expected = "7300000000000000001 2026-11-01T12:00:00Z total avg_read_duration_s=18 comments=1 \
                    impressions=1000 likes=3 reads=120 saves=2 shares=0";
    let of_followers =
        "7300000000000000001 2026-11-01T12:00:00Z total [follower_kind=follower] impressions=300";
    assert_eq!(lines(&page), [expected, of_followers]);
    assert_eq!(
        remarks(&page),
        ["column 点击率 is not read: it is reads over impressions, both of which are read"]
    );
    assert!(rejects(&page)[0].starts_with("sheet Sheet1, row 3: the id 7300000000000000000 lost its digits"));
}

#[test]
fn zhihu_days_are_a_csv_called_xls() {
    let bytes = include_bytes!("../../fixtures/zhihu/日报表.xls");
    let page = File::of("zhihu/demo", "日报表.xls", bytes).page();
    assert_eq!(
        lines(&page),
        [
            "2026-10-08 total comments=0 likes=4 reads=120 saves=2 shares=0 video_plays=3",
            "2026-10-09 total provisional comments=0 likes=1 saves=0 shares=0 video_plays=0",
        ]
    );
    let (gbk, ..) = encoding_rs::GBK.encode(std::str::from_utf8(bytes).unwrap());
    assert_eq!(lines(&File::of("zhihu/demo", "日报表.xls", &gbk).page()), lines(&page));
}

/// What is known and has no place: the file is taken, and the import says why nothing of it is read.
#[test]
fn files_that_have_no_place_say_why() {
    let check = |account: &str, name: &str, text: &str, endpoint: &str, expected: &[&str]| {
        let file = File::of(account, name, text.as_bytes());
        assert_eq!(file.job().unwrap().endpoint, endpoint);
        let page = file.page();
        assert_eq!((page.measurements.len(), page.rejects.len()), (0, 0), "{name}");
        assert_eq!(remarks(&page), expected, "{name}");
    };
    check(
        "douyin/demo",
        "投稿汇总.csv",
        "发布时间,体裁,垂类,周期内投稿量,条均点击率,条均播放时长,播放量中位数\n2026-10,视频,美妆,12,3%,9s,800\n",
        "douyin-summary",
        &[
            "the table of 周期内投稿量, 条均播放时长 is not read: means over works cannot be added up and do not say of \
           which days; 作品列表导出 has the works themselves",
        ],
    );
    check(
        "douyin/demo",
        "数据表现_收获音浪数据.csv",
        "日期,收获音浪\n2026-10-01,7\n",
        "douyin-daily-metric",
        &[
            "the table of 日期, 收获音浪 is not read: 音浪 are the platform's own coin, neither money nor a count of \
           people or acts",
        ],
    );
    check(
        "tiktok/demo",
        "FollowerActivity.csv",
        "Date,Hour,Active followers\n10月9日,3,120\n",
        "tiktok-follower-activity",
        &[
            "the table of Date, Hour, Active followers is not read: followers that are online in an hour have no metric",
        ],
    );
    check(
        "linkedin/demo",
        "competitors.csv",
        "Page,Total Followers,New Followers,Total post engagements,Total posts\nother,9,1,2,3\n",
        "linkedin-competitors",
        &[
            "the table of Page, Total Followers, New Followers, Total post engagements, Total posts is not read: its rows \
           are pages, and an import is of one account; describe a row for an account of its own with --map",
        ],
    );
}

#[test]
fn a_single_article_of_wechat_says_why_it_is_not_read() {
    let grid = "# sheet 数据概况\n数据概况\n阅读(人)\t平均停留时长(秒)\n900\t32\n\n阅读转化\n送达人数\t阅读人数\n90000\t900\n\n\
                数据趋势明细\n传播渠道\t日期\t阅读人数\n全部\t2026-08-09\t900\n";
    let page = page_of_grid("wechat/demo", "详情.xlsx", grid);
    assert_eq!(page.measurements.len(), 0);
    assert!(
        remarks(&page)[0]
            .starts_with("section 阅读转化 is not read: the workbook does not say which article")
    );
}

#[test]
fn toutiaos_days() {
    let text = "日期,展现,阅读/播放,点赞,评论,新列\n2026-10-08,1000,120,3,1,5\n2026-10-09,900,100,2,0,5\n";
    let page = File::of("toutiao/demo", "数据趋势_1_20261008-20261009.csv", text.as_bytes()).page();
    assert_eq!(
        lines(&page),
        [
            "2026-10-08 total comments=1 impressions=1000 likes=3 views=120",
            "2026-10-09 total provisional comments=0 impressions=900 likes=2 views=100",
        ]
    );
    assert_eq!(remarks(&page), ["column 新列 is not read: layout toutiao-trend knows no such column"]);
}

/// A sheet that sums up the others, one that has no metric, and one that nobody knows are not passed over in silence.
#[test]
fn sheets_that_are_not_read_are_told() {
    let grid = "# sheet 账号总体涨粉数据\n指标\t数值\n净涨粉\t9\n# sheet 净涨粉趋势\n日期\t数值\n2026年08月20日\t4\n\
                # sheet 主页转粉率趋势\n日期\t数值\n2026年08月20日\t8%\n# sheet 新趋势\n日期\t数值\n2026年08月20日\t8\n";
    let page = page_of_grid("xiaohongshu/demo", "近30日涨粉数据.xlsx", grid);
    assert_eq!(lines(&page), ["2026-08-20 total provisional follows_net=4"]);
    assert_eq!(
        remarks(&page),
        [
            "the table of 指标, 数值 is not read: it sums up the days of the other sheets",
            "sheet 主页转粉率趋势 is not read: a rate without a metric; 新增关注 and 主页访客 are read",
            "sheet 新趋势 is not read: layout xiaohongshu-account knows no such sheet",
        ]
    );
}

/// The decoded file of an account whose posts are known: id, title and publish time.
fn knowing(file: &File<'_>, known: &[(&str, &str, &str)]) -> Page {
    let format = if file.account.starts_with("douyin") { "video" } else { "article" };
    let posts: Vec<NamedPost> =
        known.iter().map(|(id, title, told)| named(id, title, told, Some(format))).collect();
    let body = Body { bytes: file.bytes.to_vec(), content_type: None, observed_at: Timestamp::UNIX_EPOCH };
    let job = FILES.knowing(file.job().unwrap(), &body, &posts).unwrap();
    decode(&serde_json::from_str(&serde_json::to_string(&job).unwrap()).unwrap(), file.bytes)
}

/// A known post whose time is told as an instant or as a day.
fn named(id: &str, title: &str, told: &str, format: Option<&str>) -> NamedPost {
    let published_at: Option<Timestamp> = told.parse().ok();
    let beijing = jiff::tz::TimeZone::get("Asia/Shanghai").unwrap();
    let day = published_at.map(|at| beijing.to_datetime(at).date()).or_else(|| told.parse().ok());
    NamedPost {
        id: id.into(),
        published_at,
        published_day: day,
        format: format.map(Into::into),
        title: Some(title.to_owned()),
        text: None,
    }
}

/// Posts that the platform has told by their ids are not counted a second time under ids of our own.
#[test]
fn a_row_without_an_id_is_about_the_known_post_that_it_fits() {
    let text = "作品名称,发布时间,体裁,播放量\n秋日 护肤,2026-10-09 18:30:12,1-3min视频,5\n别的,2026-10-09 18:30,视频,6\n";
    let file = File::of("douyin/demo", "作品列表导出.csv", text.as_bytes());
    let ids = |known: &[(&str, &str, &str)]| -> Vec<String> {
        let page = knowing(&file, known);
        assert_eq!(page.rejects, []);
        page.posts.iter().map(|post| post.id.chars().take(6).collect()).collect()
    };
    assert_eq!(ids(&[]), ["title-", "title-"]);
    let (second, minute) = ("2026-10-09T10:30:12Z", "2026-10-09T10:30:00Z");
    assert_eq!(ids(&[("7500", "秋日护肤", second)]), ["7500", "title-"]);
    assert_eq!(ids(&[("7500", "秋日护肤", minute), ("7501", "别的", second)]), ["7500", "7501"]);
    assert_eq!(ids(&[("7500", "秋日护肤", "2026-10-09T10:31:00Z")]), ["title-", "title-"]);
    assert_eq!(ids(&[("7500", "春日护肤", second)]), ["title-", "title-"]);
    assert_eq!(ids(&[("7500", "秋日护肤", "2026-10-09")]), ["7500", "title-"]);
    assert_eq!(ids(&[("7500", "秋日护肤", "2026-10-10")]), ["title-", "title-"]);
    let page = knowing(&file, &[("7500", "秋日护肤", second)]);
    assert_eq!(
        remarks(&page),
        ["posts known before by an id that the file lacks: 1, by title, publish time and format"]
    );
}

/// A file that is imported a second time asks for the same, although the store has come to know its posts.
#[test]
fn posts_that_the_file_itself_told_change_nothing() {
    let text =
        "作品名称,发布时间,体裁,播放量\n秋日护肤,2026-10-09 18:30,视频,5\n别的,2026-10-09 18:30,视频,6\n";
    let file = File::of("douyin/demo", "作品列表导出.csv", text.as_bytes());
    let body = Body { bytes: text.into(), content_type: None, observed_at: Timestamp::UNIX_EPOCH };
    let api = named("7500", "秋日护肤", "2026-10-09T10:30:12Z", None);
    let knowing = |posts: &[NamedPost]| FILES.knowing(file.job().unwrap(), &body, posts).unwrap();
    for known in [vec![], vec![api]] {
        let first = knowing(&known);
        let told = decode(&first, text.as_bytes()).posts;
        let of_ours = told.iter().filter(|post| post.id.starts_with("title-"));
        let of_ours = of_ours.map(|post| named(&post.id, "别的", "2026-10-09T10:30:00Z", None)).collect();
        assert_eq!(knowing(&[known, of_ours].concat()), first);
    }
}

/// A picture is not the video of the same name, and of two that fit none is taken silently.
#[test]
fn a_row_that_fits_two_known_posts_is_set_aside() {
    let second = "2026-10-09T10:30:12Z";
    let known = [("7500", "秋日护肤", second), ("7501", "秋日护肤", second)];
    let text = "作品名称,发布时间,体裁,播放量\n秋日护肤,2026-10-09 18:30:12,视频,5\n秋日护肤,2026-10-09 18:30:12,图文,6\n";
    let page = knowing(&File::of("douyin/demo", "作品列表导出.csv", text.as_bytes()), &known);
    assert_eq!(
        rejects(&page),
        ["line 2: its title, publish time and format are those of the posts 7500, 7501: which is meant?"]
    );
    assert_eq!((page.posts.len(), page.posts[0].format.as_deref()), (1, Some("image")));
}

/// A file that tells the day alone agrees with any time of it.
#[test]
fn a_day_alone_is_matched_by_day() {
    let text = "内容标题,发表日期,阅读人数,阅读后关注人数\n春季新品,20261009,5,0\n春季新品,20261010,6,0\n";
    let known = [("22_1", "春季新品", "2026-10-09T12:30:00Z")];
    let file = File::of("wechat/demo", "短.csv", text.as_bytes());
    let ids: Vec<String> = knowing(&file, &known).posts.into_iter().map(|post| post.id.into()).collect();
    assert_eq!((ids[0].as_str(), ids[1].starts_with("title-")), ("22_1", true));
}
