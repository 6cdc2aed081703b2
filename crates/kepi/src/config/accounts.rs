//! `[[account]]`: the accounts of ours, where their secrets are, and accounts of others that are seen through ours.

use std::collections::BTreeMap;

use kepi_core::{
    Account, AccountId, AccountRef,
    document::{Block, Placed},
};
use smol_str::SmolStr;

use super::{Project, checked_zone};

#[derive(Debug, Clone)]
pub(crate) struct ConfiguredAccount {
    pub account: Account,
    /// Its effective zone.
    pub zone: String,
    /// Kind of token (empty: the platform's only or default kind) → where its secrets are.
    pub credentials: BTreeMap<String, BTreeMap<String, String>>,
    /// Whether it is asked for by the schedule and `kepi ingest`.
    pub ingest: bool,
    /// The account of ours through which it is seen, where it is somebody else's.
    pub watched_by: Option<Watcher>,
}

/// An account of ours through which others are seen: they are asked for with its credentials.
#[derive(Debug, Clone)]
pub(crate) struct Watcher {
    pub id: AccountId,
    pub platform_id: SmolStr,
    /// Where it is named.
    pub span: std::ops::Range<usize>,
}

/// The keys of a reference to a secret.
const SECRET_KEYS: &[&str] = &[
    "token_env",
    "token_file",
    "client_id_env",
    "client_id_file",
    "client_secret_env",
    "client_secret_file",
    "refresh_token_env",
    "refresh_token_file",
    "service_account_env",
    "service_account_file",
    "credential",
];

impl ConfiguredAccount {
    /// What a job needs to know of it.
    pub(crate) fn reference(&self) -> AccountRef {
        AccountRef {
            platform_id: self.account.platform_id.clone(),
            watched_by: self.watched_by.as_ref().map(|by| by.platform_id.clone()),
            ..AccountRef::new(self.account.id.clone(), self.zone.as_str())
        }
    }
}

/// Reads them all, and has those of others seen through ours.
pub(super) fn read_accounts(root: &Block<'_, '_>, project: &Project) -> Vec<ConfiguredAccount> {
    let mut accounts: Vec<ConfiguredAccount> = Vec::new();
    let mut watched = Vec::new();
    for block in root.blocks("account") {
        if !block.has("id") {
            block.missing("id");
        }
        let id = block.parsed("id", AccountId::new);
        let read = |key| block.text(key).map(|text| text.value);
        let zone = checked_zone(&block);
        let mut account = id.as_ref().map(|id| Account::new(id.value.clone()));
        if let Some(account) = &mut account {
            account.platform_id = read("platform_id").map(Into::into);
            account.handle = read("handle");
            let is_ours = !block.has("watched_by");
            account.brand = read("brand").or_else(|| is_ours.then(|| project.name.clone()));
            account.market = read("market");
            account.currency = read("currency").map(Into::into);
            account.size_class = read("size_class").map(Into::into);
        }
        for key in ["platform_id", "handle", "brand", "market", "currency", "size_class"] {
            let _ = block.has(key);
        }
        let watched_by = block.parsed("watched_by", AccountId::new);
        if watched_by.is_some() && block.has("credentials") {
            block.faults().add(
                block.place("credentials"),
                "a watched account has no credentials of its own",
                "not needed",
                Some("it is asked for with those of the account that watches: take them out".to_owned()),
            );
        }
        let credentials = block.block("credentials").map(read_credentials).unwrap_or_default();
        let ingest = block.flag("ingest").unwrap_or(true);
        if let (Some(id), Some(mut account)) = (id, account) {
            if accounts.iter().any(|known| known.account.id == id.value) {
                let message = format!("account {} stands twice", id.value);
                block.faults().add(
                    id.span,
                    message,
                    "again",
                    Some("remove one of the two blocks".to_owned()),
                );
            }
            let zone = zone.unwrap_or_else(|| id.value.platform().default_zone().to_owned());
            account.zone = Some(zone.as_str().into());
            watched.extend(watched_by.map(|by| (accounts.len(), by)));
            accounts.push(ConfiguredAccount { account, zone, credentials, ingest, watched_by: None });
        }
        block.finish();
    }
    let others: Vec<usize> = watched.iter().map(|(place, _)| *place).collect();
    for (place, by) in watched {
        let found = accounts.iter().position(|known| known.account.id == by.value);
        let is_other = found.is_some_and(|found| others.contains(&found));
        let watcher = found.filter(|_| !is_other).and_then(|found| accounts.get(found)).cloned();
        let Some(known) = accounts.get_mut(place) else { continue };
        if let Err((message, hint)) = watch(known, watcher, &by, is_other) {
            root.faults().add(by.span, message, "cannot watch", Some(hint.to_owned()));
        }
    }
    accounts
}

/// An account of somebody else is seen through one of ours, and asked for with its credentials.
fn watch(
    known: &mut ConfiguredAccount,
    watcher: Option<ConfiguredAccount>,
    by: &Placed<AccountId>,
    is_other: bool,
) -> Result<(), (String, &'static str)> {
    let ours = "name an account of yours on the same platform, which has a block of its own here";
    let id = &by.value;
    let Some(watcher) = watcher else {
        let why = if is_other { format!("{id} is itself watched") } else { format!("no account {id}") };
        return Err((why, ours));
    };
    if id.platform() != known.account.id.platform() {
        return Err((format!("{id} is on another platform"), ours));
    }
    let by_number = "others are seen through an account by its number: give it its platform_id";
    let platform_id = watcher.account.platform_id.ok_or((format!("{id} has no platform_id"), by_number))?;
    known.watched_by = Some(Watcher { id: id.clone(), platform_id, span: by.span.clone() });
    known.credentials = watcher.credentials;
    Ok(())
}

/// `{ token_env = … }` for the default kind, or `{ user = { … }, app = { … } }` by kind.
fn read_credentials(block: Block<'_, '_>) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut kinds: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut references = BTreeMap::new();
    for &key in SECRET_KEYS {
        if let Some(text) = block.text(key) {
            references.insert(key.to_owned(), text.value);
        }
    }
    let direct = !references.is_empty();
    if direct {
        kinds.insert(String::new(), references);
        for secret in ["token", "client_secret", "refresh_token", "service_account", "password", "client_id"]
        {
            refuse_secret(&block, secret);
        }
        block.finish();
        return kinds;
    }
    for (kind, inner) in block.named_blocks() {
        let mut references = BTreeMap::new();
        for &key in SECRET_KEYS {
            if let Some(text) = inner.text(key) {
                references.insert(key.to_owned(), text.value);
            }
        }
        inner.finish();
        kinds.insert(kind.value, references);
    }
    kinds
}

fn refuse_secret(block: &Block<'_, '_>, key: &'static str) {
    if block.has(key) {
        let hint = format!("name the variable or file that holds it: {key}_env or {key}_file");
        block.faults().add(
            block.place(key),
            "a secret does not stand in the configuration",
            "secret",
            Some(hint),
        );
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Config, tests::check};

    #[test]
    fn an_account_of_others_is_seen_through_one_of_ours() {
        let ours = "[project]\nname = \"N\"\n\n[[account]]\nid = \"instagram/ours\"\nplatform_id = \"17\"\n\
                    credentials = { user = { token_env = \"T\" } }\n\n[[account]]\nid = \"x/ours\"\n\n\
                    [[account]]\nid = \"instagram/rival\"\n";
        let config =
            Config::parse(Path::new("kepi.toml"), format!("{ours}watched_by = \"instagram/ours\"\n"));
        let config = config.unwrap();
        let rival = config.account(&"instagram/rival".parse().unwrap()).unwrap();
        assert_eq!(rival.reference().watched_by.as_deref(), Some("17"));
        assert_eq!((&rival.account.brand, rival.credentials.contains_key("user")), (&None, true));
        assert_eq!(config.accounts[0].account.brand.as_deref(), Some("N"));
        for (more, expected) in [
            ("watched_by = \"instagram/nobody\"", "14:14 no account instagram/nobody"),
            ("watched_by = \"instagram/rival\"", "14:14 instagram/rival is itself watched"),
            ("watched_by = \"x/ours\"", "14:14 x/ours is on another platform"),
            (
                "watched_by = \"instagram/ours\"\ncredentials = { user = { token_env = \"R\" } }",
                "15:15 a watched account has no credentials of its own",
            ),
        ] {
            assert_eq!(check(&format!("{ours}{more}\n")), [expected], "{more}");
        }
        let nameless = ours.replace("platform_id = \"17\"\n", "");
        let text = format!("{nameless}watched_by = \"instagram/ours\"\n");
        assert_eq!(check(&text), ["13:14 instagram/ours has no platform_id"]);
    }
}
