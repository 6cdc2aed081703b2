//! `kepi calendar`: what was planned, and what came of it.

use std::collections::BTreeMap;

use kepi_core::{DateSpan, Period, period::add_days};
use kepi_engine::{CalendarRow, Outcome as Came, Planned, PublishedPost, plan_against_done};
use serde_json::{Value, json};

use crate::{
    cli::{Calendar, RowFormat},
    compose::Project,
    failure::{Outcome, Result},
    output::{self, Rows},
};

pub(crate) async fn run(project: &Project, arguments: &Calendar) -> Result<Outcome> {
    let today = project.today()?;
    let period = Period::parse(&arguments.period, today, project.config.project.fiscal)?;
    let wanted = |account: &str| {
        arguments.account.is_empty() || arguments.account.iter().any(|known| known.as_str() == account)
    };
    let mut planned = project.calendar()?;
    planned.retain(|plan| wanted(plan.account.as_str()));
    // A post of the days around may be the one that was planned, and a plan of the days around may be its.
    let margin = kepi_engine::TOLERANCE;
    let around =
        DateSpan::new(add_days(period.span.start, -2 * margin), add_days(period.span.end, 2 * margin));
    let posts = match project.store_if_there().await? {
        Some(store) => {
            let named: Vec<&str> = planned.iter().filter_map(|plan| plan.post.as_deref()).collect();
            let found =
                kepi_store::query(&store.session().await?, &posts_sql(&planned, around, !named.is_empty()))
                    .await?;
            found.rows.iter().filter_map(|row| post(row)).filter(|post| wanted(&post.account)).collect()
        }
        None => {
            output::note("there is no store yet, so what was published is not known");
            Vec::new()
        }
    };
    let mut rows = plan_against_done(&planned, &posts, today);
    rows.retain(|row| row.planned.or(row.published).is_some_and(|day| period.span.contains(day)));
    // Accounts of which nothing is planned have no calendar to be held against.
    let with_plan = |account: &str| planned.iter().any(|plan| plan.account.as_str() == account);
    rows.retain(|row| row.outcome != Came::Unplanned || with_plan(&row.account));
    match arguments.format.format {
        RowFormat::Json => output::json(&rows)?,
        RowFormat::Csv => lines(&rows).print(RowFormat::Csv)?,
        RowFormat::Table => {
            lines(&rows).print(RowFormat::Table)?;
            summary(&rows).print(RowFormat::Table)?;
        }
    }
    if planned.is_empty() {
        output::note(
            "nothing is planned: name tables of planned posts in kepi.toml, [project] calendar = [\"calendar/*.csv\"]",
        );
    }
    Ok(Outcome::Done)
}

/// The posts of some days, and those that a plan may name wherever they are.
fn posts_sql(planned: &[Planned], span: DateSpan, all: bool) -> String {
    let mut accounts: Vec<String> =
        planned.iter().map(|plan| format!("'{}'", plan.account.as_str().replace('\'', "''"))).collect();
    accounts.sort_unstable();
    accounts.dedup();
    let of = if accounts.is_empty() {
        "false".to_owned()
    } else {
        format!("account in ({})", accounts.join(", "))
    };
    let days = if all {
        "published_day is not null".to_owned()
    } else {
        format!("published_day >= date '{}' and published_day < date '{}'", span.start, span.end)
    };
    format!(
        "select account, post, cast(published_day as varchar) as day, format, category, coalesce(title, text) as title, url, \
         earlier_ids \
         from posts where current and {of} and {days} order by account, published_at, post"
    )
}

fn post(row: &[Value]) -> Option<PublishedPost> {
    let text = |place: usize| row.get(place).and_then(Value::as_str).map(str::to_owned);
    Some(PublishedPost {
        account: text(0)?,
        post: text(1)?,
        date: text(2)?.parse().ok()?,
        format: text(3),
        category: text(4),
        title: text(5),
        url: text(6),
        earlier_ids: text(7).map(|ids| ids.split(' ').map(str::to_owned).collect()).unwrap_or_default(),
    })
}

fn lines(rows: &[CalendarRow]) -> Rows {
    let mut table = Rows::new([
        "planned",
        "outcome",
        "published",
        "days late",
        "account",
        "format",
        "category",
        "title",
        "post",
    ]);
    for row in rows {
        let day = |day: Option<jiff::civil::Date>| day.map(|day| day.to_string());
        table.push([
            day(row.planned).into(),
            row.outcome.as_str().into(),
            day(row.published).into(),
            row.days_late.into(),
            row.account.as_str().into(),
            row.format.clone().into(),
            row.category.clone().into(),
            row.title.clone().into(),
            row.post.clone().into(),
        ]);
    }
    table
}

/// By account: how much of what was due was published.
fn summary(rows: &[CalendarRow]) -> Rows {
    let mut by_account: BTreeMap<&str, BTreeMap<Came, usize>> = BTreeMap::new();
    for row in rows {
        *by_account.entry(&row.account).or_default().entry(row.outcome).or_default() += 1;
    }
    let mut table = Rows::new(["account", "due", "published", "missed", "upcoming", "unplanned", "kept"]);
    for (account, counts) in by_account {
        let of = |outcome| counts.get(&outcome).copied().unwrap_or(0);
        let (published, missed) = (of(Came::Published), of(Came::Missed));
        let due = published + missed;
        #[expect(clippy::cast_precision_loss, reason = "posts of a calendar are few")]
        let kept = (due > 0).then(|| format!("{:.0} %", 100.0 * published as f64 / due as f64));
        table.push([
            account.into(),
            json!(due),
            json!(published),
            json!(missed),
            json!(of(Came::Upcoming)),
            json!(of(Came::Unplanned)),
            kept.into(),
        ]);
    }
    table
}
