//! What platforms offer, as the engine needs to know it.

use std::{collections::HashMap, fmt};

use kepi_core::{Descriptor, MetricId, Platform, SubjectKind, Traffic, WindowKind};

/// What the platforms' descriptors say.
pub trait Offered: fmt::Debug + Send + Sync {
    /// Whether a platform offers a metric of a kind of subject in a window and traffic; `None` where nothing is
    /// known of the platform (its numbers come from files).
    fn offers(
        &self,
        platform: &Platform,
        metric: &MetricId,
        subject: SubjectKind,
        window: Option<WindowKind>,
        traffic: Option<Traffic>,
    ) -> Option<bool>;

    /// Which traffic a formula takes when the KPI does not say.
    fn traffic_order(&self, platform: &Platform) -> Vec<Traffic>;

    /// The zone whose days the platform counts in, where it fixes one.
    fn day_zone(&self, platform: &Platform) -> Option<String>;
}

/// [`Offered`] as read from descriptors.
#[derive(Debug, Clone, Default)]
pub struct OfferedByDescriptors {
    platforms: HashMap<String, Platformed>,
}

#[derive(Debug, Clone)]
struct Platformed {
    fields: Vec<(MetricId, SubjectKind, WindowKind, Traffic)>,
    order: Vec<Traffic>,
    zone: Option<&'static str>,
}

impl OfferedByDescriptors {
    /// Reads descriptors.
    #[must_use]
    pub fn new<'a>(descriptors: impl IntoIterator<Item = &'a Descriptor>) -> Self {
        let platforms = descriptors.into_iter().map(|descriptor| {
            let field = |field: &kepi_core::Field| {
                (MetricId::from_static(field.metric), field.subject, field.window, field.traffic)
            };
            let platformed = Platformed {
                fields: descriptor.fields().map(|(_, of)| field(of)).collect(),
                order: descriptor.traffic_order.to_vec(),
                zone: descriptor.day_zone,
            };
            (descriptor.platform.to_owned(), platformed)
        });
        Self { platforms: platforms.collect() }
    }
}

impl Offered for OfferedByDescriptors {
    fn offers(
        &self,
        platform: &Platform,
        metric: &MetricId,
        subject: SubjectKind,
        window: Option<WindowKind>,
        traffic: Option<Traffic>,
    ) -> Option<bool> {
        let platform = self.platforms.get(platform.as_str())?;
        Some(platform.fields.iter().any(|(m, s, w, t)| {
            m == metric
                && *s == subject
                && window.is_none_or(|window| window == *w)
                && traffic.is_none_or(|traffic| traffic == *t)
        }))
    }

    fn traffic_order(&self, platform: &Platform) -> Vec<Traffic> {
        self.platforms.get(platform.as_str()).map(|platform| platform.order.clone()).unwrap_or_default()
    }

    fn day_zone(&self, platform: &Platform) -> Option<String> {
        self.platforms.get(platform.as_str())?.zone.map(str::to_owned)
    }
}
