//! Service accounts: what they say, where it goes, and what becomes of it.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use kepi_core::{Error, ErrorKind, Grant, Response, credential::ExposeSecret};
use kepi_transport::{CredentialSource, MemoryCredentials, Secrets, testing::ScriptedWire};
use serde_json::{Value, json};

use crate::support::{Bench, START, TOKENS, Toy, account, at, ok};

const TOKEN_URI: &str = "https://oauth.example/token";

/// A key that was just made: its file, and what checks what it signs.
struct Key {
    pair: RsaKeyPair,
    file: Value,
}

impl Key {
    fn new() -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let text = BASE64_STANDARD.encode(der.as_ref());
        let file = json!({
            "type": "service_account",
            "project_id": "brand",
            "private_key_id": "0123abcd",
            "private_key": format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n"),
            "client_email": "kepi@brand.example",
            "token_uri": TOKEN_URI,
        });
        Self { pair, file }
    }

    /// The file with another value in one place.
    fn with(&self, name: &str, value: Value) -> String {
        let mut file = self.file.clone();
        file[name] = value;
        file.to_string()
    }

    /// Header and claims of what is posted, if it is signed with this key.
    fn read(&self, body: &str) -> Option<(Value, Value)> {
        let (said, signature) = body.strip_prefix("grant=statement&assertion=")?.rsplit_once('.')?;
        let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).ok();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.pair.public_key().as_ref());
        public.verify(said.as_bytes(), &decode(signature)?).ok()?;
        let (header, claims) = said.split_once('.')?;
        let read = |part: &str| serde_json::from_slice(&decode(part)?).ok();
        Some((read(header)?, read(claims)?))
    }
}

/// A bench whose account `toy/a` has a service account with this key file. Exchanges are answered by a function of what
/// was posted, pages by one of the token.
fn bench(
    file: impl ToString,
    answer: impl FnMut(&str) -> String + Send + 'static,
    page: impl Fn(&str) -> Response + Send + 'static,
) -> Bench {
    bench_on(Arc::default(), file, answer, page)
}

/// The same, with tokens that were kept before.
fn bench_on(
    store: Arc<MemoryCredentials>,
    file: impl ToString,
    mut answer: impl FnMut(&str) -> String + Send + 'static,
    page: impl Fn(&str) -> Response + Send + 'static,
) -> Bench {
    let wire = ScriptedWire::new(move |request, _| {
        if request.url.path() != "/token" {
            let token = request.header("authorization").unwrap_or_default();
            return Ok(page(token));
        }
        assert_eq!(request.url.as_str(), TOKEN_URI, "where the key says");
        let told = answer(request.body.as_ref().map(ExposeSecret::expose_secret).unwrap());
        Ok(ScriptedWire::json(if told.contains(',') { 200 } else { 400 }, &told))
    });
    let file = file.to_string();
    Bench::with(wire, Toy::default(), |builder| {
        let source =
            CredentialSource { service_account_env: Some("KEY".to_owned()), ..CredentialSource::default() };
        builder
            .credentials(store)
            .environment(move |name| (name == "KEY").then(|| file.clone()))
            .source(account("a"), "signed", source.clone())
            .source(account("a"), "user", source)
    })
}

/// A page for who has this token.
fn only(good: &'static str) -> impl Fn(&str) -> Response {
    move |token| if token == good { ok() } else { ScriptedWire::json(401, "") }
}

impl Bench {
    /// The statements that went out.
    fn statements(&self) -> Vec<String> {
        self.wire
            .seen()
            .into_iter()
            .filter(|seen| seen.url == TOKEN_URI)
            .filter_map(|seen| seen.body)
            .collect()
    }
}

#[tokio::test]
async fn a_statement_says_who_what_whom_and_how_long_and_is_signed() {
    let key = Key::new();
    let bench = bench(&key.file, |_| "access,,3600".to_owned(), only("Bearer access"));
    bench.fetch("signed").await.unwrap();
    bench.fetch("signed").await.unwrap();
    let [statement] = &bench.statements()[..] else { panic!("one statement for both") };
    let (header, claims) = key.read(statement).expect("it is signed with the key");
    assert_eq!(header, json!({"alg": "RS256", "typ": "JWT", "kid": "0123abcd"}));
    let now = at(START).as_second();
    assert_eq!(
        claims,
        json!({
            "iss": "kepi@brand.example", "scope": "scope/read", "aud": TOKEN_URI, "iat": now, "exp": now + 3600,
        })
    );
    assert!(Key::new().read(statement).is_none(), "another key has not signed it");
}

#[tokio::test]
async fn a_token_is_had_anew_shortly_before_its_end() {
    let key = Key::new();
    let bench = bench(&key.file, |_| "access,,3600".to_owned(), |_| ok());
    bench.fetch("signed").await.unwrap();
    bench.clock.advance(Duration::from_secs(3500));
    bench.fetch("signed").await.unwrap();
    assert_eq!(bench.statements().len(), 1);
    bench.clock.advance(Duration::from_secs(45));
    bench.fetch("signed").await.unwrap();
    let statements = bench.statements();
    assert_eq!(statements.len(), 2, "55 seconds before its end");
    let iat = |statement: &str| key.read(statement).unwrap().1["iat"].as_i64().unwrap();
    assert_eq!(iat(&statements[1]) - iat(&statements[0]), 3545);
}

#[tokio::test]
async fn a_token_that_is_refused_in_mid_run_is_had_anew_once() {
    let key = Key::new();
    let mut made = 0;
    let answer = move |_: &str| {
        made += 1;
        format!("access-{made},,3600")
    };
    let bench = bench(&key.file, answer, only("Bearer access-2"));
    bench.fetch("signed").await.unwrap();
    assert_eq!((bench.statements().len(), bench.calls()), (2, 4));
}

#[tokio::test]
async fn a_token_is_kept_and_another_key_begins_anew() {
    let (old, new) = (Key::new(), Key::new());
    let store = Arc::<MemoryCredentials>::default();
    let had = async |key: &Key| {
        let bench = bench_on(Arc::clone(&store), &key.file, |_| "access,,3600".to_owned(), |_| ok());
        bench.fetch("signed").await.unwrap();
        bench.statements()
    };
    assert!(old.read(&had(&old).await[0]).is_some());
    assert_eq!(had(&old).await, Vec::<String>::new(), "the token is kept");
    assert!(new.read(&had(&new).await[0]).is_some());
}

/// All that an error can say.
fn whole(error: &Error) -> String {
    format!("{error} {error:?} {:?}", std::error::Error::source(error))
}

#[tokio::test]
async fn a_statement_that_is_refused_is_the_keys_fault_and_tells_no_secret() {
    let key = Key::new();
    let private_key = key.file["private_key"].as_str().unwrap().to_owned();
    let error = bench(&key.file, |_| "dead".to_owned(), |_| ok()).fetch("signed").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.message(), error.context_value("told")),
        (
            ErrorKind::BadConfig,
            "the service account's statement is refused",
            Some("the refresh token is dead")
        )
    );
    assert!(error.hint_text().unwrap().contains("service_account_file"), "{error:?}");
    // A platform that repeats what it was sent, and more.
    let echo = bench(&key.file, move |body| format!("{body} {private_key}"), |_| ok());
    let error = whole(&echo.fetch("signed").await.unwrap_err());
    assert!(error.contains("no token in"), "{error}");
    let lines = key.file["private_key"].as_str().unwrap().lines().skip(1).take(1);
    let assertion = echo.statements()[0].replace("grant=statement&assertion=", "");
    for secret in lines.chain([assertion.as_str()]) {
        assert!(!error.contains(secret), "{secret} in {error}");
    }
}

#[tokio::test]
async fn a_page_that_repeats_the_key_does_not_tell_it() {
    let key = Key::new();
    let echo = json!({"echo": key.file["private_key"]}).to_string();
    let page = move |_: &str| ScriptedWire::json(200, &echo);
    let fetched = bench(&key.file, |_| "access,,3600".to_owned(), page).fetch("signed").await.unwrap();
    assert_eq!(String::from_utf8(fetched.body.bytes.to_vec()).unwrap(), r#"{"echo":"[redacted]\n"}"#);
}

/// What is wrong with a key is said without quoting it, before anything is sent.
#[tokio::test]
async fn what_is_no_key_is_said() {
    let key = Key::new();
    let checked = async |text: String, reason: &str| {
        let bench = bench(text, |_| unreachable!("nothing is sent"), |_| ok());
        let error = bench.fetch("signed").await.unwrap_err();
        assert_eq!((error.kind(), error.context_value("reason")), (ErrorKind::BadConfig, Some(reason)));
        assert_eq!(error.context_value("account"), Some("toy/a"));
        assert!(error.hint_text().unwrap().contains("service_account_file"), "{error:?}");
        assert!(!whole(&error).contains("sentinel"), "{error:?}");
    };
    checked("sentinel".to_owned(), "it is no JSON of a key").await;
    checked(key.with("private_key", json!(["sentinel"])), "it is no JSON of a key").await;
    let other = "it is of another kind: its type is not service_account";
    checked(key.with("type", json!("authorized_user")), other).await;
    checked(key.with("private_key", Value::Null), "it has no private_key").await;
    checked(key.with("client_email", json!("")), "it has no client_email").await;
    checked(key.with("token_uri", Value::Null), "it has no token_uri").await;
    checked(key.with("private_key", json!("sentinel")), "its private_key is no PEM").await;
    let no_rsa = "-----BEGIN PRIVATE KEY-----\nc2VudGluZWw=\n-----END PRIVATE KEY-----\n";
    checked(key.with("private_key", json!(no_rsa)), "its private_key is no RSA key of PKCS #8").await;
}

#[tokio::test]
async fn a_statement_does_not_go_over_an_open_line() {
    let file = Key::new().with("token_uri", json!("http://oauth.example/token"));
    let bench = bench(file, |_| unreachable!("nothing is sent"), |_| ok());
    let error = bench.fetch("signed").await.unwrap_err();
    assert_eq!(error.message(), "a secret would go over an unencrypted connection");
}

/// `kepi auth` exchanges a statement where the account has a key, and a kind of token that knows no service accounts
/// is not had by one.
#[tokio::test]
async fn a_key_is_used_where_its_kind_of_token_has_it() {
    let key = Key::new();
    let bench = bench(&key.file, |_| "access,,3600".to_owned(), |_| ok());
    let kind = |name: &str| TOKENS.iter().find(|kind| kind.name == name).unwrap();
    let grant = |name: &str| bench.transport.grant_without_person(&account("a"), kind(name));
    assert_eq!((grant("signed"), grant("user")), (Some(Grant::Statement), None));
    let (id, none) = (account("a"), Secrets::default());
    bench.transport.exchange(&bench.toy, &id, "signed", &Grant::Statement, &none).await.unwrap();
    bench.fetch("signed").await.unwrap();
    assert_eq!(bench.statements().len(), 1, "the token is kept");
    let error = bench.fetch("mine").await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::BadConfig, "no user token for toy/a"));
}
