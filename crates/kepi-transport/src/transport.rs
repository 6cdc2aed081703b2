//! The door: one page in, one body out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use jiff::Timestamp;
use kepi_core::{
    AccountId, Adapter, Body, Cursor, Error, ErrorKind, Grant, Job, Request, Response, Result, TokenFlow,
    TokenKind, credential::ExposeSecret,
};

use crate::{
    BudgetStore, Ceiling, Clock, CredentialSource, CredentialStore, HttpWire, MemoryBudget,
    MemoryCredentials, QuotaDomain, Quotas, RetryPolicy, Secrets, Spend, SystemClock, Timeouts, Wire,
    budget::{Books, price},
    call::{Call, Exchange, Inner, Layer, Tally},
    clock::after,
    domain::domains,
    headers::Heard,
    quota::Desk,
    source::{Environment, Sources},
    stack::{Parts, stack},
};

/// A body that was fetched, and what it took.
#[derive(Debug, Clone, PartialEq)]
pub struct Fetched {
    /// The body, scrubbed of secrets.
    pub body: Body,
    /// The request in one line, without secrets.
    pub request: String,
    /// How many calls were made, renewals of tokens included.
    pub calls: u32,
    /// What they cost at most, in millionths of a US dollar; see [`Transport::settle`].
    pub cost_micro_usd: u64,
    /// How often the page was asked for.
    pub attempts: u32,
    /// The name of the credential it was asked with, never its value.
    pub identity: String,
}

/// Moves bytes. Cheap to clone; one per process, so that all calls keep to the same limits.
#[derive(Clone)]
pub struct Transport(Arc<Shared>);

struct Shared {
    layers: Inner,
    clock: Arc<dyn Clock>,
    policy: RetryPolicy,
    books: Books,
    desk: Arc<Desk>,
    sources: Sources,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = self.layers().join(" → ");
        f.debug_struct("Transport")
            .field("order", &order)
            .field("policy", &self.0.policy)
            .finish_non_exhaustive()
    }
}

impl Transport {
    /// A transport with everything at its default.
    #[must_use]
    pub fn builder() -> TransportBuilder {
        TransportBuilder::default()
    }

    /// The names of the layers, outermost first.
    #[must_use]
    pub fn layers(&self) -> Vec<&'static str> {
        std::iter::successors(Some(&*self.0.layers), |layer| layer.inner()).map(Layer::name).collect()
    }

    /// Fetches one page: builds the request, sends it through all layers, gives the body to decode.
    ///
    /// # Errors
    /// What the platform, the wire or a limit says; its kind tells what to do next, and [`kepi_core::Retry::At`]
    /// when, if the call can succeed later. It names platform, account, endpoint, attempt and the platform's
    /// own number of the request.
    pub async fn fetch(&self, adapter: &dyn Adapter, job: &Job, cursor: &Cursor) -> Result<Fetched> {
        self.fetch_counted(adapter, job, cursor, &mut Spend::default()).await
    }

    /// [`Transport::fetch`], adding to `spent` what it took, whether it brings a page or not.
    ///
    /// # Errors
    /// As [`Transport::fetch`].
    pub async fn fetch_counted(
        &self,
        adapter: &dyn Adapter,
        job: &Job,
        cursor: &Cursor,
        spent: &mut Spend,
    ) -> Result<Fetched> {
        let accounts: Vec<AccountId> = job.accounts.iter().map(|account| account.id.clone()).collect();
        let request = adapter.request(job, cursor)?;
        let mut call = self.call(adapter, &job.endpoint, &accounts, &request, None);
        let answer = self.0.layers.call(&mut call).await;
        spent.calls = spent.calls.saturating_add(call.tally.calls.into());
        spent.micro_usd = spent.micro_usd.saturating_add(call.tally.cost_micro_usd);
        let response = answer?;
        Ok(Fetched {
            body: response.into_body(),
            request: crate::scrub::text(&request.summary(), &call.lease.hidden),
            calls: call.tally.calls,
            cost_micro_usd: call.tally.cost_micro_usd,
            attempts: call.attempt,
            identity: call.lease.identity.clone(),
        })
    }

    /// Exchanges a grant for a token of a kind and stores it: the first consent of `kepi auth`, or a renewal
    /// before its time. `secrets` are what the configuration does not name: `code`, `code_verifier`.
    ///
    /// # Errors
    /// `Reauthorise` when the grant is dead, `BadConfig` when a secret is missing or refused.
    pub async fn exchange(
        &self,
        adapter: &dyn Adapter,
        account: &AccountId,
        kind: &str,
        grant: &Grant,
        secrets: &Secrets,
    ) -> Result<()> {
        let request = adapter.token_request(kind, grant)?;
        let tokens = adapter.descriptor().tokens;
        let kind = tokens.iter().find(|known| known.name == kind).ok_or_else(|| {
            let known: Vec<_> = tokens.iter().map(|known| known.name).collect();
            Error::new(ErrorKind::BadRequest, format!("no token of kind {kind}"))
                .hint(format!("the kinds are: {}", known.join(", ")))
        })?;
        let accounts = std::slice::from_ref(account);
        let exchange = Exchange { kind, grant, secrets };
        let mut call = self.call(adapter, "token", accounts, &request, Some(exchange));
        self.0.layers.call(&mut call).await.map(|_: Response| ())
    }

    /// The exchange by which an account has its tokens of a kind without a person, where it has one: by the app's own
    /// id and secret, or by a service account's statement.
    #[must_use]
    pub fn grant_without_person(&self, account: &AccountId, kind: &TokenKind) -> Option<Grant> {
        if self.0.sources.signs(account, kind) {
            return Some(Grant::Statement);
        }
        (kind.flow == TokenFlow::Client).then_some(Grant::Client)
    }

    /// The app's id that the configuration names for an account's tokens of a kind: it is public, and a person is
    /// sent to the platform's page of consent with it.
    ///
    /// # Errors
    /// `BadConfig` when none is named, or the variable or file that is named is not there.
    pub fn client_id(&self, account: &AccountId, kind: &str) -> Result<String> {
        let id = self.0.sources.read(account, kind, "client_id")?;
        id.map(|id| id.expose_secret().to_owned()).ok_or_else(|| {
            Error::bad_config(format!("the credentials of {account} name no app"))
                .with("kind", kind)
                .hint("name its id: client_id_env or client_id_file")
        })
    }

    /// Replaces the price that was reckoned for a page by that of the items it really holds, and says it.
    ///
    /// A platform that bills by item is reckoned with as many as the request may bring; only the decoded page
    /// knows how many came.
    ///
    /// # Errors
    /// `Store` when the ledger cannot be reached.
    pub async fn settle(
        &self,
        adapter: &dyn Adapter,
        job: &Job,
        fetched: &Fetched,
        billed_items: u32,
    ) -> Result<u64> {
        let descriptor = adapter.descriptor();
        let endpoint = descriptor.endpoint(&job.endpoint);
        let by_item = endpoint.is_some_and(|endpoint| matches!(endpoint.cost, kepi_core::Cost::PerItem(_)));
        if !by_item {
            return Ok(fetched.cost_micro_usd);
        }
        let real = price(endpoint, billed_items);
        self.0.books.settle(descriptor.platform, fetched.cost_micro_usd, real).await?;
        Ok(real)
    }

    /// Keeps to what a page told of the calls that are left: so many more with its credential for an endpoint and those
    /// of its pool, and then none until all are back.
    pub fn calls_left(
        &self,
        adapter: &dyn Adapter,
        fetched: &Fetched,
        endpoint: &str,
        left: u32,
        until: Timestamp,
    ) {
        let descriptor = adapter.descriptor();
        let declared = descriptor.endpoint(endpoint);
        let pool = Desk::pool(declared, endpoint);
        self.0.desk.calls_left(descriptor.platform, &fetched.identity, pool, left, until);
    }

    /// The allowances that an account's calls draw on and that other accounts may draw on too.
    #[must_use]
    pub fn quota_domains(&self, adapter: &dyn Adapter, account: &AccountId) -> BTreeSet<QuotaDomain> {
        domains(adapter.descriptor(), (&self.0.sources, &self.0.desk.quotas), account)
    }

    fn call<'a>(
        &self,
        adapter: &'a dyn Adapter,
        endpoint: &'a str,
        accounts: &'a [AccountId],
        request: &'a Request,
        exchange: Option<Exchange<'a>>,
    ) -> Call<'a> {
        Call {
            adapter,
            endpoint,
            declared: adapter.descriptor().endpoint(endpoint),
            accounts,
            request,
            exchange,
            deadline: after(self.0.clock.now(), self.0.policy.max_total_wait()),
            attempt: 0,
            lease: Arc::default(),
            sent: false,
            heard: Heard::default(),
            tally: Tally::default(),
        }
    }
}

/// Puts a [`Transport`] together.
#[derive(Debug, Default)]
pub struct TransportBuilder {
    clock: Option<Arc<dyn Clock>>,
    credentials: Option<Arc<dyn CredentialStore>>,
    budget: Option<Arc<dyn BudgetStore>>,
    ceilings: Vec<Ceiling>,
    policy: RetryPolicy,
    quotas: Quotas,
    timeouts: Timeouts,
    wire: Option<Arc<dyn Wire>>,
    sources: Sources,
}

impl TransportBuilder {
    /// The clock; the machine's by default.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Where tokens rest; in memory by default.
    #[must_use]
    pub fn credentials(mut self, store: Arc<dyn CredentialStore>) -> Self {
        self.credentials = Some(store);
        self
    }

    /// What the configuration says of an account's credentials: by kind of token, or for any kind (`""`).
    #[must_use]
    pub fn source(mut self, account: AccountId, kind: &str, source: CredentialSource) -> Self {
        self.sources.by_account.insert((account, kind.to_owned()), source);
        self
    }

    /// All that the configuration says of an account's credentials.
    #[must_use]
    pub fn sources(mut self, account: &AccountId, by_kind: BTreeMap<String, CredentialSource>) -> Self {
        for (kind, source) in by_kind {
            self = self.source(account.clone(), &kind, source);
        }
        self
    }

    /// An account that is asked for with the credentials of another.
    #[must_use]
    pub fn through(mut self, account: &AccountId, holder: &AccountId) -> Self {
        self.sources.through.insert(account.clone(), holder.clone());
        self
    }

    /// Where variables are looked up; the process's environment by default.
    #[must_use]
    pub fn environment(mut self, lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        self.sources.environment = Environment(Arc::new(lookup));
        self
    }

    /// The ledger of calls and money; in memory by default.
    #[must_use]
    pub fn budget(mut self, store: Arc<dyn BudgetStore>) -> Self {
        self.budget = Some(store);
        self
    }

    /// The ceilings of calls and money; none by default.
    #[must_use]
    pub fn ceilings(mut self, ceilings: impl IntoIterator<Item = Ceiling>) -> Self {
        self.ceilings = ceilings.into_iter().collect();
        self
    }

    /// How failed calls are repeated.
    #[must_use]
    pub fn policy(mut self, policy: RetryPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Which limits are kept; those that the descriptors declare by default.
    #[must_use]
    pub fn quotas(mut self, quotas: Quotas) -> Self {
        self.quotas = quotas;
        self
    }

    /// How long the wire waits.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// The wire; HTTP by default.
    #[must_use]
    pub fn wire(mut self, wire: Arc<dyn Wire>) -> Self {
        self.wire = Some(wire);
        self
    }

    /// The transport.
    ///
    /// # Errors
    /// `Unexpected` when the HTTP client cannot be set up.
    pub fn build(self) -> Result<Transport> {
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock));
        let ledger = self.budget.unwrap_or_else(|| Arc::new(MemoryBudget::default()));
        let wire = match self.wire {
            Some(wire) => wire,
            None => Arc::new(HttpWire::new(&self.timeouts)?),
        };
        let books =
            Books { store: Arc::clone(&ledger), ceilings: self.ceilings.into(), clock: Arc::clone(&clock) };
        let desk = Arc::new(Desk::new(self.quotas, Arc::clone(&clock), ledger));
        let layers = stack(Parts {
            clock: Arc::clone(&clock),
            policy: self.policy.clone(),
            sources: self.sources.clone(),
            credentials: self.credentials.unwrap_or_else(|| Arc::new(MemoryCredentials::default())),
            books: books.clone(),
            desk: Arc::clone(&desk),
            wire,
        });
        let Self { policy, sources, .. } = self;
        Ok(Transport(Arc::new(Shared { layers, clock, policy, books, desk, sources })))
    }
}
