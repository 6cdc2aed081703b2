//! What is asked of an evaluation.

use std::{str::FromStr, sync::Arc};

use jiff::{Timestamp, civil::Date};
use kepi_core::{
    AccountId, DateSpan, Error, Period, Result,
    document::one_of_hint,
    holiday::Holiday,
    period::{Fiscal, Grain, add_days},
};

use super::compared::TRAILING;
use crate::{
    benchmarks::BenchmarkChoice,
    breaks::Break,
    formula::Shape,
    kpi::{Baseline, Kpi, Profile, Target},
    offered::Offered,
};

/// What is asked of an evaluation.
#[derive(Debug, Clone)]
pub struct EvaluationRequest {
    /// The KPIs.
    pub kpis: Vec<Kpi>,
    /// The period.
    pub period: Period,
    /// What to break it down by.
    pub by: Vec<Dimension>,
    /// Only these accounts; all of each KPI's platforms without it.
    pub accounts: Option<Vec<AccountId>>,
    /// Accounts of others that are watched: they are so before their first number.
    pub watched: Vec<AccountId>,
    /// What had been recorded by this instant; what is known now without it.
    pub as_of: Option<Timestamp>,
    /// The local date on which it is asked.
    pub today: Date,
    /// The instant at which it is asked.
    pub now: Timestamp,
    /// The fiscal calendar.
    pub fiscal: Fiscal,
    /// Below this coverage the status is `partial`.
    pub min_coverage: f64,
    /// What platforms offer.
    pub offered: Arc<dyn Offered>,
    /// From when on platforms mean something else by a metric; [`Break::builtin`] are the known ones.
    pub breaks: Vec<Break>,
    /// Whether the store's daily rollups may answer where they come to the same; the rows themselves otherwise.
    pub rollups: bool,
    /// What each period is compared with.
    pub compare: Comparison,
}

/// What a period is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Comparison {
    /// The one before it, like for like.
    #[default]
    Previous,
    /// The same one a year earlier, by the calendar.
    YearBefore,
    /// The days of a year earlier that lay as far from a holiday.
    Holiday(Holiday),
}

impl Comparison {
    /// The days that a period is compared with.
    fn with(self, period: Period, fiscal: Fiscal) -> Result<DateSpan> {
        match self {
            Self::Previous => Ok(period.previous(fiscal).span),
            Self::YearBefore => Ok(period.year_before(fiscal).span),
            Self::Holiday(holiday) => holiday.year_before(period.span),
        }
    }

    /// What a row must say of it.
    pub(super) fn told(self, framed: Framed) -> Option<String> {
        let holiday = match self {
            Self::Previous => return None,
            Self::YearBefore => String::new(),
            Self::Holiday(holiday) => format!(", which lay as far from {holiday}"),
        };
        Some(format!("compared with {}{holiday}", framed.previous))
    }
}

impl FromStr for Comparison {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text.trim() {
            "previous" => Ok(Self::Previous),
            "year" => Ok(Self::YearBefore),
            word => Holiday::named(word).map(Self::Holiday).map_err(|_| {
                let mut words = vec!["previous", "year"];
                words.extend(Holiday::ALL.map(|(_, word)| word));
                Error::bad_input(format!("{text:?} is nothing to compare with"))
                    .hint(one_of_hint(word, &words))
            }),
        }
    }
}

/// What a scorecard can be broken down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dimension {
    /// The platform.
    Platform,
    /// The account.
    Account,
    /// The brand of the account.
    Brand,
    /// The market of the account.
    Market,
    /// The format of the post.
    Format,
    /// The category of the post.
    Category,
    /// The campaign of the post.
    Campaign,
    /// The platform's product type of the post.
    ProductType,
    /// The language of the post.
    Language,
    /// The tag of the post, for [`evaluate_by_tag`](crate::evaluate_by_tag).
    Tag,
    /// Days of the period.
    Day,
    /// ISO weeks of the period.
    Week,
    /// Months of the period.
    Month,
    /// Quarters of the period.
    Quarter,
    /// Years of the period.
    Year,
}

impl Dimension {
    const ALL: [(Self, &'static str); 15] = [
        (Self::Platform, "platform"),
        (Self::Account, "account"),
        (Self::Brand, "brand"),
        (Self::Market, "market"),
        (Self::Format, "format"),
        (Self::Category, "category"),
        (Self::Campaign, "campaign"),
        (Self::ProductType, "product_type"),
        (Self::Language, "language"),
        (Self::Tag, "tag"),
        (Self::Day, "day"),
        (Self::Week, "week"),
        (Self::Month, "month"),
        (Self::Quarter, "quarter"),
        (Self::Year, "year"),
    ];

    /// The dimension as one word: its key in a scope, and the column of `posts` where it is one.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(dimension, _)| *dimension == self).map_or("", |(_, name)| name)
    }

    /// Whether it is a property of posts.
    #[must_use]
    pub fn of_posts(self) -> bool {
        matches!(
            self,
            Self::Format | Self::Category | Self::Campaign | Self::ProductType | Self::Language | Self::Tag
        )
    }

    /// The grain, where it is one of time.
    #[must_use]
    pub fn grain(self) -> Option<Grain> {
        match self {
            Self::Day => Some(Grain::Day),
            Self::Week => Some(Grain::Week),
            Self::Month => Some(Grain::Month),
            Self::Quarter => Some(Grain::Quarter),
            Self::Year => Some(Grain::Year),
            _ => None,
        }
    }
}

impl FromStr for Dimension {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let word = text.trim().replace('-', "_");
        let found = Self::ALL.into_iter().find(|(_, name)| *name == word);
        found.map(|(dimension, _)| dimension).ok_or_else(|| {
            let names = Self::ALL.map(|(_, name)| name);
            Error::bad_input(format!("{text:?} is not a dimension")).hint(one_of_hint(&word, &names))
        })
    }
}

/// One period of the output and the one before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Framed {
    pub(super) period: Period,
    pub(crate) span: DateSpan,
    pub(crate) previous: DateSpan,
}

/// The days that the course of a target is told from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Course {
    /// Those of its period that are over.
    pub(super) days: DateSpan,
    /// The weeks before it, where the profile asks for them.
    pub(super) before: Option<DateSpan>,
    /// The same period a year earlier, where the profile asks for it.
    pub(super) year_before: Option<DateSpan>,
}

/// Eight weeks.
const HISTORY: i32 = 56;

/// The day before a target's period and its first: one of them tells where a state began.
pub(super) fn starts(target: &Target) -> [DateSpan; 2] {
    let start = target.period.span.start;
    [DateSpan::day(add_days(start, -1)), DateSpan::day(start)]
}

impl EvaluationRequest {
    /// The same request with all targets in its fiscal calendar.
    pub(crate) fn in_fiscal(&self) -> Self {
        let kpis = self.kpis.iter().map(|kpi| kpi.clone().in_fiscal(self.fiscal)).collect();
        Self { kpis, ..self.clone() }
    }

    /// Dimensions that are not of time, in the order asked for, each once.
    pub(super) fn dimensions(&self) -> Vec<Dimension> {
        let mut dimensions: Vec<Dimension> = Vec::new();
        for dimension in self.by.iter().filter(|dimension| dimension.grain().is_none()) {
            if !dimensions.contains(dimension) {
                dimensions.push(*dimension);
            }
        }
        dimensions
    }

    /// The periods of the output: the period, or its parts of the finest grain asked for.
    pub(crate) fn framed(&self) -> Vec<Framed> {
        let Some(grain) = self.by.iter().filter_map(|dimension| dimension.grain()).min() else {
            return vec![self.frame(self.period)];
        };
        let parts = self.period.parts(grain, self.fiscal);
        let framed = parts.into_iter().map(|part| {
            // A part that is cut at the end of the period is compared with as many days, not with a whole one.
            let whole = Period::holding(part.span.start, grain, self.fiscal) == part;
            let part = if whole { part } else { Period::days(part.span) };
            self.frame(part)
        });
        framed.collect()
    }

    fn frame(&self, period: Period) -> Framed {
        let before = self.compare.with(period, self.fiscal);
        Framed {
            period,
            span: period.span,
            previous: before.unwrap_or_else(|_| period.previous(self.fiscal).span),
        }
    }

    /// Whether every period has something that it can be compared with.
    ///
    /// # Errors
    /// `BadInput` where the holiday's day is not known.
    pub(super) fn comparable(&self) -> Result<()> {
        self.framed().iter().try_for_each(|framed| self.compare.with(framed.period, self.fiscal).map(|_| ()))
    }

    /// The spans that a KPI's numbers are asked for, each once and in order: output, those before, baselines, and
    /// the days of targets that run.
    pub(super) fn spans(&self, kpi: &Kpi) -> Vec<DateSpan> {
        let mut spans = Vec::new();
        for framed in self.framed() {
            spans.extend([framed.span, framed.previous]);
            spans.extend(self.trailing(kpi, framed));
            for target in kpi.targets_of(framed.span) {
                match &target.baseline {
                    Some(Baseline::Period(period, _)) => spans.push(period.span),
                    None if kpi.program.shape == Shape::State => spans.extend(starts(target)),
                    _ => {}
                }
                if let Some(course) = self.course(kpi, target, framed.span) {
                    let days = [Some(course.days), course.before, course.year_before].into_iter().flatten();
                    spans.extend(days.flat_map(|days| days.iter()).map(DateSpan::day));
                }
            }
        }
        spans.sort_unstable();
        spans.dedup();
        spans
    }

    /// The days whose numbers are wanted one by one, of a sum or a state whose target's period is running.
    pub(super) fn course(&self, kpi: &Kpi, target: &Target, span: DateSpan) -> Option<Course> {
        let period = target.period;
        let until = span.end.min(period.span.end).min(self.today);
        let running = period.span.start < until && until < period.span.end;
        if kpi.program.shape == Shape::Intensive || !running {
            return None;
        }
        let before = matches!(target.profile, Profile::Weekday(_))
            .then(|| DateSpan::new(add_days(period.span.start, -HISTORY), period.span.start));
        let year_before = (target.profile == Profile::Seasonal).then(|| period.year_before(self.fiscal).span);
        Some(Course { days: DateSpan::new(period.span.start, until), before, year_before })
    }

    /// The earlier like periods, newest first, where the KPI is compared with them; of a sum that is running, as
    /// many of their days.
    pub(super) fn trailing(&self, kpi: &Kpi, framed: Framed) -> Vec<DateSpan> {
        let wanted = match kpi.benchmark {
            BenchmarkChoice::Own => true,
            BenchmarkChoice::Auto => kpi.targets_of(framed.span).next().is_some(),
            BenchmarkChoice::None | BenchmarkChoice::Published(_) => false,
        };
        if !wanted {
            return Vec::new();
        }
        let elapsed = self.elapsed(framed.span);
        let cut = kpi.program.shape == Shape::Extensive && elapsed != framed.span && !elapsed.is_empty();
        let earlier = std::iter::successors(Some(framed.period), |period| Some(period.previous(self.fiscal)));
        let spans = earlier.skip(1).take(TRAILING).map(|period| {
            let end = if cut { add_days(period.span.start, elapsed.days()) } else { period.span.end };
            DateSpan::new(period.span.start, end.min(period.span.end))
        });
        spans.collect()
    }

    /// The part of a span that is over.
    pub(super) fn elapsed(&self, span: DateSpan) -> DateSpan {
        DateSpan::new(span.start, span.end.min(self.today))
    }
}
