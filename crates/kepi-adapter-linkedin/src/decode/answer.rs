//! Whole answers: elements, those set aside, days that are not there yet; and the sheet that numbers are put on.

use std::borrow::Cow;

use jiff::civil::Date;
use kepi_core::{
    AccountId, Body, DateSpan, Error, Job, Measurement, Notice, Page, Reading, Reject, Result, Segment,
    Subject, Traffic, Window, json, period::add_days,
};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use smol_str::SmolStr;

use crate::{
    config::LinkedinConfig,
    request::{organization, utc_day},
};

/// Days after those of the lag on which a day without numbers may still be late.
const GRACE: i32 = 1;

/// What every list looks like.
#[derive(Deserialize)]
#[serde(bound(deserialize = "R: Deserialize<'de>"))]
struct Answer<'a, R> {
    #[serde(default)]
    elements: Elements<R>,
    #[serde(borrow)]
    paging: Option<Paging<'a>>,
}

/// Elements that are null are not told, which is something else than none.
#[derive(Default)]
enum Elements<R> {
    #[default]
    Missing,
    Null,
    Told(Vec<R>),
}

impl<'de, R: Deserialize<'de>> Deserialize<'de> for Elements<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Told))
    }
}

#[derive(Deserialize)]
struct Paging<'a> {
    #[serde(borrow)]
    links: Option<Vec<Link<'a>>>,
}

#[derive(Deserialize)]
struct Link<'a> {
    #[serde(borrow)]
    rel: Option<Cow<'a, str>>,
    #[serde(borrow)]
    href: Option<Cow<'a, str>>,
}

impl Paging<'_> {
    fn next(&self) -> Option<&str> {
        let next = self.links.iter().flatten().find(|link| link.rel.as_deref() == Some("next"))?;
        next.href.as_deref().filter(|href| !href.is_empty())
    }
}

/// A page in the making.
pub(super) struct Sheet<'a> {
    pub(super) page: Page,
    pub(super) account: &'a AccountId,
    pub(super) body: &'a Body,
    job: &'a Job,
    /// LinkedIn said which elements there are.
    listed: bool,
    /// Where the list goes on, in LinkedIn's words.
    pub(super) next: Option<String>,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(job: &'a Job, body: &'a Body) -> Result<Self> {
        let account = &job.account()?.id;
        Ok(Self { page: Page::default(), account, body, job, listed: false, next: None })
    }

    /// Reads the elements of an answer that has no second page.
    pub(super) fn elements<R: Deserialize<'a>>(&mut self) -> Result<Vec<R>> {
        let elements = self.page_of_elements()?;
        if self.next.take().is_some() {
            let reason = "LinkedIn offers a second page where all comes at once; it is not read".to_owned();
            self.page.notices.push(Notice::Gap { reason });
        }
        Ok(elements)
    }

    /// Reads the elements. When that fails for the sake of single ones, they are set aside and the rest is kept.
    pub(super) fn page_of_elements<R: Deserialize<'a>>(&mut self) -> Result<Vec<R>> {
        let answer: Answer<'a, R> = match serde_json::from_slice(&self.body.bytes) {
            Ok(answer) => answer,
            Err(_) => self.salvaged()?,
        };
        self.next = answer.paging.as_ref().and_then(Paging::next).map(str::to_owned);
        match answer.elements {
            Elements::Missing => Err(unknown_shape(self.job)),
            Elements::Null => Ok(Vec::new()),
            Elements::Told(elements) => {
                self.listed = true;
                Ok(elements)
            }
        }
    }

    fn salvaged<R: Deserialize<'a>>(&mut self) -> Result<Answer<'a, R>> {
        let raw: Answer<'a, &'a RawValue> = serde_json::from_slice(&self.body.bytes)
            .map_err(|error| unknown_shape(self.job).caused_by(error))?;
        let elements = match raw.elements {
            Elements::Missing => Elements::Missing,
            Elements::Null => Elements::Null,
            Elements::Told(rows) => Elements::Told(self.salvage(&rows, "/elements")?),
        };
        Ok(Answer { elements, paging: raw.paging })
    }

    /// Whether LinkedIn said which elements there are, and all of them were taken.
    pub(super) fn is_complete(&self) -> bool {
        self.listed && self.page.rejects.is_empty()
    }

    /// Reads rows one by one. When several are there and none can be read, the shape has changed.
    pub(super) fn salvage<R: Deserialize<'a>>(
        &mut self,
        rows: &[&'a RawValue],
        place: &str,
    ) -> Result<Vec<R>> {
        json::salvage_list(rows, place, Some(self.account), &mut self.page.rejects, || {
            unknown_shape(self.job)
        })
    }

    /// Whether a row is the asked organization's; where it is not, it is set aside.
    pub(super) fn is_own(&mut self, said: Option<&str>) -> bool {
        let own = self.job.account().and_then(organization).ok().flatten();
        let said = said.filter(|said| !said.is_empty());
        let foreign = own.as_deref().zip(said).filter(|(own, said)| own != said);
        if let Some((_, said)) = foreign {
            self.set_aside("an organization that was not asked for", said);
        }
        foreign.is_none()
    }

    pub(super) fn set_aside(&mut self, reason: &str, raw: &str) {
        self.page.rejects.push(Reject {
            account: Some(self.account.clone()),
            place: "/elements".to_owned(),
            reason: reason.to_owned(),
            raw: raw.to_owned(),
        });
    }

    pub(super) fn remark(&mut self, text: String) {
        self.page.notices.push(Notice::Remark { text });
    }

    /// Days of the job without numbers so soon after them are not computed yet, which is not zero.
    pub(super) fn missing(&mut self, config: &LinkedinConfig, told: &[Date]) {
        let Some(window) = self.job.window else { return };
        let today = utc_day(self.body.observed_at);
        let late = i32::from(config.lag_days) + GRACE;
        let recent = DateSpan::new(window.start.max(add_days(today, -late)), window.end);
        self.page.notices.extend(Notice::not_yet(recent, |day| !told.contains(&day)));
    }

    /// Numbers of a day.
    pub(super) fn day(&mut self, day: Date, said: (Traffic, Option<Segment>), values: Vec<Reading>) {
        self.put(Subject::account(self.account.clone()), Window::Day(day), said, values);
    }

    /// Numbers at the instant of reading.
    pub(super) fn now(&mut self, subject: Subject, said: (Traffic, Option<Segment>), values: Vec<Reading>) {
        self.put(subject, Window::At(self.body.observed_at), said, values);
    }

    /// Numbers of the account at the instant of reading.
    pub(super) fn state(&mut self, said: (Traffic, Option<Segment>), values: Vec<Reading>) {
        self.now(Subject::account(self.account.clone()), said, values);
    }

    pub(super) fn put(
        &mut self,
        subject: Subject,
        window: Window,
        (traffic, segment): (Traffic, Option<Segment>),
        values: Vec<Reading>,
    ) {
        if !values.is_empty() {
            self.page.measurements.push(Measurement {
                segment,
                traffic,
                values,
                ..Measurement::new(subject, window, self.body.observed_at)
            });
        }
    }
}

/// A part of a whole.
pub(super) fn part(dimension: &'static str, value: impl Into<SmolStr>) -> Option<Segment> {
    Some(Segment { dimension: SmolStr::new_static(dimension), value: value.into() })
}

pub(super) fn unknown_shape(job: &Job) -> Error {
    Error::bad_response("the answer has an unknown shape")
        .with("endpoint", &job.endpoint)
        .hint("has LinkedIn changed this endpoint? the other endpoints go on")
}
