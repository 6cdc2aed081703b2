//! `kepi explain`: where a KPI's number comes from, down to the rows, the run and the body that a platform sent.

mod part;
mod rows;

use std::fmt::Write as _;

use kepi_core::{DateSpan, Error, MetricId, Provenance, Stream};
use kepi_engine::{Baseline, Goalpost, Kpi, ScoreRow, Target};
use kepi_store::{QueryRows, Store};
use serde_json::{Value, json};

use self::part::Part;
use crate::{
    cli::{Explain, RowFormat},
    commands::{
        decide::{self, Decided},
        evaluate::{self, real_text},
    },
    compose::Project,
    failure::{Outcome, Result},
    output::{self, Rows},
};

pub(crate) async fn run(project: &Project, arguments: &Explain) -> Result<Outcome> {
    if let Some(page) = &arguments.body {
        return body(&project.open_store().await?, page).await;
    }
    let kpis = evaluate::chosen(project.kpis()?, std::slice::from_ref(&arguments.kpi))?;
    let mut request = evaluate::request(project, kpis, &arguments.period)?;
    let tags = evaluate::tags(project, &arguments.by)?;
    let tag = evaluate::tag_dimension(&tags, &arguments.by)?;
    request.by = evaluate::dimensions(&arguments.by)?;
    let store = project.open_store().await?;
    evaluate::narrow_to(&mut request, &store, &arguments.account).await?;
    let session = store.session().await?;
    let rows = match tag {
        Some(tag) => kepi_engine::evaluate_by_tag(&session, &request, &tags, tag).await?,
        None => kepi_engine::evaluate(&session, &request).await?,
    };
    // Parts by tag are asked for in a session whose posts name their tag, the whole beside them in the plain one.
    let tagged = match tag {
        Some(tag) => kepi_engine::tagged(&session, &tags, tag).await?,
        None => session.clone(),
    };
    let decided = decide::decided(&store).await?;
    let mut explained = Vec::new();
    for kpi in &request.kpis {
        let own = rows.iter().filter(|row| row.kpi == kpi.id && row.version == kpi.version).map(Some);
        let mut own: Vec<Option<&ScoreRow>> = own.collect();
        if own.is_empty() {
            own.push(None);
        }
        for row in own {
            let part = Part::of(&request, row);
            let session = if part.is_of_a_tag() { &tagged } else { &session };
            let mut behind = Vec::new();
            if let Some(row) = row.filter(|_| arguments.rows) {
                // A condition is met by posts: of a session that knows only them the same SQL is asked.
                let narrowed = match &kpi.filter {
                    Some(filter) => &kepi_engine::narrowed(session, filter).await?,
                    None => session,
                };
                for rows::Behind { what, sql, may_be_empty } in rows::behind(kpi, row, &part) {
                    let found = kepi_store::query(narrowed, &sql).await?;
                    if !(may_be_empty && found.rows.is_empty()) {
                        behind.push(Found { what, sql, found });
                    }
                }
            }
            let sources = kepi_store::query(session, &sources_sql(kpi, &part)).await?;
            let decided = decided.iter().filter(|one| one.kpi == kpi.id).collect();
            explained.push(Explained { kpi, row, behind, sources, decided });
        }
    }
    match arguments.format.format {
        RowFormat::Json => {
            let all: Vec<Value> = explained.iter().map(|one| one.json(project)).collect::<Result<_>>()?;
            output::json(&all)?;
        }
        RowFormat::Csv => explained.iter().flat_map(|one| &one.behind).try_for_each(|behind| {
            Rows { columns: behind.found.columns.clone(), rows: behind.found.rows.clone() }
                .print(RowFormat::Csv)
        })?,
        RowFormat::Table => {
            let mut before = None;
            for one in &explained {
                // What a KPI is, is said once, however many parts of it there are.
                if before != Some((&one.kpi.id, one.kpi.version)) {
                    output::result(&one.about(project))?;
                }
                before = Some((&one.kpi.id, one.kpi.version));
                one.print()?;
            }
        }
    }
    if arguments.plans {
        output::result(&kepi_engine::explain_plan(&tagged, &request).await?)?;
    }
    Ok(Outcome::Done)
}

/// A KPI with what it came to and what that was made of.
struct Explained<'a> {
    kpi: &'a Kpi,
    row: Option<&'a ScoreRow>,
    behind: Vec<Found>,
    /// The pages that brought the facts of the period.
    sources: QueryRows,
    /// What was decided about the KPI.
    decided: Vec<&'a Decided>,
}

/// Rows behind the number.
struct Found {
    what: String,
    sql: String,
    found: QueryRows,
}

/// How many rows behind a number people are shown; JSON and CSV hold all.
const SHOWN: usize = 200;

impl Explained<'_> {
    /// What the KPI is, and what was decided about it.
    fn about(&self, project: &Project) -> String {
        let kpi = self.kpi;
        let mut text = String::new();
        let _ = writeln!(text, "{}  {}", kpi.id, kpi.name());
        for (what, words) in said(kpi) {
            let _ = writeln!(text, "  {what:<10} {words}");
        }
        for one in &self.decided {
            let _ = writeln!(text, "  {:<10} {}", "decided", decision(one, kpi));
        }
        for id in kpi.metrics() {
            let Some(metric) = project.config.catalogue.get(id.as_str()) else { continue };
            let _ = writeln!(text, "  {id}: {} ({})", metric.definition, metric.unit.as_str());
            if !metric.caveat.is_empty() {
                let _ = writeln!(text, "      {}", metric.caveat);
            }
            for field in fields(project, kpi, &id) {
                let _ = writeln!(text, "      {field}");
            }
        }
        text
    }

    fn print(&self) -> Result<()> {
        let mut text = String::new();
        for (what, words) in self.row.map(|row| held(self.kpi, row)).unwrap_or_default() {
            let _ = writeln!(text, "  {what:<10} {words}");
        }
        output::result(&text)?;
        evaluate::print(
            &self.row.into_iter().cloned().collect::<Vec<_>>(),
            RowFormat::Table,
            &evaluate::Asked { named: true, by: &[] },
        )?;
        Rows { columns: self.sources.columns.clone(), rows: self.sources.rows.clone() }
            .print(RowFormat::Table)?;
        for Found { what, sql, found } in &self.behind {
            output::result(&format!("\n{what}: {} rows\n{sql}\n", found.rows.len()))?;
            let shown = found.rows.iter().take(SHOWN).cloned().collect();
            Rows { columns: found.columns.clone(), rows: shown }.print(RowFormat::Table)?;
            if found.rows.len() > SHOWN {
                output::note(&format!(
                    "the first {SHOWN} of {} rows; --format json and csv hold all",
                    found.rows.len()
                ));
            }
        }
        if !self.behind.is_empty() {
            output::note("the body of a page: kepi explain KPI --body STREAM#SEQUENCE");
        }
        Ok(())
    }

    fn json(&self, project: &Project) -> Result<Value> {
        let kpi = self.kpi;
        let told = |pairs: Vec<(&'static str, String)>| -> Value {
            pairs.into_iter().map(|(what, words)| (what.replace(' ', "_"), Value::from(words))).collect()
        };
        let metrics: Vec<Value> = kpi
            .metrics()
            .iter()
            .filter_map(|id| project.config.catalogue.get(id.as_str()))
            .map(|metric| {
                json!({"id": metric.id.as_str(), "definition": metric.definition.to_string(), "unit": metric.unit.as_str(),
                    "caveat": metric.caveat.to_string(), "sources": fields(project, kpi, &metric.id)})
            })
            .collect();
        let behind: Vec<Value> = self
            .behind
            .iter()
            .map(|Found { what, sql, found }| json!({"what": what, "sql": sql, "rows": objects(found)}))
            .collect();
        let row = serde_json::to_value(self.row)
            .map_err(|error| Error::new(kepi_core::ErrorKind::Unexpected, "write JSON").caused_by(error))?;
        Ok(json!({"kpi": kpi.id, "version": kpi.version, "names": kpi.names, "said": told(said(kpi)),
            "held": told(self.row.map(|row| held(kpi, row)).unwrap_or_default()), "metrics": metrics, "row": row,
            "decisions": self.decided, "sources": objects(&self.sources), "behind": behind}))
    }
}

fn objects(rows: &QueryRows) -> Vec<Value> {
    let one = |row: &Vec<Value>| rows.columns.iter().cloned().zip(row.iter().cloned()).collect::<Value>();
    rows.rows.iter().map(one).collect()
}

/// A decision in one line: when, by whom, about what, why.
fn decision(one: &Decided, kpi: &Kpi) -> String {
    let by = one.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
    let about = one.start.zip(one.end).map_or_else(String::new, |(start, end)| {
        let value =
            one.value.map_or_else(|| "unknown".to_owned(), |value| real_text(value, kpi.unit.as_str()));
        format!(" about {}, which stood at {value}", DateSpan::new(start, end))
    });
    let why = one.why.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
    format!("{}{by}{about}: {}{why}", one.day(), one.what)
}

/// What the KPI's file says of it.
fn said(kpi: &Kpi) -> Vec<(&'static str, String)> {
    let list = |texts: &[String]| (!texts.is_empty()).then(|| texts.join(", "));
    let platforms: Vec<String> = kpi.platforms.iter().map(ToString::to_string).collect();
    let all = [
        ("formula", Some(kpi.formula.clone())),
        ("version", Some(kpi.version.to_string())),
        ("tells", kpi.description.clone()),
        ("serves", Some(kpi.goal.as_str().to_owned())),
        ("stage", kpi.stage.map(|stage| stage.as_str().to_owned())),
        ("looks", kpi.objective.map(|objective| format!("{} term", objective.as_str()))),
        ("moves", kpi.indicator.map(|indicator| indicator.as_str().to_owned())),
        ("review", kpi.review.map(|review| review.as_str().to_owned())),
        ("owner", kpi.owner.clone()),
        ("for", list(&kpi.stakeholders)),
        ("platforms", list(&platforms)),
        ("basis", Some(kpi.basis.as_str().to_owned())),
        ("age", kpi.age.map(|days| format!("{days} days"))),
        ("only", kpi.filter.as_ref().map(|filter| filter.written.clone())),
        ("better", Some(kpi.direction.as_str().to_owned())),
        ("caveat", kpi.caveat.clone()),
        ("beside", list(&kpi.guards)),
        ("when low", kpi.when_low.clone()),
    ];
    all.into_iter().filter_map(|(what, words)| Some((what, words?))).collect()
}

/// What the number is held against: its target, what that is measured from, and what it stands beside.
fn held(kpi: &Kpi, row: &ScoreRow) -> Vec<(&'static str, String)> {
    let number = |value: f64| real_text(value, &row.unit);
    let mut told = Vec::new();
    let span = kepi_core::DateSpan::new(row.period.start, row.period.end);
    if let (Some(value), Some(target)) = (&row.target, kpi.target(&row.scope, span)) {
        let aim = value.value.map_or_else(|| "not known yet".to_owned(), number);
        told.push(("target", format!("{aim} in {}: {}", target.written, asked(target, &row.unit))));
    }
    if let Some(baseline) = row.baseline {
        let from = row.measured_from.as_deref().map_or_else(String::new, |from| {
            let of = kepi_core::DateSpan::new(from.span.start, from.span.end);
            let frozen = from.frozen_at.map_or_else(
                || {
                    if from.settled {
                        ", frozen by the next evaluation".to_owned()
                    } else {
                        ", not final yet".to_owned()
                    }
                },
                |at| format!(", frozen since {at}"),
            );
            format!(" of {of}{frozen}")
        });
        told.push(("baseline", format!("{}{from}", number(baseline))));
    }
    if let Some(attainment) = row.attainment {
        told.push(("attained", format!("{:.1} %: {}", attainment * 100.0, row.status.as_str())));
    }
    if let Some(pace) = &row.pace {
        let forecast =
            pace.forecast.map_or_else(String::new, |forecast| format!(", heading for {}", number(forecast)));
        told.push(("pace", format!("{} expected by now{forecast}", number(pace.expected))));
    }
    if let Some(benchmark) = &row.benchmark {
        let median = benchmark
            .median
            .map_or_else(|| "no figure".to_owned(), |median| format!("median {}", number(median)));
        let above = benchmark
            .percentile
            .map_or_else(String::new, |share| format!(", this is above {share:.0} % of them"));
        told.push(("benchmark", format!("{}: {median}{above}", benchmark.source)));
    }
    if !row.trailing.is_empty() {
        let earlier: Vec<String> = row.trailing.iter().map(|value| number(*value)).collect();
        told.push(("earlier", format!("{} (newest first)", earlier.join(", "))));
    }
    told
}

/// A target as it was written.
fn asked(target: &Target, unit: &str) -> String {
    let goalpost = match target.goalpost {
        Goalpost::Absolute(value) => format!("absolute {}", real_text(value, unit)),
        Goalpost::Relative(change) => format!("relative {:+} %", rounded(change * 100.0)),
        Goalpost::Points(points) => format!("{:+} points", rounded(points * 100.0)),
        Goalpost::Band(low, high) => {
            format!("between {} and {}", real_text(low, unit), real_text(high, unit))
        }
    };
    let from = match &target.baseline {
        Some(Baseline::Period(_, written)) => format!(" on {written}"),
        Some(Baseline::Frozen(value)) => format!(" on {}, as it was written down", real_text(*value, unit)),
        None => String::new(),
    };
    format!("{goalpost}{from}")
}

/// Without what a float adds at its end.
fn rounded(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}

/// Where a metric is read from, by the adapters of the KPI's platforms.
fn fields(project: &Project, kpi: &Kpi, id: &MetricId) -> Vec<String> {
    let of = project.adapters().iter().filter(|(platform, _)| kpi.covers(platform));
    of.flat_map(|(_, adapter)| adapter.descriptor().fields())
        .filter(|(_, field)| field.metric == id.as_str())
        .map(|(endpoint, field)| {
            format!(
                "{} {} {} ({}, {}) {}",
                Provenance::Api.as_str(),
                endpoint.name,
                field.pointer,
                field.window.as_str(),
                field.traffic.as_str(),
                endpoint.source
            )
        })
        .collect()
}

/// Prints the body of a page as the source sent it, scrubbed.
async fn body(store: &Store, page: &str) -> Result<Outcome> {
    let bad = || {
        Error::bad_input(format!("{page:?} is no page"))
            .hint("write STREAM#SEQUENCE as `kepi explain KPI --rows` shows them, such as x/mybrand:posts#12")
    };
    let (stream, sequence) = page.rsplit_once('#').ok_or_else(bad)?;
    let sequence: i64 = sequence.parse().map_err(|_| bad())?;
    match store.body(&Stream::from_stored(stream), sequence).await? {
        Some(body) => output::bytes(&body.bytes)?,
        None => output::note("the body of this page was erased; its row and its digest stay"),
    }
    Ok(Outcome::Done)
}

/// The pages that brought facts of a part of the period: source, stream, run, digest of the body.
fn sources_sql(kpi: &Kpi, part: &Part<'_>) -> String {
    let span = part.span;
    let mut of: Vec<String> = Vec::new();
    if !kpi.platforms.is_empty() {
        let platforms: Vec<String> = kpi.platforms.iter().map(|platform| format!("'{platform}'")).collect();
        of.push(format!("f.platform in ({})", platforms.join(", ")));
    }
    of.extend(part.of_accounts());
    of.push(rows::of_side(kpi));
    let within = format!("f.end_day > date '{}' and f.day < date '{}'", span.start, span.end);
    let joined = "join posts d on d.account = f.account and d.post = f.post and d.current ";
    let one = |table: &str, join: &str, conditions: Vec<String>| {
        let all: Vec<String> = ["f.current".to_owned()].into_iter().chain(conditions).collect();
        format!("select f.source, f.stream, f.sequence from {table} f {join}where {}", all.join(" and "))
    };
    let mut tables = Vec::new();
    if kpi.program.gauges(kepi_engine::formula::Origin::Posts).is_empty() {
        for kind in kpi.program.subjects() {
            let conditions = of.iter().cloned().chain([within.clone()]).collect();
            tables.push(one(kepi_core::tables::facts_of(kind).name, "", conditions));
        }
    } else {
        let published =
            format!("d.published_day >= date '{}' and d.published_day < date '{}'", span.start, span.end);
        let when = if kpi.basis == kepi_engine::Basis::Published { published } else { within };
        let of_posts = part.of_posts("d");
        let join =
            if kpi.basis == kepi_engine::Basis::Published || !of_posts.is_empty() { joined } else { "" };
        tables.push(one("post_facts", join, of.into_iter().chain(of_posts).chain([when]).collect()));
    }
    if tables.is_empty() {
        tables.push("select source, stream, sequence from post_facts where false".to_owned());
    }
    format!(
        "select f.source, f.stream, f.sequence, p.run, p.observed_at, p.recorded_at, p.digest, count(*) as rows from ({}) f \
         join pages p on p.stream = f.stream and p.sequence = f.sequence group by all order by f.stream, f.sequence limit 50",
        tables.join(" union all ")
    )
}
