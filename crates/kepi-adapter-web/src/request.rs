//! Job and cursor in, request out; and the requests that exchange tokens.

use jiff::civil::Date;
use kepi_core::{
    AccountRef, Cursor, Error, ErrorKind, Grant, Job, Payload, Request, Result, http::Text, period::add_days,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use smol_str::SmolStr;

use crate::{
    config::{WebConfig, url},
    descriptor::{ANALYTICS, BUSINESS, ONE_REVIEW, Query, REVIEWS, REVIEWS_PAGE, ROWS, query},
};

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    /// So many rows of a report have been read.
    Rows {
        /// Rows before.
        offset: u64,
        /// The day of which some rows were on the page before, because it has more rows than a page.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cut: Option<Date>,
    },
}

/// The request for a page.
pub(crate) fn page(config: &WebConfig, job: &Job, cursor: &Cursor) -> Result<Request> {
    let step: Option<Step> = cursor.state()?;
    match (job.endpoint.as_str(), query(&job.endpoint), step) {
        (_, Some(query), step) => report(config, job, query, step),
        (REVIEWS, _, None) => reviews(config, job),
        (REVIEWS, _, Some(_)) => {
            Err(Error::new(ErrorKind::Store, "the stored cursor belongs to another endpoint")
                .with("endpoint", &job.endpoint)
                .hint("`kepi backfill` starts the stream anew"))
        }
        (unknown, ..) => Err(Error::new(ErrorKind::BadRequest, format!("web has no endpoint {unknown:?}"))),
    }
}

fn report(config: &WebConfig, job: &Job, query: &Query, step: Option<Step>) -> Result<Request> {
    let property = property(job.account()?)?;
    if let Some(report) = query.report.filter(|report| !config.reports.contains(report)) {
        return Err(Error::new(ErrorKind::NotOffered, format!("{} are not asked for", report.title()))
            .with("endpoint", &job.endpoint)
            .hint(format!("add {:?} to reports in [platform.web]: a call more a day", query.endpoint)));
    }
    let window = job.window.filter(|window| !window.is_empty()).ok_or_else(|| {
        Error::new(ErrorKind::BadRequest, "a job without days").with("endpoint", &job.endpoint)
    })?;
    let offset = step.map_or(0, |Step::Rows { offset, .. }| offset);
    let named = |names: &[&str]| -> Vec<Value> { names.iter().map(|name| json!({"name": name})).collect() };
    // In a fixed order, so that no row moves over the edge between two pages.
    let order: Vec<Value> =
        query.dimensions.iter().map(|name| json!({"dimension": {"dimensionName": name}})).collect();
    let value = json!({
        "dateRanges": [{"startDate": window.start.to_string(), "endDate": add_days(window.end, -1).to_string()}],
        "dimensions": named(query.dimensions),
        "metrics": named(query.metrics),
        "orderBys": order,
        "limit": ROWS.to_string(),
        "offset": offset.to_string(),
        "returnPropertyQuota": true,
    });
    let address = url(&config.base_url, &format!("/v1beta/properties/{property}:runReport"));
    Ok(Request::post(address, Payload::Json { value, secrets: Vec::new() }).token(ANALYTICS))
}

/// The newest change comes first; rating and number are of all reviews, whatever the page.
fn reviews(config: &WebConfig, job: &Job) -> Result<Request> {
    let place = place(job.account()?)?;
    let size = if config.reviews_by_day { REVIEWS_PAGE } else { ONE_REVIEW };
    Ok(Request::get(url(&config.business_base_url, &format!("/v4/{place}/reviews")))
        .query("pageSize", size.to_string())
        .query("orderBy", "updateTime desc")
        .token(BUSINESS))
}

/// What an account is: a website's property, or a place that is reviewed.
enum Kind<'a> {
    Property(&'a str),
    Place(&'a str),
}

fn kind(account: &AccountRef) -> Result<Kind<'_>> {
    let id = account.platform_id.as_deref().ok_or_else(|| {
        Error::bad_config(format!("it is not known what {} is", account.id)).with("account", &account.id).hint(
            "set platform_id = \"…\" in its [[account]]: \"properties/300000001\" for a website (Google Analytics, \
             Admin → Property details), \"accounts/111/locations/222\" for a place (Business Profile)",
        )
    })?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    let property = id.strip_prefix("properties/").unwrap_or(id);
    if digits(property) {
        return Ok(Kind::Property(property));
    }
    let parts: Vec<&str> = id.split('/').collect();
    if let ["accounts", account, "locations", location] = parts[..]
        && digits(account)
        && digits(location)
    {
        return Ok(Kind::Place(id));
    }
    Err(Error::bad_config(format!("the platform_id of {} is neither a property nor a place", account.id))
        .with("platform_id", id)
        .hint("write \"properties/300000001\" for a website, \"accounts/111/locations/222\" for a place"))
}

fn property(account: &AccountRef) -> Result<&str> {
    match kind(account)? {
        Kind::Property(property) => Ok(property),
        Kind::Place(_) => {
            Err(Error::new(ErrorKind::NotOffered, format!("{} is a place and not a website", account.id))
                .hint("a website is an account of its own, with platform_id = \"properties/…\""))
        }
    }
}

/// The place of an account, as the API names it.
pub(crate) fn place(account: &AccountRef) -> Result<&str> {
    match kind(account)? {
        Kind::Place(place) => Ok(place),
        Kind::Property(_) => {
            Err(Error::new(ErrorKind::NotOffered, format!("{} is a website and not a place", account.id))
                .hint("a place is an account of its own, with platform_id = \"accounts/…/locations/…\""))
        }
    }
}

/// What a service account's statement is exchanged by.
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// The request that exchanges a grant for a token. A refresh token stays; a service account needs no application.
pub(crate) fn token(config: &WebConfig, kind: &str, grant: &Grant) -> Result<Request> {
    let mut form: Vec<(SmolStr, Text)> = match grant {
        Grant::Code { redirect_uri } => vec![
            ("grant_type".into(), "authorization_code".into()),
            ("code".into(), Text::secret("code")),
            ("code_verifier".into(), Text::secret("code_verifier")),
            ("redirect_uri".into(), redirect_uri.as_str().into()),
        ],
        Grant::Refresh => vec![
            ("grant_type".into(), "refresh_token".into()),
            ("refresh_token".into(), Text::secret("refresh_token")),
        ],
        Grant::Statement => {
            vec![("grant_type".into(), JWT_BEARER.into()), ("assertion".into(), Text::secret("assertion"))]
        }
        Grant::Client | Grant::Renew => Vec::new(),
    };
    if form.is_empty() || ![ANALYTICS, BUSINESS].contains(&kind) {
        return Err(Error::new(ErrorKind::NotOffered, format!("{kind} tokens have no {grant} exchange")));
    }
    if *grant != Grant::Statement {
        form.push(("client_id".into(), Text::secret("client_id")));
        form.push(("client_secret".into(), Text::secret("client_secret")));
    }
    let request = Request::post(url(&config.oauth_base_url, "/token"), Payload::Form(form));
    Ok(Request { idempotent: matches!(grant, Grant::Refresh | Grant::Statement), ..request })
}
