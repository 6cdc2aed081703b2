//! How X says that something is wrong: fatally, or for one item of many.

use jiff::Timestamp;

use crate::{
    call::{Answer, Call},
    json::Object,
};

const REGISTRATION: &str = "https://developer.x.com/en/docs/projects/overview";

/// A problem that ends the call.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub(super) status: u16,
    title: &'static str,
    detail: String,
    /// What stands after `/problems/`; empty for `about:blank`.
    kind: &'static str,
    /// A parameter, its value and the message, for bad input.
    parameter: Option<Box<(String, String, String)>>,
    /// Further pairs.
    more: Vec<(&'static str, String)>,
}

impl Problem {
    fn new(status: u16, title: &'static str, kind: &'static str, detail: impl Into<String>) -> Self {
        Self { status, title, detail: detail.into(), kind, parameter: None, more: Vec::new() }
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "", "Unauthorized")
    }

    pub(super) fn too_many() -> Self {
        Self::new(429, "Too Many Requests", "", "Too Many Requests")
    }

    pub(super) fn no_such_path() -> Self {
        Self::new(404, "Not Found", "", "Not Found")
    }

    pub(super) fn no_credits() -> Self {
        let detail =
            "Your enrolled account [1900000000000000001] does not have any credits to fulfill this request.";
        Self::new(402, "CreditsDepleted", "credits", detail)
    }

    pub(super) fn trouble(status: u16) -> Self {
        let title = match status {
            500 => "Internal Server Error",
            502 => "Bad Gateway",
            503 => "Service Unavailable",
            504 => "Gateway Timeout",
            _ => "Error",
        };
        Self::new(status, title, if status == 500 { "internal-error" } else { "" }, title)
    }

    pub(super) fn capped() -> Self {
        let mut problem =
            Self::new(429, "UsageCapExceeded", "usage-capped", "Usage cap exceeded: Monthly product cap");
        problem.more = vec![("period", "Monthly".into()), ("scope", "Product".into())];
        problem
    }

    pub(super) fn wrong_token() -> Self {
        let detail = "Authenticating with this kind of token is forbidden for this endpoint.";
        Self::new(403, "Unsupported Authentication", "unsupported-authentication", detail)
    }

    pub(super) fn not_enrolled(call: &Call<'_>) -> Self {
        let detail = "When authenticating requests to this endpoint, you must use keys and tokens from an \
                      application that is enrolled in the appropriate access level.";
        let mut problem = Self::new(403, "Client Forbidden", "client-forbidden", detail);
        problem.more = vec![
            ("reason", "client-not-enrolled".into()),
            ("client_id", call.desk.config.client_id.clone()),
            ("required_enrollment", "Appropriate Level of API Access".into()),
            ("registration_url", REGISTRATION.into()),
        ];
        problem
    }

    pub(super) fn invalid(parameter: &str, value: &str, message: String) -> Self {
        let detail = "One or more parameters to your request was invalid.";
        let mut problem = Self::new(400, "Invalid Request", "invalid-request", detail);
        problem.parameter = Some(Box::new((parameter.to_owned(), value.to_owned(), message)));
        problem
    }

    pub(super) fn unknown_parameter(parameter: &str, value: &str) -> Self {
        let message =
            format!("The query parameter [{parameter}] is not one of the parameters of this endpoint");
        Self::invalid(parameter, value, message)
    }
}

/// The answer of a problem that ends the call.
pub(super) fn fatal(call: &Call<'_>, status: u16, problem: &Problem) -> Answer {
    let body = call.json().object(|root| {
        if let Some((parameter, value, message)) = problem.parameter.as_deref() {
            root.array("errors", |list| {
                list.object(|error| {
                    error.object("parameters", |o| o.texts(parameter, [value]));
                    error.text("message", message);
                });
            });
        }
        root.text("title", problem.title);
        root.text("detail", &problem.detail);
        root.text("type", &kind_url(problem.kind));
        if problem.parameter.is_none() {
            root.int("status", i64::from(status));
        }
        for (key, value) in &problem.more {
            root.text(key, value);
        }
    });
    Answer::json(status, body)
}

fn kind_url(kind: &str) -> String {
    if kind.is_empty() { "about:blank".to_owned() } else { format!("https://api.x.com/2/problems/{kind}") }
}

/// A problem with one item of an answer that is otherwise good.
#[derive(Debug, Clone)]
pub(super) enum Partial {
    /// No such resource: its type, the parameter, the value.
    NotFound(&'static str, &'static str, String),
    /// A field of a post that the caller may not see.
    Field { post: String, field: &'static str, parameter: &'static str },
    /// A post that the caller may not see at all.
    Resource { post: String, parameter: &'static str },
}

/// Writes the partial problems, where there are any.
pub(super) fn write_partial(root: &mut Object<'_>, problems: &[Partial]) {
    if problems.is_empty() {
        return;
    }
    root.array("errors", |list| {
        for problem in problems {
            list.object(|o| write_one(o, problem));
        }
    });
}

fn write_one(o: &mut Object<'_>, problem: &Partial) {
    match problem {
        Partial::NotFound(kind, parameter, value) => {
            o.text("value", value);
            o.text("detail", &format!("Could not find {kind} with {parameter}: [{value}]."));
            o.text("title", "Not Found Error");
            o.text("resource_type", kind);
            o.text("parameter", parameter);
            o.text("resource_id", value);
            o.text("type", &kind_url("resource-not-found"));
        }
        Partial::Field { post, field, parameter } => {
            o.text("resource_id", post);
            o.text("resource_type", "tweet");
            o.text("parameter", parameter);
            o.text("field", field);
            o.text("section", "data");
            o.text("title", "Field Authorization Error");
            o.text("detail", &format!("Sorry, you are not authorized to access '{field}' on the Post."));
            o.text("type", &kind_url("not-authorized-for-field"));
            o.text("value", post);
        }
        Partial::Resource { post, parameter } => {
            o.text("resource_id", post);
            o.text("resource_type", "tweet");
            o.text("parameter", parameter);
            o.text("section", "data");
            o.text("title", "Authorization Error");
            o.text(
                "detail",
                &format!("Sorry, you are not authorized to see the Post with {parameter}: [{post}]."),
            );
            o.text("type", &kind_url("not-authorized-for-resource"));
            o.text("value", post);
        }
    }
}

/// A whole number within its limits, or the default.
pub(super) fn number(call: &Call<'_>, key: &str, low: i64, high: i64, default: i64) -> Result<i64, Problem> {
    let Some(text) = call.param(key) else { return Ok(default) };
    text.parse().ok().filter(|number| (low..=high).contains(number)).ok_or_else(|| {
        let message = format!("The `{key}` query parameter value [{text}] is not between {low} and {high}");
        Problem::invalid(key, text, message)
    })
}

/// An instant as RFC 3339 to the second, where it is given.
pub(super) fn instant(call: &Call<'_>, key: &str) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = call.param(key) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        let message = format!("The `{key}` query parameter value [{text}] is not a valid RFC3339 date time");
        Problem::invalid(key, text, message)
    })
}

/// Ids of a list that must have one to a hundred.
pub(super) fn hundred<'a>(call: &'a Call<'_>, key: &str) -> Result<Vec<&'a str>, Problem> {
    let ids = call.list(key);
    if ids.is_empty() || ids.len() > 100 {
        let message = format!("size must be between 1 and 100 for `{key}`, found {}", ids.len());
        return Err(Problem::invalid(key, call.param(key).unwrap_or_default(), message));
    }
    Ok(ids)
}
