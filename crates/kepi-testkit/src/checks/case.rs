//! Full answers as checks change them.

use kepi_core::{Endpoint, Measurement, Page, Reading, Result};
use serde_json::Value;

use super::offer::told as told_offer;
use crate::{Candidate, Exchange, snapshot};

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

/// The page of an answer, without the numbers that are counted from its rows and not read from a field: those
/// change with the rows. The same metric may be read in one window and counted in another.
fn told(it: &Candidate, endpoint: &Endpoint, exchange: &Exchange) -> Result<Page> {
    let mut page = it.read(exchange)?;
    for measurement in &mut page.measurements {
        let values = std::mem::take(&mut measurement.values);
        let read = |reading: &Reading| !is_counted(endpoint, measurement, reading);
        measurement.values = values.into_iter().filter(read).collect();
    }
    page.measurements.retain(|measurement| !measurement.values.is_empty());
    Ok(page)
}

fn is_counted(endpoint: &Endpoint, measurement: &Measurement, reading: &Reading) -> bool {
    let metric = reading.metric.as_str();
    let fields = endpoint.fields.iter().filter(|field| field.metric == metric);
    if fields.clone().all(|field| !field.pointer.is_empty()) {
        return false;
    }
    let offer = told_offer(measurement, reading);
    let mut offers = fields.filter(|field| snapshot::offer(field) == offer).peekable();
    offers.peek().is_some() && offers.all(|field| field.pointer.is_empty())
}
