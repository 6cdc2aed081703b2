//! Where secrets come from: named in the configuration, read here, never kept in it.

use std::{collections::BTreeMap, fmt, fs, path::PathBuf, sync::Arc};

use kepi_core::{
    AccountId, Error, Result, TokenFlow, TokenKind,
    credential::{ExposeSecret, SecretString},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::CredentialKey;

/// Names of the variables and files that hold an account's secrets. It holds none itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CredentialSource {
    /// The variable that holds a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_env: Option<String>,
    /// The file that holds a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The variable that holds a refresh token to begin with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token_env: Option<String>,
    /// The file that holds a refresh token to begin with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token_file: Option<PathBuf>,
    /// The variable that holds the app's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id_env: Option<String>,
    /// The file that holds the app's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id_file: Option<PathBuf>,
    /// The variable that holds the app's secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_env: Option<String>,
    /// The file that holds the app's secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_file: Option<PathBuf>,
    /// The variable that holds the JSON key of a service account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_env: Option<String>,
    /// The JSON key file of a service account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_file: Option<PathBuf>,
    /// The name of a credential that several accounts share; one token is kept for all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

impl CredentialSource {
    /// A source of which only the variable of a token is said.
    #[must_use]
    pub fn token_env(variable: impl Into<String>) -> Self {
        Self { token_env: Some(variable.into()), ..Self::default() }
    }

    /// A source as the configuration has it: key → name.
    ///
    /// # Errors
    /// `BadConfig` when a key is unknown.
    pub fn from_references(references: &BTreeMap<String, String>) -> Result<Self> {
        let value = serde_json::to_value(references).unwrap_or_default();
        serde_json::from_value(value).map_err(|error| {
            Error::bad_config(format!("the credentials cannot be used: {error}"))
                .hint("name variables or files: token_env, token_file, client_id_env …")
        })
    }

    /// The variable or file that a secret is named by.
    pub(crate) fn reference(&self, secret: &str) -> Option<Reference<'_>> {
        let (variable, file) = match secret {
            "token" => (&self.token_env, &self.token_file),
            "refresh_token" => (&self.refresh_token_env, &self.refresh_token_file),
            "client_id" => (&self.client_id_env, &self.client_id_file),
            "client_secret" => (&self.client_secret_env, &self.client_secret_file),
            "service_account" => (&self.service_account_env, &self.service_account_file),
            _ => return None,
        };
        match (variable, file) {
            (Some(variable), _) => Some(Reference::Variable(variable)),
            (None, Some(file)) => Some(Reference::File(file)),
            (None, None) => None,
        }
    }
}

/// A variable or a file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reference<'a> {
    Variable(&'a str),
    File(&'a PathBuf),
}

impl fmt::Display for Reference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::File(file) => write!(f, "{}", file.display()),
        }
    }
}

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// The variables of the process, or of a test.
#[derive(Clone)]
pub(crate) struct Environment(pub(crate) Arc<Lookup>);

impl Default for Environment {
    fn default() -> Self {
        Self(Arc::new(|name| std::env::var(name).ok()))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

/// All sources: of an account and a kind of token, or of an account and any kind (kind `""`).
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    pub(crate) environment: Environment,
    pub(crate) by_account: BTreeMap<(AccountId, String), CredentialSource>,
    /// Accounts that are asked for with the credentials of another.
    pub(crate) through: BTreeMap<AccountId, AccountId>,
}

impl Sources {
    /// Whose credentials an account is asked for with.
    fn holder<'a>(&'a self, account: &'a AccountId) -> &'a AccountId {
        self.through.get(account).unwrap_or(account)
    }

    /// What an account's configuration says of a kind of token.
    pub(crate) fn source(&self, account: &AccountId, kind: &str) -> Option<&CredentialSource> {
        let holder = self.holder(account);
        self.by_account
            .get(&(holder.clone(), kind.to_owned()))
            .or_else(|| self.by_account.get(&(holder.clone(), String::new())))
    }

    /// Whether a service account signs for an account's tokens of a kind.
    pub(crate) fn signs(&self, account: &AccountId, kind: &TokenKind) -> bool {
        let source = self.source(account, kind.name);
        kind.service_account && source.is_some_and(|source| source.reference("service_account").is_some())
    }

    /// By what the token of a kind is kept. Accounts that name the same secret share it: two of it would spoil each
    /// other.
    pub(crate) fn key(&self, platform: &str, account: &AccountId, kind: &TokenKind) -> CredentialKey {
        let source = self.source(account, kind.name);
        let reference = |secret: &str| source?.reference(secret).map(|reference| reference.to_string());
        let app = || (kind.flow == TokenFlow::Client).then(|| reference("client_id")).flatten();
        let signer = || self.signs(account, kind).then(|| reference("service_account")).flatten();
        let owner = source
            .and_then(|source| source.credential.clone())
            .or_else(signer)
            .or_else(|| reference("token"))
            .or_else(app)
            .unwrap_or_else(|| self.holder(account).name().to_owned());
        CredentialKey { platform: platform.to_owned(), owner, kind: kind.name.to_owned() }
    }

    /// Whose app's limits a token draws on: the app is known by its id, by the token it bought itself, or by its
    /// service account.
    pub(crate) fn app(&self, account: &AccountId, kind: &TokenKind) -> String {
        let source = self.source(account, kind.name);
        let reference = |secret: &str| source?.reference(secret).map(|reference| reference.to_string());
        let bought = || (kind.flow == TokenFlow::Client).then(|| reference("token")).flatten();
        let signer = || self.signs(account, kind).then(|| reference("service_account")).flatten();
        signer().or_else(|| reference("client_id")).or_else(bought).unwrap_or_default()
    }

    /// Reads a secret; `None` when the configuration does not name it.
    ///
    /// # Errors
    /// `BadConfig` when the variable or file that it names is not there or empty.
    pub(crate) fn read(&self, account: &AccountId, kind: &str, secret: &str) -> Result<Option<SecretString>> {
        let Some(reference) = self.source(account, kind).and_then(|source| source.reference(secret)) else {
            return Ok(None);
        };
        let (text, problem) = match reference {
            Reference::Variable(name) => ((self.environment.0)(name), "is not set"),
            Reference::File(file) => (fs::read_to_string(file).ok(), "cannot be read"),
        };
        let text = text.map(SecretString::from);
        let trimmed = text.as_ref().map(|text| text.expose_secret().trim()).filter(|text| !text.is_empty());
        match trimmed {
            Some(text) => Ok(Some(text.into())),
            None => Err(missing(account, secret, reference, problem)),
        }
    }
}

fn missing(account: &AccountId, secret: &str, reference: Reference<'_>, problem: &str) -> Error {
    let (what, hint) = match reference {
        Reference::Variable(name) => ("variable", format!("set {name}, or name a file by {secret}_file")),
        Reference::File(file) => {
            ("file", format!("put the {secret} into {}, or name a variable by {secret}_env", file.display()))
        }
    };
    Error::bad_config(format!("the {what} {reference} {problem} or is empty"))
        .with("account", account)
        .hint(hint)
}

/// Secrets by name. Its `Debug` tells the names.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<SmolStr, SecretString>);

impl Secrets {
    /// Adds one.
    #[must_use]
    pub fn with(mut self, name: impl Into<SmolStr>, value: impl Into<SecretString>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }

    /// One by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&SecretString> {
        self.0.get(name)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The values that must not be seen again. An app's id is none of them: it is public, and may be a short
    /// number.
    pub(crate) fn hidden(&self) -> impl Iterator<Item = &SecretString> {
        self.0.iter().filter(|(name, _)| *name != "client_id").map(|(_, value)| value)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
