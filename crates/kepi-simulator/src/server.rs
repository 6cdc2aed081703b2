//! The platforms on loopback: one port each, one world and one clock behind them all.

use std::{
    collections::BTreeMap,
    io,
    net::Ipv4Addr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use http_body_util::{BodyExt, Limited};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use kepi_core::{AccountId, Error, ErrorKind, Result};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use crate::{
    AccountKey, Faults, Network, SimClock, SimulatorConfig, Stats, Struck, Switch, World,
    call::{Answer, Call},
    control,
    dialect::{self, Dialect},
    fault::{Active, Refusal, Wire},
    ledger::Ledger,
    service_account::ServiceAccount,
    switch::ALL,
    token::Tokens,
    wire::{Body, send},
};

/// No platform is sent more than this by kepi.
const MAX_BODY: usize = 4 << 20;

/// One platform's front desk: what it knows of its callers.
pub(crate) struct Desk {
    pub(crate) tokens: Tokens,
    pub(crate) ledger: Ledger,
    pub(crate) faults: Faults,
    pub(crate) config: SimulatorConfig,
    /// Whose browser it is that comes to the page of consent.
    pub(crate) signed_in: AtomicU32,
    notes: Mutex<BTreeMap<String, i64>>,
    /// The service account that the platform knows, once it has a key.
    service_account: Mutex<Option<ServiceAccount>>,
}

impl Desk {
    /// The person whose browser comes to the page of consent.
    pub(crate) fn visitor(&self) -> AccountKey {
        AccountKey(self.signed_in.load(Ordering::SeqCst))
    }

    /// Whether the platform's service account signed what is said with the key that it has now.
    pub(crate) fn is_signed(&self, said: &str, signature: &[u8]) -> bool {
        let known = self.service_account.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().is_some_and(|account| account.signed(said, signature))
    }

    /// A number that a dialect remembers beyond tokens and limits.
    pub(crate) fn note(&self, key: &str) -> Option<i64> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }

    /// Remembers a number.
    pub(crate) fn remember(&self, key: String, value: i64) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).insert(key, value);
    }
}

pub(crate) struct Platform {
    desk: Desk,
    dialect: Box<dyn Dialect>,
    world: Arc<World>,
    clock: SimClock,
}

/// The platforms with their addresses.
pub(crate) struct Platforms {
    clock: SimClock,
    world: Arc<World>,
    by_name: BTreeMap<&'static str, (String, Arc<Platform>)>,
}

impl Platforms {
    /// The addresses of all platforms.
    pub(crate) fn urls(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.by_name.iter().map(|(name, (url, _))| (*name, url.as_str()))
    }

    fn get(&self, name: &str) -> Result<&Platform> {
        self.by_name.get(name).map(|(_, platform)| platform.as_ref()).ok_or_else(|| {
            let known: Vec<_> = self.by_name.keys().copied().collect();
            Error::bad_input(format!("{name:?} is not simulated"))
                .hint(format!("known: {}", known.join(", ")))
        })
    }

    /// One platform, or all of them.
    fn named(&self, name: &str) -> Result<Vec<&Platform>> {
        if name == ALL {
            return Ok(self.by_name.values().map(|(_, platform)| platform.as_ref()).collect());
        }
        self.get(name).map(|platform| vec![platform])
    }

    pub(crate) fn switch_on(&self, switch: &Switch) -> Result<()> {
        for platform in self.named(switch.platform())? {
            platform.desk.faults.add(switch.rule(self.clock.now()));
        }
        Ok(())
    }

    pub(crate) fn lift(&self, platform: &str) -> Result<()> {
        self.named(platform)?.into_iter().for_each(|platform| platform.desk.faults.clear());
        Ok(())
    }

    pub(crate) fn stats(&self, platform: &str) -> Result<Stats> {
        Ok(self.get(platform)?.desk.ledger.stats())
    }

    pub(crate) fn sign_in(&self, account: &AccountId) -> Result<()> {
        let key = self.account_key(account)?;
        self.get(account.platform_name())?.desk.signed_in.store(key.0, Ordering::SeqCst);
        Ok(())
    }

    pub(crate) fn revoke(&self, account: &AccountId) -> Result<()> {
        let key = self.account_key(account)?;
        let tokens = &self.get(account.platform_name())?.desk.tokens;
        tokens.revoke(key);
        tokens.revoke(key.at_second_app());
        Ok(())
    }

    fn consent(&self, account: &AccountId, kind: &str) -> Result<(&Tokens, AccountKey)> {
        let key = self.account_key(account)?;
        let platform = self.get(account.platform_name())?;
        let second = platform.dialect.second_app() == Some(kind);
        Ok((&platform.desk.tokens, if second { key.at_second_app() } else { key }))
    }

    fn account_key(&self, account: &AccountId) -> Result<AccountKey> {
        let site = || self.world.sites().into_iter().find(|site| site.id == *account).map(|site| site.owner);
        let person = || self.world.people().into_iter().find(|it| it.id == *account).map(|it| it.page);
        let known = self.world.find_account(account).map(|profile| profile.key);
        known.or_else(site).or_else(person).ok_or_else(|| {
            Error::bad_input(format!("{account} is not an account of this world"))
                .hint("World::accounts, World::sites and World::people list them")
        })
    }
}

/// The running platforms. They stop when it is dropped.
pub struct Simulator {
    platforms: Arc<Platforms>,
    tasks: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.urls()).finish()
    }
}

impl Simulator {
    /// Opens a port on loopback for each platform and answers there until it is shut down or dropped.
    ///
    /// # Errors
    /// `Unavailable` when a port cannot be opened.
    pub async fn start(world: impl Into<Arc<World>>, config: SimulatorConfig) -> Result<Self> {
        let world = world.into();
        let clock = config.clock.clone().unwrap_or_else(|| SimClock::at(world.default_now()));
        let seed = config.token_seed.unwrap_or(world.config().seed);
        let mut by_name = BTreeMap::new();
        let mut tasks = Vec::new();
        for (place, dialect) in (0..).zip(dialect::all()) {
            let name = dialect.name();
            let (listener, url) = listen(config.first_port.map(|first| first.saturating_add(place))).await?;
            let first = name.parse::<Network>().ok().and_then(|network| world.accounts_of(network).next());
            let desk = Desk {
                tokens: Tokens::new(dialect.token_prefixes(), seed),
                ledger: Ledger::default(),
                faults: Faults::default(),
                config: config.clone(),
                signed_in: AtomicU32::new(first.map_or(0, |account| account.key.0)),
                notes: Mutex::default(),
                service_account: Mutex::default(),
            };
            let platform =
                Arc::new(Platform { desk, dialect, world: Arc::clone(&world), clock: clock.clone() });
            tasks.push(tokio::spawn(accept(listener, Arc::clone(&platform))));
            by_name.insert(name, (url, platform));
        }
        Ok(Self { platforms: Arc::new(Platforms { clock, world, by_name }), tasks })
    }

    /// Opens one more port, on which the running platforms are seen and broken from outside: `GET /` says how. Gives its
    /// address.
    ///
    /// # Errors
    /// `Unavailable` when the port cannot be opened.
    pub async fn open_control(&mut self) -> Result<String> {
        let after =
            |first: u16| first.saturating_add(u16::try_from(self.platforms.by_name.len()).unwrap_or(0));
        let first = self.platforms.by_name.values().next().and_then(|(_, it)| it.desk.config.first_port);
        let (listener, url) = listen(first.map(after)).await?;
        self.tasks.push(tokio::spawn(control::serve(listener, Arc::clone(&self.platforms), url.clone())));
        Ok(url)
    }

    /// The address of a platform, without a slash at the end.
    #[must_use]
    pub fn url(&self, platform: &str) -> Option<&str> {
        self.platforms.by_name.get(platform).map(|(url, _)| url.as_str())
    }

    /// The addresses of all platforms.
    pub fn urls(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.platforms.urls()
    }

    /// The clock that all platforms live by.
    #[must_use]
    pub fn clock(&self) -> &SimClock {
        &self.platforms.clock
    }

    /// The world that they tell of.
    #[must_use]
    pub fn world(&self) -> &Arc<World> {
        &self.platforms.world
    }

    /// The faults of a platform.
    ///
    /// # Errors
    /// `BadInput` when it is not simulated.
    pub fn faults(&self, platform: &str) -> Result<&Faults> {
        Ok(&self.platforms.get(platform)?.desk.faults)
    }

    /// Switches a fault on.
    ///
    /// # Errors
    /// `BadInput` when its platform is not simulated.
    pub fn switch_on(&self, switch: &Switch) -> Result<()> {
        self.platforms.switch_on(switch)
    }

    /// What a platform has counted so far.
    ///
    /// # Errors
    /// `BadInput` when it is not simulated.
    pub fn stats(&self, platform: &str) -> Result<Stats> {
        self.platforms.stats(platform)
    }

    /// Returns when what a platform has counted is as wanted.
    ///
    /// # Errors
    /// `BadInput` when it is not simulated.
    pub async fn until(&self, platform: &str, wanted: impl Fn(&Stats) -> bool) -> Result<()> {
        self.platforms.get(platform)?.desk.ledger.until(wanted).await;
        Ok(())
    }

    /// A token of the application, which lives for ever.
    ///
    /// # Errors
    /// `BadInput` when the platform is not simulated.
    pub fn app_token(&self, platform: &str) -> Result<String> {
        Ok(self.platforms.get(platform)?.desk.tokens.app(0))
    }

    /// A token of an account's owner, which lives for ever.
    ///
    /// # Errors
    /// `BadInput` when the account is not of this world.
    pub fn user_token(&self, account: &AccountId) -> Result<String> {
        let key = self.platforms.account_key(account)?;
        Ok(self.platforms.get(account.platform_name())?.desk.tokens.user(key, 0))
    }

    /// The same, for a kind of token as the platform's adapter calls it.
    ///
    /// # Errors
    /// `BadInput` when the account is not of this world.
    pub fn user_token_for(&self, account: &AccountId, kind: &str) -> Result<String> {
        let (tokens, key) = self.platforms.consent(account, kind)?;
        Ok(tokens.user(key, 0))
    }

    /// A refresh token of an account's owner, for a kind of token as the platform's adapter calls it.
    ///
    /// # Errors
    /// `BadInput` when the account is not of this world.
    pub fn refresh_token(&self, account: &AccountId, kind: &str) -> Result<String> {
        let (tokens, key) = self.platforms.consent(account, kind)?;
        Ok(tokens.refresh(key, 0))
    }

    /// A new key of Google's service account, as the JSON file that its owner gets: it may see every website and
    /// place. The key before it is deleted.
    ///
    /// # Errors
    /// `Unexpected` when no key can be made.
    pub fn service_account_key(&self) -> Result<String> {
        let platform = self.platforms.get("web")?;
        let url = self.url("web").unwrap_or_default();
        let (account, file) = ServiceAccount::make(&format!("{url}/token"))?;
        *platform.desk.service_account.lock().unwrap_or_else(PoisonError::into_inner) = Some(account);
        Ok(file)
    }

    /// Says whose browser comes to a platform's page of consent from now on.
    ///
    /// # Errors
    /// `BadInput` when the account is not of this world.
    pub fn sign_in(&self, account: &AccountId) -> Result<()> {
        self.platforms.sign_in(account)
    }

    /// Kills all tokens of an account, as a person does who withdraws the consent.
    ///
    /// # Errors
    /// `BadInput` when the account is not of this world.
    pub fn revoke(&self, account: &AccountId) -> Result<()> {
        self.platforms.revoke(account)
    }

    /// Stops all platforms at once; open connections break.
    pub async fn shutdown(mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
            // Aborted is what it is meant to be.
            let _ = task.await;
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Opens a port on loopback, any free one where none is named; gives its address too.
async fn listen(port: Option<u16>) -> Result<(TcpListener, String)> {
    let no_port = |error: io::Error| match port {
        None => Error::new(ErrorKind::Unavailable, "no port on loopback can be opened").caused_by(error),
        Some(port) => Error::new(ErrorKind::Unavailable, format!("port {port} on loopback cannot be opened"))
            .hint("each platform has a port, one after the other: begin where all are free")
            .caused_by(error),
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0))).await.map_err(no_port)?;
    let url = format!("http://{}", listener.local_addr().map_err(no_port)?);
    Ok((listener, url))
}

/// Connections live in the task that accepted them and end with it.
async fn accept(listener: TcpListener, platform: Arc<Platform>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(converse(stream, Arc::clone(&platform)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn converse(stream: TcpStream, platform: Arc<Platform>) {
    // Answers are small: waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let platform = Arc::clone(&platform);
        async move { platform.serve(request).await }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    // A broken connection is the caller's business.
    let _ = connection.await;
}

impl Platform {
    async fn serve(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let (parts, body) = request.into_parts();
        let body = Limited::new(body, MAX_BODY).collect().await.map_err(io::Error::other)?.to_bytes();
        let path = parts.uri.path().trim_end_matches('/');
        let now = self.clock.now();
        let active = self.desk.faults.strike(path, now);
        if let Some(tell) = self.desk.config.on_fault {
            let struck = |fault| Struck { platform: self.dialect.name(), path, fault };
            active.struck.iter().for_each(|fault| tell(&struck(*fault)));
        }
        if active.wire == Some(Wire::Dropped) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let clock = now.saturating_add(active.skew).unwrap_or(Timestamp::MAX);
        let text =
            |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let call = Call {
            world: &self.world,
            desk: &self.desk,
            faults: &active,
            now,
            clock,
            method: parts.method.as_str().to_owned(),
            path: path.to_owned(),
            raw_query: parts.uri.query().unwrap_or_default().to_owned(),
            query: form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect(),
            headers: parts.headers.iter().map(|(k, v)| (k.as_str().to_owned(), text(v))).collect(),
            body: body.to_vec(),
        };
        let answer = self.answer(&call, &active).with("date", clock.strftime("%a, %d %b %Y %H:%M:%S GMT"));
        self.desk.ledger.count(endpoint_of(path), answer.status);
        send(answer, active.wire)
    }

    fn answer(&self, call: &Call<'_>, active: &Active) -> Answer {
        if active.html {
            return Answer::html(
                200,
                "<!doctype html><html><body><h1>Down for maintenance</h1></body></html>",
            );
        }
        if let Some(refusal) = active.refusal {
            if matches!(refusal, Refusal::RateLimit | Refusal::QuotaExhausted) {
                self.desk.ledger.count_throttled();
            }
            return self.dialect.refuse(call, refusal);
        }
        let mut answer = self.dialect.answer(call);
        if active.changed_shape {
            answer.body = [b"{\"payload\":".as_slice(), &answer.body, b"}"].concat();
        }
        answer
    }
}

/// The path with ids left out: what calls are counted by.
fn endpoint_of(path: &str) -> String {
    let is_id = |segment: &str| segment.bytes().filter(u8::is_ascii_digit).count() >= 5;
    let segments: Vec<&str> =
        path.split('/').map(|segment| if is_id(segment) { "{id}" } else { segment }).collect();
    segments.join("/")
}
