//! The credential layer: adds the token, and has a fresh one made when it must.
//!
//! One renewal at a time per credential, in this process and across processes; what it brings is stored before
//! it is used. A call whose token turns out to be dead is made once more with the fresh one, not oftener.

mod renewal;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use kepi_core::{
    AccountId, Adapter, Error, ErrorKind, Response, Result, TokenFlow, TokenKind,
    credential::{ExposeSecret, Refresh, SecretString},
};

use crate::{
    Clock, CredentialKey, CredentialStore, StoredToken,
    call::{Call, Inner, Layer, Lease},
    clock::{after, until},
    service_account::ServiceAccount,
    source::{Secrets, Sources},
};

/// A token is renewed so long before its end.
const EARLY: Duration = Duration::from_secs(60);

/// How long before its end a token is renewed. One that is itself exchanged for the next is dead for good
/// after its end, so it is renewed when half of its life is left: a machine that rests for weeks loses nothing.
fn early(kind: &TokenKind, token: &StoredToken, end: Timestamp) -> Duration {
    match kind.flow {
        TokenFlow::AuthorizationCode { refresh: Refresh::Exchange, .. } => {
            EARLY.max(until(token.obtained_at, end) / 2)
        }
        _ => EARLY,
    }
}

#[derive(Debug)]
pub(crate) struct Credential {
    pub(crate) inner: Inner,
    pub(crate) sources: Sources,
    pub(crate) store: Arc<dyn CredentialStore>,
    pub(crate) clock: Arc<dyn Clock>,
    slots: Mutex<HashMap<CredentialKey, Slot>>,
}

/// A token in use; whoever holds the lock is the one who renews it.
type Slot = Arc<tokio::sync::Mutex<InUse>>;

#[derive(Debug, Default)]
struct InUse {
    token: Option<StoredToken>,
    /// After a renewal that failed before it was due: until when the old token does.
    enough_until: Option<Timestamp>,
    /// After the refresh token could not be renewed: until when that is not tried again.
    leave_refresh_until: Option<Timestamp>,
}

/// How long a renewal that failed before it was due is left alone.
const PATIENCE: Duration = Duration::from_secs(3600);

/// A refresh token that can be renewed is, when so much of its life is left: time for several tries of a daily
/// run.
const RENEW_BEFORE: Duration = Duration::from_secs(3 * 86_400);

/// A kind of token of an account, and where it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Wanted<'a> {
    account: &'a AccountId,
    kind: &'a TokenKind,
    key: CredentialKey,
}

#[async_trait]
impl Layer for Credential {
    fn name(&self) -> &'static str {
        "credential"
    }

    fn inner(&self) -> Option<&dyn Layer> {
        Some(&*self.inner)
    }

    async fn call(&self, call: &mut Call<'_>) -> Result<Response> {
        if let Some(exchange) = call.exchange {
            let wanted = self.wanted(call, exchange.kind)?;
            return self.exchange_once(call, &wanted).await;
        }
        let Some(name) = call.request.token.clone() else {
            call.lease = Arc::new(self.without_token(call)?);
            return self.inner.call(call).await;
        };
        let adapter = call.adapter;
        let wanted = self.wanted(call, kind_named(adapter, &name)?)?;
        let token = self.token(call, &wanted, None).await?;
        call.lease = Arc::new(self.lease(call, &wanted, &token)?);
        let refused = match self.inner.call(call).await {
            Err(error) if error.kind() == ErrorKind::CredentialExpired => error,
            other => return other,
        };
        tracing::info!(credential = %wanted.key, "token refused, a fresh one is had");
        let fresh = self.token(call, &wanted, Some((&token.access, refused))).await?;
        call.lease = Arc::new(self.lease(call, &wanted, &fresh)?);
        self.inner.call(call).await.map_err(|error| refused_again(error, &wanted))
    }
}

impl Credential {
    pub(crate) fn new(
        inner: Inner,
        sources: Sources,
        store: Arc<dyn CredentialStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { inner, sources, store, clock, slots: Mutex::default() }
    }

    /// The token to use, fresh; `refused` is the one that the platform did not take, and what it said.
    async fn token(
        &self,
        call: &mut Call<'_>,
        wanted: &Wanted<'_>,
        refused: Option<(&SecretString, Error)>,
    ) -> Result<StoredToken> {
        let slot = self.slot(&wanted.key);
        let mut in_use = slot.lock().await;
        let token = self.fresh(call, wanted, refused, &mut in_use).await?;
        if !self.refresh_ends_soon(&token) {
            return Ok(token);
        }
        let token = self.lengthen(call, wanted, token, &mut in_use).await;
        in_use.token = Some(token.clone());
        Ok(token)
    }

    /// The token in use, or one that was just had.
    async fn fresh(
        &self,
        call: &mut Call<'_>,
        wanted: &Wanted<'_>,
        refused: Option<(&SecretString, Error)>,
        in_use: &mut InUse,
    ) -> Result<StoredToken> {
        let (dead, said) = refused.unzip();
        let patient = dead.is_none() && in_use.enough_until.is_some_and(|until| self.clock.now() < until);
        let usable = |token: &StoredToken| self.usable(wanted, token, dead) || (patient && self.alive(token));
        if let Some(token) = in_use.token.as_ref().filter(|token| usable(token)) {
            return Ok(token.clone());
        }
        let known = self.known(wanted).await?;
        let (token, enough_until) = match known {
            Some(token) if usable(&token) => (token, None),
            Some(token) if dead.is_none() && self.alive(&token) => {
                self.renew_early(call, wanted, token).await
            }
            _ => {
                in_use.token = None;
                (self.renew(call, wanted, dead, said.as_ref()).await?, None)
            }
        };
        (in_use.token, in_use.enough_until) = (Some(token.clone()), enough_until);
        Ok(token)
    }

    /// Renews a token that still lives; where that fails, it does for a while.
    async fn renew_early(
        &self,
        call: &mut Call<'_>,
        wanted: &Wanted<'_>,
        token: StoredToken,
    ) -> (StoredToken, Option<Timestamp>) {
        match self.renew(call, wanted, None, None).await {
            Ok(token) => (token, None),
            Err(error) => {
                tracing::warn!(%error, credential = %wanted.key, "not renewed, the old token still lives");
                (token, Some(after(self.clock.now(), PATIENCE)))
            }
        }
    }

    fn refresh_ends_soon(&self, token: &StoredToken) -> bool {
        let now = self.clock.now();
        token.refresh_expires_at.is_some_and(|end| now < end && end <= after(now, RENEW_BEFORE))
    }

    /// Has a refresh token renewed whose end is near, as often as the platform allows. Where that fails the old
    /// one does to its end, and it is tried again later.
    async fn lengthen(
        &self,
        call: &mut Call<'_>,
        wanted: &Wanted<'_>,
        token: StoredToken,
        in_use: &mut InUse,
    ) -> StoredToken {
        let TokenFlow::AuthorizationCode { refresh: Refresh::Renewable { times }, .. } = wanted.kind.flow
        else {
            return token;
        };
        if in_use.leave_refresh_until.is_some_and(|until| self.clock.now() < until) {
            return token;
        }
        in_use.leave_refresh_until = Some(after(self.clock.now(), PATIENCE));
        let ends = token.refresh_expires_at;
        if token.renewals >= times {
            tracing::warn!(credential = %wanted.key, ?ends, "a person must consent again before the refresh token ends");
            return token;
        }
        match self.renew_refresh(call, wanted, times).await {
            Ok(token) => token,
            Err(error) => {
                tracing::warn!(%error, credential = %wanted.key, ?ends, "the refresh token was not renewed");
                token
            }
        }
    }

    fn usable(&self, wanted: &Wanted<'_>, token: &StoredToken, dead: Option<&SecretString>) -> bool {
        let now = self.clock.now();
        let fresh = token.expires_at.is_none_or(|end| after(now, early(wanted.kind, token, end)) < end);
        let refused = dead.is_some_and(|dead| dead.expose_secret() == token.access.expose_secret());
        fresh && !refused && token.dead_since.is_none() && !token.access.expose_secret().is_empty()
    }

    fn alive(&self, token: &StoredToken) -> bool {
        let ended = token.expires_at.is_some_and(|end| end <= self.clock.now());
        !ended && token.dead_since.is_none() && !token.access.expose_secret().is_empty()
    }

    fn slot(&self, key: &CredentialKey) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(key.clone()).or_default())
    }

    fn wanted<'a>(&self, call: &Call<'a>, kind: &'a TokenKind) -> Result<Wanted<'a>> {
        let account = call
            .accounts
            .first()
            .ok_or_else(|| Error::new(ErrorKind::BadRequest, "a call that needs a token names no account"))?;
        Ok(Wanted { account, kind, key: self.sources.key(call.platform(), account, kind) })
    }

    fn lease(&self, call: &Call<'_>, wanted: &Wanted<'_>, token: &StoredToken) -> Result<Lease> {
        let secrets = self.named_secrets(call, wanted.account, wanted.kind.name)?;
        let mut hidden = self.hidden(&secrets, wanted.account, wanted.kind.name);
        hidden.push(token.access.clone());
        hidden.extend(token.refresh.clone());
        Ok(Lease {
            identity: wanted.key.to_string(),
            app: self.sources.app(wanted.account, wanted.kind),
            token: Some((token.access.clone(), wanted.kind.placement)),
            secrets,
            hidden,
            ..Lease::default()
        })
    }

    fn without_token(&self, call: &Call<'_>) -> Result<Lease> {
        let secrets = match call.account() {
            Some(account) => self.named_secrets(call, account, "")?,
            None => Secrets::default(),
        };
        let hidden = call.account().map(|account| self.hidden(&secrets, account, "")).unwrap_or_default();
        Ok(Lease { identity: format!("{}/-", call.platform()), secrets, hidden, ..Lease::default() })
    }

    /// Everything secret that the account's configuration names, whether this call needs it or not.
    fn hidden(&self, secrets: &Secrets, account: &AccountId, kind: &str) -> Vec<SecretString> {
        let named = ["token", "refresh_token", "client_secret"];
        let read = |name: &str| self.sources.read(account, kind, name).ok().flatten();
        let named = named.iter().filter_map(|name| read(name));
        let signer = read("service_account").and_then(|json| ServiceAccount::read(&json).ok());
        secrets.hidden().cloned().chain(named).chain(signer.map(|signer| signer.private_key)).collect()
    }

    /// The secrets that a request names itself.
    fn named_secrets(&self, call: &Call<'_>, account: &AccountId, kind: &str) -> Result<Secrets> {
        let mut secrets = Secrets::default();
        for name in renewal::names(call.request) {
            if let Some(secret) = self.sources.read(account, kind, &name)? {
                secrets = secrets.with(name, secret);
            }
        }
        Ok(secrets)
    }
}

fn kind_named<'a>(adapter: &'a dyn Adapter, name: &str) -> Result<&'a TokenKind> {
    let descriptor = adapter.descriptor();
    descriptor.tokens.iter().find(|kind| kind.name == name).ok_or_else(|| {
        let known: Vec<_> = descriptor.tokens.iter().map(|kind| kind.name).collect();
        Error::new(ErrorKind::BadRequest, format!("{} knows no token of kind {name}", descriptor.platform))
            .hint(format!("its kinds are: {}", known.join(", ")))
    })
}

fn refused_again(error: Error, wanted: &Wanted<'_>) -> Error {
    if error.kind() != ErrorKind::CredentialExpired {
        return error;
    }
    Error::new(ErrorKind::Reauthorise, "the platform refuses a token that was just had")
        .with("credential", &wanted.key)
        .with("told", error.message())
        .hint(format!("check the app's rights, then run `kepi auth {}`", wanted.account))
}
