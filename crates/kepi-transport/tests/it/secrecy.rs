//! A secret is searched for in everything that comes out.

use std::{
    cell::RefCell,
    io,
    sync::{
        Arc, Mutex, Once,
        atomic::{AtomicUsize, Ordering},
    },
};

use kepi_core::{Cursor, Response};
use kepi_transport::{CredentialSource, Fault, FaultKind, testing::ScriptedWire};

use crate::support::{Bench, Toy, account, job};

const SECRETS: [&str; 3] = ["sentinel-token", "sentinel-refresh", "sentinel-app-secret"];

thread_local! {
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What the thread logs. One subscriber for the whole process writes it: `tracing` remembers for a place in the
/// code that nobody listens, when another test's thread, with no subscriber of its own, comes by first.
struct ThreadLog;

impl ThreadLog {
    fn start() {
        static SUBSCRIBER: Once = Once::new();
        SUBSCRIBER.call_once(|| {
            tracing_subscriber::fmt()
                .with_max_level(tracing::Level::TRACE)
                .with_ansi(false)
                .with_writer(|| Self)
                .init();
        });
        LOGGED.take();
    }

    fn finish() -> String {
        String::from_utf8(LOGGED.take()).unwrap()
    }
}

impl io::Write for ThreadLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All that a call tells, in logs of every level, error, body, debug.
async fn told(endpoint: &str, answer: impl Fn() -> Result<Response, Fault> + Send + 'static) -> String {
    ThreadLog::start();
    let wire = ScriptedWire::new(move |_, _| answer());
    let bench = Bench::with(wire, Toy::default(), |builder| {
        builder
            .environment(|name| {
                Some(match name {
                    "A_TOKEN" | "FIXED" => SECRETS[0].to_owned(),
                    "A_REFRESH" => SECRETS[1].to_owned(),
                    "TOY_SECRET" => SECRETS[2].to_owned(),
                    other => other.to_owned(),
                })
            })
            .source(account("a"), "app", every_secret())
            .source(account("a"), "user", every_secret())
    });
    let answer = bench.transport.fetch(&bench.toy, &job(endpoint, "a"), &Cursor::default()).await;
    assert!(bench.calls() > 0);
    let mut told = format!("{answer:?} {:?} {:?}", bench.transport, bench.wire);
    match &answer {
        Ok(fetched) => told.push_str(&String::from_utf8_lossy(&fetched.body.bytes)),
        Err(error) => {
            told.push_str(&format!("{error} {:?}", std::error::Error::source(error)));
        }
    }
    let logged = ThreadLog::finish();
    assert!(logged.contains("platform=\"toy\""), "the log was caught: {logged}");
    told + &logged
}

fn every_secret() -> CredentialSource {
    CredentialSource {
        token_env: Some("A_TOKEN".to_owned()),
        refresh_token_env: Some("A_REFRESH".to_owned()),
        client_id_env: Some("TOY_ID".to_owned()),
        client_secret_env: Some("TOY_SECRET".to_owned()),
        ..CredentialSource::default()
    }
}

#[tokio::test]
async fn no_secret_comes_out_whatever_the_platform_answers() {
    let echo = SECRETS.join(" ");
    let answers: Vec<Box<dyn Fn() -> Result<Response, Fault> + Send>> = vec![
        Box::new({
            let echo = format!(r#"{{"next":"https://h/?access_token={}","all":"{echo}"}}"#, SECRETS[0]);
            move || Ok(ScriptedWire::json(200, &echo))
        }),
        Box::new({
            let echo = format!("told you {echo}");
            move || Ok(ScriptedWire::json(400, &echo))
        }),
        Box::new({
            let echo = echo.clone();
            move || Ok(ScriptedWire::response(403, &[("x-request-id", &echo)], &echo))
        }),
        Box::new({
            let echo = format!("dead {echo}");
            move || Ok(ScriptedWire::json(401, &echo))
        }),
        Box::new(|| Ok(ScriptedWire::json(500, SECRETS[0]))),
        Box::new(|| Err(Fault::new(FaultKind::Reset, true))),
    ];
    for answer in answers {
        let answer = Arc::new(Mutex::new(answer));
        for endpoint in ["mine", "app"] {
            let answer = Arc::clone(&answer);
            let told = told(endpoint, move || answer.lock().unwrap()()).await;
            for secret in SECRETS {
                assert!(!told.contains(secret), "{endpoint}: {secret} in {told}");
            }
        }
    }
}

#[tokio::test]
async fn a_token_that_nobody_knows_yet_does_not_come_out_of_a_garbled_exchange() {
    let calls = AtomicUsize::new(0);
    let told = told("mine", move || {
        Ok(match calls.fetch_add(1, Ordering::SeqCst) {
            0 => ScriptedWire::json(401, ""),
            _ => ScriptedWire::json(200, "sentinel-new-token-0123456789"),
        })
    });
    let told = told.await;
    assert!(told.contains("no token in [redacted]") && !told.contains("sentinel"), "{told}");
}
