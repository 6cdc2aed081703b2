//! The exports of Google Analytics.

use super::*;

const ACQUISITION: &str = include_str!("../../fixtures/web/acquisition.csv");
const DAYS: &str = include_str!("../../fixtures/web/days.csv");

fn file(text: &str) -> File<'_> {
    File::of("web/site", "report.csv", text.as_bytes())
}

/// The lines above the header say which days; without a currency, money is not told.
#[test]
fn acquisition_of_a_period() {
    let page = file(ACQUISITION).page();
    let days = "2026-09-01..2026-09-30 total";
    assert_eq!(
        lines(&page),
        [
            format!("{days} [channel=Direct] conversions=330 engaged_sessions=6030 sessions=9300"),
            format!("{days} [channel=Organic Social] conversions=70 engaged_sessions=960 sessions=1480"),
            format!("{days} [channel=Paid Social] conversions=20 engaged_sessions=290 sessions=610"),
        ]
    );
    assert_eq!(rejects(&page).len(), 3);
    assert!(rejects(&page)[0].contains("currency"), "{:?}", rejects(&page));
}

#[test]
fn days_that_no_line_tells_are_not_invented() {
    let text = ACQUISITION.replace("# End date: 20260930\n", "");
    let page = file(&text).page();
    assert_eq!(lines(&page), [""; 0]);
    assert!(rejects(&page)[0].contains("days"), "{:?}", rejects(&page));
    // Of the two, the lines within the file know better than its name.
    let named = File { name: "report_20250101_20250131.csv", ..file(ACQUISITION) };
    assert!(lines(&named.page())[0].starts_with("2026-09-01..2026-09-30"));
}

/// Where the name tells the days of the numbers, another name is another file.
#[test]
fn days_of_the_name_make_another_import() {
    let named = |name, text| File { name, ..file(text) }.job().unwrap();
    let (september, october) = ("report_20260901_20260930.csv", "report_20261001_20261031.csv");
    let text = ACQUISITION.replace("# End date: 20260930\n", "");
    assert!(!named(october, &text).asks_again(&named(september, &text)));
    assert!(named(october, DAYS).asks_again(&named(september, DAYS)));
}

#[test]
fn an_exploration_by_day() {
    assert_eq!(
        lines(&file(DAYS).page()),
        [
            "2026-09-01 total [channel=Direct] engaged_sessions=201 pageviews=975 session_users=290 sessions=310",
            "2026-09-01 total [channel=Organic Social] engaged_sessions=96 pageviews=402 session_users=131 sessions=148",
            "2026-09-02 total [channel=Direct] provisional engaged_sessions=190 pageviews=930 session_users=280 \
             sessions=298",
            "2026-09-02 total [channel=Organic Social] provisional engaged_sessions=80",
        ]
    );
    let whole = "Date,Sessions,Bounce rate\n20260901,458,0.35\n20260902,430,0.36\n";
    assert_eq!(
        lines(&file(whole).page()),
        ["2026-09-01 total sessions=458", "2026-09-02 total provisional sessions=430"]
    );
}

/// A column more would split the rows: one of them would be taken for the whole.
#[test]
fn a_column_that_nobody_knows_is_no_day_of_the_whole() {
    for text in [
        "Date,Country,Sessions\n20260901,Germany,250\n20260901,China,40\n",
        "Date,Session source / medium,Country,Sessions\n20260901,t.co / referral,Germany,2\n",
        &ACQUISITION.replace(",Sessions,", ",Country,Sessions,"),
    ] {
        let error = file(text).refusal();
        assert!(error.hint_text().unwrap().contains("--map"), "{error:?}");
    }
}
