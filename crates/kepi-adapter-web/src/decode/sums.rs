//! Visits by channel, source and medium, and their sums: all, by channel, by social platform.

use std::{borrow::Cow, collections::BTreeMap};

use jiff::civil::Date;
use kepi_core::{Body, Cursor, Error, Flags, Job, Notice, Page, Result, Segment, Subject, Traffic};
use smol_str::SmolStr;

use super::{
    answer::{About, Answer, Sheet, part},
    rows::{Line, Visits},
    sources::{Sources, is_paid, is_social},
};
use crate::{
    config::WebConfig,
    descriptor::{CHANNEL, OWN_SOURCE_RULES, Query, SOCIAL_PLATFORM, SOURCE_MEDIUM, SOURCE_RULES},
    request::Step,
};

/// All social platforms together, and those that no rule names.
const ALL: &str = "all";
const OTHER: &str = "other";

/// The visits of a day by channel, source and medium. A row that comes twice is one.
type Day<'a> = BTreeMap<(Cow<'a, str>, Cow<'a, str>, Cow<'a, str>), Visits>;

pub(super) fn page(
    config: &WebConfig,
    query: &Query,
    job: &Job,
    cursor: &Cursor,
    body: &Body,
) -> Result<Page> {
    let mut sheet = Sheet::new(job, body)?;
    let mut answer = sheet.read(config, query, cursor)?;
    let cut = match cursor.state()? {
        Some(Step::Rows { cut, .. }) => cut,
        None => None,
    };
    let turn = turn(&mut sheet, &answer, cut)?;
    if let Some(end) = turn.end {
        let mut places = answer.rejected.iter();
        sheet.page.rejects.retain(|_| places.next().is_some_and(|at| *at < end));
    }
    let mut told: Vec<Date> = Vec::new();
    let mut days: BTreeMap<Date, Day<'_>> = BTreeMap::new();
    for Line { at, day, parts: [channel, source, medium], visits } in std::mem::take(&mut answer.lines) {
        if turn.end.is_none_or(|end| at < end) {
            days.entry(day).or_default().insert((channel, source, medium), visits);
        }
    }
    let sources = Sources::new(config);
    for (day, visits) in &days {
        told.push(*day);
        let is_whole = cut != Some(*day) && turn.cut != Some(*day);
        if is_whole && !answer.unsure.is(*day) {
            tell(config, &mut sheet, &answer.about, &sources, (*day, visits));
        }
    }
    sheet.finish(&answer, turn.next, &told)
}

/// Where one page gives over to the next.
#[derive(Default)]
struct Turn {
    next: Option<Step>,
    /// The place from which on rows are left to the next page.
    end: Option<usize>,
    /// A day that fills a page by itself, so that it has no sums.
    cut: Option<Date>,
}

/// Sums are of whole days: the last day of a page, of which only a part may be here, is left to the page that
/// follows.
fn turn(sheet: &mut Sheet<'_>, answer: &Answer<'_>, cut: Option<Date>) -> Result<Turn> {
    if !answer.more {
        return Ok(Turn::default());
    }
    if answer.lines.windows(2).any(|pair| matches!(pair, [a, b] if b.day < a.day)) {
        return Err(Error::bad_response("the rows are not in the order of days that was asked for")
            .hint("sums of days would be wrong; the other endpoints go on"));
    }
    let last = answer.lines.last().map(|line| line.day);
    let before_last = answer.lines.iter().rev().find(|line| Some(line.day) != last);
    if let Some(line) = before_last {
        let end = line.at + 1;
        let offset = answer.offset.saturating_add(end as u64);
        return Ok(Turn { next: Some(Step::Rows { offset, cut: None }), end: Some(end), cut: None });
    }
    if let Some(day) = last.filter(|day| cut != Some(*day)) {
        let reason = format!("{day} has more rows than a page: its sums are not told");
        sheet.page.notices.push(Notice::Gap { reason });
    }
    let offset = answer.offset.saturating_add(answer.rows as u64);
    Ok(Turn { next: Some(Step::Rows { offset, cut: last }), end: None, cut: last })
}

/// Tells a day.
fn tell(
    config: &WebConfig,
    sheet: &mut Sheet<'_>,
    about: &About,
    sources: &Sources<'_>,
    (day, visits): (Date, &Day<'_>),
) {
    let mut sums = Sums::default();
    for ((channel, source, medium), visits) in visits {
        sums.add(sources.platform(source), (channel, source, medium), visits);
    }
    let mut put = |traffic, segment: Option<Segment>, visits: &Visits, flags: Flags| {
        let rules = match &segment {
            Some(segment) if segment.dimension == SOCIAL_PLATFORM => Some(rules_of(config)),
            _ => None,
        };
        let mut values = visits.readings(about.currency.as_ref(), flags);
        values.iter_mut().for_each(|reading| reading.definition.clone_from(&rules));
        sheet.put(Subject::account(sheet.account.clone()), day, (traffic, segment), values);
    };
    put(Traffic::Total, None, &sums.whole, about.whole);
    for (channel, visits) in &sums.channels {
        put(Traffic::Total, part(CHANNEL, channel), visits, about.parts);
    }
    for ((platform, traffic), visits) in &sums.social {
        put(*traffic, part(SOCIAL_PLATFORM, platform), visits, about.parts);
    }
    for ((source, medium), visits) in &sums.sources {
        put(Traffic::Total, part(SOURCE_MEDIUM, format_args!("{source} / {medium}")), visits, about.parts);
    }
}

fn rules_of(config: &WebConfig) -> SmolStr {
    SmolStr::new_static(if config.social_sources.is_empty() { SOURCE_RULES } else { OWN_SOURCE_RULES })
}

/// The sums of a day.
struct Sums<'d> {
    whole: Visits,
    channels: BTreeMap<&'d str, Visits>,
    social: BTreeMap<(&'d str, Traffic), Visits>,
    sources: BTreeMap<(&'d str, &'d str), Visits>,
}

impl Default for Sums<'_> {
    fn default() -> Self {
        Self {
            whole: Visits::NONE,
            channels: BTreeMap::new(),
            social: BTreeMap::new(),
            sources: BTreeMap::new(),
        }
    }
}

impl<'d> Sums<'d> {
    fn add(
        &mut self,
        platform: Option<&'d str>,
        (channel, source, medium): (&'d str, &'d str, &'d str),
        visits: &Visits,
    ) {
        self.whole.add(visits);
        self.channels.entry(channel).or_insert(Visits::NONE).add(visits);
        self.sources.entry((source, medium)).or_insert(Visits::NONE).add(visits);
        if platform.is_none() && !is_social(channel) {
            return;
        }
        let traffic = match is_paid(channel) {
            Some(true) => &[Traffic::Total, Traffic::Paid][..],
            Some(false) => &[Traffic::Total, Traffic::Organic][..],
            None => &[Traffic::Total][..],
        };
        for name in [ALL, platform.unwrap_or(OTHER)] {
            for traffic in traffic {
                self.social.entry((name, *traffic)).or_insert(Visits::NONE).add(visits);
            }
        }
    }
}
