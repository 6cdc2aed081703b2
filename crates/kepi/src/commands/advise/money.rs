//! `kepi advise roi` and `next-spend`: what money brought, and where the next of it brings most.

use kepi_engine::{Dimension, EvaluationRequest, NextSpend, Number, RoiRow};
use kepi_store::Store;
use serde_json::Value;

use super::{by, p_text, tell_notes};
use crate::{
    cli::{AdviseMoney, AdviseSpend, RowFormat},
    commands::evaluate::{self, narrow, scope_text},
    compose::Project,
    failure::Result,
    output::{self, Rows},
};

const QUARTER: &str = "last-91d";
const HALF_A_YEAR: &str = "last-182d";

async fn asked(
    project: &Project,
    arguments: &AdviseMoney,
    period: &str,
) -> Result<(EvaluationRequest, Store)> {
    let period = arguments.period.as_deref().unwrap_or(period);
    let mut request = evaluate::request(project, Vec::new(), period)?;
    let known = [Dimension::Platform, Dimension::Account, Dimension::Campaign];
    request.by = by(&arguments.by, &known)?;
    let store = project.open_store().await?;
    narrow(project, &mut request, &store, &arguments.narrowing).await?;
    Ok((request, store))
}

pub(super) async fn roi(project: &Project, arguments: &AdviseMoney) -> Result<()> {
    let (request, store) = asked(project, arguments, QUARTER).await?;
    let rows = kepi_engine::roi(&store.session().await?, &request, &project.config.money).await?;
    match arguments.format.format {
        RowFormat::Json => return output::json(&rows),
        RowFormat::Table if rows.is_empty() => {}
        format => returns(&rows, format == RowFormat::Csv).print(format)?,
    }
    if arguments.format.format == RowFormat::Table {
        tell_notes(rows.iter().map(|row| (&row.scope, &row.notes)));
        let mut rates: Vec<String> = rows
            .iter()
            .flat_map(|row| &row.rates)
            .map(|rate| {
                format!("1 {} = {} {} ({}, {})", rate.base, rate.rate, rate.quote, rate.date, rate.source)
            })
            .collect();
        rates.sort();
        rates.dedup();
        rates.iter().for_each(|rate| output::note(rate));
    }
    if rows.is_empty() {
        output::note(
            "no source tells what was spent or earned in the period; `kepi import --map` reads your own tables",
        );
    }
    Ok(())
}

fn returns(rows: &[RoiRow], exact: bool) -> Rows {
    let mut table = Rows::new([
        "scope",
        "attribution",
        "currency",
        "spend",
        "revenue",
        "margin",
        "ROAS",
        "ROI",
        "margin ROI",
        "ctr",
        "cpc",
        "conversions",
        "conversion rate",
        "cpa",
        "orders",
        "shop conversion rate",
        "leads",
        "cpl",
        "new customers",
        "cac",
    ]);
    for row in rows {
        let number = |number: Option<Number>| {
            if exact { serde_json::json!(number) } else { number.map(|number| number.to_string()).into() }
        };
        let real = |value: Option<f64>, text: fn(f64) -> String| {
            if exact { Value::from(value) } else { value.map(text).into() }
        };
        let percent: fn(f64) -> String = |share| format!("{:.1} %", share * 100.0);
        let money: fn(f64) -> String = |amount| format!("{amount:.2}");
        table.push([
            scope_text(&row.scope).into(),
            row.attribution.as_deref().into(),
            row.currency.as_deref().into(),
            number(row.spend),
            number(row.revenue),
            number(row.gross_margin),
            real(row.roas, money),
            real(row.roi, percent),
            real(row.margin_roi, percent),
            real(row.ctr, |share| format!("{:.3} %", share * 100.0)),
            real(row.cpc, money),
            number(row.conversions),
            real(row.conversion_rate, |share| format!("{:.2} %", share * 100.0)),
            real(row.cpa, money),
            number(row.orders),
            real(row.shop_conversion_rate, |share| format!("{:.2} %", share * 100.0)),
            number(row.leads),
            real(row.cpl, money),
            number(row.new_customers),
            real(row.cac, money),
        ]);
    }
    if !exact {
        // People are spared the columns that no source tells.
        for column in table.columns.clone() {
            let at = table.columns.iter().position(|name| *name == column);
            let told = at.is_none_or(|at| {
                table.rows.iter().any(|row| row.get(at).is_some_and(|cell| !cell.is_null()))
            });
            if !told {
                table.without(&column);
            }
        }
    }
    table
}

pub(super) async fn next_spend(project: &Project, arguments: &AdviseSpend) -> Result<()> {
    let (request, store) = asked(project, &arguments.money, HALF_A_YEAR).await?;
    let session = store.session().await?;
    let asked = arguments.returns.as_deref();
    let places = kepi_engine::next_spend(&session, &request, &project.config.money, asked).await?;
    let format = arguments.money.format.format;
    if format == RowFormat::Json {
        return output::json(&places);
    }
    if format == RowFormat::Csv || !places.is_empty() {
        slopes(&places, format == RowFormat::Csv).print(format)?;
    }
    if format == RowFormat::Table {
        for place in &places {
            output::note(&format!("{}: {}", scope_text(&place.scope), place.reason));
        }
        tell_notes(places.iter().map(|place| (&place.scope, &place.notes)));
    }
    if places.is_empty() {
        output::note("cannot be told: no source tells both what was spent and what it brought in the period");
    }
    Ok(())
}

fn slopes(places: &[NextSpend], exact: bool) -> Rows {
    let mut table = Rows::new([
        "scope",
        "attribution",
        "returns",
        "currency",
        "weeks",
        "weekly spend",
        "average",
        "next unit",
        "low",
        "high",
        "p",
        "verdict",
    ]);
    for place in places {
        let real = |value: Option<f64>, digits: usize| {
            if exact { Value::from(value) } else { value.map(|value| format!("{value:.digits$}")).into() }
        };
        let digits = if matches!(place.returns, "revenue" | "gross_margin") { 2 } else { 4 };
        table.push([
            scope_text(&place.scope).into(),
            place.attribution.as_deref().into(),
            place.returns.into(),
            place.currency.as_deref().into(),
            place.weeks.into(),
            real(place.weekly_spend, 2),
            real(place.average, digits),
            real(place.marginal, digits),
            real(place.interval.map(|ends| ends.0), digits),
            real(place.interval.map(|ends| ends.1), digits),
            if exact { place.p.into() } else { place.p.map(p_text).into() },
            place.verdict.as_str().into(),
        ]);
    }
    table
}
