//! Articles of the series in use, which counts people.

use std::borrow::Cow;

use jiff::{Timestamp, civil::Date};
use kepi_core::{
    AccountId, Body, Job, MetricId, Money, Page, Post, Reading, Result, Subject, Value, Window, json::Number,
    period::add_days,
};
use rust_decimal::Decimal;
use smol_str::{SmolStr, format_smolstr};

use super::{
    answer::{Sheet, beijing},
    rows::{Article, ArticleDay, Scene, Stat, count},
};
use crate::config::ArticleRows;

/// The scene that stands for all of them. Readers may come by several, so the others do not add up to it.
const ALL_SCENES: &str = "全部";

pub(super) fn days(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(body);
    let rows: Vec<ArticleDay<'_>> = sheet.rows(job)?;
    let account = &job.account()?.id;
    for row in &rows {
        let subject = Subject::post(account.clone(), row.msgid.clone());
        let window = Window::Day(row.ref_date);
        sheet.whole(&subject, &window, row.detail.counts());
        scenes(&mut sheet, &subject, &window, &row.detail.read_user_source);
    }
    let told: Vec<Date> = rows.iter().map(|row| row.ref_date).collect();
    sheet.missing(job, &told);
    Ok(sheet.page)
}

/// Readers by the way they came in.
pub(super) fn scenes(sheet: &mut Sheet<'_>, subject: &Subject, window: &Window, scenes: &[Scene<'_>]) {
    for scene in scenes.iter().filter(|scene| !matches!(scene.scene_desc.as_ref(), ALL_SCENES | "")) {
        let mut values = Vec::with_capacity(1);
        count(&mut values, "read_users", scene.user_count);
        sheet.part(subject, window, ("scene", SmolStr::new(&scene.scene_desc)), values);
    }
}

/// What the articles of a day of publishing have so far. Each row is the sum from publishing to the end of its
/// day: a reading of that instant, whenever it was asked for.
pub(super) fn so_far(rows_are: ArticleRows, job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(body);
    let rows: Vec<Article<'_>> = sheet.rows(job)?;
    let account = &job.account()?.id;
    let parts = |stat: &Stat<'_>| 1 + stat.read_user_source.len() + stat.read_jump_position.len();
    sheet.page.measurements.reserve(rows.iter().flat_map(|row| &row.detail_list).map(parts).sum());
    for row in &rows {
        let subject = Subject::post(account.clone(), row.msgid.clone());
        sheet.doubtful = rows_are == ArticleRows::Cumulative && falls(&mut sheet, row);
        for stat in &row.detail_list {
            let window = match rows_are {
                ArticleRows::Daily => Window::Day(stat.stat_date),
                ArticleRows::Cumulative => end_of(stat.stat_date),
            };
            article(&mut sheet, &subject, &window, stat);
        }
        let product_type = row.publish_type.0.map(|code| match code {
            0 => SmolStr::new_static("notified"),
            1 => SmolStr::new_static("published"),
            unknown => format_smolstr!("{unknown}"),
        });
        let url = row.content_url.as_deref();
        let post = post(account, &row.msgid, row.ref_date, row.title.as_ref(), url);
        sheet.page.posts.push(Post { product_type, ..post });
    }
    let told: Vec<Date> = rows.iter().map(|row| row.ref_date).collect();
    sheet.missing(job, &told);
    Ok(sheet.page)
}

/// The instant at which a day of WeChat's is over.
pub(super) fn end_of(day: Date) -> Window {
    let midnight = add_days(day, 1).to_zoned(beijing());
    Window::At(midnight.map_or(Timestamp::MAX, |midnight| midnight.timestamp()))
}

/// A running total of readers cannot fall. Where it does, the rows are something else: that is told, and their
/// numbers stay provisional.
fn falls(sheet: &mut Sheet<'_>, row: &Article<'_>) -> bool {
    let mut days: Vec<(Date, i64)> =
        row.detail_list.iter().filter_map(|stat| Some((stat.stat_date, stat.read_user.0?))).collect();
    days.sort();
    let fall = days.windows(2).find_map(|pair| match pair {
        [(_, before), (day, after)] if after < before => Some((*day, *before, *after)),
        _ => None,
    });
    let Some((day, before, after)) = fall else { return false };
    sheet.remark(format!(
        "read_user of article {} falls from {before} to {after} on {day}: are the rows increments of days? \
         then set article_rows = \"daily\" in [platform.wechat]",
        row.msgid
    ));
    true
}

fn article(sheet: &mut Sheet<'_>, subject: &Subject, window: &Window, stat: &Stat<'_>) {
    let mut values = stat.counts();
    if let Some(fen) = stat.praise_money.0 {
        let amount = Decimal::new(fen, 2);
        let money = Money { amount, currency: SmolStr::new_static("CNY") };
        values
            .push(Reading { value: Value::Money(money), ..Reading::count(MetricId::from_static("tips"), 0) });
    }
    real(&mut values, "open_rate", stat.read_delivery_rate);
    real(&mut values, "read_completion_rate", stat.read_finish_rate);
    if let Some(minutes) = plain(stat.read_avg_activetime) {
        values.push(Reading::real(MetricId::from_static("avg_read_duration_s"), minutes * 60.0));
    }
    sheet.whole(subject, window, values);
    scenes(sheet, subject, window, &stat.read_user_source);
    for jump in &stat.read_jump_position {
        let mut values = Vec::with_capacity(1);
        real(&mut values, "exit_rate", jump.rate);
        sheet.part(subject, window, ("read_position", band(&jump.position)), values);
    }
}

fn real(values: &mut Vec<Reading>, metric: &'static str, number: Option<Number>) {
    if let Some(value) = number.and_then(|number| number.real(0)) {
        values.push(Reading::real(MetricId::from_static(metric), value));
    }
}

/// A number that is no percentage.
fn plain(number: Option<Number>) -> Option<f64> {
    number.filter(|number| !matches!(number, Number::Percent(_)))?.real(0)
}

/// Fifths of an article.
fn band(position: &str) -> SmolStr {
    match position {
        "1" => SmolStr::new_static("0-20%"),
        "2" => SmolStr::new_static("20-40%"),
        "3" => SmolStr::new_static("40-60%"),
        "4" => SmolStr::new_static("60-80%"),
        "5" => SmolStr::new_static("80-100%"),
        unknown => SmolStr::new(unknown),
    }
}

/// An article. Only its day of publishing is told, so it bears that day's first instant.
pub(super) fn post(
    account: &AccountId,
    id: &SmolStr,
    day: Date,
    title: Option<&Cow<'_, str>>,
    url: Option<&str>,
) -> Post {
    Post {
        published_at: day.to_zoned(beijing()).ok().map(|midnight| midnight.timestamp()),
        format: Some(SmolStr::new_static("article")),
        title: title.filter(|title| !title.is_empty()).map(|title| title.clone().into_owned()),
        url: url.filter(|url| !url.is_empty()).map(str::to_owned),
        ..Post::new(account.clone(), id.clone())
    }
}
