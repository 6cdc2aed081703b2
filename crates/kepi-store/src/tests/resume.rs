//! A writer that dies at any step, and what comes after.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use arrow::util::display::{ArrayFormatter, FormatOptions};
use kepi_core::{DateSpan, Error, ErrorKind, Page, Post, Reject};

use super::support::{Echo, World, account_day, born, date, given, new_page, noon, page, reading, rows};
use crate::{Fault, Store, StoreOptions, parquet_files::read_whole, records::RECORDS};

/// Pages that touch every kind of table, restate a day, mend a series, and tell of a post before its id is known.
fn story() -> Vec<Page> {
    let called = |id: &str| Post { title: Some("Ten tips".into()), ..born(id, noon(1)) };
    let reject = Reject { account: None, place: "/data/3".into(), reason: "no id".into(), raw: "{}".into() };
    vec![
        Page {
            posts: vec![born("1", noon(1)), born("2", noon(2)), called("title-3")],
            ..page(vec![
                reading("1", noon(2), &[("likes", 10), ("views", 100)]),
                reading("title-3", noon(2), &[("likes", 30), ("views", 300)]),
                account_day(date(1), noon(2), &[("follows_gained", 5)]),
            ])
        },
        Page {
            rejects: vec![reject],
            posts: vec![called("3")],
            ..page(vec![
                reading("1", noon(5), &[("likes", 40), ("views", 400)]),
                reading("2", noon(5), &[("likes", 4)]),
                account_day(date(1), noon(5), &[("follows_gained", 6)]),
            ])
        },
        page(vec![
            reading("1", noon(3), &[("likes", 15), ("views", 150)]),
            given("2", date(4), noon(6), &[("likes", 1)]),
        ]),
    ]
}

/// All that the projections say, history included, read without a query engine: it is asked for often.
pub(super) async fn everything(store: &Store) -> Vec<String> {
    let mut all = Vec::new();
    let snapshots = store.0.consistent().await.unwrap();
    for schema in crate::schema::all() {
        let name = schema.table.name;
        if name == "pages" || RECORDS.contains(&name) {
            continue;
        }
        let table = store.0.table(name).unwrap();
        for file in snapshots[name].files.values() {
            let batch = read_whole(table, file, None).await.unwrap();
            let options = FormatOptions::default().with_null("-");
            let columns: Vec<(&str, ArrayFormatter<'_>)> = batch
                .schema_ref()
                .fields()
                .iter()
                .zip(batch.columns())
                .map(|(field, column)| {
                    (field.name().as_str(), ArrayFormatter::try_new(column.as_ref(), &options).unwrap())
                })
                .collect();
            // Which columns a file has depends on what else it holds.
            let text = |row| {
                let told = |(name, column): &(&str, ArrayFormatter<'_>)| {
                    let value = column.value(row).to_string();
                    (value != "-").then(|| format!("{name}={value}"))
                };
                columns.iter().filter_map(told).collect::<Vec<_>>().join(" ")
            };
            let partition: Vec<_> = file.partition.values().flatten().cloned().collect();
            let partition = partition.join(" ");
            all.extend((0..batch.num_rows()).map(|row| format!("{name}: {} {partition}", text(row))));
        }
    }
    all.sort();
    all
}

pub(super) async fn tell(store: &Store) -> kepi_core::Result<()> {
    for page in story() {
        let mut writer = store.writer(Some("run".into()));
        writer.push(new_page(page)).await?;
        writer.finish().await?;
    }
    Ok(())
}

/// Dies at the `nth` step; counts the steps.
pub(super) fn dies_at(nth: usize, names: Arc<Mutex<BTreeSet<String>>>) -> (Fault, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = count.clone();
    let fault = move |name: &str| {
        names.lock().unwrap().insert(name.to_owned());
        if seen.fetch_add(1, Ordering::Relaxed) == nth {
            return Err(Error::new(ErrorKind::Cancelled, "died here").with("step", name));
        }
        Ok(())
    };
    (Arc::new(fault), count)
}

/// A clock that the journal's commits decide: every run of the story records at the same instants.
pub(super) fn options(world: &World, fault: Option<Fault>) -> StoreOptions {
    let clock = Arc::new(|| noon(20));
    StoreOptions { fault, clock, compact_files: 0, ..world.options() }
}

#[tokio::test]
async fn dying_at_any_step_and_catching_up_ends_in_the_same_tables() {
    let told = World::new();
    let store = Store::create(&told.path(), options(&told, None)).await.unwrap();
    tell(&store).await.unwrap();
    let expected = everything(&store).await;
    assert!(expected.len() > 12, "the story touches many tables: {expected:#?}");

    let empty = World::new();
    drop(Store::create(&empty.path(), options(&empty, None)).await.unwrap());
    let names = Arc::new(Mutex::new(BTreeSet::new()));
    let mut nth = 0;
    loop {
        let world = empty.copy();
        let (fault, count) = dies_at(nth, names.clone());
        let dying = Store::open(&world.path(), options(&world, Some(fault))).await.unwrap();
        let died = tell(&dying).await;
        let steps = count.load(Ordering::Relaxed);
        drop(dying);
        let Err(death) = died else {
            assert!(steps <= nth, "it lived though it should have died");
            break;
        };
        let again = Store::open(&world.path(), options(&world, None)).await.unwrap();
        again.catch_up(&Echo).await.unwrap();
        // What the journal did not have is fetched again: the rest of the story from the page that is next.
        let known =
            again.stream_states().await.unwrap().into_values().next().map_or(0, |state| state.sequence);
        for page in story().into_iter().skip(usize::try_from(known).unwrap()) {
            let mut writer = again.writer(Some("run".into()));
            writer.push(new_page(page)).await.unwrap();
            writer.finish().await.unwrap();
        }
        assert_eq!(everything(&again).await, expected, "after {death:?}");
        nth += 1;
    }
    let names = names.lock().unwrap();
    for step in ["pages:write", "pages:commit", "journal:committed", "post_daily:commit", "rejects:commit"] {
        assert!(names.contains(step), "no step {step} among {names:?}");
    }
}

#[tokio::test]
async fn catching_up_twice_does_nothing_more() {
    let world = World::new();
    let store = world.store().await;
    tell(&store).await.unwrap();
    let before = everything(&store).await;
    assert_eq!(store.catch_up(&Echo).await.unwrap(), crate::CaughtUp::default());
    assert_eq!(everything(&store).await, before);
}

#[tokio::test]
async fn readers_see_no_half_of_a_commit() {
    let world = World::new();
    let store = world.store().await;
    let mut writer = store.writer(None);
    writer.push(new_page(story().remove(0))).await.unwrap();
    writer.finish().await.unwrap();
    let before = everything(&store).await;
    let fault: Fault = Arc::new(|name| match name {
        "post_daily:commit" => Err(Error::new(ErrorKind::Cancelled, "died here")),
        _ => Ok(()),
    });
    let options = StoreOptions { fault: Some(fault), ..world.options() };
    let dying = Store::open(&world.path(), options).await.unwrap();
    let mut writer = dying.writer(None);
    writer.push(new_page(story().remove(1))).await.unwrap();
    assert!(writer.flush().await.is_err());
    assert_eq!(everything(&store).await, before, "half of a commit is seen");
    let reader = Store::open(&world.path(), world.options()).await.unwrap();
    assert_eq!(everything(&reader).await, before, "half of a commit is seen");
}

#[tokio::test]
async fn a_mended_decoder_restates_what_its_pages_say() {
    #[derive(Debug)]
    struct Doubled;
    impl kepi_core::Decoder for Doubled {
        fn decode(
            &self,
            job: &kepi_core::Job,
            cursor: &kepi_core::Cursor,
            body: &kepi_core::Body,
        ) -> kepi_core::Result<Page> {
            let mut page = Echo.decode(job, cursor, body)?;
            for reading in page.measurements.iter_mut().flat_map(|measurement| &mut measurement.values) {
                if let kepi_core::Value::Count(count) = &mut reading.value {
                    *count *= 2;
                }
            }
            Ok(page)
        }
    }
    impl crate::Decoders for Doubled {
        fn decoder(&self, _: &str) -> Option<Arc<dyn kepi_core::Decoder>> {
            Some(Arc::new(Self))
        }
    }
    let world = World::new();
    let store = world.store().await;
    tell(&store).await.unwrap();
    let done = store.redecode(&Doubled, &crate::Redecode::default()).await.unwrap();
    assert_eq!(done.pages, 3);
    let sql = "select follows_gained, current from account_facts order by recorded_at";
    assert_eq!(rows(&store, sql).await, ["5 false", "6 false", "12 true"]);
    assert_eq!(store.catch_up(&Echo).await.unwrap(), crate::CaughtUp::default());
}

/// Which days a stream has read is told by all its finished jobs, not by its newest page.
#[tokio::test]
async fn days_that_were_read_are_known_whichever_page_is_the_newest() {
    let world = World::new();
    let options = StoreOptions { compact_files: 3, ..world.options() };
    let store = Store::create(&world.path(), options).await.unwrap();
    let span = |from, to| DateSpan::new(date(from), date(to));
    let stream = new_page(page(vec![])).stream;
    let push = async |from, to, done: bool| {
        let mut new = new_page(page(vec![reading("1", noon(from), &[("likes", 1)])]));
        new.job.window = Some(span(from, to));
        new.page.next = (!done).then(|| kepi_core::Cursor::from_stored(Some("2")));
        let mut writer = store.writer(None);
        writer.push(new).await.unwrap();
        writer.finish().await.unwrap();
        store.stream_states().await.unwrap().remove(&stream).unwrap().covered
    };
    assert_eq!(push(1, 8, true).await, [span(1, 8)]);
    assert_eq!(push(8, 15, true).await, [span(1, 15)]);
    assert_eq!(push(3, 4, true).await, [span(1, 15)], "a restated day does not move it back");
    assert_eq!(push(22, 25, true).await, [span(1, 15), span(22, 25)], "a week was lost");
    assert_eq!(push(15, 22, false).await, [span(1, 15), span(22, 25)], "its job is not done");
    assert_eq!(push(15, 22, true).await, [span(1, 25)]);
    let again = Store::open(&world.path(), world.options()).await.unwrap();
    assert_eq!(again.stream_states().await.unwrap()[&stream].covered, [span(1, 25)]);
}
