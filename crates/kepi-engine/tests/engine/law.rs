//! What may be added and what may not: refused before anything runs, with the reason and what is lawful.

use kepi_core::Catalogue;
use kepi_engine::{Source, parse_kpis};

/// What is said of a formula: `ok` with its unit, or the marked part, the reason and the way out.
fn check(formula: &str, more: &str, expected: &str) {
    let text = format!("[[kpi]]\nid = \"k\"\ngoal = \"engagement\"\n{more}\nformula = \"{formula}\"\n");
    let source = Source { name: "k.toml".to_owned(), text: text.clone() };
    let told = match parse_kpis(&[source], Catalogue::builtin()) {
        Ok(kpis) => format!("ok, {}", kpis[0].unit.as_str()),
        Err(faults) => faults
            .iter()
            .map(|fault| {
                let place = &text[fault.span.clone()];
                format!("[{place}] {}; {}", fault.message, fault.hint.as_deref().unwrap_or("-"))
            })
            .collect::<Vec<_>>()
            .join("\n"),
    };
    assert_eq!(told, expected, "{formula} with {more}");
}

const ACTIVITY: &str = "basis = \"activity\"";
const X: &str = "platforms = [\"x\"]";

#[test]
fn lawful_formulas_and_their_units() {
    for (formula, more, unit) in [
        ("platform_engagements / impressions", X, "ratio"),
        ("(likes + comments) / impressions * 1000", "", "ratio"),
        ("per_post(likes)", "", "count"),
        ("mean_over_posts(likes / impressions)", "", "ratio"),
        ("mean_over_posts(reach)", "", "users"),
        ("median_over_posts(impressions)", "", "count"),
        ("count_posts(impressions >= 1000) / count_posts()", "", "ratio"),
        ("per_1k_followers(likes)", "", "count"),
        ("at_age(likes, '7d') / at_age(impressions, '7d')", "", "ratio"),
        ("gross(reach)", "", "users"),
        ("impressions / gross(reach)", "", "ratio"),
        ("impressions / reach", "basis = \"activity\"\nsubject = \"account\"", "ratio"),
        ("spend / link_clicks", "", "money"),
        ("(revenue - spend) / spend", "", "ratio"),
        ("revenue / spend - 1", "", "ratio"),
        ("spend / impressions * 1000", "", "money"),
        ("(followers_total - at_start(followers_total)) / at_start(followers_total)", ACTIVITY, "ratio"),
        ("mean_over_days(followers_total)", ACTIVITY, "users"),
        ("session_duration_s / sessions", ACTIVITY, "seconds"),
        ("rating_sum / rating_count", ACTIVITY, "score"),
        ("(likes + comments) / impressions + shares / impressions", "", "ratio"),
        ("avg_view_duration_s", X, "seconds"),
        ("likes / nullif(impressions, 0)", "", "ratio"),
    ] {
        check(formula, more, &format!("ok, {unit}"));
    }
}

#[test]
fn people_are_not_added() {
    check(
        "reach",
        "",
        "[reach] reach counts people, who are never added over posts: one person may have seen several; gross(reach) \
         sums knowingly and says so; mean_over_posts(reach) and median_over_posts(reach) look at single posts; \
         subject = \"account\" takes the platform's own figure for exactly the period",
    );
    check(
        "gross(likes)",
        "",
        "[likes] gross takes one metric that counts people; other metrics are added without it, where that is lawful",
    );
}

#[test]
fn written_aggregates_are_refused() {
    check(
        "sum(likes) / impressions",
        "",
        "[sum(likes)] sum cannot be written: how a metric is aggregated follows from its kind; sums are implicit: \
         write the metric alone; of people, gross(reach) sums knowingly",
    );
}

#[test]
fn ratios_are_not_added() {
    check(
        "cover_ctr",
        "",
        "[cover_ctr] cover_ctr is a ratio as the platform gives it, and ratios are not added; compute it from its \
         parts as a ratio of sums, or say mean_over_posts(cover_ctr)",
    );
}

/// T6: an average of two rates with different denominators is no rate.
#[test]
fn t6_denominators_must_agree() {
    check(
        "(likes / impressions + likes / reads) / 2",
        "",
        "[likes / impressions + likes / reads] these ratios have different denominators and cannot be added; put both \
         numerators over one denominator, or declare two KPIs",
    );
}

#[test]
fn definitions_of_one_platform_stay_there() {
    let way_out = "declare one KPI per platform, for example platforms = [\"x\"], or use metrics that mean the same everywhere";
    let metric = "[platform_engagements] platform_engagements is each platform's own definition (the platform's own \
                  engagement count, its own definition) and this KPI goes over";
    check("platform_engagements / impressions", "", &format!("{metric} all platforms; {way_out}"));
    let two = "platforms = [\"x\", \"xiaohongshu\"]";
    check("platform_engagements / impressions", two, &format!("{metric} several platforms; {way_out}"));
}

#[test]
fn unlike_things_are_not_added() {
    check(
        "spend + likes",
        "",
        "[spend + likes] money and count are not added; divide one by the other, or declare two KPIs",
    );
    check(
        "likes + 1",
        "",
        "[likes + 1] a bare number is not added to a metric; numbers scale: multiply or divide by them",
    );
    check(
        "likes * shares",
        "",
        "[likes * shares] two metrics are not multiplied; a product is lawful with a number or a ratio",
    );
    check(
        "posts_total + posts_published",
        ACTIVITY,
        "[posts_total + posts_published] a state is not added to what happened in a period; the change of a state is \
         followers_total - at_start(followers_total)",
    );
    check("likes / 0", "", "[0] this divides by zero; take another denominator");
    check("1 + 2", "", "[1 + 2] the formula reads no metric; name at least one metric");
}

#[test]
fn single_posts_need_posts() {
    let published = "basis = \"published\" counts each post once; or divide by count_posts()";
    check(
        "mean_over_posts(likes)",
        ACTIVITY,
        &format!(
            "[mean_over_posts(likes)] with basis = \"activity\" there is no one number per post; {published}"
        ),
    );
    check(
        "at_age(likes, '7d')",
        ACTIVITY,
        "[at_age(likes, '7d')] at_age reads posts at an equal age, which basis = \"activity\" has not; set basis = \"published\"",
    );
    check(
        "median_over_posts(likes / followers_total)",
        "",
        "[followers_total] posts have no followers_total; functions over posts take metrics of posts; \
         per_1k_followers(e) divides by followers",
    );
    check(
        "per_post(median_over_posts(likes))",
        "",
        "[per_post(median_over_posts(likes))] per_post takes a sum over posts; mean_over_posts(e) takes the mean of what each post has",
    );
}
