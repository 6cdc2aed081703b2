//! Tokens that carry their own meaning, so that none has to be remembered: kind, account, generation, expiry
//! and a check. What must be remembered is the newest generation of each account's refresh token.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::{AccountKey, world::dice::Dice};

/// Marks a consent to the second application of a platform that has two.
const SECOND: u32 = 1 << 31;

impl AccountKey {
    /// The same person's consent to the platform's second application, whose tokens live and die by themselves.
    pub(crate) fn at_second_app(self) -> Self {
        Self(self.0 | SECOND)
    }

    /// Whether it is a consent to the second application.
    pub(crate) fn is_at_second_app(self) -> bool {
        self.0 & SECOND != 0
    }

    /// Whose consent it is, to whichever application.
    pub(crate) fn person(self) -> Self {
        Self(self.0 & !SECOND)
    }
}

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// The application.
    App,
    /// A person.
    User,
    /// Renewing a person's token.
    Refresh,
}

impl Kind {
    fn letter(self) -> char {
        match self {
            Self::App => 'a',
            Self::User => 'u',
            Self::Refresh => 'r',
        }
    }
}

/// A token, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bearer {
    pub(crate) kind: Kind,
    /// The account of the person; of no meaning for the application.
    pub(crate) account: AccountKey,
    pub(crate) generation: u32,
    /// Unix seconds; 0 for never.
    pub(crate) expires: i64,
}

/// Why a token is no good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadToken {
    Unknown,
    Expired,
}

/// A consent waiting for its exchange.
struct Consent {
    account: AccountKey,
    redirect_uri: String,
    challenge: Option<(String, bool)>,
    scope: String,
    expires: i64,
}

/// What a person agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Granted {
    pub(crate) account: AccountKey,
    pub(crate) scope: String,
}

/// Gives out tokens of one platform and checks them.
pub(crate) struct Tokens {
    prefixes: [&'static str; 3],
    dice: Dice,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    generations: HashMap<AccountKey, u32>,
    consents: HashMap<String, Consent>,
    codes: u64,
    /// User tokens given out before this instant are dead.
    revoked: HashMap<AccountKey, u32>,
}

impl Tokens {
    pub(crate) fn new(prefixes: [&'static str; 3], seed: u64) -> Self {
        Self { prefixes, dice: Dice::new(seed).of(0x70c3), state: Mutex::default() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token's text. `expires` 0 is never.
    fn write(&self, bearer: Bearer) -> String {
        let Bearer { kind, account, generation, expires } = bearer;
        let check = self.check(bearer);
        let prefix = self.prefixes[kind as usize];
        format!("{prefix}{}{:x}g{generation:x}z{expires:x}c{check:016x}", kind.letter(), account.0)
    }

    fn check(&self, bearer: Bearer) -> u64 {
        let Bearer { kind, account, generation, expires } = bearer;
        let dice = self.dice.of(kind as u64).of(u64::from(account.0)).of(u64::from(generation));
        dice.of(expires as u64).bits()
    }

    /// A token of an application that belongs to one account.
    pub(crate) fn app_of(&self, account: AccountKey, expires: i64) -> String {
        self.write(Bearer { kind: Kind::App, account, generation: 0, expires })
    }

    /// The application's token; it lives until `expires`.
    pub(crate) fn app(&self, expires: i64) -> String {
        self.write(Bearer { kind: Kind::App, account: AccountKey(0), generation: 0, expires })
    }

    /// A person's token of the present generation.
    pub(crate) fn user(&self, account: AccountKey, expires: i64) -> String {
        let generation = self.generation(account);
        self.write(Bearer { kind: Kind::User, account, generation, expires })
    }

    /// A refresh token of the present generation.
    pub(crate) fn refresh(&self, account: AccountKey, expires: i64) -> String {
        let generation = self.generation(account);
        self.write(Bearer { kind: Kind::Refresh, account, generation, expires })
    }

    fn generation(&self, account: AccountKey) -> u32 {
        self.state().generations.get(&account).copied().unwrap_or(0)
    }

    /// Reads a token and checks that it is ours and alive.
    pub(crate) fn read(&self, text: &str, now: Timestamp) -> Result<Bearer, BadToken> {
        let bearer = self.read_undated(text)?;
        if bearer.expires != 0 && now.as_second() >= bearer.expires {
            return Err(BadToken::Expired);
        }
        Ok(bearer)
    }

    /// As [`Self::read`], where a refresh kills the access token before it too.
    pub(crate) fn read_newest(&self, text: &str, now: Timestamp) -> Result<Bearer, BadToken> {
        let bearer = self.read(text, now)?;
        if bearer.generation == self.generation(bearer.account) { Ok(bearer) } else { Err(BadToken::Unknown) }
    }

    /// Reads a token and checks that it is ours and not withdrawn, whenever it expires.
    pub(crate) fn read_undated(&self, text: &str) -> Result<Bearer, BadToken> {
        let bearer = self.parse(text).ok_or(BadToken::Unknown)?;
        let state = self.state();
        let revoked = state.revoked.get(&bearer.account).copied().unwrap_or(0);
        if bearer.kind != Kind::App && bearer.generation < revoked {
            return Err(BadToken::Unknown);
        }
        Ok(bearer)
    }

    fn parse(&self, text: &str) -> Option<Bearer> {
        let (kind, rest) = [Kind::App, Kind::User, Kind::Refresh].into_iter().find_map(|kind| {
            let rest = text.strip_prefix(self.prefixes[kind as usize])?;
            Some((kind, rest.strip_prefix(kind.letter())?))
        })?;
        let (account, rest) = rest.split_once('g')?;
        // `c` is a hexadecimal digit too: the check is told by its length.
        let (rest, check) = rest.split_at_checked(rest.len().checked_sub(17)?)?;
        let (generation, expires) = rest.split_once('z')?;
        let bearer = Bearer {
            kind,
            account: AccountKey(u32::from_str_radix(account, 16).ok()?),
            generation: u32::from_str_radix(generation, 16).ok()?,
            expires: i64::from_str_radix(expires, 16).ok()?,
        };
        let check = u64::from_str_radix(check.strip_prefix('c')?, 16).ok()?;
        (check == self.check(bearer)).then_some(bearer)
    }

    /// Accepts a refresh token once: the one after it is of the next generation. With `reusable`, it stays.
    pub(crate) fn redeem(&self, text: &str, now: Timestamp, reusable: bool) -> Result<AccountKey, BadToken> {
        let bearer = self.read(text, now)?;
        let mut state = self.state();
        let current = state.generations.entry(bearer.account).or_insert(0);
        if bearer.kind != Kind::Refresh || bearer.generation != *current {
            return Err(BadToken::Unknown);
        }
        if !reusable {
            *current += 1;
        }
        Ok(bearer.account)
    }

    /// Kills all tokens of an account.
    pub(crate) fn revoke(&self, account: AccountKey) {
        let mut state = self.state();
        let current = state.generations.entry(account).or_insert(0);
        *current += 1;
        let next = *current;
        state.revoked.insert(account, next);
    }

    /// A person agrees: the code that is exchanged within `life` seconds.
    pub(crate) fn consent(
        &self,
        account: AccountKey,
        redirect_uri: &str,
        challenge: Option<(String, bool)>,
        scope: &str,
        expires: i64,
        now: Timestamp,
    ) -> String {
        let mut state = self.state();
        state.consents.retain(|_, consent| consent.expires > now.as_second());
        state.codes += 1;
        let code = format!("code{:016x}", self.dice.of(state.codes).of(now.as_second() as u64).bits());
        let consent = Consent {
            account,
            redirect_uri: redirect_uri.to_owned(),
            challenge,
            scope: scope.to_owned(),
            expires,
        };
        state.consents.insert(code.clone(), consent);
        code
    }

    /// Exchanges a code, once.
    pub(crate) fn exchange(
        &self,
        code: &str,
        redirect_uri: Option<&str>,
        verifier: Option<&str>,
        now: Timestamp,
    ) -> Option<Granted> {
        let consent = self.state().consents.remove(code)?;
        let proven = match &consent.challenge {
            None => true,
            Some((challenge, hashed)) => verifier.is_some_and(|verifier| {
                if *hashed {
                    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) == *challenge
                } else {
                    verifier == challenge
                }
            }),
        };
        let same = redirect_uri.is_none_or(|uri| uri == consent.redirect_uri);
        (consent.expires > now.as_second() && same && proven)
            .then_some(Granted { account: consent.account, scope: consent.scope })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> (Tokens, Timestamp) {
        (Tokens::new(["tk."; 3], 1), "2026-09-01T00:00:00Z".parse().unwrap())
    }

    #[test]
    fn tokens_say_who_and_until_when() {
        let (tokens, now) = tokens();
        let text = tokens.user(AccountKey(0xcafe), now.as_second() + 10);
        let read = tokens.read(&text, now).unwrap();
        assert_eq!((read.kind, read.account), (Kind::User, AccountKey(0xcafe)));
        let later = Timestamp::from_second(now.as_second() + 10).unwrap();
        assert_eq!(tokens.read(&text, later), Err(BadToken::Expired));
        let forged = text.replace("cafe", "caff");
        assert_eq!(tokens.read(&forged, now), Err(BadToken::Unknown));
        assert_eq!(tokens.read("tk.u", now), Err(BadToken::Unknown));
    }

    #[test]
    fn a_rotated_refresh_token_is_dead() {
        let (tokens, now) = tokens();
        let account = AccountKey(3);
        let first = tokens.refresh(account, 0);
        assert_eq!(tokens.redeem(&first, now, false), Ok(account));
        assert_eq!(tokens.redeem(&first, now, false), Err(BadToken::Unknown));
        assert_eq!(tokens.redeem(&tokens.refresh(account, 0), now, false), Ok(account));
    }

    #[test]
    fn tokens_are_read_however_often_they_were_renewed() {
        let (tokens, now) = tokens();
        let account = AccountKey(0x3e).at_second_app();
        for generation in 0..300 {
            let expires = now.as_second() + 7200 + i64::from(generation);
            let read = tokens.read(&tokens.user(account, expires), now);
            assert_eq!(read, Ok(Bearer { kind: Kind::User, account, generation, expires }));
            let refresh = tokens.refresh(account, 0);
            assert_eq!(
                tokens.redeem(&refresh, now, false),
                Ok(account),
                "generation {generation}: {refresh}"
            );
        }
    }

    #[test]
    fn a_code_is_exchanged_once_by_who_can_prove_it() {
        let (tokens, now) = tokens();
        let challenge = || Some(("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned(), true));
        let verifier = Some("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        let until = now.as_second() + 30;
        let ask = || tokens.consent(AccountKey(1), "http://a/", challenge(), "s", until, now);
        let code = ask();
        assert!(tokens.exchange(&code, Some("http://a/"), verifier, now).is_some());
        assert!(tokens.exchange(&code, Some("http://a/"), verifier, now).is_none());
        assert!(tokens.exchange(&ask(), Some("http://b/"), verifier, now).is_none());
        assert!(tokens.exchange(&ask(), Some("http://a/"), Some("wrong"), now).is_none());
        let late = Timestamp::from_second(until).unwrap();
        assert!(tokens.exchange(&ask(), Some("http://a/"), verifier, late).is_none());
    }
}
