//! E. Paging: what follows a page, and when a job is done.

use kepi_core::{Cursor, Endpoint, ErrorKind, Notice, Page, Shape, period::add_days};
use serde_json::{Value, json};

use super::settings::{first_job, request_text};
use crate::{Candidate, Exchange, Faults, edit, facts};

/// An endpoint that pages, shown by a fixture that is not its last page.
pub(crate) struct Paged<'a> {
    endpoint: &'a Endpoint,
    pub(crate) name: String,
    /// The page, which another follows.
    pub(crate) more: Exchange,
    pub(crate) lists: Vec<String>,
    /// What outside its rows says that another follows.
    signals: Vec<String>,
}

impl Paged<'_> {
    /// The same rows as the last page: what says that another follows is taken away.
    pub(crate) fn last(&self, it: &Candidate) -> Option<Exchange> {
        let body = self.more.json()?;
        let ends = |changed: &Exchange| {
            it.read(changed).is_ok_and(|page| page.next.is_none() && edit::size(&page) > 0)
        };
        let taken = self.signals.iter().flat_map(|pointer| {
            let mut without = body.clone();
            edit::remove(&mut without, pointer);
            [
                self.more.with_json(&without),
                self.more.with(pointer, json!(false)),
                self.more.with(pointer, json!(0)),
            ]
        });
        let composed = it.cases(self.endpoint).map(|fixture| fixture.exchange.clone());
        taken.chain(composed).find(ends)
    }

    /// The page after `k` others, at the cursor where they led.
    fn following(&self, it: &Candidate, k: usize, cursor: Cursor) -> Exchange {
        let mut next = edit::following(it.adapter.as_ref(), &self.more, &self.lists, k);
        next.cursor = cursor;
        next
    }
}

/// The endpoints that page.
pub(crate) fn paged(it: &Candidate) -> Vec<Paged<'_>> {
    let endpoints = it.descriptor().endpoints.iter();
    endpoints
        .filter_map(|endpoint| it.cases(endpoint).find_map(|fixture| shown(it, endpoint, fixture)))
        .collect()
}

fn shown<'a>(it: &'a Candidate, endpoint: &'a Endpoint, fixture: &crate::Fixture) -> Option<Paged<'a>> {
    let more = fixture.exchange.with_json(&fixture.exchange.json()?);
    it.read(&more).ok()?.next?;
    let lists = edit::row_lists(it.adapter.as_ref(), &more);
    if lists.is_empty() {
        return None;
    }
    let signals = edit::signals(it.adapter.as_ref(), &more, &lists);
    Some(Paged { endpoint, name: fixture.name(), more, lists, signals })
}

/// E30.
pub fn e30_an_empty_page_with_a_next_token_goes_on(it: &Candidate, faults: &mut Faults) {
    for paged in paged(it).iter().filter(|paged| !paged.signals.is_empty()) {
        goes_on(it, &paged.name, &edit::emptied(&paged.more, &paged.lists), "empty", faults);
    }
}

/// E31.
pub fn e31_a_short_page_with_a_next_token_goes_on(it: &Candidate, faults: &mut Faults) {
    for paged in paged(it).iter().filter(|paged| !paged.signals.is_empty()) {
        goes_on(it, &paged.name, &edit::shortened(&paged.more, &paged.lists), "short", faults);
    }
    for (fixture, page) in it.pages().filter(|(_, page)| page.next.is_none()) {
        let size = it.descriptor().endpoint(&fixture.endpoint).map_or(0, |endpoint| endpoint.page_size);
        let adapter = it.adapter.as_ref();
        let lists = edit::row_lists(adapter, &fixture.exchange);
        let full = edit::grown(adapter, &fixture.exchange, &lists, usize::from(size.min(1000)));
        let more = it.read(&full).is_ok_and(|full| full.next.is_some()) && page.next.is_none();
        faults.unless(!more || edit::signals(adapter, &full, &lists).is_empty(), fixture.name(), || {
            format!("ends the job although the platform says that more follows; with {size} rows it goes on")
        });
    }
}

fn goes_on(it: &Candidate, name: &str, exchange: &Exchange, what: &str, faults: &mut Faults) {
    match it.read(exchange) {
        Err(error) => faults.add(name, format!("made {what}, it stops the endpoint: {error:?}")),
        Ok(page) => faults.unless(page.next.is_some() || has_gap(&page), name, || {
            format!("made {what}, it ends the job although the platform says that more follows")
        }),
    }
}

fn has_gap(page: &Page) -> bool {
    page.notices.iter().any(|notice| matches!(notice, Notice::Gap { .. }))
}

/// E32.
pub fn e32_a_repeated_token_is_a_loop_error(it: &Candidate, faults: &mut Faults) {
    for paged in paged(it) {
        let Some(first) = it.read(&paged.more).ok().and_then(|page| page.next) else { continue };
        let again = Exchange { cursor: first.clone(), ..paged.more.clone() };
        match it.read(&again) {
            Err(error) => faults.unless(error.kind() == ErrorKind::BadResponse, &paged.name, || {
                format!("given the token it came with, it is {} and not bad_response", error.kind())
            }),
            Ok(page) => faults.unless(page.next.as_ref() != Some(&first), &paged.name, || {
                "given the token it came with, it goes round for ever".to_owned()
            }),
        }
    }
}

/// E33.
pub fn e33_the_page_size_is_asked_for(it: &Candidate, faults: &mut Faults) {
    for paged in paged(it).iter().filter(|paged| paged.endpoint.page_size > 0) {
        let Some((job, cursor)) = first_job(it, paged.endpoint) else { continue };
        let Ok(request) = it.adapter.request(&job, &cursor) else { continue };
        let size = paged.endpoint.page_size.to_string();
        let text = request_text(&request);
        let said = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == size);
        faults.unless(said, paged.endpoint.name, || {
            format!("asks without its page size of {size} (0 says that the platform fixes it): {text}")
        });
    }
}

/// E34.
pub fn e34_first_full_and_last_pages_end_rightly(it: &Candidate, faults: &mut Faults) {
    for endpoint in it.descriptor().endpoints.iter().filter(|endpoint| lists_pages(endpoint)) {
        let adapter = it.adapter.as_ref();
        let goes_on = |exchange: &Exchange| it.read(exchange).is_ok_and(|page| page.next.is_some());
        let mut bodies = it.cases(endpoint).filter(|fixture| fixture.exchange.json().is_some()).peekable();
        let some = bodies.peek().is_some();
        let shown = bodies.any(|fixture| {
            let lists = edit::row_lists(adapter, &fixture.exchange);
            let rows = usize::from(endpoint.page_size.min(1000));
            goes_on(&fixture.exchange) || goes_on(&edit::grown(adapter, &fixture.exchange, &lists, rows))
        });
        faults.unless(shown || !some, endpoint.name, || {
            "lists pages, and no fixture is followed by another (page_size: 0 says that all comes at once)".to_owned()
        });
    }
    for paged in paged(it) {
        let Some(last) = paged.last(it) else { continue };
        let rows = usize::from(paged.endpoint.page_size.clamp(1, 1000));
        let full = edit::grown(it.adapter.as_ref(), &last, &paged.lists, rows);
        let after = match it.read(&full) {
            Err(error) => {
                faults.add(&paged.name, format!("as a last page of {rows} rows it stops: {error:?}"));
                continue;
            }
            Ok(page) => page.next,
        };
        let cursor = after.unwrap_or_else(|| last.cursor.clone());
        let none = Exchange { cursor, ..edit::emptied(&last, &paged.lists) };
        match it.read(&none) {
            Err(error) => faults.add(&paged.name, format!("as a last page without rows it stops: {error:?}")),
            Ok(page) => {
                faults.unless(page.next.is_none(), &paged.name, || {
                    "as a last page without rows it goes on".to_owned()
                });
                let told = it.read(&last).map(|last| facts::missing_from(&page, &last)).unwrap_or_default();
                faults.unless(told.is_empty(), &paged.name, || {
                    format!("without rows it tells numbers that it does not tell with rows: {told:?}")
                });
            }
        }
    }
}

fn lists_pages(endpoint: &Endpoint) -> bool {
    endpoint.page_size > 0 && matches!(endpoint.shape, Shape::Listing { .. })
}

/// E35.
pub fn e35_a_page_cap_is_never_silent(it: &Candidate, faults: &mut Faults) {
    for paged in paged(it) {
        let (Some(cap), size) = (paged.endpoint.page_cap, usize::from(paged.endpoint.page_size.max(1)))
        else {
            continue;
        };
        let pages = (cap as usize).div_ceil(size).max(1);
        let Some(last) = paged.last(it) else { continue };
        let adapter = it.adapter.as_ref();
        let grown = edit::grown(adapter, &paged.more, &paged.lists, size);
        let mut cursor = paged.more.cursor.clone();
        let mut said = false;
        for k in 1..pages {
            let body = edit::following(adapter, &paged.more, &[], k).json();
            let tokens = tokens_of(&paged, body.as_ref(), &grown);
            match it.read(&Exchange { cursor: cursor.clone(), ..tokens }) {
                Ok(page) => {
                    said |= has_gap(&page);
                    match page.next {
                        Some(next) => cursor = next,
                        None => break,
                    }
                }
                Err(_) => said = true,
            }
        }
        let full = edit::grown(adapter, &last, &paged.lists, size);
        let told = match it.read(&Exchange { cursor, ..full }) {
            Ok(page) => said || has_gap(&page),
            Err(_) => true,
        };
        faults.unless(told, paged.endpoint.name, || {
            format!("ends at its cap of {cap} items and says nothing of what may lie behind (Notice::Gap)")
        });
    }
}

/// The grown rows with the tokens of another page.
fn tokens_of(paged: &Paged<'_>, tokens: Option<&Value>, grown: &Exchange) -> Exchange {
    let (Some(tokens), Some(mut body)) = (tokens, grown.json()) else { return grown.clone() };
    for pointer in &paged.signals {
        if let (Some(token), Some(place)) = (tokens.pointer(pointer), body.pointer_mut(pointer)) {
            *place = token.clone();
        }
    }
    grown.with_json(&body)
}

/// E36.
pub fn e36_an_insert_while_paging_loses_nothing(it: &Candidate, faults: &mut Faults) {
    for paged in paged(it) {
        let Some(cursor) = it.read(&paged.more).ok().and_then(|page| page.next) else { continue };
        let second = paged.following(it, 1, cursor);
        let (Ok(alone), Some(first), Some(mut body)) = (it.read(&second), paged.more.json(), second.json())
        else {
            continue;
        };
        for list in &paged.lists {
            let moved = first.pointer(list).and_then(Value::as_array).and_then(|items| items.last()).cloned();
            if let (Some(row), Some(Value::Array(items))) = (moved, body.pointer_mut(list)) {
                items.insert(0, row);
            }
        }
        match it.read(&second.with_json(&body)) {
            Err(error) => faults.add(
                &paged.name,
                format!("a row seen before at its head stops the page after it: {error:?}"),
            ),
            Ok(page) => {
                for number in facts::missing_from(&alone, &page) {
                    faults.add(
                        &paged.name,
                        format!("a row seen before at the head of the page after it loses {number}"),
                    );
                }
                faults.unless(page.next.is_some() == alone.next.is_some(), &paged.name, || {
                    "a row seen before at the head of the page after it ends the job".to_owned()
                });
            }
        }
    }
}

/// E37.
pub fn e37_each_page_delivers_its_own_rows(it: &Candidate, faults: &mut Faults) {
    for paged in paged(it) {
        let adapter = it.adapter.as_ref();
        let state = |rows: usize| {
            let page = it.read(&edit::grown(adapter, &paged.more, &paged.lists, rows)).ok()?;
            Some((edit::size(&page), page.next?.as_stored().map_or(0, str::len)))
        };
        let (Some((few, short)), Some((many, long))) = (state(2), state(20)) else { continue };
        // Rows without ids of their own cannot be made more: they would be the same row again.
        if it.read(&paged.more).is_ok_and(|page| edit::ids(&page).is_empty()) {
            continue;
        }
        // What is counted from rows is one number, however many they are.
        let fields = paged.endpoint.fields;
        let counted = !fields.is_empty() && fields.iter().all(|field| field.pointer.is_empty());
        faults.unless(many > few || counted, &paged.name, || {
            "ten times the rows give no more numbers or posts".to_owned()
        });
        faults.unless(long <= short + 32, &paged.name, || {
            format!("the cursor carries rows along: {short} bytes after 2 rows, {long} after 20")
        });
    }
}

/// E38.
pub fn e38_nothing_and_not_yet_are_told_apart(it: &Candidate, faults: &mut Faults) {
    for (endpoint, fixture) in it.full_ones() {
        let Some(body) = fixture.exchange.json() else { continue };
        let exchange = fixture.exchange.with_json(&body);
        let lists = edit::row_lists(it.adapter.as_ref(), &exchange);
        for list in &lists {
            let null = it.read(&exchange.with(list, Value::Null));
            faults.unless(null.is_ok(), fixture.name(), || {
                format!("null at {list} stops it: {:?}", null.err())
            });
        }
        let mut no_content = exchange.with_body(Vec::new());
        no_content.response.status = 204;
        if let Ok(page) = it.read(&no_content) {
            faults.unless(page.measurements.is_empty(), fixture.name(), || "204 tells numbers".to_owned());
        }
        not_yet(it, endpoint, fixture, &edit::emptied(&exchange, &lists), !lists.is_empty(), faults);
    }
}

/// Rows that are missing before the platform has computed them are no answer.
fn not_yet(
    it: &Candidate,
    endpoint: &Endpoint,
    fixture: &crate::Fixture,
    emptied: &Exchange,
    has_rows: bool,
    faults: &mut Faults,
) {
    let (Some(_), Some(window)) = (endpoint.shape.days_per_call(), emptied.job.window) else { return };
    let early = super::days::start_of(it, &emptied.job, window.end);
    let Some(early) = early.filter(|_| has_rows) else { return };
    let ready = super::days::ready(it, endpoint, &emptied.job, early);
    if ready.is_none_or(|ready| ready >= add_days(window.end, -1)) {
        return;
    }
    match it.read(&emptied.read_at(early)) {
        Err(error) => faults.add(fixture.name(), format!("without rows it stops: {error:?}")),
        Ok(page) => {
            let told = page.notices.iter().any(|notice| matches!(notice, Notice::NotYet { .. }));
            faults.unless(told, fixture.name(), || {
                format!(
                    "without rows at {early}, before the numbers of its last day are there, it does not say \
                     Notice::NotYet (plan::not_yet)"
                )
            });
        }
    }
}
