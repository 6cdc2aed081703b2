//! Insights of an account: series by day, totals of a window, parts of them, groups of people.

use jiff::civil::Date;
use kepi_core::{
    Body, Cursor, DateSpan, Job, Measurement, MetricId, Notice, Page, Reading, Result, Segment, Subject,
    Traffic, Window, json::Number, period::add_days,
};
use smol_str::{SmolStr, ToSmolStr, format_smolstr};

use super::{
    answer::{self, Days, named, reject, shown},
    rows,
};
use crate::{
    config::{EndTime, InstagramConfig},
    descriptor::{
        BY_BUTTON, BY_DAY, BY_FOLLOWING, BY_KIND, ENGAGED, FOLLOWERS, FOLLOWS, FOLLOWS_AND_UNFOLLOWS,
        FOUR_WEEKS, Insight, OF_A_DAY, OF_FOUR_WEEKS, REACH, SPLITS,
    },
    request::{Group, Step, days_asked},
};

/// Days that have no numbers so soon after them may have them yet.
const EMPTY_BELIEVED: i32 = 5;

/// The insights of the first of the groups that are left.
pub(super) fn insights(
    config: &InstagramConfig,
    job: &Job,
    mut groups: Vec<Group>,
    body: &Body,
) -> Result<Page> {
    let mut page = Page::default();
    let told = answer::insights(job, body, &mut page)?;
    let mut sheet = Sheet { job, body, days: Days::read(body)?, rows: Vec::new(), page };
    match job.endpoint.as_str() {
        REACH => sheet.series(config, &told)?,
        FOLLOWS => sheet.follows(&told)?,
        FOLLOWERS => sheet.people("", &told)?,
        ENGAGED => sheet.people("engaged_", &told)?,
        SPLITS => sheet.splits(&told)?,
        FOUR_WEEKS => sheet.totals(&OF_FOUR_WEEKS, &Window::Period(days_asked(job)?), &told)?,
        _ => sheet.totals(&OF_A_DAY, &Window::Day(days_asked(job)?.start), &told)?,
    }
    let mut page = sheet.page()?;
    if !groups.is_empty() {
        groups.remove(0);
    }
    page.next = if groups.is_empty() { None } else { Some(Cursor::from_state(&Step::Groups(groups))?) };
    Ok(page)
}

type Key = (Window, Traffic, Option<Segment>);

/// A page in the making.
struct Sheet<'a> {
    job: &'a Job,
    body: &'a Body,
    days: Days,
    rows: Vec<(Key, Vec<Reading>)>,
    page: Page,
}

impl Sheet<'_> {
    /// Values by day. A day that is not over is not a day.
    fn series(&mut self, config: &InstagramConfig, told: &[rows::Insight<'_>]) -> Result<()> {
        for insight in told {
            let Some(known) = named(&BY_DAY, &insight.name) else { continue };
            for stamped in &insight.values {
                let Some(end) = stamped.end_time else { continue };
                let second = match config.end_time {
                    EndTime::DayBefore => jiff::SignedDuration::from_secs(-1),
                    EndTime::SameDate => jiff::SignedDuration::ZERO,
                };
                let end = end.0.checked_add(second).unwrap_or(end.0);
                let day = self.days.zone.to_datetime(end).date();
                if day < self.days.today {
                    self.put(known, (Window::Day(day), Traffic::Total, None), stamped.value)?;
                }
            }
        }
        self.missing(self.job.window, |sheet, day| sheet.has(&Window::Day(day)));
        Ok(())
    }

    /// Values of a whole window.
    fn totals(&mut self, table: &[Insight], window: &Window, told: &[rows::Insight<'_>]) -> Result<()> {
        for insight in told {
            let number = insight.total_value.as_ref().and_then(|total| total.value);
            if let Some(known) = named(table, &insight.name) {
                self.put(known, (window.clone(), Traffic::Total, None), number)?;
            }
        }
        let days = self.job.window.filter(|_| matches!(window, Window::Day(_)));
        self.missing(days, |sheet, _| !sheet.rows.is_empty());
        Ok(())
    }

    /// Follows are told as those of followers, and unfollows as those of others.
    fn follows(&mut self, told: &[rows::Insight<'_>]) -> Result<()> {
        let window = Window::Day(days_asked(self.job)?.start);
        let of = |insight: &&rows::Insight<'_>| insight.name == FOLLOWS_AND_UNFOLLOWS;
        for part in told.iter().filter(of).flat_map(parts).map(|(_, part)| part) {
            let metric = match part.dimension_values.first().map(SmolStr::as_str) {
                Some("FOLLOWER") => "follows_gained",
                Some("NON_FOLLOWER") => "follows_lost",
                _ => continue,
            };
            match part.value.map_or(Ok(None), Number::whole) {
                Ok(Some(value)) => {
                    let reading = Reading::count(MetricId::from_static(metric), value);
                    self.add((window.clone(), Traffic::Total, None), reading);
                }
                Ok(None) => {}
                Err(reason) => self.set_aside(metric, reason, part.value)?,
            }
        }
        self.missing(self.job.window, |sheet, _| !sheet.rows.is_empty());
        Ok(())
    }

    /// Parts of a day: by kind of media, by who follows, by contact button.
    fn splits(&mut self, told: &[rows::Insight<'_>]) -> Result<()> {
        let window = Window::Day(days_asked(self.job)?.start);
        for insight in told {
            for (keys, part) in parts(insight) {
                let value = part.dimension_values.join("/");
                match keys.iter().map(SmolStr::as_str).collect::<Vec<_>>().as_slice() {
                    ["media_product_type"] => self.by_kind(&window, &insight.name, &value, part.value)?,
                    ["follow_type" | "follower_type"] => {
                        self.split(&BY_FOLLOWING, &insight.name, &window, &value, part.value)?;
                    }
                    ["contact_button_type"] => {
                        self.split(&BY_BUTTON, &insight.name, &window, &value, part.value)?;
                    }
                    _ => {}
                }
            }
        }
        // No parts say that nothing happened; no metrics, that they are not computed.
        self.missing(self.job.window, |_, _| !told.is_empty());
        Ok(())
    }

    /// What ads brought is the paid part of the whole; all else is organic, and of a kind.
    fn by_kind(&mut self, window: &Window, name: &str, kind: &str, number: Option<Number>) -> Result<()> {
        let Some(known) = named(&BY_KIND, name) else { return Ok(()) };
        if kind == "AD" {
            return self.put(known, (window.clone(), Traffic::Paid, None), number);
        }
        let kind = if kind == "REEL" { "REELS" } else { kind };
        let segment = segment(known.field.segment, kind);
        self.put(known, (window.clone(), Traffic::Organic, Some(segment)), number)?;
        if let ("views", "REELS", Some(Ok(Some(plays)))) = (name, kind, number.map(Number::whole)) {
            let reading = Reading::count(MetricId::from_static("video_plays"), plays);
            self.add((window.clone(), Traffic::Organic, None), reading);
        }
        Ok(())
    }

    fn split(
        &mut self,
        table: &[Insight],
        name: &str,
        window: &Window,
        value: &str,
        number: Option<Number>,
    ) -> Result<()> {
        let Some(known) = named(table, name) else { return Ok(()) };
        let segment = segment(known.field.segment, value);
        self.put(known, (window.clone(), Traffic::Total, Some(segment)), number)
    }

    /// People by what they are. All dimensions together name a group.
    fn people(&mut self, whose: &str, told: &[rows::Insight<'_>]) -> Result<()> {
        let window = Window::At(self.body.observed_at);
        for (keys, part) in told.iter().flat_map(parts) {
            let dimension = format_smolstr!("{whose}{}", keys.join("_"));
            let segment = Segment { dimension, value: part.dimension_values.join("/").to_smolstr() };
            match part.value.map_or(Ok(None), Number::whole) {
                Ok(Some(value)) => {
                    let reading = Reading::count(MetricId::from_static("audience_users"), value);
                    self.add((window.clone(), Traffic::Total, Some(segment)), reading);
                }
                Ok(None) => {}
                Err(reason) => self.set_aside(&segment.value, reason, part.value)?,
            }
        }
        if self.rows.is_empty() && self.page.rejects.is_empty() {
            let account = self.job.account()?.id.clone();
            let reason = "nobody is told: too few people, or a permission is missing".to_owned();
            self.page.notices.push(Notice::NotOffered { account, metric: None, reason });
        }
        Ok(())
    }

    fn put(&mut self, known: &Insight, key: Key, number: Option<Number>) -> Result<()> {
        match known.reading(number) {
            Ok(reading) => reading.into_iter().for_each(|reading| self.add(key.clone(), reading)),
            Err(reason) => self.set_aside(known.name, reason, number)?,
        }
        Ok(())
    }

    fn add(&mut self, key: Key, reading: Reading) {
        match self.rows.iter_mut().find(|(known, _)| *known == key) {
            Some((_, readings)) if readings.iter().any(|known| known.metric == reading.metric) => {}
            Some((_, readings)) => readings.push(reading),
            None => self.rows.push((key, vec![reading])),
        }
    }

    fn set_aside(&mut self, name: &str, reason: String, number: Option<Number>) -> Result<()> {
        self.page.rejects.push(reject(self.job, format!("/data/{name}"), reason, &shown(number))?);
        Ok(())
    }

    fn has(&self, window: &Window) -> bool {
        self.rows.iter().any(|((known, _, _), _)| known == window)
    }

    /// Days without numbers are not computed yet, or a while later there is nothing to tell. Neither is zero.
    fn missing(&mut self, days: Option<DateSpan>, told: impl Fn(&Self, Date) -> bool) {
        let Some(days) = days else { return };
        let silent: Vec<Date> = days.iter().take(366).filter(|day| !told(self, *day)).collect();
        let recent = |day: &&Date| add_days(**day, EMPTY_BELIEVED) >= self.days.today;
        let span = |days: Vec<&Date>| match (days.first(), days.last()) {
            (Some(first), Some(last)) => Some(DateSpan::new(**first, add_days(**last, 1))),
            _ => None,
        };
        let (young, old): (Vec<&Date>, Vec<&Date>) = silent.iter().partition(recent);
        let notices = [
            span(young).map(|days| Notice::NotYet { days }),
            span(old).map(|days| Notice::Remark {
                text: format!("nothing is told of {days}: too small an account, or a permission is missing"),
            }),
        ];
        self.page.notices.extend(notices.into_iter().flatten());
    }

    fn page(self) -> Result<Page> {
        let Self { job, body, rows, mut page, .. } = self;
        let subject = Subject::account(job.account()?.id.clone());
        page.measurements.extend(rows.into_iter().map(|((window, traffic, segment), values)| Measurement {
            segment,
            traffic,
            values,
            ..Measurement::new(subject.clone(), window, body.observed_at)
        }));
        Ok(page)
    }
}

/// The parts of a value, with what they are split by. A part that is not fully named is of nobody knows what.
fn parts<'i>(insight: &'i rows::Insight<'_>) -> impl Iterator<Item = (&'i [SmolStr], &'i rows::Part)> {
    let named = |names: &[SmolStr]| !names.is_empty() && names.iter().all(|name| !name.is_empty());
    let breakdowns = insight.total_value.iter().flat_map(|total| &total.breakdowns);
    let all = breakdowns.flat_map(|by| by.results.iter().map(|part| (by.dimension_keys.as_slice(), part)));
    all.filter(move |(keys, part)| named(keys) && named(&part.dimension_values))
}

fn segment(dimension: &'static str, value: &str) -> Segment {
    Segment { dimension: SmolStr::new_static(dimension), value: SmolStr::new(value) }
}
