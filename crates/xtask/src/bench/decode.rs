//! `decode`: megabytes of JSON a second and core, per adapter, in the shapes of its own fixtures.

use std::{path::Path, time::Instant};

use anyhow::{Context, Result};
use kepi_core::{Adapter, Body};
use kepi_testkit::{Exchange, Fixture, fixture};
use serde_json::Value;

use super::{Options, say};

/// A body is grown to at least so many bytes by repeating its rows.
const BODY: usize = 64 << 10;
/// Each shape is decoded until so many bytes are through.
const ENOUGH: usize = 50_000_000;

/// Runs the benchmark.
pub(super) fn run(_: &Options) -> Result<()> {
    say(format!(
        "decode: every good answer among the fixtures, its rows repeated to {} kB, decoded on one core until {} MB are through",
        BODY >> 10,
        ENOUGH / 1_000_000
    ));
    for adapter in crate::generate::built() {
        let (mut bytes, mut seconds) = (0.0, 0.0);
        let platform = adapter.descriptor().platform;
        for shape in shapes(adapter.as_ref())? {
            let decoded = shape.decode(adapter.as_ref())?;
            say(format!(
                "  {platform} {}: {:.0} MB/s, {:.0} measurements/s",
                shape.name, decoded.megabytes, decoded.measurements
            ));
            bytes += 1.0;
            seconds += 1.0 / decoded.megabytes;
        }
        say(format!("  {platform}: {:.0} MB/s and core, as much of each shape", bytes / seconds));
    }
    Ok(())
}

/// One answer, grown.
struct Shape {
    name: String,
    exchange: Exchange,
    body: Body,
}

struct Decoded {
    megabytes: f64,
    measurements: f64,
}

/// The shapes of an adapter that hold numbers.
fn shapes(adapter: &dyn Adapter) -> Result<Vec<Shape>> {
    let descriptor = adapter.descriptor();
    let home = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let home = home.join(format!("kepi-adapter-{}", descriptor.platform.replace('_', "-")));
    let mut shapes = Vec::new();
    for path in fixture::files(&home)? {
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let zone = descriptor.day_zone.unwrap_or("UTC");
        let fixture = Fixture::parse(&path, &text, descriptor.platform, zone)?;
        let response = &fixture.exchange.response;
        if fixture.is_token() || response.status >= 300 || adapter.classify(response).is_some() {
            continue;
        }
        let Some(bytes) = grown(&response.body) else { continue };
        let body = Body::json(bytes, response.received_at);
        let name = fixture.name();
        let decoded = adapter.decode(&fixture.exchange.job, &fixture.exchange.cursor, &body);
        if decoded.is_ok_and(|page| !page.measurements.is_empty()) {
            shapes.push(Shape { name, exchange: fixture.exchange, body });
        }
    }
    Ok(shapes)
}

impl Shape {
    #[expect(clippy::cast_precision_loss, reason = "bytes and numbers are far fewer than 2^52")]
    fn decode(&self, adapter: &dyn Adapter) -> Result<Decoded> {
        let began = Instant::now();
        let (mut bytes, mut measurements) = (0, 0);
        while bytes < ENOUGH {
            let page = adapter.decode(&self.exchange.job, &self.exchange.cursor, &self.body)?;
            measurements += page.measurements.len();
            bytes += self.body.bytes.len();
        }
        let seconds = began.elapsed().as_secs_f64();
        Ok(Decoded { megabytes: bytes as f64 / 1e6 / seconds, measurements: measurements as f64 / seconds })
    }
}

/// The body with the rows of its largest list repeated; `None` where it is no JSON or has no rows.
fn grown(body: &[u8]) -> Option<Vec<u8>> {
    let mut json: Value = serde_json::from_slice(body).ok()?;
    let size = body.len();
    let list = largest(&mut json)?;
    let rows = list.clone();
    let times = BODY.div_ceil(serde_json::to_vec(&rows).ok()?.len().max(1));
    for _ in 1..times {
        list.extend(rows.iter().cloned());
    }
    let grown = serde_json::to_vec(&json).ok()?;
    (grown.len() >= size.max(BODY / 2)).then_some(grown)
}

/// The list that takes most of the body, the outermost where they are nested.
fn largest(json: &mut Value) -> Option<&mut Vec<Value>> {
    match json {
        Value::Array(list) => list.iter().any(Value::is_object).then_some(list),
        Value::Object(fields) => fields
            .values_mut()
            .filter_map(largest)
            .max_by_key(|list| serde_json::to_string(list).map_or(0, |text| text.len())),
        _ => None,
    }
}
