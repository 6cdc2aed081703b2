//! What a reader of a row must know beside its numbers.

use std::collections::BTreeSet;

use jiff::civil::Date;
use kepi_core::{DateSpan, MetricId, Platform, SubjectKind, Traffic};

use super::{
    card::Status, gathered::Gathered, known::KnownPosts, request::EvaluationRequest, scope::SettledScopes,
};
use crate::{
    breaks::Break,
    formula::{Fold, Origin},
    kpi::{Basis, Kpi},
};

/// Said of a KPI that no account is for.
pub(super) const NO_ACCOUNT: &str = "no account of this KPI's platforms is known";

/// The accounts that rows are of, and what must be said of them.
pub(super) struct Around<'a> {
    kpi: &'a Kpi,
    request: &'a EvaluationRequest,
    scopes: &'a SettledScopes,
    pub(super) members: &'a [u32],
    pub(super) platforms: BTreeSet<&'a str>,
    /// Definition breaks of the KPI's metrics on their platforms.
    breaks: Vec<&'a Break>,
    /// Why nothing can be told by the day.
    pub(super) days_apart: Option<String>,
    /// What is said of every row.
    always: Vec<String>,
}

impl<'a> Around<'a> {
    pub(super) fn new(
        kpi: &'a Kpi,
        request: &'a EvaluationRequest,
        scopes: &'a SettledScopes,
        members: &'a [u32],
    ) -> Self {
        let accounts = members.iter().filter_map(|account| scopes.accounts.get(*account as usize));
        let platforms: BTreeSet<&str> = accounts.map(|account| account.platform.as_str()).collect();
        let metrics = kpi.metrics();
        let concerns = |one: &&Break| {
            platforms.contains(one.platform.as_str())
                && metrics.iter().any(|metric| metric.as_str() == one.metric)
        };
        let breaks = request.breaks.iter().filter(concerns).collect();
        let mut around =
            Self { kpi, request, scopes, members, platforms, breaks, days_apart: None, always: Vec::new() };
        around.days_apart = around.days_apart();
        around.always = [around.people(), around.zones()].into_iter().flatten().collect();
        around.always.extend(around.days_apart.clone());
        around
    }

    /// A definition break that lies between two days.
    pub(super) fn broken(&self, from: Date, until: Date) -> Option<&'a Break> {
        self.breaks.iter().copied().find(|one| one.divides(from, until))
    }

    /// The notes of one row.
    pub(super) fn notes(&self, cell: Option<&Gathered>, known: KnownPosts, span: DateSpan) -> Vec<String> {
        let mut notes = self.kpi.program.remarks.clone();
        if let Some(cell) = cell {
            counted(&mut notes, cell);
            notes.extend(self.accounts(cell));
        }
        if self.kpi.basis == Basis::Published && self.kpi.program.reads(Origin::Posts) {
            unread(&mut notes, cell.map_or(0, |cell| cell.usable), known);
        }
        if span.end > self.request.today && span.start < self.request.today {
            notes.push(format!("the period runs until {}", kepi_core::period::add_days(span.end, -1)));
        }
        notes.extend_from_slice(&self.always);
        notes
    }

    fn accounts(&self, cell: &Gathered) -> Vec<String> {
        let name = |account: u32| {
            self.scopes.accounts.get(account as usize).map_or("", |account| account.id.as_str())
        };
        let days = |days: i32| if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
        let stale = cell.stale.iter().map(|(account, old)| {
            format!("the last known state of {} is {} old", name(*account), days(*old))
        });
        let left = cell
            .left_out
            .iter()
            .map(|account| format!("{} is left out: it lacks a part of the formula", name(*account)));
        stale.chain(left).collect()
    }

    /// A state of people over several accounts counts some twice.
    fn people(&self) -> Option<String> {
        let state = |fold: Fold| matches!(fold, Fold::Last | Fold::First | Fold::MeanOfDays);
        let people = self.kpi.metrics().iter().any(|metric| metric.as_str() == "followers_total");
        let state = people && self.kpi.program.parts.iter().any(|part| state(part.fold));
        (state && self.members.len() > 1)
            .then(|| "people who follow several accounts are counted in each".to_owned())
    }

    /// Posts live by the account's zone, the platform's own numbers of an account by the platform's: where the two
    /// differ, a day of the one is not a day of the other, and a formula over both cannot be told by the day.
    fn days_apart(&self) -> Option<String> {
        let parts = &self.kpi.program.parts;
        let posts = parts.iter().any(|part| matches!(part.origin, Origin::Posts | Origin::Known));
        let sums = |fold: Fold| matches!(fold, Fold::Sum | Fold::Exact);
        let account =
            parts.iter().any(|part| part.origin == Origin::Subject(SubjectKind::Account) && sums(part.fold));
        if !(posts && account) {
            return None;
        }
        let members = self.members.iter().filter_map(|account| self.scopes.accounts.get(*account as usize));
        let mut apart = members.filter_map(|account| {
            let platform = Platform::new(&account.platform).ok()?;
            let fixed = self.request.offered.day_zone(&platform)?;
            let apart = !account.zone.is_empty() && fixed != account.zone.as_str();
            apart.then_some((account, fixed))
        });
        let (account, fixed) = apart.next()?;
        Some(format!(
            "days of {} are {fixed}'s, those of its posts {}'s: the two are put together by the period and never by the day",
            account.id, account.zone
        ))
    }

    /// Days are local: says so where several zones meet.
    fn zones(&self) -> Option<String> {
        let accounts = self.members.iter().filter_map(|account| self.scopes.accounts.get(*account as usize));
        let zones: BTreeSet<String> = accounts
            .map(|account| {
                let platform = Platform::new(&account.platform).ok();
                let fixed = platform.and_then(|platform| self.request.offered.day_zone(&platform));
                fixed.unwrap_or_else(|| account.zone.to_string())
            })
            .filter(|zone| !zone.is_empty())
            .collect();
        let list: Vec<String> = zones.into_iter().collect();
        (list.len() > 1).then(|| format!("days are local to each account: {}", list.join(", ")))
    }

    /// Why there is no value: not offered, or not there.
    pub(super) fn absence(&self, cell: Option<&Gathered>, found_elsewhere: bool) -> (Status, String) {
        if self.members.is_empty() {
            return (Status::NoData, NO_ACCOUNT.to_owned());
        }
        let refused = if found_elsewhere { None } else { self.not_offered() };
        refused.map_or_else(|| (Status::NoData, self.missing(cell)), |reason| (Status::NotOffered, reason))
    }

    /// Which metrics are missing, where others of the formula are there.
    fn missing(&self, cell: Option<&Gathered>) -> String {
        let mut seen: BTreeSet<MetricId> = cell.map(|cell| cell.seen.clone()).unwrap_or_default();
        for (part, _) in
            cell.into_iter().flat_map(|cell| cell.parts.iter().enumerate()).filter(|(_, sum)| sum.is_some())
        {
            seen.extend(self.kpi.program.metrics_of(part));
        }
        let metrics = self.kpi.metrics();
        let unseen: Vec<&str> =
            metrics.iter().filter(|metric| !seen.contains(metric)).map(MetricId::as_str).collect();
        if seen.is_empty() || unseen.is_empty() {
            return "no numbers are known for this period".to_owned();
        }
        format!("no {} is known for this period", unseen.join(" and no "))
    }

    fn not_offered(&self) -> Option<String> {
        for part in &self.kpi.program.parts {
            let subject = match part.origin {
                Origin::Posts => SubjectKind::Post,
                Origin::Subject(kind) => kind,
                Origin::Known | Origin::Calendar => continue,
            };
            let mut gauges = Vec::new();
            part.row.gauges(&mut gauges);
            for gauge in gauges {
                let refuses = |name: &str| {
                    let platform = Platform::new(name).ok();
                    let offers = platform.and_then(|platform| {
                        self.request.offered.offers(&platform, &gauge.metric, subject, None, self.kpi.traffic)
                    });
                    offers == Some(false)
                };
                if !self.platforms.is_empty() && self.platforms.iter().all(|name| refuses(name)) {
                    let names: Vec<&str> = self.platforms.iter().copied().collect();
                    let traffic = self.kpi.traffic.map(Traffic::as_str).map(|traffic| format!("{traffic} "));
                    let traffic = traffic.unwrap_or_default();
                    return Some(format!(
                        "{} offers no {traffic}{} by {}",
                        names.join(", "),
                        gauge.metric,
                        subject.as_str()
                    ));
                }
            }
        }
        None
    }
}

fn counted(notes: &mut Vec<String>, cell: &Gathered) {
    let mut say = |count: u64, one: &str, many: &str| match count {
        0 => {}
        1 => notes.push(format!("1 {one}")),
        count => notes.push(format!("{count} {many}")),
    };
    say(
        cell.older,
        "post counts with an older reading, the newest that holds all metrics of the formula",
        "posts count with an older reading, the newest that holds all metrics of the formula",
    );
    say(
        cell.capped,
        "post has a number that the platform counts no further: the value is at least this",
        "posts have numbers that the platform counts no further: the value is at least this",
    );
    say(
        cell.provisional,
        "number is provisional and may still change",
        "numbers are provisional and may still change",
    );
    say(
        cell.crossing,
        "difference crosses the edge of the period and is left out",
        "differences cross the edge of the period and are left out",
    );
    if cell.incomplete {
        notes.push("rows that hold only some metrics of the formula are left out".to_owned());
    }
}

fn unread(notes: &mut Vec<String>, usable: u64, known: KnownPosts) {
    let unread = known.posts.saturating_sub(usable);
    let young = known.young.min(unread);
    let posts = |count: u64| if count == 1 { "1 post".to_owned() } else { format!("{count} posts") };
    if young > 0 {
        notes.push(format!("{} too young and left out", posts(young)));
    }
    if unread > young {
        notes.push(format!("{} without a usable reading left out", posts(unread - young)));
    }
}
