//! Full answers as checks change them.

use kepi_core::{Endpoint, Page, Result};
use serde_json::Value;

use crate::{Candidate, Exchange};

/// The full fixture of an endpoint whose answers are JSON.
pub(crate) struct Case<'a> {
    pub(crate) name: String,
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) exchange: Exchange,
    pub(crate) body: Value,
    /// What it says, as it stands.
    pub(crate) page: Page,
}

/// The full fixtures that are JSON and give a page.
pub(crate) fn whole_pages(it: &Candidate) -> Vec<Case<'_>> {
    let case = |(endpoint, fixture): (_, &crate::Fixture)| {
        let body = fixture.exchange.json()?;
        let exchange = fixture.exchange.with_json(&body);
        let page = told(it, endpoint, &exchange).ok()?;
        Some(Case { name: fixture.name(), endpoint, exchange, body, page })
    };
    it.full_ones().filter_map(case).collect()
}

impl Case<'_> {
    /// What a changed answer says.
    pub(crate) fn read(&self, it: &Candidate, exchange: &Exchange) -> Result<Page> {
        told(it, self.endpoint, exchange)
    }
}

/// The page of an answer, without the metrics that are counted from its rows and not read from a field: those
/// change with the rows.
fn told(it: &Candidate, endpoint: &Endpoint, exchange: &Exchange) -> Result<Page> {
    let counted = |metric: &str| {
        let mut fields = endpoint.fields.iter().filter(|field| field.metric == metric).peekable();
        fields.peek().is_some() && fields.all(|field| field.pointer.is_empty())
    };
    let mut page = it.read(exchange)?;
    for measurement in &mut page.measurements {
        measurement.values.retain(|reading| !counted(reading.metric.as_str()));
    }
    page.measurements.retain(|measurement| !measurement.values.is_empty());
    Ok(page)
}
