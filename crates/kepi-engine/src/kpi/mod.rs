//! KPIs: what one is, and how it is read from a file.

mod parts;
mod profile;
mod read;
mod starters;
mod target;
mod targets;
mod versions;

use std::collections::BTreeMap;

use jiff::civil::Date;
use kepi_core::{DateSpan, MetricId, Platform, SubjectKind, Traffic, Unit, period::Fiscal};

pub use parts::parts_against_whole;
pub(crate) use profile::Past;
pub use profile::Profile;
pub use read::{parse_kpis, parse_kpis_for};
pub(crate) use read::{read_id, read_names, word};
pub use starters::{Starter, choose, starters};
pub use target::{Baseline, Goalpost, Target};
pub use versions::in_force;

use crate::{
    benchmarks::BenchmarkChoice,
    formula::{Expression, Filter, Program},
};

/// A KPI: a formula tied to a goal, a stage, a scope and, where one is set, a target.
#[derive(Debug, Clone)]
pub struct Kpi {
    /// Its id: lowercase words with hyphens.
    pub id: String,
    /// Its version; another formula is another version.
    pub version: u32,
    /// Its name by language (`en`, `zh`).
    pub names: BTreeMap<String, String>,
    /// The business goal it serves.
    pub goal: Goal,
    /// The goal of the project that it is for, where it names one.
    pub for_goal: Option<String>,
    /// The objective of the project that it leads toward, where it names one.
    pub toward: Option<String>,
    /// Where on the journey it stands.
    pub stage: Option<Stage>,
    /// Its platforms; empty for all.
    pub platforms: Vec<Platform>,
    /// The formula as it was written.
    pub formula: String,
    /// The formula as a tree.
    pub expression: Expression,
    /// The formula as it is computed.
    pub program: Program,
    /// What counts as being of the period.
    pub basis: Basis,
    /// The age at which posts are compared; lifetime without it.
    pub age: Option<u16>,
    /// The subject that metrics are read of, where a metric is known of several.
    pub subject: Option<SubjectKind>,
    /// Its traffic; the first in the platform's order that has the data, without it.
    pub traffic: Option<Traffic>,
    /// Whether it reads own numbers or public ones.
    pub provenance: Side,
    /// Which way is good.
    pub direction: Direction,
    /// What the value counts.
    pub unit: Unit,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Who else wants to know.
    pub stakeholders: Vec<String>,
    /// How far ahead it looks.
    pub objective: Option<Objective>,
    /// Whether it moves before the outcome or with it.
    pub indicator: Option<Indicator>,
    /// How often it is looked at together.
    pub review: Option<Review>,
    /// KPIs that are read beside it, so that it is not bettered at their cost: their ids.
    pub guards: Vec<String>,
    /// What its reader must know.
    pub caveat: Option<String>,
    /// The first day on which this version is in force; from the beginning without it.
    pub valid_from: Option<Date>,
    /// Which posts are looked at; all without it.
    pub filter: Option<Filter>,
    /// What to do when it moves.
    pub when_low: Option<String>,
    /// What it tells, in a sentence.
    pub description: Option<String>,
    /// Whether each unit of the denominator is a trial of its own (a session, a message), so that the interval of
    /// the ratio is Wilson's; engagements of one post are not.
    pub independent_trials: bool,
    /// What it is compared with.
    pub benchmark: BenchmarkChoice,
    /// Its targets.
    pub targets: Vec<Target>,
}

impl Kpi {
    /// The English name, else any, else the id.
    #[must_use]
    pub fn name(&self) -> &str {
        self.names.get("en").or_else(|| self.names.values().next()).map_or(&self.id, String::as_str)
    }

    /// The metrics that its formula names, each once.
    #[must_use]
    pub fn metrics(&self) -> Vec<MetricId> {
        let mut gauges = Vec::new();
        self.program.parts.iter().for_each(|part| part.row.gauges(&mut gauges));
        let mut metrics: Vec<MetricId> = gauges.into_iter().map(|gauge| gauge.metric.clone()).collect();
        metrics.sort_unstable();
        metrics.dedup();
        metrics
    }

    /// The same KPI with its targets in a fiscal calendar.
    #[must_use]
    pub fn in_fiscal(mut self, fiscal: Fiscal) -> Self {
        self.targets = self.targets.into_iter().map(|target| target.in_fiscal(fiscal)).collect();
        self
    }

    /// Whether it goes over a platform.
    #[must_use]
    pub fn covers(&self, platform: &str) -> bool {
        self.platforms.is_empty() || self.platforms.iter().any(|own| own.as_str() == platform)
    }

    /// The target of a scope and a period: of exactly that part, else the whole's where its value does not grow
    /// with its size; of exactly that period, else of one that holds it and whose value does not grow with its
    /// length.
    #[must_use]
    pub fn target(&self, scope: &BTreeMap<String, Option<String>>, span: DateSpan) -> Option<&Target> {
        let own = self.targets_of(span).find(|target| target.is_of(scope));
        // A sum's target is the whole's, not that of each of its parts.
        let inherits = self.program.shape != crate::formula::Shape::Extensive;
        own.or_else(|| self.targets_of(span).find(|target| inherits && target.scope.is_empty()))
    }

    /// The targets that a period may be held against, whatever they are of: those of exactly that one first.
    pub(crate) fn targets_of(&self, span: DateSpan) -> impl Iterator<Item = &Target> {
        let exact = self.targets.iter().filter(move |target| target.period.span == span);
        let holding = self.targets.iter().filter(move |target| {
            let whole = target.period.span;
            let within = whole.start <= span.start && span.end <= whole.end;
            let scales = self.program.shape != crate::formula::Shape::Extensive;
            whole != span && within && !span.is_empty() && (scales || span.start == whole.start)
        });
        exact.chain(holding)
    }
}

/// Declares an enum of words as they stand in KPI files.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

        }
    };
}

pub(crate) use words;

words! {
    /// What the business wants.
    Goal {
        /// Be known.
        BrandAwareness = "brand-awareness",
        /// Be answered.
        Engagement = "engagement",
        /// Be followed.
        CommunityGrowth = "community-growth",
        /// Be visited.
        WebTraffic = "web-traffic",
        /// Be asked for offers.
        LeadGeneration = "lead-generation",
        /// Earn.
        Revenue = "revenue",
        /// Be well spoken of.
        Reputation = "reputation",
        /// Be stayed with.
        Retention = "retention",
    }
}

words! {
    /// Where on the journey a KPI stands.
    Stage {
        /// They see the brand.
        Awareness = "awareness",
        /// They look closer.
        Consideration = "consideration",
        /// They act.
        Conversion = "conversion",
        /// They stay.
        Loyalty = "loyalty",
        /// They bring others.
        Advocacy = "advocacy",
    }
}

words! {
    /// How far ahead a KPI looks.
    Objective {
        /// Weeks: what is steered by.
        Short = "short",
        /// Months: what a plan is held against.
        Medium = "medium",
        /// Years: what the brand is to become.
        Long = "long",
    }
}

words! {
    /// Whether a KPI moves before the outcome or with it.
    Indicator {
        /// Before: it can still be acted on.
        Leading = "leading",
        /// With it: it says how it went.
        Lagging = "lagging",
    }
}

words! {
    /// How often a KPI is looked at together.
    Review {
        /// Every week.
        Weekly = "weekly",
        /// Every month.
        Monthly = "monthly",
        /// Every quarter.
        Quarterly = "quarterly",
        /// Every year.
        Yearly = "yearly",
    }
}

words! {
    /// What counts as being of the period.
    Basis {
        /// What posts published in the period earned.
        Published = "published",
        /// What happened in the period, on any post.
        Activity = "activity",
    }
}

words! {
    /// Which way is good.
    Direction {
        /// More is better.
        Up = "up",
        /// Less is better.
        Down = "down",
        /// Between two values.
        Band = "band",
    }
}

words! {
    /// Whose numbers are read: the two are never mixed.
    Side {
        /// The account's own: API, export files, own tables.
        Own = "own",
        /// What a public page shows.
        Public = "public",
    }
}
