//! A toy platform, and short words for what the tests say over and over.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use kepi_core::{
    AccountId, AccountRef, Adapter, Body, Cost, Cursor, Decoder, Descriptor, Endpoint, Error, ErrorKind,
    Grant, Job, Page, Payload, Placement, Quota, Reach, Request, Response, Result, Retry, Shape, Token,
    TokenFlow, TokenKind,
    credential::Refresh,
    descriptor::{Reset, Scope, Sunset},
    http::Text,
};
use kepi_transport::{
    Clock, CredentialSource, Fetched, RetryPolicy, Transport, TransportBuilder,
    testing::{ManualClock, ScriptedWire},
};

pub(crate) const START: &str = "2026-10-05T12:00:00Z";

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn seconds_since_start(at_: Timestamp) -> f64 {
    at_.duration_since(at(START)).as_secs_f64()
}

/// A platform with the endpoints `list` (no token), `mine` (user token), `app` (app token), `fixed` (static
/// token) and `order` (not idempotent).
#[derive(Debug)]
pub(crate) struct Toy {
    descriptor: Descriptor,
    base_url: String,
}

pub(crate) const TOKENS: &[TokenKind] = &[
    token("user", TokenFlow::AuthorizationCode { authorize_url: "", pkce: true, refresh: Refresh::Rotating }),
    token("app", TokenFlow::Client),
    token("fixed", TokenFlow::Static),
    token(
        "long",
        TokenFlow::AuthorizationCode { authorize_url: "", pkce: false, refresh: Refresh::Exchange },
    ),
    token(
        "twice",
        TokenFlow::AuthorizationCode { authorize_url: "", pkce: false, refresh: Refresh::Exchange },
    ),
    token(
        "renewable",
        TokenFlow::AuthorizationCode {
            authorize_url: "",
            pkce: false,
            refresh: Refresh::Renewable { times: 2 },
        },
    ),
    TokenKind {
        service_account: true,
        scopes: &["scope/read"],
        ..token(
            "signed",
            TokenFlow::AuthorizationCode { authorize_url: "", pkce: false, refresh: Refresh::Reusable },
        )
    },
];

const fn token(name: &'static str, flow: TokenFlow) -> TokenKind {
    TokenKind {
        name,
        title: "",
        placement: Placement::Bearer,
        flow,
        service_account: false,
        lifetime_secs: None,
        scopes: &[],
    }
}

impl Toy {
    pub(crate) fn new(quotas: &'static [Quota], cost: Cost) -> Self {
        let endpoint = |name| Endpoint { quotas, cost, ..Endpoint::new(name, "", Shape::Snapshot) };
        let names = ["list", "mine", "app", "fixed", "long", "twice", "renewable", "signed", "order"];
        let mut endpoints: Vec<_> = names.into_iter().map(endpoint).collect();
        let sunset = Some(Sunset::on("2026-09-01".parse().unwrap()));
        endpoints.push(Endpoint { sunset, ..endpoint("old") });
        let sunset = sunset.map(|sunset| Sunset { guessed: true, hint: "set version_ends", ..sunset });
        endpoints.push(Endpoint { sunset, ..endpoint("guessed") });
        Self::with(endpoints)
    }

    pub(crate) fn with(endpoints: Vec<Endpoint>) -> Self {
        let descriptor = Descriptor {
            platform: "toy",
            title: "Toy",
            day_zone: None,
            traffic_order: &[],
            tokens: TOKENS,
            settings_schema: || serde_json::Value::Null,
            endpoints: endpoints.leak(),
            check_calls: 1,
            known_gaps: &[],
        };
        Self { descriptor, base_url: "https://toy.example".to_owned() }
    }

    pub(crate) fn at_url(mut self, base_url: &str) -> Self {
        self.base_url = base_url.to_owned();
        self
    }
}

impl Default for Toy {
    fn default() -> Self {
        Self::new(&[], Cost::Free)
    }
}

impl Decoder for Toy {
    fn decode(&self, _: &Job, _: &Cursor, _: &Body) -> Result<Page> {
        Ok(Page::default())
    }
}

impl Adapter for Toy {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn request(&self, job: &Job, _: &Cursor) -> Result<Request> {
        let request = Request::get(format!("{}/{}", self.base_url, job.endpoint)).bills(10);
        Ok(match job.endpoint.as_str() {
            "mine" => request.token("user"),
            "app" => request.token("app"),
            "fixed" => request.token("fixed"),
            "long" => request.token("long"),
            "twice" => request.token("twice"),
            "renewable" => request.token("renewable"),
            "signed" => request.token("signed"),
            "order" => Request { idempotent: false, ..request },
            _ => request,
        })
    }

    fn classify(&self, response: &Response) -> Option<Error> {
        let body = String::from_utf8_lossy(&response.body);
        match &*body {
            body if body.contains("error 88") => Some(Error::new(ErrorKind::RateLimited, "error 88")),
            body if body.contains("quota gone") => Some(Error::new(ErrorKind::QuotaExhausted, "quota gone")),
            "pool gone" | "user gone" | "pool-of-app gone" | "app gone" | "address gone" => {
                let reach = match body.split(' ').next() {
                    Some("user") => Reach::User,
                    Some("pool-of-app") => Reach::AppPool,
                    Some("app") => Reach::App,
                    Some("address") => Reach::Address,
                    _ => Reach::Pool,
                };
                let again = Retry::After(Duration::from_secs(7200));
                Some(Error::new(ErrorKind::RateLimited, body.into_owned()).retry(again).reaching(reach))
            }
            body if body.contains("told you") => Some(Error::new(ErrorKind::BadRequest, body.to_owned())),
            _ => None,
        }
    }

    fn decodes_refusal(&self, endpoint: &str, response: &Response) -> bool {
        endpoint == "list" && response.body == b"ask otherwise"
    }

    fn second_exchange(&self, kind: &str, grant: &Grant) -> Result<Option<Request>> {
        let short = kind == "twice" && matches!(grant, Grant::Code { .. });
        let form = vec![("short".into(), Text::secret("access_token"))];
        Ok(short.then(|| Request::post(format!("{}/longer", self.base_url), Payload::Form(form))))
    }

    fn token_request(&self, kind: &str, grant: &Grant) -> Result<Request> {
        let mut form = vec![("grant".into(), Text::from(grant.to_string()))];
        match (kind, grant) {
            (_, Grant::Code { redirect_uri }) => {
                form.push(("redirect_uri".into(), redirect_uri.as_str().into()));
                form.push(("code".into(), Text::secret("code")));
            }
            ("long", Grant::Refresh) => form.push(("old".into(), Text::secret("access_token"))),
            (_, Grant::Refresh | Grant::Renew) => {
                form.push(("refresh_token".into(), Text::secret("refresh_token")))
            }
            (_, Grant::Statement) => {
                form.push(("assertion".into(), Text::secret("assertion")));
                return Ok(Request::post(format!("{}/token", self.base_url), Payload::Form(form)));
            }
            (_, Grant::Client) => form.push(("client_secret".into(), Text::secret("client_secret"))),
        }
        form.push(("client_id".into(), Text::secret("client_id")));
        Ok(Request::post(format!("{}/token", self.base_url), Payload::Form(form)))
    }

    /// `access,refresh,expires_in`, `access,refresh,expires_in,refresh_expires_in` or `dead`.
    fn decode_token(&self, _: &str, response: &Response) -> Result<Token> {
        let body = String::from_utf8_lossy(&response.body).into_owned();
        if body == "dead" {
            return Err(Error::new(ErrorKind::Reauthorise, "the refresh token is dead"));
        }
        let mut parts = body.split(',');
        let (Some(access), Some(refresh), Some(expires)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Error::bad_response(format!("no token in {body}")));
        };
        Ok(Token {
            access: access.into(),
            refresh: (!refresh.is_empty()).then(|| refresh.into()),
            expires_in_secs: expires.parse().ok(),
            refresh_expires_in_secs: parts.next().and_then(|secs| secs.parse().ok()),
            scopes: Vec::new(),
            subject: None,
        })
    }
}

pub(crate) fn account(name: &str) -> AccountId {
    format!("toy/{name}").parse().unwrap()
}

pub(crate) fn job(endpoint: &str, name: &str) -> Job {
    Job {
        endpoint: endpoint.into(),
        accounts: vec![AccountRef::new(account(name), "UTC")],
        window: None,
        posts: Vec::new(),
        planned_at: at(START),
        input: None,
        refused: Vec::new(),
    }
}

/// A quota in one line.
pub(crate) const fn quota(pool: &'static str, requests: u32, interval_secs: u32, reset: Reset) -> Quota {
    Quota { pool, requests, interval_secs, scope: Scope::User, reset }
}

/// A transport over a scripted wire under a clock, with an environment, and an account `toy/a` whose secrets
/// it names.
pub(crate) struct Bench {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) wire: Arc<ScriptedWire>,
    pub(crate) transport: Transport,
    pub(crate) toy: Toy,
}

impl Bench {
    pub(crate) fn new(wire: ScriptedWire) -> Self {
        Self::with(wire, Toy::default(), |builder| builder)
    }

    pub(crate) fn with(
        wire: ScriptedWire,
        toy: Toy,
        more: impl FnOnce(TransportBuilder) -> TransportBuilder,
    ) -> Self {
        Self::on(Arc::new(ManualClock::jumping(at(START))), wire, toy, more)
    }

    pub(crate) fn on(
        clock: Arc<ManualClock>,
        wire: ScriptedWire,
        toy: Toy,
        more: impl FnOnce(TransportBuilder) -> TransportBuilder,
    ) -> Self {
        let wire = Arc::new(wire);
        let builder = configured(Transport::builder())
            .clock(Arc::clone(&clock) as Arc<dyn Clock>)
            .policy(policy())
            .wire(Arc::clone(&wire) as Arc<dyn kepi_transport::Wire>);
        let transport = more(builder).build().unwrap();
        Self { clock, wire, transport, toy }
    }

    pub(crate) async fn fetch(&self, endpoint: &str) -> Result<Fetched> {
        self.fetch_for(endpoint, "a").await
    }

    pub(crate) async fn fetch_for(&self, endpoint: &str, name: &str) -> Result<Fetched> {
        self.transport.fetch(&self.toy, &job(endpoint, name), &Cursor::default()).await
    }

    pub(crate) fn calls(&self) -> usize {
        self.wire.seen().len()
    }

    pub(crate) fn elapsed(&self) -> f64 {
        seconds_since_start(self.clock.now())
    }
}

pub(crate) fn policy() -> RetryPolicy {
    RetryPolicy { jitter_seed: Some(7), ..RetryPolicy::default() }
}

/// `toy/a` and `toy/b` consent for themselves; `toy/s` and `toy/t` share a static token.
pub(crate) fn configured(builder: TransportBuilder) -> TransportBuilder {
    let app = CredentialSource {
        client_id_env: Some("TOY_ID".to_owned()),
        client_secret_env: Some("TOY_SECRET".to_owned()),
        ..CredentialSource::default()
    };
    let seeded = |token: &str, refresh: &str| CredentialSource {
        token_env: Some(token.to_owned()),
        refresh_token_env: Some(refresh.to_owned()),
        ..app.clone()
    };
    builder
        .environment(|name| {
            let known = ["TOY_ID", "TOY_SECRET", "A_TOKEN", "A_REFRESH", "FIXED"];
            known.contains(&name).then(|| format!("value-of-{name}"))
        })
        .source(account("a"), "user", seeded("A_TOKEN", "A_REFRESH"))
        .source(account("a"), "long", CredentialSource::token_env("A_TOKEN"))
        .source(account("a"), "", app.clone())
        .source(account("b"), "", app)
        .source(account("s"), "", CredentialSource::token_env("FIXED"))
        .source(account("t"), "", CredentialSource::token_env("FIXED"))
        .source(account("u"), "", CredentialSource::token_env("A_TOKEN"))
        .source(account("unset"), "", CredentialSource::token_env("NO_SUCH_VARIABLE"))
}

pub(crate) fn ok() -> Response {
    ScriptedWire::json(200, "{}")
}
