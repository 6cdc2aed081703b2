//! X: API v2 as its documentation tells it, in both of its vocabularies.

mod access;
mod analytics;
mod lists;
mod post;
mod problem;
mod terms;
mod users;

use kepi_core::period::add_days;

use self::{
    problem::{Problem, fatal},
    terms::Terms,
};
use super::Dialect;
use crate::{
    AccountKey, Network,
    call::{Answer, Call},
    fault::Refusal,
    ledger::{Limit, Standing},
    token::Kind,
};

/// What the resources cost, in millionths of a US dollar.
mod price {
    pub(super) const POST: u64 = 5_000;
    pub(super) const USER: u64 = 10_000;
    pub(super) const COUNTS: u64 = 5_000;
    pub(super) const ALL_COUNTS: u64 = 10_000;
}

pub(crate) struct X;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    App,
    User(AccountKey),
}

impl Caller {
    fn account(self) -> Option<AccountKey> {
        match self {
            Self::App => None,
            Self::User(account) => Some(account),
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resource<'a> {
    Users,
    UsersBy,
    UserBy(&'a str),
    User(&'a str),
    Me,
    Timeline(&'a str),
    Mentions(&'a str),
    Posts,
    Post(&'a str),
    Media,
    Counts,
    AllCounts,
    Analytics,
    MediaAnalytics,
    Usage,
}

impl<'a> Resource<'a> {
    fn of(path: &'a str) -> Option<Self> {
        let segments: Vec<&str> = path.strip_prefix("/2/")?.split('/').collect();
        Some(match segments.as_slice() {
            ["users"] => Self::Users,
            ["users", "by"] => Self::UsersBy,
            ["users", "me"] => Self::Me,
            ["users", "by", "username", name] => Self::UserBy(name),
            ["users", id] => Self::User(id),
            ["users", id, "tweets"] => Self::Timeline(id),
            ["users", id, "mentions"] => Self::Mentions(id),
            ["tweets"] => Self::Posts,
            ["tweets", "analytics"] => Self::Analytics,
            ["tweets", "counts", "recent"] => Self::Counts,
            ["tweets", "counts", "all"] => Self::AllCounts,
            ["tweets", id] => Self::Post(id),
            ["media"] => Self::Media,
            ["media", "analytics"] => Self::MediaAnalytics,
            ["usage", "tweets"] => Self::Usage,
            _ => return None,
        })
    }

    /// Calls in fifteen minutes, of the application and of a user; 0 where the kind of token is not accepted.
    fn limits(self) -> (&'static str, u32, u32) {
        match self {
            Self::Users | Self::UsersBy | Self::UserBy(_) | Self::User(_) => ("users", 300, 900),
            Self::Me => ("me", 0, 75),
            Self::Timeline(_) => ("timeline", 10_000, 900),
            Self::Mentions(_) => ("mentions", 450, 300),
            Self::Posts => ("posts", 3_500, 5_000),
            Self::Post(_) => ("post", 450, 900),
            Self::Media => ("media", 450, 900),
            Self::Counts | Self::AllCounts => ("counts", 300, 300),
            Self::Analytics => ("analytics", 0, 300),
            Self::MediaAnalytics => ("media_analytics", 0, 300),
            Self::Usage => ("usage", 50, 0),
        }
    }

    /// The parameters it knows, fields and expansions aside.
    fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::Users | Self::Posts => &["ids"],
            Self::UsersBy => &["usernames"],
            Self::User(_) | Self::UserBy(_) | Self::Me | Self::Post(_) => &[],
            Self::Timeline(_) => &[
                "max_results",
                "pagination_token",
                "since_id",
                "until_id",
                "start_time",
                "end_time",
                "exclude",
            ],
            Self::Mentions(_) => {
                &["max_results", "pagination_token", "since_id", "until_id", "start_time", "end_time"]
            }
            Self::Media => &["media_keys"],
            Self::Counts => &["query", "start_time", "end_time", "since_id", "until_id", "granularity"],
            Self::AllCounts => &["query", "start_time", "end_time", "granularity", "next_token"],
            Self::Analytics => &["ids", "start_time", "end_time", "granularity", "analytics.fields"],
            Self::MediaAnalytics => {
                &["media_keys", "start_time", "end_time", "granularity", "media_analytics.fields"]
            }
            Self::Usage => &["days", "usage.fields"],
        }
    }
}

impl Dialect for X {
    fn name(&self) -> &'static str {
        Network::X.name()
    }

    fn token_prefixes(&self) -> [&'static str; 3] {
        ["AAAAsim"; 3]
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        if let Some(answer) = access::answer(call) {
            return answer;
        }
        let caller = match access::caller(call) {
            Ok(caller) => caller,
            Err(answer) => return answer,
        };
        let Some(resource) = Resource::of(&call.path).filter(|_| call.method == "GET") else {
            return fatal(call, 404, &Problem::no_such_path());
        };
        let (pool, app, user) = resource.limits();
        let (calls, who) = match caller {
            Caller::App => (app, 0),
            Caller::User(account) => (user, u64::from(account.0) + 1),
        };
        if calls == 0 {
            return fatal(call, 403, &Problem::wrong_token());
        }
        let standing = call.desk.ledger.take(Limit { pool, calls, window: 900, shift: 0 }, who, call.clock);
        let answer = if standing.exceeded && call.desk.config.enforce_limits {
            call.desk.ledger.count_throttled();
            fatal(call, 429, &Problem::too_many())
        } else if let Some(answer) = spent(call) {
            answer
        } else {
            respond(call, caller, resource).unwrap_or_else(|problem| fatal(call, problem.status, &problem))
        };
        with_standing(answer, standing)
    }

    fn refuse(&self, call: &Call<'_>, refusal: Refusal) -> Answer {
        let problem = match refusal {
            Refusal::RateLimit => Problem::too_many(),
            Refusal::QuotaExhausted => Problem::capped(),
            Refusal::TokenExpired => Problem::unauthorized(),
            Refusal::CreditsDepleted => Problem::no_credits(),
            Refusal::Forbidden => Problem::not_enrolled(call),
            Refusal::Trouble(status) => Problem::trouble(status),
        };
        let answer = fatal(call, problem.status, &problem);
        if refusal != Refusal::RateLimit {
            return answer;
        }
        let reset = (call.clock.as_second().div_euclid(900) + 1) * 900;
        with_standing(answer, Standing { limit: 900, remaining: 0, reset, exceeded: true })
    }
}

fn with_standing(answer: Answer, standing: Standing) -> Answer {
    answer
        .with("x-rate-limit-limit", standing.limit)
        .with("x-rate-limit-remaining", standing.remaining)
        .with("x-rate-limit-reset", standing.reset)
}

/// Whether money or the cycle's reads have run out.
fn spent(call: &Call<'_>) -> Option<Answer> {
    let config = call.desk.config.x;
    let stats =
        (config.credits_micros.is_some() || config.read_cap.is_some()).then(|| call.desk.ledger.stats())?;
    if config.credits_micros.is_some_and(|credits| stats.billed_micros >= credits) {
        return Some(fatal(call, 402, &Problem::no_credits()));
    }
    if config.read_cap.is_some_and(|cap| stats.billed_items >= cap) {
        call.desk.ledger.count_throttled();
        return Some(fatal(call, 429, &Problem::capped()));
    }
    None
}

fn respond(call: &Call<'_>, caller: Caller, resource: Resource<'_>) -> Result<Answer, Problem> {
    let terms = Terms::of(call);
    let selectors = [
        terms.fields,
        "tweet.fields",
        "user.fields",
        "media.fields",
        "expansions",
        "place.fields",
        "poll.fields",
    ];
    if let Some((key, value)) = call
        .query
        .iter()
        .find(|(key, _)| !resource.parameters().contains(&key.as_str()) && !selectors.contains(&key.as_str()))
    {
        return Err(Problem::unknown_parameter(key, value));
    }
    match resource {
        Resource::Users => users::by_ids(call, &terms),
        Resource::UsersBy => users::by_names(call, &terms),
        Resource::User(id) => users::one(call, &terms, "id", id),
        Resource::UserBy(name) => users::one(call, &terms, "username", name),
        Resource::Me => users::me(call, &terms, caller),
        Resource::Timeline(id) => lists::timeline(call, &terms, caller, id),
        Resource::Mentions(id) => lists::mentions(call, &terms, id),
        Resource::Posts => lists::lookup(call, &terms, caller),
        Resource::Post(id) => lists::one(call, &terms, caller, id),
        Resource::Media => lists::media(call, &terms, caller),
        Resource::Counts => analytics::counts(call, &terms, false),
        Resource::AllCounts => analytics::counts(call, &terms, true),
        Resource::Analytics => analytics::posts(call, caller),
        Resource::MediaAnalytics => analytics::media(call, caller),
        Resource::Usage => usage(call),
    }
}

/// What was read of late, day by day; the numbers are texts.
fn usage(call: &Call<'_>) -> Result<Answer, Problem> {
    if access::caller(call).is_ok_and(|caller| caller != Caller::App) {
        return Err(Problem::wrong_token());
    }
    let days = problem::number(call, "days", 1, 90, 7)?;
    let today = kepi_core::period::local_day(call.now, &jiff::tz::TimeZone::UTC);
    let wanted: Vec<_> = (0..days as i32).rev().map(|back| add_days(today, -back)).collect();
    let total: u64 = wanted.iter().map(|day| call.desk.ledger.billed_on(*day)).sum();
    let cap = call.desk.config.x.read_cap.unwrap_or(3_000_000);
    let body = call.json().object(|root| {
        root.object("data", |data| {
            data.text("project_id", "1900000000000000001");
            data.shown("project_cap", cap);
            data.shown("project_usage", total);
            data.int("cap_reset_day", 1);
            let mut series = |key: &str, id: &str| {
                let usage = |list: &mut crate::json::Array<'_>| {
                    for day in &wanted {
                        list.object(|row| {
                            row.shown("date", format_args!("{day}T00:00:00.000Z"));
                            row.shown("usage", call.desk.ledger.billed_on(*day));
                        });
                    }
                };
                if key == "daily_project_usage" {
                    data.object(key, |o| {
                        o.text("project_id", id);
                        o.array("usage", usage);
                    });
                } else {
                    data.array(key, |list| {
                        list.object(|o| {
                            o.text("client_app_id", id);
                            o.int("usage_result_count", wanted.len() as i64);
                            o.array("usage", usage);
                        });
                    });
                }
            };
            series("daily_project_usage", "1900000000000000001");
            series("daily_client_app_usage", "29000001");
        });
    });
    Ok(Answer::json(200, body))
}

/// The caller that a token stands for, by its kind.
fn caller_of(kind: Kind, account: AccountKey) -> Option<Caller> {
    match kind {
        Kind::App => Some(Caller::App),
        Kind::User => Some(Caller::User(account)),
        Kind::Refresh => None,
    }
}
