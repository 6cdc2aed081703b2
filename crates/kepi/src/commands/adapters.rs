//! `kepi adapters`: what can be had from where, read from the descriptors.

use serde_json::{Map, Value};

use crate::{
    adapters,
    cli::Format,
    failure::{Outcome, Result},
    output::Rows,
};

pub(crate) fn run(format: Format) -> Result<Outcome> {
    let mut rows =
        Rows::new(["platform", "endpoint", "metric", "subject", "window", "traffic", "needs", "note"]);
    for name in adapters::names() {
        let adapter = adapters::build(name, Value::Object(Map::new()))?;
        for (endpoint, field) in adapter.descriptor().fields() {
            let subject = if field.segment.is_empty() {
                field.subject.as_str().to_owned()
            } else {
                format!("{} by {}", field.subject.as_str(), field.segment)
            };
            rows.push([
                name.into(),
                endpoint.name.into(),
                field.metric.into(),
                subject.into(),
                field.window.as_str().into(),
                field.traffic.as_str().into(),
                endpoint.capability.or(endpoint.token).into(),
                field.note.into(),
            ]);
        }
    }
    rows.print(format.format)?;
    Ok(Outcome::Done)
}
