//! The web beside the platforms: a website's sessions by GA4, and reviews by Google Business Profile. Each
//! brand of the world has one property and one location.

mod access;
mod analytics;
mod reviews;

use super::Dialect;
use crate::{
    Profile,
    call::{Answer, Call},
    fault::Refusal,
    token::{BadToken, Kind},
};

pub(crate) struct Web;

/// What goes wrong: HTTP status, Google's name for it, words.
#[derive(Debug, Clone)]
struct Fault(u16, &'static str, String);

impl Fault {
    fn bad(words: impl Into<String>) -> Self {
        Self(400, "INVALID_ARGUMENT", words.into())
    }

    fn exhausted(words: &str) -> Self {
        Self(429, "RESOURCE_EXHAUSTED", words.to_owned())
    }

    fn unauthenticated() -> Self {
        Self(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.".to_owned())
    }

    fn denied() -> Self {
        Self(403, "PERMISSION_DENIED", "User does not have sufficient permissions.".to_owned())
    }
}

impl Dialect for Web {
    fn name(&self) -> &'static str {
        "web"
    }

    fn token_prefixes(&self) -> [&'static str; 3] {
        ["ya29.sim", "ya29.sim", "1//sim"]
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        access::answer(call).unwrap_or_else(|| {
            respond(call).map_or_else(|fault| refused(call, &fault), |body| Answer::json(200, body))
        })
    }

    fn refuse(&self, call: &Call<'_>, refusal: Refusal) -> Answer {
        let fault = match refusal {
            Refusal::RateLimit => Fault::exhausted("Exhausted concurrent requests quota."),
            Refusal::QuotaExhausted | Refusal::CreditsDepleted => Fault::exhausted(
                "Exhausted property tokens per day. These quota tokens will return in under 24 hours.",
            ),
            Refusal::TokenExpired => Fault::unauthenticated(),
            Refusal::Forbidden => Fault::denied(),
            Refusal::Trouble(status) => {
                Fault(status, "UNAVAILABLE", "The service is currently unavailable.".to_owned())
            }
        };
        refused(call, &fault)
    }
}

fn refused(call: &Call<'_>, Fault(status, name, words): &Fault) -> Answer {
    let body = call.json().object(|root| {
        root.object("error", |error| {
            error.int("code", i64::from(*status));
            error.text("message", words);
            error.text("status", name);
        });
    });
    Answer::json(*status, body)
}

fn respond(call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let bearer = call.desk.tokens.read(call.bearer().ok_or_else(Fault::unauthenticated)?, call.clock);
    match bearer.map(|bearer| bearer.kind) {
        Ok(Kind::App | Kind::User) => {}
        Ok(Kind::Refresh) | Err(BadToken::Unknown | BadToken::Expired) => {
            return Err(Fault::unauthenticated());
        }
    }
    if let Some(rest) = call.path.strip_prefix("/v1beta/properties/") {
        let (property, action) = rest.split_once(':').unwrap_or((rest, ""));
        let accounts = accounts_of(call, &format!("properties/{property}"))?;
        return match (call.method.as_str(), action) {
            ("POST", "runReport") => analytics::run(call, property, &accounts),
            ("POST", "batchRunReports") => analytics::batch(call, property, &accounts),
            _ => Err(Fault(404, "NOT_FOUND", "Method not found.".to_owned())),
        };
    }
    let location = call
        .path
        .strip_prefix("/v4/")
        .and_then(|rest| rest.strip_suffix("/reviews"))
        .ok_or_else(|| Fault(404, "NOT_FOUND", "Requested entity was not found.".to_owned()))?;
    reviews::list(call, location, &accounts_of(call, location)?)
}

/// The accounts of the brand whose website or place it is.
fn accounts_of<'w>(call: &Call<'w>, platform_id: &str) -> Result<Vec<&'w Profile>, Fault> {
    let site = call.world.sites().into_iter().find(|site| site.platform_id == platform_id);
    let brand = site.ok_or_else(Fault::denied)?.brand;
    Ok(call.world.accounts().filter(|profile| profile.brand == brand).collect())
}
