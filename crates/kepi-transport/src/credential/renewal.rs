//! How a fresh token is had: from where it is stored, from the configuration, or by an exchange.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use kepi_core::{
    Error, ErrorKind, Grant, Payload, Request, Response, Result, Token, TokenFlow,
    credential::{ExposeSecret, Refresh, SecretString},
    http::Text,
};
use smol_str::SmolStr;

use super::{Credential, InUse, Wanted};
use crate::{
    StoredToken,
    call::{Call, Exchange, Lease},
    clock::after,
    scrub,
    service_account::ServiceAccount,
    source::Secrets,
};

impl Credential {
    /// What is stored, or, where the configuration names other secrets since, what it names.
    pub(super) async fn known(&self, wanted: &Wanted<'_>) -> Result<Option<StoredToken>> {
        let stored = self.store.load(&wanted.key).await?;
        let token = self.read(wanted, "token")?;
        let refresh = self.read(wanted, "refresh_token")?;
        let seed = self.seed(wanted)?;
        if let Some(stored) = stored
            && (seed.is_none() || stored.seed == seed)
        {
            return Ok(Some(stored));
        }
        if seed.is_none() {
            return Ok(None);
        }
        Ok(Some(StoredToken {
            access: token.unwrap_or_default(),
            refresh,
            expires_at: None,
            refresh_expires_at: None,
            renewals: 0,
            scopes: Vec::new(),
            subject: None,
            obtained_at: self.clock.now(),
            dead_since: None,
            lost_since: None,
            seed,
        }))
    }

    /// Has a fresh token made, unless another process has done so meanwhile.
    pub(super) async fn renew(
        &self,
        call: &mut Call<'_>,
        wanted: &Wanted<'_>,
        dead: Option<&SecretString>,
        said: Option<&Error>,
    ) -> Result<StoredToken> {
        let _held = self.store.lock(&wanted.key).await?;
        let known = self.known(wanted).await?;
        if let Some(token) = known.as_ref().filter(|token| self.usable(wanted, token, dead)) {
            return Ok(token.clone());
        }
        let grant = self.grant(wanted, known.as_ref(), said)?;
        let renewed = self.ask(call, wanted, &grant, known.as_ref()).await;
        let renewed = renewed.map_err(|error| lost_before(error, wanted, known.as_ref()));
        if let (Some(known), Err(error)) = (&known, &renewed)
            && (dead.is_some() || !self.alive(known))
        {
            self.note_death(wanted, known, error).await?;
        }
        renewed
    }

    /// Has a refresh token renewed, unless another process has done so meanwhile. One that cannot be renewed any
    /// more counts as renewed as often as is allowed, so that nobody asks again.
    pub(super) async fn renew_refresh(
        &self,
        call: &mut Call<'_>,
        wanted: &Wanted<'_>,
        times: u8,
    ) -> Result<StoredToken> {
        let _held = self.store.lock(&wanted.key).await?;
        let known = self.known(wanted).await?;
        let due = |token: &StoredToken| self.refresh_ends_soon(token) && token.renewals < times;
        let known = match known {
            Some(known) if due(&known) => known,
            Some(known) => return Ok(known),
            None => return Err(no_consent(wanted)),
        };
        let renewed = self.ask(call, wanted, &Grant::Renew, Some(&known)).await;
        let renewed = renewed.map_err(|error| lost_before(error, wanted, Some(&known)));
        if let Err(error) = &renewed
            && error.kind() == ErrorKind::Reauthorise
        {
            self.store.save(&wanted.key, &StoredToken { renewals: times, ..known }).await?;
        }
        renewed
    }

    /// One exchange within a call, which bears its cost.
    async fn ask(
        &self,
        call: &mut Call<'_>,
        wanted: &Wanted<'_>,
        grant: &Grant,
        known: Option<&StoredToken>,
    ) -> Result<StoredToken> {
        let request = call.adapter.token_request(wanted.kind.name, grant)?;
        let secrets = stored_secrets(known);
        let mut nested = call.clone();
        nested.request = &request;
        (nested.endpoint, nested.declared) = ("token", None);
        nested.exchange = Some(Exchange { kind: wanted.kind, grant, secrets: &secrets });
        let asked = self.exchange(&mut nested, wanted, known).await.map_err(|error| nested.locate(error));
        let (tally, heard, sent) = (nested.tally, nested.heard, nested.sent);
        (call.tally, call.heard) = (tally, heard);
        if let (Err(error), Some(known), true) = (&asked, known, sent) {
            self.note_loss(wanted, grant, known, error).await?;
        }
        asked
    }

    /// Remembers that a refresh token which works once may have worked, and what it brought was lost on the way: the
    /// old one is tried again as long as the platform takes it, and when it does not, a person is told why.
    async fn note_loss(
        &self,
        wanted: &Wanted<'_>,
        grant: &Grant,
        known: &StoredToken,
        error: &Error,
    ) -> Result<()> {
        let once = match wanted.kind.flow {
            TokenFlow::AuthorizationCode { refresh: Refresh::Rotating, .. } => *grant == Grant::Refresh,
            TokenFlow::AuthorizationCode { refresh: Refresh::Renewable { .. }, .. } => *grant == Grant::Renew,
            _ => false,
        };
        let no_answer = matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::BadResponse);
        if !(once && no_answer) || known.lost_since.is_some() {
            return Ok(());
        }
        tracing::warn!(%error, credential = %wanted.key, "the answer to a renewal was lost: it may hold the only token");
        let lost = StoredToken { lost_since: Some(self.clock.now()), ..known.clone() };
        self.store.save(&wanted.key, &lost).await
    }

    /// The exchange that a person asked for.
    pub(super) async fn exchange_once(&self, call: &mut Call<'_>, wanted: &Wanted<'_>) -> Result<Response> {
        let slot = self.slot(&wanted.key);
        let mut in_use = slot.lock().await;
        let _held = self.store.lock(&wanted.key).await?;
        let known = self.known(wanted).await?;
        let token = self.exchange(call, wanted, known.as_ref()).await?;
        *in_use = InUse { token: Some(token), ..InUse::default() };
        Ok(Response { status: 200, headers: Vec::new(), body: Vec::new(), received_at: self.clock.now() })
    }

    /// Sends an exchange, reads its answer, and stores the token before anyone uses it.
    async fn exchange(
        &self,
        call: &mut Call<'_>,
        wanted: &Wanted<'_>,
        known: Option<&StoredToken>,
    ) -> Result<StoredToken> {
        let mut given = call.exchange.map(|exchange| exchange.secrets.clone()).unwrap_or_default();
        let mut address = None;
        if matches!(call.exchange.map(|exchange| exchange.grant), Some(Grant::Statement)) {
            let (statement, token_uri) = self.statement(wanted)?;
            (given, address) = (given.with("assertion", statement), Some(token_uri));
        }
        let secrets = self.exchange_secrets(call.request, &given, wanted, known)?;
        let hidden = self.hidden(&secrets, wanted.account, wanted.kind.name);
        let identity = wanted.key.to_string();
        let app = self.sources.app(wanted.account, wanted.kind);
        let lease = Lease { identity, app, token: None, address, secrets, hidden: hidden.clone() };
        call.lease = Arc::new(lease);
        let response = self.inner.call(call).await.map_err(|error| scrub::error(error, &hidden))?;
        let token = match call.adapter.decode_token(wanted.kind.name, &response) {
            Ok(token) => token,
            Err(error) => {
                let told = scrub::token_like(&response.body);
                let hidden: Vec<SecretString> = hidden.into_iter().chain(told).collect();
                return Err(scrub::error(refusal(error, response.status, wanted, call), &hidden));
            }
        };
        let grant = call.exchange.map(|exchange| exchange.grant);
        match self.second_request(call, wanted)? {
            None => self.keep(wanted, known, grant, token).await,
            Some(request) => {
                let long = self.second_exchange(call, wanted, &request, &token).await?;
                let scopes = if long.scopes.is_empty() { token.scopes } else { long.scopes };
                let subject = long.subject.or(token.subject);
                self.keep(wanted, known, grant, Token { scopes, subject, ..long }).await
            }
        }
    }

    fn second_request(&self, call: &Call<'_>, wanted: &Wanted<'_>) -> Result<Option<Request>> {
        let Some(exchange) = call.exchange else { return Ok(None) };
        call.adapter.second_exchange(wanted.kind.name, exchange.grant)
    }

    /// Exchanges a token that is good for nothing else for the one that is kept.
    async fn second_exchange(
        &self,
        call: &mut Call<'_>,
        wanted: &Wanted<'_>,
        request: &Request,
        first: &Token,
    ) -> Result<Token> {
        let given = Secrets::default().with("access_token", first.access.clone());
        let mut second = call.clone();
        second.request = request;
        second.exchange = call.exchange.map(|exchange| Exchange { secrets: &given, ..exchange });
        let secrets = self.exchange_secrets(request, &given, wanted, None)?;
        let mut hidden = self.hidden(&secrets, wanted.account, wanted.kind.name);
        hidden.push(first.access.clone());
        let lease = Lease { secrets, hidden: hidden.clone(), ..(*second.lease).clone() };
        second.lease = Arc::new(lease);
        let answer = self.inner.call(&mut second).await;
        let (tally, heard, status) = (second.tally, second.heard, answer.as_ref().map_or(0, |it| it.status));
        (call.tally, call.heard) = (tally, heard);
        let response = answer.map_err(|error| scrub::error(error, &hidden))?;
        call.adapter.decode_token(wanted.kind.name, &response).map_err(|error| {
            hidden.extend(scrub::token_like(&response.body));
            scrub::error(refusal(error, status, wanted, call), &hidden)
        })
    }

    async fn keep(
        &self,
        wanted: &Wanted<'_>,
        known: Option<&StoredToken>,
        grant: Option<&Grant>,
        token: Token,
    ) -> Result<StoredToken> {
        let now = self.clock.now();
        let end = |secs: Option<u64>| secs.map(|secs| after(now, Duration::from_secs(secs)));
        let refresh_expires_at = refresh_end(wanted, known, &token, end(token.refresh_expires_in_secs));
        let seed = self.seed(wanted)?;
        let stored = match (grant, known) {
            // The access token goes on as it was.
            (Some(Grant::Renew), Some(known)) => StoredToken {
                refresh: token.refresh.or_else(|| known.refresh.clone()),
                refresh_expires_at,
                renewals: known.renewals.saturating_add(1),
                lost_since: None,
                seed,
                ..known.clone()
            },
            _ => StoredToken {
                access: token.access,
                refresh: token.refresh.or_else(|| known?.refresh.clone()),
                expires_at: end(token.expires_in_secs.or(wanted.kind.lifetime_secs.map(u64::from))),
                refresh_expires_at,
                renewals: match grant {
                    Some(Grant::Code { .. }) => 0,
                    _ => known.map_or(0, |known| known.renewals),
                },
                scopes: token.scopes,
                subject: token.subject.or_else(|| known?.subject.clone()),
                obtained_at: now,
                dead_since: None,
                lost_since: None,
                seed,
            },
        };
        self.store.save(&wanted.key, &stored).await?;
        tracing::info!(credential = %wanted.key, expires_at = ?stored.expires_at, "token renewed and stored");
        Ok(stored)
    }

    /// Remembers that only a person can help, so that nobody asks again and again.
    async fn note_death(&self, wanted: &Wanted<'_>, known: &StoredToken, error: &Error) -> Result<()> {
        if error.kind() != ErrorKind::Reauthorise {
            return Ok(());
        }
        let dead = StoredToken { dead_since: Some(self.clock.now()), ..known.clone() };
        self.store.save(&wanted.key, &dead).await
    }

    fn exchange_secrets(
        &self,
        request: &Request,
        given: &Secrets,
        wanted: &Wanted<'_>,
        known: Option<&StoredToken>,
    ) -> Result<Secrets> {
        let stored = stored_secrets(known);
        let mut secrets = Secrets::default();
        for name in names(request) {
            let secret = match given.get(&name).or_else(|| stored.get(&name)) {
                Some(secret) => Some(secret.clone()),
                None => self.read(wanted, &name)?,
            };
            let secret = secret.ok_or_else(|| nowhere(&name, wanted))?;
            secrets = secrets.with(name, secret);
        }
        Ok(secrets)
    }

    /// What can be exchanged for a fresh token; `said` is how the platform refused the old one.
    fn grant(&self, wanted: &Wanted<'_>, known: Option<&StoredToken>, said: Option<&Error>) -> Result<Grant> {
        if self.sources.signs(wanted.account, wanted.kind) {
            return Ok(Grant::Statement);
        }
        let source = self.sources.source(wanted.account, wanted.kind.name);
        let app = source.is_some_and(|source| source.reference("client_id").is_some());
        let Some(known) = known else {
            return match wanted.kind.flow {
                TokenFlow::Client if app => Ok(Grant::Client),
                TokenFlow::AuthorizationCode { .. } if app => Err(no_consent(wanted)),
                _ => Err(unconfigured(wanted)),
            };
        };
        if let Some(gone) = self.gone(known) {
            return Err(lost_before(reauthorise(wanted, Some(gone)), wanted, Some(known)));
        }
        match wanted.kind.flow {
            TokenFlow::Client if app => Ok(Grant::Client),
            TokenFlow::AuthorizationCode { refresh, .. } => match refresh {
                Refresh::Rotating | Refresh::Reusable | Refresh::Renewable { .. }
                    if known.refresh.is_some() =>
                {
                    Ok(Grant::Refresh)
                }
                Refresh::Exchange if self.alive(known) && said.is_none() => Ok(Grant::Refresh),
                _ => Err(told(reauthorise(wanted, known.expires_at), said)),
            },
            TokenFlow::Client | TokenFlow::Static => Err(told(self.replace(wanted), said)),
        }
    }

    /// Since when a token cannot be renewed, if that is known.
    fn gone(&self, known: &StoredToken) -> Option<jiff::Timestamp> {
        let end = known.refresh_expires_at.filter(|end| *end <= self.clock.now());
        known.dead_since.or(end)
    }

    fn replace(&self, wanted: &Wanted<'_>) -> Error {
        let source = self.sources.source(wanted.account, wanted.kind.name);
        let place = source.and_then(|source| source.reference("token"));
        let place = place.map_or_else(|| "token_env or token_file".to_owned(), |place| place.to_string());
        Error::new(ErrorKind::Reauthorise, "the platform refuses the token, and it cannot be renewed")
            .with("account", wanted.account)
            .with("credential", &wanted.key)
            .hint(format!("put a new token into {place}"))
    }

    /// Which configured secrets a stored token grew from, without telling them.
    fn seed(&self, wanted: &Wanted<'_>) -> Result<Option<String>> {
        let (token, refresh) = (self.read(wanted, "token")?, self.read(wanted, "refresh_token")?);
        let signs = self.sources.signs(wanted.account, wanted.kind);
        let key = if signs { self.read(wanted, "service_account")? } else { None };
        if token.is_none() && refresh.is_none() && key.is_none() {
            return Ok(None);
        }
        let mut hasher = blake3::Hasher::new();
        for secret in [token, refresh] {
            hasher.update(secret.as_ref().map_or("", |secret| secret.expose_secret()).as_bytes());
            hasher.update(&[0]);
        }
        if let Some(key) = key {
            hasher.update(key.expose_secret().as_bytes());
        }
        Ok(Some(hasher.finalize().to_hex().chars().take(16).collect()))
    }

    /// What the service account says and signs, and where it goes.
    fn statement(&self, wanted: &Wanted<'_>) -> Result<(SecretString, String)> {
        let key = self.read(wanted, "service_account")?;
        let key = key.ok_or_else(|| nowhere("service_account", wanted))?;
        let signed = ServiceAccount::read(&key).and_then(|signer| {
            Ok((signer.statement(wanted.kind.scopes, self.clock.now())?, signer.token_uri))
        });
        signed.map_err(|error| error.with("account", wanted.account).with("credential", &wanted.key))
    }

    fn read(&self, wanted: &Wanted<'_>, secret: &str) -> Result<Option<SecretString>> {
        self.sources.read(wanted.account, wanted.kind.name, secret)
    }
}

/// The secrets that a request names.
pub(super) fn names(request: &Request) -> BTreeSet<SmolStr> {
    let mut texts: Vec<&Text> = request.query.iter().chain(&request.headers).map(|(_, text)| text).collect();
    if let Payload::Form(pairs) = &request.payload {
        texts.extend(pairs.iter().map(|(_, text)| text));
    }
    if let Some((user, password)) = &request.basic {
        texts.extend([user, password]);
    }
    let mut names: BTreeSet<SmolStr> = texts
        .into_iter()
        .filter_map(|text| match text {
            Text::Secret(name) => Some(name.clone()),
            Text::Plain(_) => None,
        })
        .collect();
    if let Payload::Json { secrets, .. } = &request.payload {
        names.extend(secrets.iter().map(|(_, name)| name.clone()));
    }
    names
}

/// When the refresh token ends. One that stays keeps its end, whatever a refresh says of it.
fn refresh_end(
    wanted: &Wanted<'_>,
    known: Option<&StoredToken>,
    token: &Token,
    told: Option<jiff::Timestamp>,
) -> Option<jiff::Timestamp> {
    let before = known.and_then(|known| known.refresh_expires_at);
    let Some(refresh) = &token.refresh else { return told.or(before) };
    let text = |secret: &SecretString| secret.expose_secret().to_owned();
    let same = known.and_then(|known| known.refresh.as_ref()).is_some_and(|old| text(old) == text(refresh));
    let renewable =
        matches!(wanted.kind.flow, TokenFlow::AuthorizationCode { refresh: Refresh::Renewable { .. }, .. });
    if same && renewable { before.into_iter().chain(told).min() } else { told }
}

fn stored_secrets(known: Option<&StoredToken>) -> Secrets {
    let Some(known) = known else { return Secrets::default() };
    let secrets = Secrets::default().with("access_token", known.access.clone());
    match &known.refresh {
        Some(refresh) => secrets.with("refresh_token", refresh.clone()),
        None => secrets,
    }
}

/// An adapter knows its platform's own words for a dead grant; where it does not, the status tells.
fn refusal(error: Error, status: u16, wanted: &Wanted<'_>, call: &Call<'_>) -> Error {
    let grant = call.exchange.map(|exchange| exchange.grant);
    let by_app = matches!(grant, Some(Grant::Client));
    match (error.kind(), status) {
        (ErrorKind::Reauthorise | ErrorKind::BadResponse | ErrorKind::CredentialExpired, 400 | 401 | 403)
            if matches!(grant, Some(Grant::Statement)) =>
        {
            let refused = Error::bad_config("the service account's statement is refused")
                .with("credential", &wanted.key)
                .with("told", error.message())
                .hint("make a new key of the account, and put it where service_account_file or service_account_env says");
            error.context().fold(refused, |refused, (key, value)| refused.with(key, value))
        }
        (ErrorKind::Reauthorise, _) => {
            let hint = format!("run `kepi auth {}`", wanted.account);
            if error.hint_text().is_some() { error } else { error.hint(hint) }
        }
        (ErrorKind::BadResponse | ErrorKind::CredentialExpired, 400 | 401 | 403) if by_app => {
            Error::bad_config("the app's id and secret are refused")
                .with("credential", &wanted.key)
                .with("told", error.message())
                .hint("check what client_id and client_secret name")
        }
        (ErrorKind::BadResponse | ErrorKind::CredentialExpired, 400 | 401 | 403) => {
            reauthorise(wanted, None).with("told", error.message())
        }
        _ => error,
    }
}

fn reauthorise(wanted: &Wanted<'_>, since: Option<jiff::Timestamp>) -> Error {
    let error = Error::new(ErrorKind::Reauthorise, "the consent has run out and cannot be renewed")
        .with("account", wanted.account)
        .with("credential", &wanted.key)
        .hint(format!("run `kepi auth {}`", wanted.account));
    match since {
        Some(since) => error.with("since", since),
        None => error,
    }
}

/// Why a refresh token that worked once is refused: the one that came after it was lost on its way.
fn lost_before(error: Error, wanted: &Wanted<'_>, known: Option<&StoredToken>) -> Error {
    let Some(lost) = known.and_then(|known| known.lost_since) else { return error };
    if error.kind() != ErrorKind::Reauthorise {
        return error;
    }
    Error::new(
        ErrorKind::Reauthorise,
        "the answer with the next token was lost on its way, and the old one is used up",
    )
    .with("account", wanted.account)
    .with("credential", &wanted.key)
    .with("lost_since", lost)
    .with("told", error.message())
    .hint(format!("run `kepi auth {}`", wanted.account))
}

fn told(error: Error, said: Option<&Error>) -> Error {
    match said {
        Some(said) => error.with("told", said.message()),
        None => error,
    }
}

fn no_consent(wanted: &Wanted<'_>) -> Error {
    Error::new(ErrorKind::Reauthorise, "nobody has consented yet")
        .with("account", wanted.account)
        .with("credential", &wanted.key)
        .hint(format!("run `kepi auth {}`", wanted.account))
}

fn unconfigured(wanted: &Wanted<'_>) -> Error {
    let kind = wanted.kind.name;
    let hint = match wanted.kind.flow {
        TokenFlow::Static => "name a token by token_env or token_file".to_owned(),
        TokenFlow::Client => {
            "name the app by client_id_env and client_secret_env, or a token by token_env".to_owned()
        }
        TokenFlow::AuthorizationCode { .. } => {
            let key = if wanted.kind.service_account {
                ", or a service account's key by service_account_file"
            } else {
                ""
            };
            format!(
                "name the app by client_id_env and run `kepi auth {}`, or a token by token_env{key}",
                wanted.account
            )
        }
    };
    Error::bad_config(format!("no {kind} token for {}", wanted.account))
        .with("account", wanted.account)
        .hint(hint)
}

fn nowhere(name: &str, wanted: &Wanted<'_>) -> Error {
    Error::bad_config(format!("no {name} for {}", wanted.account))
        .with("account", wanted.account)
        .hint(format!("name {name}_env or {name}_file in its credentials"))
}
