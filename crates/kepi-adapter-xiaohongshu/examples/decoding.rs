//! How fast pages are decoded: `cargo run --release -p kepi-adapter-xiaohongshu --example decoding`.
#![expect(clippy::print_stdout, reason = "it says what it measured")]

use std::{fmt::Write as _, time::Instant};

use kepi_adapter_xiaohongshu::{XiaohongshuAdapter, XiaohongshuConfig};
use kepi_core::{AccountRef, Body, Cursor, DateSpan, Decoder, Error, Job, Result};

const NOTE_DAY: &str = include_str!("../fixtures/note_days/full.http");
const CREATOR_NOTE: &str = include_str!("../fixtures/creator_notes/full.http");

fn main() -> Result<()> {
    let adapter = XiaohongshuAdapter::new(XiaohongshuConfig::default());
    measure(&adapter, "note_days", &page(NOTE_DAY, "data_list", 500))?;
    measure(&adapter, "creator_notes", &page(CREATOR_NOTE, "datas", 100))
}

/// A full page, made from the first row of a fixture.
fn page(fixture: &str, list: &str, rows: usize) -> String {
    let row = fixture.lines().find(|line| line.starts_with(" {")).unwrap_or_default();
    let row = row.trim().trim_end_matches(',');
    let mut all = String::new();
    for i in 0..rows {
        let separator = if i == 0 { "" } else { ",\n " };
        let id = format!("12{i:06}");
        let _ = write!(all, "{separator}{}", row.replace("12000001", &id).replace("12000077", &id));
    }
    format!(
        r#"{{"code":0,"success":true,"msg":"成功","data":{{"total_count":{rows},"total_page":1,"{list}":[{all}]}}}}"#
    )
}

fn measure(adapter: &XiaohongshuAdapter, endpoint: &str, page: &str) -> Result<()> {
    let job = Job {
        endpoint: endpoint.into(),
        accounts: vec![AccountRef {
            platform_id: Some("3000001".into()),
            ..AccountRef::new("xiaohongshu/nordlicht".parse()?, "Asia/Shanghai")
        }],
        window: Some(DateSpan::day("2026-10-10".parse().map_err(|_| Error::bad_input("no day"))?)),
        posts: Vec::new(),
        planned_at: jiff::Timestamp::UNIX_EPOCH,
        input: None,
        refused: Vec::new(),
    };
    let body = Body::json(page, jiff::Timestamp::UNIX_EPOCH);
    let rounds = 200_000_000 / page.len();
    let started = Instant::now();
    let mut told = 0;
    for _ in 0..rounds {
        told += adapter.decode(&job, &Cursor::default(), &body)?.measurements.len();
    }
    let seconds = started.elapsed().as_secs_f64();
    let megabytes = (rounds * page.len()) as f64 / 1e6;
    println!(
        "{endpoint}: {:.0} MB/s, {:.0} measurements/s, {} rejects",
        megabytes / seconds,
        told as f64 / seconds,
        adapter.decode(&job, &Cursor::default(), &body)?.rejects.len()
    );
    Ok(())
}
