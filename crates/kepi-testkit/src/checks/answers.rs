//! B. Check: what an answer means when it means failure.

use std::panic::{AssertUnwindSafe, catch_unwind};

use kepi_core::{Body, Error, ErrorKind, Response, Retry};
use serde_json::json;

use super::settings::whole_text;
use crate::{Candidate, Faults, edit};

/// Bodies that come with a status and say nothing that the platform documents.
const STRANGE: [(&str, &str); 4] = [
    ("application/json", "{}"),
    ("application/json", ""),
    ("text/html", "<html><body>sorry</body></html>"),
    ("text/plain", "upstream connect error"),
];

/// B11.
pub fn b11_good_answers_are_no_failure(it: &Candidate, faults: &mut Faults) {
    for (endpoint, fixture) in it.full_ones() {
        if let Some(error) = it.adapter.classify(&fixture.exchange.response) {
            faults.add(fixture.name(), format!("a good answer of {} is a failure: {error:?}", endpoint.name));
        }
    }
    for (endpoint, fixture) in it.full_ones() {
        if let Err(error) = it.adapter.request(&fixture.exchange.job, &fixture.exchange.cursor) {
            faults.add(fixture.name(), format!("{} cannot be asked: {error:?}", endpoint.name));
        }
    }
    for (kind, grant) in it.exchanges() {
        if let Err(error) = it.adapter.token_request(kind, &grant) {
            faults.add(
                format!("{kind} token"),
                format!("its {grant} exchange is declared and cannot be asked: {error:?}"),
            );
        }
    }
    let mut kinds: Vec<&str> = it.exchanges().into_iter().map(|(kind, _)| kind).collect();
    kinds.dedup();
    for kind in kinds {
        let mut own =
            it.fixtures.iter().filter(|fixture| fixture.is_token() && fixture.setting("token") == Some(kind));
        faults.unless(own.any(|fixture| it.read_token(fixture).is_ok()), format!("{kind} token"), || {
            format!("no fixture below fixtures/token with `# token: {kind}` gives a token")
        });
    }
}

/// B12.
pub fn b12_401_is_a_credential_matter_without_retry(it: &Candidate, faults: &mut Faults) {
    let lawful = [ErrorKind::CredentialExpired, ErrorKind::Reauthorise, ErrorKind::BadConfig];
    for (at, error) in classified(it, 401) {
        match error {
            None => faults.add(at, "is taken for a good answer"),
            Some(error) => {
                faults.unless(lawful.contains(&error.kind()), &at, || {
                    format!("is {}, not a matter of credentials", error.kind())
                });
                faults.unless(error.retry_policy() == Retry::Never, &at, || {
                    "would be sent again with the same token".to_owned()
                });
            }
        }
    }
}

/// B13.
pub fn b13_403_names_what_is_missing(it: &Candidate, faults: &mut Faults) {
    let descriptor = it.descriptor();
    let mut names: Vec<&str> =
        descriptor.tokens.iter().flat_map(|kind| kind.scopes.iter().copied()).collect();
    names.extend(descriptor.endpoints.iter().filter_map(|endpoint| endpoint.capability));
    for (at, error) in classified(it, 403) {
        let Some(error) = error else {
            faults.add(at, "is taken for a good answer");
            continue;
        };
        faults.unless(!matches!(error.kind(), ErrorKind::Unexpected | ErrorKind::BadResponse), &at, || {
            format!("is {} and so tells nobody what to do", error.kind())
        });
        if error.kind() != ErrorKind::Forbidden {
            continue;
        }
        faults.unless(error.retry_policy() == Retry::Never, &at, || "would be sent again".to_owned());
        let text = whole_text(&error);
        let named = names.is_empty() || names.iter().any(|name| text.contains(name));
        faults.unless(named, &at, || format!("names none of {names:?}: {error:?}"));
    }
}

/// B14.
pub fn b14_5xx_is_transient(it: &Candidate, faults: &mut Faults) {
    for status in [500, 502, 503, 504] {
        for (at, error) in strange(it, status) {
            let transient = error.as_ref().is_some_and(|error| {
                error.kind() == ErrorKind::Unavailable && error.retry_policy() != Retry::Never
            });
            faults.unless(transient, at, || format!("is not taken for a passing failure: {error:?}"));
        }
    }
}

/// B15.
pub fn b15_check_stays_within_its_calls(it: &Candidate, faults: &mut Faults) {
    let declared = usize::from(it.descriptor().check_calls);
    let probes = it.probes();
    let names: Vec<&str> = probes.iter().map(|endpoint| endpoint.name).collect();
    faults.unless(declared > 0, "check_calls", || "no call is allowed, so nothing can be tried".to_owned());
    faults.unless(probes.len() <= declared, "check_calls", || {
        format!(
            "{declared} allowed, and one for each kind of token is {}: {}",
            probes.len(),
            names.join(", ")
        )
    });
}

/// B16.
pub fn b16_a_failure_is_never_a_panic(it: &Candidate, faults: &mut Faults) {
    for fixture in &it.fixtures {
        for body in spoilt(fixture) {
            let changed = fixture.exchange.with_body(body);
            let survived = catch_unwind(AssertUnwindSafe(|| {
                for status in [200, 400, 404, 429, 500] {
                    let response = Response { status, ..changed.response.clone() };
                    let _ = it.adapter.classify(&response);
                    let _ = it.adapter.decodes_refusal(&changed.job.endpoint, &response);
                    let kind = fixture.setting("token").unwrap_or_default();
                    let _ = it.adapter.decode_token(kind, &response);
                }
                let body: Body = changed.response.clone().into_body();
                let _ = it.adapter.decode(&changed.job, &changed.cursor, &body);
            }));
            if survived.is_err() {
                let text = String::from_utf8_lossy(&changed.response.body).into_owned();
                let shown: String = text.chars().take(200).collect();
                faults.add(fixture.name(), format!("panics on the body {shown:?}"));
                break;
            }
        }
    }
}

/// The body cut off, of another type, and with each value of another type.
fn spoilt(fixture: &crate::Fixture) -> Vec<Vec<u8>> {
    let body = &fixture.exchange.response.body;
    let mut spoilt: Vec<Vec<u8>> =
        ["", "null", "[]", "{}", "7", "\"a\"", "[[[[[[[[", "\u{feff}{}", "<html>", "a,b\n1"]
            .map(|text| text.as_bytes().to_vec())
            .into();
    spoilt.push(vec![0xff, 0xfe, 0x00, 0x80]);
    let step = (body.len() / 50).max(1);
    spoilt.extend((0..body.len()).step_by(step).filter_map(|end| body.get(..end).map(<[u8]>::to_vec)));
    if let Some(document) = fixture.exchange.json() {
        for (pointer, _) in edit::places(&document).into_iter().take(200) {
            for other in [json!(null), json!(-1), json!("\u{1f6b2}"), json!([]), json!({}), json!(1e300)] {
                spoilt.push(fixture.exchange.with(&pointer, other).response.body);
            }
        }
    }
    spoilt
}

/// Answers with a status: strange ones, and those of the fixtures.
fn classified(it: &Candidate, status: u16) -> Vec<(String, Option<Error>)> {
    let own = it.answers().filter(|fixture| fixture.exchange.response.status == status);
    let own = own.map(|fixture| (fixture.name(), it.adapter.classify(&fixture.exchange.response)));
    strange(it, status).into_iter().chain(own).collect()
}

fn strange(it: &Candidate, status: u16) -> Vec<(String, Option<Error>)> {
    let answers = STRANGE.iter().map(|(content_type, body)| {
        let response = Response {
            status,
            headers: vec![("content-type".into(), (*content_type).to_owned())],
            body: body.as_bytes().to_vec(),
            received_at: jiff::Timestamp::UNIX_EPOCH,
        };
        (format!("{status} with the body {body:?}"), it.adapter.classify(&response))
    });
    answers.collect()
}
