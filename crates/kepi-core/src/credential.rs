//! How a token is had, declared; and the pure halves of its exchange.

mod granted;

use std::fmt;

pub use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, http::Response};

/// Where a token goes in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// `Authorization: Bearer …`.
    Bearer,
    /// A header of this name, in lower case.
    Header(&'static str),
    /// A query parameter of this name.
    Query(&'static str),
}

/// How a token of a kind comes to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenFlow {
    /// A person puts it into the configuration; it lives until it is revoked.
    Static,
    /// The app's own id and secret buy it, again whenever it has run out.
    Client,
    /// A person consents once in a browser.
    AuthorizationCode {
        /// Where the person goes. A platform with parameters of its own kind has them in the address, with
        /// `{client_id}`, `{redirect_uri}`, `{state}` and `{scopes}` where those go; the usual ones are added to
        /// any other address.
        authorize_url: &'static str,
        /// Whether PKCE (S256) is asked for.
        pkce: bool,
        /// How the token lives on.
        refresh: Refresh,
    },
}

impl TokenFlow {
    /// The address of [`Self::AuthorizationCode`], at another host where one is named; `None` where no person consents.
    ///
    /// ```
    /// use kepi_core::{TokenFlow, credential::Refresh};
    /// let authorize_url = "https://login.example/authorize?scope={scopes}";
    /// let flow = TokenFlow::AuthorizationCode { authorize_url, pkce: true, refresh: Refresh::Never };
    /// let page = flow.authorize_url_at(Some("http://127.0.0.1:9100/"));
    /// assert_eq!(page.as_deref(), Some("http://127.0.0.1:9100/authorize?scope={scopes}"));
    /// ```
    #[must_use]
    pub fn authorize_url_at(&self, base: Option<&str>) -> Option<String> {
        let Self::AuthorizationCode { authorize_url, .. } = self else { return None };
        let path = authorize_url.splitn(4, '/').nth(3).unwrap_or_default();
        Some(match base {
            Some(base) => format!("{}/{path}", base.trim_end_matches('/')),
            None => (*authorize_url).to_owned(),
        })
    }
}

/// How a token lives on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// Not at all: a person consents again.
    Never,
    /// By a refresh token that stays.
    Reusable,
    /// By a refresh token that stays to its end, and before it is exchanged for a fresh one ([`Grant::Renew`]) so
    /// many times; then a person consents again.
    Renewable {
        /// How many times.
        times: u8,
    },
    /// By a refresh token that is dead after one use: the new pair is stored before it is used.
    Rotating,
    /// The access token itself is exchanged for a fresh one while it is alive.
    Exchange,
}

/// One kind of token that a platform knows.
#[derive(Debug, Clone, Copy)]
pub struct TokenKind {
    /// Its name in requests and settings: `user`, `app`.
    pub name: &'static str,
    /// What it is, for people.
    pub title: &'static str,
    /// Where it goes.
    pub placement: Placement,
    /// How it is had.
    pub flow: TokenFlow,
    /// Whether a service account has it too, without a person: by a statement that it signs
    /// ([`Grant::Statement`]).
    pub service_account: bool,
    /// How long it lives, in seconds, where the platform says.
    pub lifetime_secs: Option<u32>,
    /// The scopes to ask for.
    pub scopes: &'static [&'static str],
}

/// What is exchanged for a token. It names the exchange; the secrets are filled in by the credential layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// The app's own id and secret (`client_id`, `client_secret`).
    Client,
    /// A person's consent (`code`, `code_verifier`).
    Code {
        /// Where the person came back to.
        redirect_uri: String,
    },
    /// A refresh token (`refresh_token`), or the living access token (`access_token`).
    Refresh,
    /// A living refresh token (`refresh_token`), for a fresh one: the access token stays as it is.
    Renew,
    /// What a service account says of itself and signs (`assertion`): a JSON web token as in RFC 7523, of the
    /// kind's scopes. It goes where the account's key says, which need not be the request's own address.
    Statement,
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Code { .. } => "code",
            Self::Refresh => "refresh",
            Self::Renew => "renew",
            Self::Statement => "statement",
        })
    }
}

/// What a platform that speaks OAuth (RFC 6749, §5.2) blames when it refuses an exchange. Only [`Blamed::Consent`]
/// ends a consent: all else passes, or is mended without the person who gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blamed {
    /// The consent, its code or its refresh token: a person consents again.
    Consent,
    /// The application's id or secret: its owner mends the configuration.
    Application,
    /// What was asked.
    Request,
    /// Nothing: it has trouble of its own, or the answer is not the platform's, as a proxy's page.
    Nothing,
}

impl Blamed {
    /// What a refusal blames; `None` where the answer is none. A request that lacks something says nothing of the
    /// consent, though its word is that for a dead token.
    #[must_use]
    pub fn by(response: &Response) -> Option<Self> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Refused {
            error: String,
            error_description: String,
        }
        let read = serde_json::from_slice::<Refused>(&response.body);
        if response.status < 400 && read.as_ref().is_ok_and(|refused| refused.error.is_empty()) {
            return None;
        }
        let Ok(refused) = read else { return (response.status >= 400).then_some(Self::Nothing) };
        let lacks = refused.error_description.to_ascii_lowercase().contains("missing");
        Some(match refused.error.as_str() {
            _ if matches!(response.status, 408 | 425 | 429 | 500..) => Self::Nothing,
            "invalid_grant" => Self::Consent,
            "invalid_request" if !lacks => Self::Consent,
            "invalid_client" | "unauthorized_client" => Self::Application,
            "temporarily_unavailable" | "server_error" | "slow_down" => Self::Nothing,
            "" if response.status == 401 => Self::Application,
            "" => Self::Nothing,
            _ => Self::Request,
        })
    }

    /// The error that a refused exchange is: of a platform of this name, with what to do about its application and
    /// about the consent.
    #[must_use]
    pub fn error(self, platform: &str, (application, consent): (&str, &str)) -> Error {
        match self {
            Self::Consent => Error::new(
                ErrorKind::Reauthorise,
                format!("{platform} refused the consent or its refresh token"),
            )
            .hint(consent),
            Self::Application => {
                Error::bad_config(format!("{platform} refused the application's id and secret"))
                    .hint(application)
            }
            Self::Request => {
                Error::new(ErrorKind::BadRequest, format!("{platform} does not take the token exchange"))
                    .hint("this is a defect of the adapter, report it; the consent stays as it is")
            }
            Self::Nothing => Error::new(ErrorKind::Unavailable, format!("{platform} is not available")),
        }
    }
}

/// A token and what came with it. It has no `Debug` that tells.
#[derive(Clone)]
pub struct Token {
    /// The token; empty where only the refresh token is a fresh one ([`Grant::Renew`]).
    pub access: SecretString,
    /// What renews it.
    pub refresh: Option<SecretString>,
    /// Seconds until it is dead.
    pub expires_in_secs: Option<u64>,
    /// Seconds until the refresh token is dead.
    pub refresh_expires_in_secs: Option<u64>,
    /// The scopes that were granted.
    pub scopes: Vec<String>,
    /// The platform's id of the account that consented.
    pub subject: Option<String>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token {{ expires_in_secs: {:?} }}", self.expires_in_secs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, expected: Option<Blamed>) {
        let received_at = jiff::Timestamp::UNIX_EPOCH;
        let response = Response { status, headers: Vec::new(), body: body.into(), received_at };
        assert_eq!(Blamed::by(&response), expected, "{status} {body}");
    }

    #[test]
    fn only_words_about_the_consent_end_it() {
        let word = |error: &str| format!(r#"{{"error":"{error}","error_description":"Value was invalid."}}"#);
        check(400, &word("invalid_grant"), Some(Blamed::Consent));
        check(400, &word("invalid_request"), Some(Blamed::Consent));
        check(200, &word("invalid_grant"), Some(Blamed::Consent));
        check(401, &word("invalid_client"), Some(Blamed::Application));
        check(401, &word("unauthorized_client"), Some(Blamed::Application));
        check(400, &word("unsupported_grant_type"), Some(Blamed::Request));
        let lacks =
            r#"{"error":"invalid_request","error_description":"Missing required parameter [client_id]."}"#;
        check(400, lacks, Some(Blamed::Request));
    }

    #[test]
    fn a_proxy_and_an_outage_blame_nothing() {
        check(403, "<html>denied by the proxy</html>", Some(Blamed::Nothing));
        check(401, "<html>sign in to the proxy</html>", Some(Blamed::Nothing));
        check(404, r#"{"message":"no route"}"#, Some(Blamed::Nothing));
        check(401, r#"{"message":"Client authentication failed"}"#, Some(Blamed::Application));
        check(503, r#"{"error":"invalid_grant"}"#, Some(Blamed::Nothing));
        check(400, r#"{"error":"temporarily_unavailable"}"#, Some(Blamed::Nothing));
    }

    #[test]
    fn a_token_is_no_refusal() {
        check(200, r#"{"access_token":"example"}"#, None);
        check(200, "<html></html>", None);
    }
}
