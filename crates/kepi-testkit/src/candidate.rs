//! The adapter that is held to the contract, with its settings and fixtures.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use kepi_core::credential::Refresh;
use kepi_core::{Adapter, Descriptor, Endpoint, Error, Grant, Page, Result, Shape, Token, TokenFlow};
use serde_json::Value;

use crate::{
    fixture::{self, Exchange, Fixture},
    snapshot,
};

/// Set to `1`, it rewrites what is compared: `.expected` files, `descriptor.txt`, `settings.schema.json` and
/// the generated parts of the README. Read what it wrote.
pub const UPDATE: &str = "KEPI_UPDATE_EXPECTED";

type Build = dyn Fn(Value) -> Result<Box<dyn Adapter>>;

/// An adapter with all that the checks need of it.
pub struct Candidate {
    /// The adapter, made from the sample settings.
    pub adapter: Box<dyn Adapter>,
    /// Settings of which each is set.
    pub sample: Value,
    /// The crate's folder.
    pub home: PathBuf,
    /// The fixtures that could be read.
    pub fixtures: Vec<Fixture>,
    /// Why others could not.
    pub unreadable: Vec<String>,
    /// Whether what is compared is rewritten instead.
    pub update: bool,
    build: Box<Build>,
}

impl Candidate {
    /// Makes the adapter from its sample settings and reads its fixtures.
    ///
    /// # Errors
    /// `BadConfig` when the sample is refused.
    pub fn new<A: Adapter>(
        build: impl Fn(Value) -> Result<A> + 'static,
        sample: Value,
        home: impl AsRef<Path>,
    ) -> Result<Self> {
        let build: Box<Build> = Box::new(move |settings| Ok(Box::new(build(settings)?)));
        let adapter = build(sample.clone())?;
        let home = home.as_ref().to_owned();
        let mut candidate = Self {
            adapter,
            sample,
            home,
            fixtures: Vec::new(),
            unreadable: Vec::new(),
            update: std::env::var(UPDATE).is_ok_and(|value| value == "1"),
            build,
        };
        candidate.read_fixtures();
        Ok(candidate)
    }

    fn read_fixtures(&mut self) {
        let descriptor = self.adapter.descriptor();
        let (platform, zone) = (descriptor.platform, descriptor.day_zone.unwrap_or("UTC"));
        match fixture::files(&self.home) {
            Err(error) => self.unreadable.push(format!("{error:?}")),
            Ok(files) => {
                for path in files {
                    let text = fs::read_to_string(&path).map_err(|error| {
                        Error::bad_input("the fixture is not text")
                            .with("file", path.display())
                            .caused_by(error)
                    });
                    match text.and_then(|text| Fixture::parse(&path, &text, platform, zone)) {
                        Ok(fixture) => self.fixtures.push(fixture),
                        Err(error) => self.unreadable.push(format!("{error:?}")),
                    }
                }
            }
        }
    }

    /// An adapter with other settings.
    ///
    /// # Errors
    /// `BadConfig` when they are refused.
    pub fn build(&self, settings: Value) -> Result<Box<dyn Adapter>> {
        (self.build)(settings)
    }

    /// Another adapter with the same settings, which has seen nothing yet.
    ///
    /// # Errors
    /// None: the sample was taken before.
    pub fn fresh(&self) -> Result<Box<dyn Adapter>> {
        self.build(self.sample.clone())
    }

    /// What the platform offers.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        self.adapter.descriptor()
    }

    /// The schema of its settings, with what its `$ref`s name put in their places.
    #[must_use]
    pub fn schema(&self) -> Value {
        snapshot::inlined(&(self.descriptor().settings_schema)())
    }

    /// The fixtures of endpoints, without those of token exchanges.
    pub fn answers(&self) -> impl Iterator<Item = &Fixture> {
        self.fixtures.iter().filter(|fixture| !fixture.is_token())
    }

    /// The fixtures of one endpoint.
    pub fn cases<'a>(&'a self, endpoint: &'a Endpoint) -> impl Iterator<Item = &'a Fixture> {
        self.answers().filter(move |fixture| fixture.endpoint == endpoint.name)
    }

    /// The fixture of an endpoint in which everything it offers is said.
    #[must_use]
    pub fn full(&self, endpoint: &Endpoint) -> Option<&Fixture> {
        self.answers().find(|fixture| fixture.endpoint == endpoint.name && fixture.case == "full")
    }

    /// The endpoints with their full fixtures, as far as they have one.
    pub fn full_ones(&self) -> impl Iterator<Item = (&Endpoint, &Fixture)> {
        self.descriptor()
            .endpoints
            .iter()
            .filter_map(|endpoint| self.full(endpoint).map(|fixture| (endpoint, fixture)))
    }

    /// The fixtures that decode, with their pages.
    pub fn pages(&self) -> impl Iterator<Item = (&Fixture, Page)> {
        self.answers().filter_map(|fixture| Some((fixture, self.read(&fixture.exchange).ok()?)))
    }

    /// What an answer means: its page, or what it says went wrong.
    ///
    /// # Errors
    /// What the adapter makes of the answer.
    pub fn read(&self, exchange: &Exchange) -> Result<Page> {
        read(self.adapter.as_ref(), exchange)
    }

    /// The token in the answer of a token exchange.
    ///
    /// # Errors
    /// What the adapter makes of the answer.
    pub fn read_token(&self, fixture: &Fixture) -> Result<Token> {
        self.adapter.decode_token(fixture.setting("token").unwrap_or_default(), &fixture.exchange.response)
    }

    /// The token exchanges that the descriptor declares.
    #[must_use]
    pub fn exchanges(&self) -> Vec<(&'static str, Grant)> {
        let mut exchanges = Vec::new();
        for kind in self.descriptor().tokens {
            if kind.service_account {
                exchanges.push((kind.name, Grant::Statement));
            }
            match kind.flow {
                TokenFlow::Static => {}
                TokenFlow::Client => exchanges.push((kind.name, Grant::Client)),
                TokenFlow::AuthorizationCode { refresh, .. } => {
                    let redirect_uri = "http://127.0.0.1:8765/callback".to_owned();
                    exchanges.push((kind.name, Grant::Code { redirect_uri }));
                    if refresh != Refresh::Never {
                        exchanges.push((kind.name, Grant::Refresh));
                    }
                    if matches!(refresh, Refresh::Renewable { .. }) {
                        exchanges.push((kind.name, Grant::Renew));
                    }
                }
            }
        }
        exchanges
    }

    /// The calls that try whether an account's credentials are good: for each kind of token, the cheapest
    /// endpoint that needs nothing but an account.
    #[must_use]
    pub fn probes(&self) -> Vec<&Endpoint> {
        let endpoints = self.descriptor().endpoints;
        let mut kinds: Vec<Option<&str>> = Vec::new();
        for endpoint in endpoints.iter().filter(|endpoint| endpoint.capability.is_none()) {
            if !kinds.contains(&endpoint.token) {
                kinds.push(endpoint.token);
            }
        }
        let cheapest = |kind: &Option<&str>| {
            let of_kind =
                endpoints.iter().filter(|endpoint| endpoint.token == *kind && probe_rank(endpoint) < 3);
            of_kind
                .filter(|endpoint| endpoint.capability.is_none())
                .min_by_key(|endpoint| probe_rank(endpoint))
        };
        kinds.iter().filter_map(cheapest).collect()
    }
}

fn probe_rank(endpoint: &Endpoint) -> u8 {
    match endpoint.shape {
        Shape::Snapshot => 0,
        Shape::Windows { .. } | Shape::Trailing { .. } => 1,
        Shape::Listing { .. } => 2,
        Shape::Batch { .. } => 3,
    }
}

/// What an answer means to an adapter: its page, or what it says went wrong. A refusal that its decoder goes on
/// from is a page.
///
/// # Errors
/// What the adapter makes of the answer.
pub fn read(adapter: &dyn Adapter, exchange: &Exchange) -> Result<Page> {
    let failure = adapter.classify(&exchange.response);
    if let Some(error) =
        failure.filter(|_| !adapter.decodes_refusal(&exchange.job.endpoint, &exchange.response))
    {
        return Err(error);
    }
    adapter.decode(&exchange.job, &exchange.cursor, &exchange.response.clone().into_body())
}

/// What a check found wrong.
#[derive(Debug, Default)]
pub struct Faults(Vec<String>);

impl Faults {
    /// Notes a fault.
    pub fn add(&mut self, at: impl fmt::Display, what: impl fmt::Display) {
        self.0.push(format!("{at}: {what}"));
    }

    /// Notes a fault unless `good`.
    pub fn unless(&mut self, good: bool, at: impl fmt::Display, what: impl FnOnce() -> String) {
        if !good {
            self.add(at, what());
        }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The faults, one by one.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.0 {
            writeln!(f, "  - {fault}")?;
        }
        Ok(())
    }
}
