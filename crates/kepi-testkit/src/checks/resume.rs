//! F. Cursors: a stopped job goes on where it stood.

use kepi_core::{Adapter, Cursor, ErrorKind, Page, Request, Response};

use super::{
    paging::{Paged, paged},
    settings::request_text,
};
use crate::{Candidate, Exchange, Faults, drive, edit, facts};

/// F41.
pub fn f41_every_stored_cursor_resumes(it: &Candidate, faults: &mut Faults) {
    for paged in paged(it) {
        resumes_to_the_same(it, &paged, faults);
    }
    for (fixture, page) in it.pages() {
        let Some(next) = page.next else { continue };
        let job = &fixture.exchange.job;
        let stored = Cursor::from_stored(next.as_stored());
        let Ok(fresh) = it.fresh() else { continue };
        let asked = |adapter: &dyn kepi_core::Adapter, cursor: &Cursor| {
            adapter
                .request(job, cursor)
                .map(|request| request_text(&request))
                .map_err(|error| error.to_string())
        };
        let (here, there) = (asked(it.adapter.as_ref(), &next), asked(fresh.as_ref(), &stored));
        faults.unless(here == there, fixture.name(), || {
            format!("an adapter that starts anew asks {there:?} at the stored cursor, and not {here:?}")
        });
        let foreign = Cursor::from_stored(Some("{\"kepi\":\"foreign\"}"));
        match it.adapter.request(job, &foreign) {
            Ok(request) => {
                faults.add(fixture.name(), format!("a foreign cursor is taken: {}", request.summary()))
            }
            Err(error) => faults.unless(error.kind() == ErrorKind::Store, fixture.name(), || {
                format!("a foreign cursor is {} and not a matter of the store", error.kind())
            }),
        }
    }
}

/// From each cursor of a job, an adapter that starts anew reads the same pages as the one that went through.
fn resumes_to_the_same(it: &Candidate, paged: &Paged<'_>, faults: &mut Faults) {
    let talk = conversation(it, paged);
    for (at, (exchange, _)) in talk.iter().enumerate() {
        let stored = Cursor::from_stored(exchange.cursor.as_stored());
        let Ok(fresh) = it.fresh() else { continue };
        let resumed = drive(fresh.as_ref(), &exchange.job, stored, &mut |request| answer(it, &talk, request));
        let expected = talk.iter().skip(at).map(|(_, page)| page);
        match resumed {
            Err(error) => {
                faults.add(&paged.name, format!("stopped after {at} pages, it does not resume: {error:?}"))
            }
            Ok(pages) => {
                let same = pages.len() == talk.len() - at
                    && pages.iter().zip(expected).all(|(a, b)| facts::same(a, b));
                faults.unless(same, &paged.name, || {
                    format!("stopped after {at} pages, it resumes to other pages")
                });
            }
        }
    }
}

/// A job of three pages and a last one, as the adapter reads it in one go.
fn conversation(it: &Candidate, paged: &Paged<'_>) -> Vec<(Exchange, Page)> {
    let Some(last) = paged.last(it) else { return Vec::new() };
    let mut talk: Vec<(Exchange, Page)> = Vec::new();
    let mut cursor = paged.more.cursor.clone();
    for k in 0..4 {
        let mut exchange = match k {
            0 => paged.more.clone(),
            1 | 2 => edit::following(it.adapter.as_ref(), &paged.more, &paged.lists, k),
            _ => last.clone(),
        };
        exchange.job = paged.more.job.clone();
        exchange.cursor = cursor.clone();
        let Ok(page) = it.read(&exchange) else { break };
        let next = page.next.clone();
        talk.push((exchange, page));
        match next {
            Some(next) => cursor = next,
            None => return talk,
        }
    }
    Vec::new()
}

/// What the platform of a conversation answers to a request: what it answered before, or that it knows nothing.
fn answer(it: &Candidate, talk: &[(Exchange, Page)], request: &Request) -> Response {
    let asked = |adapter: &dyn Adapter, exchange: &Exchange| {
        adapter.request(&exchange.job, &exchange.cursor).map(|request| request_text(&request)).ok()
    };
    let text = Some(request_text(request));
    let known = talk.iter().find(|(exchange, _)| asked(it.adapter.as_ref(), exchange) == text);
    known.map_or_else(
        || Response {
            status: 404,
            headers: Vec::new(),
            body: Vec::new(),
            received_at: jiff::Timestamp::UNIX_EPOCH,
        },
        |(exchange, _)| exchange.response.clone(),
    )
}

/// F44.
pub fn f44_a_cursor_never_moves_backwards(it: &Candidate, faults: &mut Faults) {
    for (fixture, page) in it.pages() {
        let lists = edit::row_lists(it.adapter.as_ref(), &fixture.exchange);
        let (Some(mut cursor), false) = (page.next, lists.is_empty()) else { continue };
        let mut seen = vec![fixture.exchange.cursor.clone(), cursor.clone()];
        for k in 1..6 {
            let mut exchange = edit::following(it.adapter.as_ref(), &fixture.exchange, &lists, k);
            exchange.cursor = cursor;
            let Some(next) = it.read(&exchange).ok().and_then(|page| page.next) else { break };
            if seen.contains(&next) {
                faults.add(fixture.name(), format!("after {} pages the cursor is back at {next:?}", k + 1));
                break;
            }
            seen.push(next.clone());
            cursor = next;
        }
    }
}
