//! Tokens: from where the configuration says, renewed once, stored before they are used.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::future::join_all;
use kepi_core::{ErrorKind, Grant, Response, Result, credential::ExposeSecret};
use kepi_transport::{
    Clock, CredentialKey, CredentialStore, Fault, FaultKind, FileCredentials, Held, MemoryCredentials,
    Secrets, StoredToken,
    testing::{ManualClock, ScriptedWire, Seen},
};

use crate::support::{Bench, START, Toy, account, at, ok};

/// A platform that takes the newest of its tokens only; a refresh token works once.
struct Rotating {
    access: String,
    refresh: String,
    renewals: usize,
}

impl Rotating {
    fn new(access: &str, refresh: &str) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self { access: access.to_owned(), refresh: refresh.to_owned(), renewals: 0 }))
    }

    fn answer(&mut self, request: &kepi_transport::Outgoing) -> Response {
        if request.url.path() != "/token" {
            let good = request.header("authorization") == Some(&format!("Bearer {}", self.access));
            return if good { ok() } else { ScriptedWire::json(401, "") };
        }
        let body = request.body.as_ref().map(|body| body.expose_secret().to_owned()).unwrap_or_default();
        if !body.contains(&format!("refresh_token={}&", self.refresh)) {
            return ScriptedWire::json(400, "dead");
        }
        self.renewals += 1;
        self.access = format!("access-{}", self.renewals);
        self.refresh = format!("refresh-{}", self.renewals);
        ScriptedWire::json(200, &format!("{},{},7200", self.access, self.refresh))
    }
}

fn wire_of(server: &Arc<Mutex<Rotating>>) -> ScriptedWire {
    let server = Arc::clone(server);
    ScriptedWire::new(move |request, _| Ok(server.lock().unwrap().answer(request)))
}

fn key() -> CredentialKey {
    CredentialKey { platform: "toy".to_owned(), owner: "A_TOKEN".to_owned(), kind: "user".to_owned() }
}

#[tokio::test]
async fn one_renewal_for_all_and_one_replay_each() {
    let server = Rotating::new("another", "value-of-A_REFRESH");
    let bench = Bench::new(wire_of(&server));
    let answers = join_all((0..10).map(|_| bench.fetch("mine"))).await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|fetched| fetched.attempts == 1)));
    assert_eq!(server.lock().unwrap().renewals, 1);
    assert_eq!(bench.calls(), 10 + 1 + 10);
}

#[tokio::test]
async fn a_token_near_its_end_is_renewed_before_it_is_used() {
    let server = Rotating::new("another", "value-of-A_REFRESH");
    let bench = Bench::new(wire_of(&server));
    bench.fetch("mine").await.unwrap();
    let before = bench.calls();
    bench.clock.advance(std::time::Duration::from_secs(7150));
    bench.fetch("mine").await.unwrap();
    assert_eq!(bench.calls(), before + 2, "a renewal and the call, no refusal");
    assert_eq!(server.lock().unwrap().renewals, 2, "with the rotated refresh token");
}

/// Notes in which order things happen.
#[derive(Debug, Default)]
struct Watched {
    inner: MemoryCredentials,
    log: Arc<Mutex<Vec<String>>>,
    broken: bool,
}

#[async_trait]
impl CredentialStore for Watched {
    async fn load(&self, key: &CredentialKey) -> Result<Option<StoredToken>> {
        self.inner.load(key).await
    }

    async fn save(&self, key: &CredentialKey, token: &StoredToken) -> Result<()> {
        if self.broken {
            return Err(kepi_core::Error::new(ErrorKind::Store, "disk full"));
        }
        self.log.lock().unwrap().push(format!("saved {}", token.access.expose_secret()));
        self.inner.save(key, token).await
    }

    async fn lock(&self, key: &CredentialKey) -> Result<Held> {
        self.inner.lock(key).await
    }
}

fn watched(broken: bool) -> (Bench, Arc<Mutex<Vec<String>>>) {
    let log = Arc::new(Mutex::new(Vec::new()));
    let store = Watched { log: Arc::clone(&log), broken, ..Watched::default() };
    let server = Rotating::new("another", "value-of-A_REFRESH");
    let noted = Arc::clone(&log);
    let wire = ScriptedWire::new(move |request, _| {
        let token = request.header("authorization").unwrap_or("renewal").replace("Bearer ", "used ");
        noted.lock().unwrap().push(token);
        Ok(server.lock().unwrap().answer(request))
    });
    (Bench::with(wire, Toy::default(), |builder| builder.credentials(Arc::new(store))), log)
}

#[tokio::test]
async fn a_rotated_token_is_stored_before_it_is_used() {
    let (bench, log) = watched(false);
    bench.fetch("mine").await.unwrap();
    let expected = ["used value-of-A_TOKEN", "renewal", "saved access-1", "used access-1"];
    assert_eq!(*log.lock().unwrap(), expected);

    let (bench, log) = watched(true);
    assert_eq!(bench.fetch("mine").await.unwrap_err().kind(), ErrorKind::Store);
    assert_eq!(*log.lock().unwrap(), ["used value-of-A_TOKEN", "renewal"], "not stored, not used");
}

#[tokio::test]
async fn two_processes_renew_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Rotating::new("another", "value-of-A_REFRESH");
    let clock = Arc::new(ManualClock::jumping(at(START)));
    let process = || {
        let store = Arc::new(FileCredentials::new(folder.path()));
        Bench::on(Arc::clone(&clock), wire_of(&server), Toy::default(), |builder| builder.credentials(store))
    };
    let (one, other) = (process(), process());
    let (a, b) = tokio::join!(one.fetch("mine"), other.fetch("mine"));
    assert!(a.is_ok() && b.is_ok(), "{a:?} {b:?}");
    assert_eq!(server.lock().unwrap().renewals, 1);
    // A third one, later, begins with what is stored.
    let third = process();
    third.fetch("mine").await.unwrap();
    assert_eq!(third.wire.seen()[0].authorization.as_deref(), Some("Bearer access-1"));
}

#[tokio::test]
async fn what_cannot_be_renewed_asks_for_a_person_with_the_date_and_is_not_tried_again() {
    let server = Rotating::new("another", "another");
    let bench = Bench::new(wire_of(&server));
    let error = bench.fetch("mine").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Reauthorise, "{error:?}");
    assert!(error.hint_text().unwrap().contains("kepi auth toy/a"), "{error:?}");
    let before = bench.calls();
    let error = bench.fetch("mine").await.unwrap_err();
    assert_eq!((bench.calls(), error.context_value("since")), (before, Some(START)), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Reauthorise);
}

/// A wire that loses the first answer to a renewal; where the platform forgives, the old token stays good.
fn losing(server: &Arc<Mutex<Rotating>>, forgives: bool) -> ScriptedWire {
    let server = Arc::clone(server);
    let mut lost = false;
    ScriptedWire::new(move |request, _| {
        if request.url.path() == "/token" && !std::mem::replace(&mut lost, true) {
            if !forgives {
                server.lock().unwrap().answer(request);
            }
            return Err(Fault::new(FaultKind::Reset, true));
        }
        Ok(server.lock().unwrap().answer(request))
    })
}

#[tokio::test]
async fn a_token_that_was_lost_on_its_way_is_asked_for_again_and_else_a_person_is_told_why() {
    let server = Rotating::new("another", "value-of-A_REFRESH");
    let bench = Bench::new(losing(&server, true));
    bench.fetch("mine").await.unwrap();
    assert_eq!(server.lock().unwrap().renewals, 1, "the old token was still good");

    let server = Rotating::new("another", "value-of-A_REFRESH");
    let bench = Bench::new(losing(&server, false));
    let lost_at = bench.clock.now();
    let error = bench.fetch("mine").await.unwrap_err();
    let again = bench.fetch("mine").await.unwrap_err();
    for error in [&error, &again] {
        assert_eq!(error.kind(), ErrorKind::Reauthorise);
        assert!(error.message().contains("lost on its way"), "{error:?}");
        assert_eq!(error.context_value("lost_since"), Some(lost_at.to_string().as_str()));
        assert!(error.hint_text().unwrap().contains("kepi auth toy/a"), "{error:?}");
    }
    assert_eq!(server.lock().unwrap().renewals, 1);
}

#[tokio::test]
async fn a_token_refused_twice_is_not_tried_a_third_time() {
    let wire = ScriptedWire::new(|request, _| {
        let renewal = request.url.path() == "/token";
        Ok(if renewal { ScriptedWire::json(200, "new,new,7200") } else { ScriptedWire::json(401, "") })
    });
    let bench = Bench::new(wire);
    let error = bench.fetch("mine").await.unwrap_err();
    assert_eq!((error.kind(), bench.calls()), (ErrorKind::Reauthorise, 3), "{error:?}");
}

#[tokio::test]
async fn the_apps_own_secret_buys_a_token() {
    let wire = ScriptedWire::new(|request, _| {
        let renewal = request.url.path() == "/token";
        Ok(if renewal { ScriptedWire::json(200, "bought,,7200") } else { ok() })
    });
    let bench = Bench::new(wire);
    // Two accounts of one app share its token.
    bench.fetch_for("app", "a").await.unwrap();
    bench.fetch_for("app", "b").await.unwrap();
    let seen = bench.wire.seen();
    let body = "grant=client&client_secret=value-of-TOY_SECRET&client_id=value-of-TOY_ID";
    assert_eq!(seen[0], Seen { url: seen[0].url.clone(), authorization: None, body: Some(body.to_owned()) });
    assert_eq!(seen[1].authorization.as_deref(), Some("Bearer bought"));
    assert_eq!(seen.len(), 3, "one exchange, two calls");
}

/// An account that is seen through another is asked for with its token, whether that is named or kept.
#[tokio::test]
async fn a_watched_account_is_asked_for_with_the_token_of_the_account_that_watches() {
    let wire = ScriptedWire::new(|request, _| {
        let renewal = request.url.path() == "/token";
        Ok(if renewal { ScriptedWire::json(200, "new,new,7200") } else { ok() })
    });
    let bench = Bench::with(wire, Toy::default(), |builder| {
        builder.through(&account("rival"), &account("s")).through(&account("other"), &account("a"))
    });
    bench.fetch_for("fixed", "rival").await.unwrap();
    bench.fetch_for("mine", "other").await.unwrap();
    bench.fetch_for("mine", "a").await.unwrap();
    let asked = bench.wire.seen().into_iter().map(|seen| seen.authorization);
    let told = asked.flatten().collect::<Vec<_>>();
    assert_eq!(told, ["Bearer value-of-FIXED", "Bearer value-of-A_TOKEN", "Bearer value-of-A_TOKEN"]);
}

#[tokio::test]
async fn a_refused_app_is_a_matter_of_configuration_and_a_failing_platform_is_not() {
    let check = async |status: u16, kind: ErrorKind, calls: usize| {
        let bench = Bench::new(ScriptedWire::new(move |_, _| Ok(ScriptedWire::json(status, "no"))));
        let error = bench.fetch("app").await.unwrap_err();
        assert_eq!((error.kind(), bench.calls()), (kind, calls), "{error:?}");
    };
    check(401, ErrorKind::BadConfig, 1).await;
    check(400, ErrorKind::BadConfig, 1).await;
    check(200, ErrorKind::BadResponse, 1).await;
    check(503, ErrorKind::Unavailable, 5).await;
}

#[tokio::test]
async fn a_static_token_that_is_refused_is_named() {
    let bench = Bench::new(ScriptedWire::new(|_, _| Ok(ScriptedWire::json(401, ""))));
    let error = bench.fetch_for("fixed", "s").await.unwrap_err();
    assert_eq!((error.kind(), bench.calls()), (ErrorKind::Reauthorise, 1), "{error:?}");
    assert_eq!(error.hint_text(), Some("put a new token into FIXED"));
}

#[tokio::test]
async fn what_is_missing_is_named_with_its_account() {
    let bench = Bench::new(ScriptedWire::answers([]));
    let check = async |endpoint: &str, name: &str, kind: ErrorKind, message: &str, hint: &str| {
        let error = bench.fetch_for(endpoint, name).await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (kind, message), "{error:?}");
        assert_eq!(error.context_value("account"), Some(format!("toy/{name}").as_str()));
        assert!(error.hint_text().unwrap().contains(hint), "{error:?}");
        assert_eq!(bench.calls(), 0);
    };
    let (config, person) = (ErrorKind::BadConfig, ErrorKind::Reauthorise);
    let unset = "the variable NO_SUCH_VARIABLE is not set or is empty";
    check("fixed", "unset", config, unset, "set NO_SUCH_VARIABLE").await;
    check("fixed", "nobody", config, "no fixed token for toy/nobody", "token_env").await;
    check("app", "nobody", config, "no app token for toy/nobody", "client_id_env").await;
    check("mine", "nobody", config, "no user token for toy/nobody", "kepi auth toy/nobody").await;
    check("mine", "b", person, "nobody has consented yet", "kepi auth toy/b").await;
}

#[tokio::test]
async fn a_consent_is_exchanged_stored_and_used() {
    let server = Rotating::new("access-1", "refresh-1");
    let serving = Arc::clone(&server);
    let wire = ScriptedWire::new(move |request, _| {
        let consent =
            request.body.as_ref().is_some_and(|body| body.expose_secret().contains("code=the-code"));
        Ok(if consent {
            ScriptedWire::json(200, "access-1,refresh-1,7200")
        } else {
            serving.lock().unwrap().answer(request)
        })
    });
    let bench = Bench::new(wire);
    let grant = Grant::Code { redirect_uri: "http://127.0.0.1:1/".to_owned() };
    let secrets = Secrets::default().with("code", "the-code");
    bench.transport.exchange(&bench.toy, &account("b"), "user", &grant, &secrets).await.unwrap();
    bench.fetch_for("mine", "b").await.unwrap();
    assert_eq!(bench.wire.seen()[1].authorization.as_deref(), Some("Bearer access-1"));
    let unknown = bench.transport.exchange(&bench.toy, &account("b"), "nix", &grant, &secrets).await;
    assert!(unknown.unwrap_err().hint_text().unwrap().contains("user, app, fixed"));
}

/// The short token of a consent is good for the long one only: it is never stored and never used.
#[tokio::test]
async fn a_short_token_is_exchanged_for_the_long_one_at_once() {
    let store = Arc::new(MemoryCredentials::default());
    let kept = Arc::clone(&store) as Arc<dyn CredentialStore>;
    let longer = Arc::new(Mutex::new("long-1,,5184000".to_owned()));
    let answer = Arc::clone(&longer);
    let wire = ScriptedWire::new(move |request, _| {
        let body = request.body.as_ref().map_or("", |body| body.expose_secret()).to_owned();
        Ok(match request.url.path() {
            "/token" if body.contains("code=the-code") => ScriptedWire::json(200, "a-short-token-1,,3600"),
            "/longer" if body.contains("short=a-short-token-1") => {
                let answer = answer.lock().unwrap().clone();
                ScriptedWire::json(if answer == "dead" { 400 } else { 200 }, &answer)
            }
            "/twice" => ok(),
            other => panic!("{other} {body}"),
        })
    });
    let bench = Bench::with(wire, Toy::default(), |builder| builder.credentials(kept));
    let grant = Grant::Code { redirect_uri: "http://127.0.0.1:1/".to_owned() };
    let secrets = Secrets::default().with("code", "the-code");
    let consent =
        async || bench.transport.exchange(&bench.toy, &account("b"), "twice", &grant, &secrets).await;
    consent().await.unwrap();
    let key = CredentialKey { platform: "toy".into(), owner: "b".into(), kind: "twice".into() };
    let stored = store.load(&key).await.unwrap().unwrap();
    assert_eq!((stored.access.expose_secret(), bench.calls()), ("long-1", 2));
    assert_eq!(stored.expires_at.unwrap().duration_since(at(START)).as_hours(), 60 * 24);
    bench.fetch_for("twice", "b").await.unwrap();
    assert_eq!(bench.wire.seen()[2].authorization.as_deref(), Some("Bearer long-1"));
    // Where the second exchange fails, nothing is stored and nothing is told of the first.
    "dead".clone_into(&mut longer.lock().unwrap());
    let error = consent().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Reauthorise);
    assert!(!format!("{error:?}").contains("a-short-token-1"), "{error:?}");
    assert_eq!(store.load(&key).await.unwrap().unwrap().access.expose_secret(), "long-1");
    "a-short-token-1 is not a token".clone_into(&mut longer.lock().unwrap());
    let error = format!("{:?}", consent().await.unwrap_err());
    assert!(!error.contains("a-short-token-1"), "{error}");
}

#[tokio::test]
async fn other_configured_secrets_mean_a_fresh_beginning() {
    let store = Arc::new(MemoryCredentials::default());
    let server = Rotating::new("another", "value-of-A_REFRESH");
    let kept = Arc::clone(&store) as Arc<dyn CredentialStore>;
    Bench::with(wire_of(&server), Toy::default(), |builder| builder.credentials(kept))
        .fetch("mine")
        .await
        .unwrap();
    assert_eq!(store.load(&key()).await.unwrap().unwrap().access.expose_secret(), "access-1");
    // Same store, other secrets in the same variables.
    let kept = Arc::clone(&store) as Arc<dyn CredentialStore>;
    let bench = Bench::with(ScriptedWire::new(|_, _| Ok(ok())), Toy::default(), |builder| {
        builder.credentials(kept).environment(|name| Some(format!("changed-{name}")))
    });
    bench.fetch("mine").await.unwrap();
    assert_eq!(bench.wire.seen()[0].authorization.as_deref(), Some("Bearer changed-A_TOKEN"));
}

#[tokio::test]
async fn a_token_that_is_exchanged_for_the_next_is_renewed_early_and_used_while_it_lives() {
    let fails = Arc::new(Mutex::new(false));
    let failing = Arc::clone(&fails);
    let wire = ScriptedWire::new(move |request, _| {
        let renewal = request.url.path() == "/token";
        Ok(match renewal {
            true if *failing.lock().unwrap() => ScriptedWire::json(400, "too young"),
            true => ScriptedWire::json(200, "next,,5184000"),
            false => ok(),
        })
    });
    let bench = Bench::with(wire, Toy::default(), |builder| {
        let source = kepi_transport::CredentialSource {
            client_id_env: Some("TOY_ID".to_owned()),
            ..Default::default()
        };
        builder.source(account("a"), "long", source)
    });
    let grant = Grant::Code { redirect_uri: String::new() };
    let secrets = Secrets::default().with("code", "c");
    bench.transport.exchange(&bench.toy, &account("a"), "long", &grant, &secrets).await.unwrap();
    let days = |days: u64| std::time::Duration::from_secs(days * 86_400);
    let calls = async || {
        let before = bench.calls();
        bench.fetch("long").await.unwrap();
        bench.calls() - before
    };
    assert_eq!(calls().await, 1);
    bench.clock.advance(days(29));
    assert_eq!(calls().await, 1, "more than half of its life is left");
    bench.clock.advance(days(2));
    *fails.lock().unwrap() = true;
    assert_eq!(calls().await, 2, "not renewed, but it still lives");
    assert_eq!(calls().await, 1, "and is not tried again at once");
    bench.clock.advance(std::time::Duration::from_secs(3601));
    *fails.lock().unwrap() = false;
    assert_eq!((calls().await, calls().await), (2, 1));
}

#[tokio::test]
async fn a_failed_consent_does_not_harm_the_token_that_is_there() {
    let server = Rotating::new("value-of-A_TOKEN", "value-of-A_REFRESH");
    let bench = Bench::new(wire_of(&server));
    bench.fetch("mine").await.unwrap();
    let grant = Grant::Code { redirect_uri: String::new() };
    let secrets = Secrets::default().with("code", "wrong");
    let error = bench.transport.exchange(&bench.toy, &account("a"), "user", &grant, &secrets).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Reauthorise);
    assert!(bench.fetch("mine").await.is_ok());
}

/// A platform whose refresh token stays for thirty days, and can be renewed twice.
#[derive(Debug, Default)]
struct Renewable {
    renewals: usize,
    asked: Vec<&'static str>,
    /// What a renewal is answered instead.
    instead: Option<&'static str>,
}

fn renewable() -> (Bench, Arc<Mutex<Renewable>>, Arc<MemoryCredentials>) {
    let (server, store) =
        (Arc::new(Mutex::new(Renewable::default())), Arc::new(MemoryCredentials::default()));
    let (serving, kept) = (Arc::clone(&server), Arc::clone(&store) as Arc<dyn CredentialStore>);
    let wire = ScriptedWire::new(move |request, _| {
        let mut server = serving.lock().unwrap();
        let body = request.body.as_ref().map(|body| body.expose_secret().to_owned()).unwrap_or_default();
        let has = |text: &str| body.contains(text);
        let current = format!("refresh_token=refresh-{}&", server.renewals);
        let (what, answer) = match request.url.path() {
            "/token" if has("grant=code") => ("code", "access,refresh-0,1296000,2592000".to_owned()),
            "/token" if has("grant=refresh") && has(&current) => {
                ("refresh", format!("access,refresh-{},1296000,2592000", server.renewals))
            }
            "/token" if has("grant=renew") && server.instead.is_some() => {
                ("renew", server.instead.unwrap_or_default().to_owned())
            }
            "/token" if has("grant=renew") && has(&current) => {
                server.renewals += 1;
                ("renew", format!(",refresh-{},,2592000", server.renewals))
            }
            "/token" => ("other", "dead".to_owned()),
            _ => ("page", "{}".to_owned()),
        };
        server.asked.push(what);
        Ok(ScriptedWire::json(200, &answer))
    });
    let bench = Bench::with(wire, Toy::default(), |builder| {
        let source = kepi_transport::CredentialSource {
            client_id_env: Some("TOY_ID".to_owned()),
            ..Default::default()
        };
        builder.credentials(kept).source(account("a"), "renewable", source)
    });
    (bench, server, store)
}

impl Bench {
    async fn consent(&self) {
        let grant = Grant::Code { redirect_uri: String::new() };
        let secrets = Secrets::default().with("code", "c");
        self.transport.exchange(&self.toy, &account("a"), "renewable", &grant, &secrets).await.unwrap();
    }

    fn advance(&self, hours: u64) {
        self.clock.advance(std::time::Duration::from_secs(hours * 3600));
    }
}

fn asked(server: &Arc<Mutex<Renewable>>) -> Vec<&'static str> {
    std::mem::take(&mut server.lock().unwrap().asked)
}

fn renewable_key() -> CredentialKey {
    CredentialKey { platform: "toy".to_owned(), owner: "a".to_owned(), kind: "renewable".to_owned() }
}

/// Thirty days, twice renewed three days before the end: 84 days after the consent a person is needed. Refreshing
/// in between does not put the end off, although the platform speaks of thirty days each time.
#[tokio::test]
async fn a_refresh_token_is_renewed_before_its_end_as_often_as_is_allowed() {
    let (bench, server, store) = renewable();
    bench.consent().await;
    let begin = bench.clock.now();
    let mut renewed = Vec::new();
    let dead = loop {
        let fetched = bench.fetch("renewable").await;
        let day = bench.clock.now().duration_since(begin).as_hours() / 24;
        if asked(&server).contains(&"renew") {
            renewed.push(day);
        }
        match fetched {
            Ok(_) => bench.advance(24),
            Err(error) => break (day, error),
        }
        assert!(day < 200, "renewed without end: {renewed:?}");
    };
    assert_eq!(renewed, [27, 54]);
    // The last access token, had on the day before, would live on; the refresh token is what has ended.
    assert_eq!(dead.1.kind(), ErrorKind::Reauthorise);
    assert!((84..=99).contains(&dead.0), "dead on day {}", dead.0);
    assert!(dead.1.hint_text().unwrap().contains("kepi auth toy/a"), "{:?}", dead.1);
    assert_eq!(store.load(&renewable_key()).await.unwrap().unwrap().renewals, 2);
    bench.consent().await;
    assert_eq!(store.load(&renewable_key()).await.unwrap().unwrap().renewals, 0, "a consent begins anew");
}

#[tokio::test]
async fn a_renewal_that_fails_is_tried_again_later_and_harms_nothing() {
    let (bench, server, store) = renewable();
    bench.consent().await;
    bench.advance(15 * 24);
    bench.fetch("renewable").await.unwrap();
    bench.advance(12 * 24);
    asked(&server);
    server.lock().unwrap().instead = Some("?");
    bench.fetch("renewable").await.unwrap();
    bench.fetch("renewable").await.unwrap();
    assert_eq!(asked(&server), ["renew", "page", "page"]);
    bench.advance(2);
    server.lock().unwrap().instead = None;
    bench.fetch("renewable").await.unwrap();
    bench.fetch("renewable").await.unwrap();
    assert_eq!(asked(&server), ["renew", "page", "page"]);
    let kept = store.load(&renewable_key()).await.unwrap().unwrap();
    assert_eq!((kept.access.expose_secret(), kept.renewals), ("access", 1));
    assert_eq!(kept.refresh.unwrap().expose_secret(), "refresh-1");
}

/// The platform has counted renewals that we do not know of.
#[tokio::test]
async fn a_renewal_that_is_refused_is_not_asked_for_again() {
    let (bench, server, store) = renewable();
    bench.consent().await;
    bench.advance(15 * 24);
    bench.fetch("renewable").await.unwrap();
    bench.advance(12 * 24);
    asked(&server);
    server.lock().unwrap().instead = Some("dead");
    for _ in 0..3 {
        bench.fetch("renewable").await.unwrap();
        bench.advance(2);
    }
    assert_eq!(asked(&server), ["renew", "page", "page", "page"]);
    let kept = store.load(&renewable_key()).await.unwrap().unwrap();
    assert_eq!((kept.renewals, kept.dead_since), (2, None));
}
