//! Tokens as files.

use std::{fs, sync::Arc};

use kepi_core::{ErrorKind, credential::ExposeSecret};
use kepi_transport::{CredentialKey, CredentialStore, FileCredentials, StoredToken};

use crate::support::{START, at};

fn key(owner: &str) -> CredentialKey {
    CredentialKey { platform: "toy".to_owned(), owner: owner.to_owned(), kind: "user".to_owned() }
}

fn token(access: &str) -> StoredToken {
    StoredToken {
        access: access.into(),
        refresh: Some("refresh".into()),
        expires_at: Some(at(START)),
        refresh_expires_at: None,
        renewals: 3,
        scopes: vec!["read".to_owned()],
        subject: None,
        obtained_at: at(START),
        dead_since: None,
        lost_since: None,
        seed: None,
    }
}

#[tokio::test]
async fn a_token_comes_back_as_it_was_and_only_its_owner_can_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileCredentials::new(folder.path().join("tokens"));
    assert!(store.load(&key("a")).await.unwrap().is_none());
    store.save(&key("a"), &token("first")).await.unwrap();
    store.save(&key("a"), &token("second")).await.unwrap();
    store.save(&key("../微/b"), &token("third")).await.unwrap();
    let back = store.load(&key("a")).await.unwrap().unwrap();
    assert_eq!((back.access.expose_secret(), back.expires_at), ("second", Some(at(START))));
    assert_eq!(back.renewals, 3);
    assert_eq!(store.load(&key("../微/b")).await.unwrap().unwrap().access.expose_secret(), "third");

    let files: Vec<_> = fs::read_dir(folder.path().join("tokens")).unwrap().map(Result::unwrap).collect();
    assert_eq!(files.len(), 2, "no file is left beside, none lies outside: {files:?}");
    #[cfg(unix)]
    for file in files {
        let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600, "{file:?}");
    }
}

#[tokio::test]
async fn a_torn_file_is_a_clear_error_that_does_not_tell_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileCredentials::new(folder.path());
    store.save(&key("a"), &token("sentinel-secret")).await.unwrap();
    let file = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    fs::write(&file, r#"{"access": "sentinel-secret", "refresh": 3"#).unwrap();
    let error = store.load(&key("a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    let told = format!("{error:?} {error}");
    assert!(told.contains("toy.a.user.json") && !told.contains("sentinel"), "{told}");
}

#[tokio::test]
async fn a_lock_keeps_the_next_one_out_until_it_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (FileCredentials::new(folder.path()), FileCredentials::new(folder.path()));
    let held = one.lock(&key("a")).await.unwrap();
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = Arc::clone(&order);
    let waiting = tokio::spawn(async move {
        let held = other.lock(&key("a")).await.unwrap();
        noted.lock().unwrap().push("second");
        drop(held);
    });
    drop(one.lock(&key("b")).await.unwrap());
    order.lock().unwrap().push("first");
    drop(held);
    waiting.await.unwrap();
    assert_eq!(*order.lock().unwrap(), ["first", "second"]);
}
