use super::*;

fn read(name: &str, text: &str) -> std::result::Result<Vec<Planned>, Vec<String>> {
    let source = Source { name: name.to_owned(), text: text.to_owned() };
    read_calendar(&source).map_err(|faults| {
        let told = faults.iter().map(|fault| {
            let (line, column) = fault.line_column(text);
            format!("{line}:{column} {}; {}", fault.message, fault.hint.as_deref().unwrap_or("-"))
        });
        told.collect()
    })
}

fn post(account: &str, id: &str, date: &str, format: &str, title: &str) -> PublishedPost {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    PublishedPost {
        account: account.to_owned(),
        post: id.to_owned(),
        earlier_ids: Vec::new(),
        date: date.parse().unwrap(),
        format: some(format),
        category: None,
        title: some(title),
        url: some(&format!("https://x.example/{id}")),
    }
}

fn told(plan: &str, posts: &[PublishedPost], today: &str) -> Vec<String> {
    let planned = read("plan.csv", plan).unwrap();
    let rows = plan_against_done(&planned, posts, today.parse().unwrap());
    let one = |row: &CalendarRow| {
        let day = row.planned.or(row.published).unwrap();
        let late = row.days_late.map_or_else(String::new, |days| format!(" {days:+}"));
        format!("{day} {} {}{late}", row.outcome.as_str(), row.post.as_deref().unwrap_or("-"))
    };
    rows.iter().map(one).collect()
}

#[test]
fn tables_and_blocks_say_the_same() {
    let csv = "\u{feff}Date,Account,Format,Category,Title\n2026-10-05,x/a,video,tips,\"Two, wheels\"\n2026-10-06,x/b,,,\n";
    let toml = "[[planned]]\ndate = \"2026-10-05\"\naccount = \"x/a\"\nformat = \"video\"\ncategory = \"tips\"\n\
                title = \"Two, wheels\"\n[[planned]]\ndate = \"2026-10-06\"\naccount = \"x/b\"\n";
    let planned = read("plan.csv", csv).unwrap();
    assert_eq!(planned, read("plan.toml", toml).unwrap());
    assert_eq!((planned.len(), planned[1].format.as_deref()), (2, None));
}

#[test]
fn faults_have_their_line() {
    assert_eq!(
        read("plan.csv", "date,acount,format\n2026-10-05,x/a,video\n").unwrap_err(),
        [
            "1:1 unknown column acount; did you mean account?",
            "1:1 the calendar has no column account; did you mean acount? known here: date, acount, format"
        ]
    );
    let told =
        read("plan.csv", "date,account\n2026-10-05,x/a\n05.10.2026,x/a\n2026-10-06,nobody\n").unwrap_err();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("3:1 \"05.10.2026\" is not a day"), "{told:?}");
    assert!(told[1].starts_with("4:1 \"nobody\" is not an account"), "{told:?}");
    let told = read("plan.toml", "[[planned]]\ndate = \"2026-10-05\"\nacount = \"x/a\"\n").unwrap_err();
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn a_post_is_of_one_plan_and_the_nearest_comes_first() {
    let plan = "date,account,format,title\n\
                2026-10-05,x/a,video,wheels for winter\n\
                2026-10-05,x/a,video,lights for autumn\n\
                2026-10-07,x/a,,\n\
                2026-10-09,x/a,,\n\
                2026-10-20,x/a,,\n\
                2026-10-05,x/b,,\n";
    let posts = [
        post("x/a", "1", "2026-10-05", "video", "Lights for the autumn"),
        post("x/a", "2", "2026-10-06", "video", "Wheels for winter"),
        post("x/a", "3", "2026-10-08", "image", "anything"),
        post("x/a", "4", "2026-10-14", "image", "a thought"),
    ];
    assert_eq!(
        told(plan, &posts, "2026-10-15"),
        [
            "2026-10-05 published 1 +0",
            "2026-10-05 published 2 +1",
            "2026-10-05 missed -",
            "2026-10-07 published 3 +1",
            "2026-10-09 missed -",
            "2026-10-14 unplanned 4",
            "2026-10-20 upcoming -",
        ]
    );
    // Of the day before and the account of another, nothing is taken; on its last day a post may still come.
    assert_eq!(
        told("date,account\n2026-10-14,x/b\n", &posts[3..], "2026-10-15")[0],
        "2026-10-14 unplanned 4"
    );
    assert_eq!(told("date,account\n2026-10-14,x/b\n", &[], "2026-10-15"), ["2026-10-14 upcoming -"]);
    assert_eq!(told("date,account\n2026-10-14,x/b\n", &[], "2026-10-16"), ["2026-10-14 missed -"]);
}

#[test]
fn a_plan_may_name_its_post() {
    let posts = [post("x/a", "1", "2026-10-05", "video", ""), post("x/a", "2", "2026-10-25", "video", "")];
    let plan = "date,account,post\n2026-10-05,x/a,2\n";
    assert_eq!(told(plan, &posts, "2026-11-01"), ["2026-10-05 unplanned 1", "2026-10-05 published 2 +20"]);
    let plan = "date,account,post\n2026-10-05,x/a,http://x.example/2?utm_source=mail\n";
    assert_eq!(told(plan, &posts, "2026-11-01"), ["2026-10-05 unplanned 1", "2026-10-05 published 2 +20"]);
    // The post that was named is not there: another does not stand in for it.
    let plan = "date,account,post\n2026-10-05,x/a,77\n";
    assert_eq!(told(plan, &posts[..1], "2026-11-01"), ["2026-10-05 missed -", "2026-10-05 unplanned 1"]);
}

/// A plan that names a post by the id that it had before the platform's was known means that post.
#[test]
fn a_post_is_named_by_an_id_that_it_had_before() {
    let plan = "date,account,post\n2026-10-05,x/a,title-1f\n";
    let known =
        PublishedPost { earlier_ids: vec!["title-1f".into()], ..post("x/a", "17", "2026-10-20", "", "") };
    let nearer = post("x/a", "18", "2026-10-05", "", "");
    assert_eq!(
        told(plan, &[nearer, known], "2026-10-21"),
        ["2026-10-05 published 17 +15", "2026-10-05 unplanned 18"]
    );
}
