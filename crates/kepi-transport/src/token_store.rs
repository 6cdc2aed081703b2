//! Where tokens rest between runs.

use std::{
    collections::HashMap,
    fmt, fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use jiff::Timestamp;
use kepi_core::{
    Error, ErrorKind, Result,
    credential::{ExposeSecret, SecretString},
};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

/// Whose token of which kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialKey {
    /// The platform.
    pub platform: String,
    /// The account's name, that of a shared credential, or the name of a variable or file.
    pub owner: String,
    /// The kind of token, as the platform's descriptor calls it.
    pub kind: String,
}

impl fmt::Display for CredentialKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}:{}", self.platform, self.owner, self.kind)
    }
}

/// A token as it is stored.
#[derive(Clone)]
pub struct StoredToken {
    /// The token.
    pub access: SecretString,
    /// What renews it.
    pub refresh: Option<SecretString>,
    /// When it is dead.
    pub expires_at: Option<Timestamp>,
    /// When the refresh token is dead.
    pub refresh_expires_at: Option<Timestamp>,
    /// How many times the refresh token was exchanged for a fresh one since the consent.
    pub renewals: u8,
    /// The scopes that were granted.
    pub scopes: Vec<String>,
    /// The platform's id of the account that consented.
    pub subject: Option<String>,
    /// When it was had.
    pub obtained_at: Timestamp,
    /// Since when it cannot be renewed any more, as the platform said.
    pub dead_since: Option<Timestamp>,
    /// Since when its successor may have been given out in an answer that did not come or could not be read.
    pub lost_since: Option<Timestamp>,
    /// A fingerprint of the configured secrets it grew from; others there mean a fresh beginning.
    pub seed: Option<String>,
}

impl fmt::Debug for StoredToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredToken")
            .field("expires_at", &self.expires_at)
            .field("renewals", &self.renewals)
            .field("dead_since", &self.dead_since)
            .field("lost_since", &self.lost_since)
            .finish_non_exhaustive()
    }
}

/// Held while a token is renewed: nobody else renews it meanwhile. Dropping it lets the next one in.
pub type Held = Box<dyn Send + Sync>;

/// Keeps tokens.
#[async_trait]
pub trait CredentialStore: fmt::Debug + Send + Sync {
    /// The stored token; `None` when there is none.
    ///
    /// # Errors
    /// `Store` when it is torn.
    async fn load(&self, key: &CredentialKey) -> Result<Option<StoredToken>>;

    /// Stores a token; when this returns, it outlives a crash.
    ///
    /// # Errors
    /// `Store` when it cannot be written.
    async fn save(&self, key: &CredentialKey, token: &StoredToken) -> Result<()>;

    /// Waits until nobody else, in this process or another, renews the token.
    ///
    /// # Errors
    /// `Store` when the lock cannot be had.
    async fn lock(&self, key: &CredentialKey) -> Result<Held>;
}

/// Tokens in memory: gone when the process ends.
#[derive(Debug, Default)]
pub struct MemoryCredentials {
    tokens: Mutex<HashMap<CredentialKey, StoredToken>>,
    locks: Mutex<HashMap<CredentialKey, Arc<Mutex<()>>>>,
}

#[async_trait]
impl CredentialStore for MemoryCredentials {
    async fn load(&self, key: &CredentialKey) -> Result<Option<StoredToken>> {
        Ok(self.tokens.lock().await.get(key).cloned())
    }

    async fn save(&self, key: &CredentialKey, token: &StoredToken) -> Result<()> {
        self.tokens.lock().await.insert(key.clone(), token.clone());
        Ok(())
    }

    async fn lock(&self, key: &CredentialKey) -> Result<Held> {
        let lock = Arc::clone(self.locks.lock().await.entry(key.clone()).or_default());
        Ok(Box::new(lock.lock_owned().await))
    }
}

/// Tokens as files of one folder that only their owner can read.
#[derive(Debug, Clone)]
pub struct FileCredentials {
    folder: PathBuf,
}

impl FileCredentials {
    /// Tokens in this folder; it is made when the first one is stored.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn file(&self, key: &CredentialKey, ending: &str) -> PathBuf {
        let name = format!("{}.{}.{}", key.platform, key.owner, key.kind);
        let name = percent_encoding::utf8_percent_encode(&name, FILE_NAME);
        self.folder.join(format!("{name}.{ending}"))
    }

    async fn blocking<T: Send + 'static>(
        &self,
        what: &'static str,
        file: PathBuf,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let path = file.clone();
        let done = tokio::task::spawn_blocking(move || work(&path)).await.map_err(io::Error::other).flatten();
        done.map_err(|error| {
            Error::new(ErrorKind::Store, what)
                .with("file", file.display())
                .hint("check the folder's owner, permissions and free space")
                .caused_by(error)
        })
    }
}

const FILE_NAME: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

#[async_trait]
impl CredentialStore for FileCredentials {
    async fn load(&self, key: &CredentialKey) -> Result<Option<StoredToken>> {
        let file = self.file(key, "json");
        let text = self.blocking("read a stored token", file.clone(), read_if_there).await?;
        let Some(text) = text else { return Ok(None) };
        // What the parser says may quote the secret, so it is not passed on.
        let stored: Row = serde_json::from_str(text.expose_secret()).map_err(|_| torn(&file))?;
        Ok(Some(stored.into()))
    }

    async fn save(&self, key: &CredentialKey, token: &StoredToken) -> Result<()> {
        let text = serde_json::to_string_pretty(&Row::from(token))
            .map(SecretString::from)
            .map_err(|_| Error::new(ErrorKind::Unexpected, "write a token as JSON"))?;
        let file = self.file(key, "json");
        self.blocking("store a token", file, move |file| replace(file, text.expose_secret().as_bytes())).await
    }

    async fn lock(&self, key: &CredentialKey) -> Result<Held> {
        let file = self.file(key, "lock");
        let locked = self
            .blocking("lock a stored token", file, |file| {
                make_folder(file)?;
                let file =
                    private(fs::OpenOptions::new().create(true).truncate(false)).write(true).open(file)?;
                file.lock()?;
                Ok(file)
            })
            .await?;
        Ok(Box::new(locked))
    }
}

fn torn(file: &Path) -> Error {
    Error::new(ErrorKind::Store, "a stored token cannot be read")
        .with("file", file.display())
        .hint("remove the file and run `kepi auth` for the account")
}

fn read_if_there(file: &Path) -> io::Result<Option<SecretString>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes beside, then renames: a crash leaves the old token or the new one, never a half.
fn replace(file: &Path, content: &[u8]) -> io::Result<()> {
    make_folder(file)?;
    let beside = file.with_extension(format!("{}.new", std::process::id()));
    let mut written =
        private(fs::OpenOptions::new().create(true).truncate(true)).write(true).open(&beside)?;
    written.write_all(content)?;
    written.sync_all()?;
    fs::rename(&beside, file)?;
    sync_folder(file)
}

#[cfg(unix)]
fn private(options: &mut fs::OpenOptions) -> &mut fs::OpenOptions {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600)
}

#[cfg(not(unix))]
fn private(options: &mut fs::OpenOptions) -> &mut fs::OpenOptions {
    options
}

fn make_folder(file: &Path) -> io::Result<()> {
    let Some(folder) = file.parent() else { return Ok(()) };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(unix)]
fn sync_folder(file: &Path) -> io::Result<()> {
    file.parent().map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
}

#[cfg(not(unix))]
fn sync_folder(_file: &Path) -> io::Result<()> {
    Ok(())
}

/// The file's own shape.
#[derive(Serialize, Deserialize)]
struct Row {
    access: String,
    refresh: Option<String>,
    expires_at: Option<Timestamp>,
    refresh_expires_at: Option<Timestamp>,
    #[serde(default)]
    renewals: u8,
    #[serde(default)]
    scopes: Vec<String>,
    subject: Option<String>,
    obtained_at: Timestamp,
    dead_since: Option<Timestamp>,
    #[serde(default)]
    lost_since: Option<Timestamp>,
    seed: Option<String>,
}

impl From<&StoredToken> for Row {
    fn from(token: &StoredToken) -> Self {
        let token = token.clone();
        Self {
            access: token.access.expose_secret().to_owned(),
            refresh: token.refresh.map(|secret| secret.expose_secret().to_owned()),
            expires_at: token.expires_at,
            refresh_expires_at: token.refresh_expires_at,
            renewals: token.renewals,
            scopes: token.scopes,
            subject: token.subject,
            obtained_at: token.obtained_at,
            dead_since: token.dead_since,
            lost_since: token.lost_since,
            seed: token.seed,
        }
    }
}

impl From<Row> for StoredToken {
    fn from(row: Row) -> Self {
        Self {
            access: row.access.into(),
            refresh: row.refresh.map(SecretString::from),
            expires_at: row.expires_at,
            refresh_expires_at: row.refresh_expires_at,
            renewals: row.renewals,
            scopes: row.scopes,
            subject: row.subject,
            obtained_at: row.obtained_at,
            dead_since: row.dead_since,
            lost_since: row.lost_since,
            seed: row.seed,
        }
    }
}
