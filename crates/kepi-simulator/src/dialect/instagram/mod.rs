//! Instagram: the Graph API of both logins, with field expansion, batches and usage headers.

mod access;
mod discovery;
mod fields;
mod insights;
mod media;
mod nodes;
mod stories;

use super::Dialect;
use crate::{
    Network, Profile,
    call::{Answer, Call},
    fault::Refusal,
    ledger::{Limit, Standing},
};

/// Calls of the platform's own limit in an hour for each user of the application.
const CALLS_PER_USER: u32 = 200;

/// Calls in 24 hours for each time that the account's content was shown in them.
const CALLS_PER_IMPRESSION: i64 = 4800;

pub(crate) struct Instagram;

/// What goes wrong: HTTP status, code, subcode (0 for none), words.
#[derive(Debug, Clone)]
struct Fault {
    status: u16,
    code: i64,
    subcode: i64,
    words: String,
}

impl Fault {
    fn new(code: i64, words: impl Into<String>) -> Self {
        Self { status: 400, code, subcode: 0, words: words.into() }
    }

    fn sub(self, subcode: i64) -> Self {
        Self { subcode, ..self }
    }

    fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// An id that is not there, or not the caller's.
    fn missing(id: &str) -> Self {
        let words = format!(
            "Unsupported get request. Object with ID '{id}' does not exist, cannot be loaded due to missing \
             permissions, or does not support this operation"
        );
        Self::new(100, words).sub(33)
    }

    fn expired() -> Self {
        Self::new(190, "Error validating access token: Session has expired").sub(463)
    }
}

impl Dialect for Instagram {
    fn name(&self) -> &'static str {
        Network::Instagram.name()
    }

    fn token_prefixes(&self) -> [&'static str; 3] {
        ["EAAsim", "IGAAsim", "IGARsim"]
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        if let Some(answer) = access::answer(call) {
            return answer;
        }
        let own = match access::owner(call) {
            Ok(own) => own,
            Err(fault) => return refused(call, &fault),
        };
        if let Some(answer) = discovery::answer(call, own) {
            return answer;
        }
        let parts = nodes::batch(call);
        let standing = take(call, own, parts.as_ref().map_or(1, Vec::len));
        let answer = if standing.exceeded && call.desk.config.enforce_limits {
            call.desk.ledger.count_throttled();
            refused(
                call,
                &Fault::new(80002, "There have been too many calls to this Instagram account.").status(403),
            )
        } else {
            let body = match parts {
                Some(parts) => Ok(nodes::answer_batch(call, own, &parts)),
                None => nodes::respond(call, own),
            };
            body.map_or_else(|fault| refused(call, &fault), |body| Answer::json(200, body))
        };
        with_usage(answer, own, standing)
    }

    fn refuse(&self, call: &Call<'_>, refusal: Refusal) -> Answer {
        let fault = match refusal {
            Refusal::RateLimit => Fault::new(4, "(#4) Application request limit reached").status(403),
            Refusal::QuotaExhausted | Refusal::CreditsDepleted => {
                Fault::new(80002, "There have been too many calls to this Instagram account.").status(403)
            }
            Refusal::TokenExpired => Fault::expired(),
            Refusal::Forbidden => {
                Fault::new(10, "(#10) Application does not have permission for this action").status(403)
            }
            Refusal::Trouble(status) => Fault::new(2, "Service temporarily unavailable").status(status),
        };
        let answer = refused(call, &fault);
        match (refusal, access::owner(call)) {
            (Refusal::QuotaExhausted, Ok(own)) => {
                let full = Standing { limit: 1, remaining: 0, reset: 0, exceeded: true };
                with_usage(answer, own, full)
            }
            _ => answer,
        }
    }
}

/// Takes calls out of the account's rolling day; what is shown in a day is taken as a tenth of its followers.
fn take(call: &Call<'_>, own: &Profile, calls: usize) -> Standing {
    let shown = (call.world.followers_at(own.key, call.now) / 10).max(1);
    let most = u32::try_from(shown * CALLS_PER_IMPRESSION).unwrap_or(u32::MAX);
    let limit = Limit { pool: "business", calls: most, window: 86_400, shift: 0 };
    let mut standing = call.desk.ledger.take(limit, u64::from(own.key.0), call.clock);
    for _ in 1..calls {
        standing = call.desk.ledger.take(limit, u64::from(own.key.0), call.clock);
    }
    standing
}

/// The application's hour, whoever asks.
fn app(call: &Call<'_>) -> Limit {
    let users = u32::try_from(call.world.accounts_of(Network::Instagram).count()).unwrap_or(u32::MAX);
    let calls = call.desk.config.instagram.app_calls.unwrap_or(users.saturating_mul(CALLS_PER_USER));
    Limit { pool: "app", calls, window: 3_600, shift: 0 }
}

fn percent(standing: Standing) -> u64 {
    u64::from(standing.limit - standing.remaining) * 100 / u64::from(standing.limit.max(1))
}

/// How much of the application's hour is used.
fn app_usage(standing: Standing) -> String {
    let used = percent(standing);
    format!("{{\"call_count\":{used},\"total_cputime\":{used},\"total_time\":{used}}}")
}

fn with_usage(answer: Answer, own: &Profile, standing: Standing) -> Answer {
    let used = percent(standing);
    let wait = if standing.exceeded { 60 } else { 0 };
    let usage = format!(
        "{{\"{}\":[{{\"type\":\"instagram\",\"call_count\":{used},\"total_cputime\":{used},\"total_time\":{used},\
         \"estimated_time_to_regain_access\":{wait}}}]}}",
        own.platform_id
    );
    answer.with("x-business-use-case-usage", usage)
}

fn refused(call: &Call<'_>, fault: &Fault) -> Answer {
    Answer::json(fault.status, error_body(call, fault))
}

fn error_body(call: &Call<'_>, fault: &Fault) -> Vec<u8> {
    call.json().object(|root| {
        root.object("error", |error| {
            error.text("message", &fault.words);
            error.text("type", "OAuthException");
            error.int("code", fault.code);
            if fault.subcode != 0 {
                error.int("error_subcode", fault.subcode);
            }
            error.flag("is_transient", matches!(fault.code, 1 | 2));
            error.text("fbtrace_id", "AbCdEf123sim");
        });
    })
}
