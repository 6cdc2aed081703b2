//! One more port beside the platforms': what they counted, and switches to break them while they run.

use std::{fmt::Write as _, io, sync::Arc};

use http_body_util::{BodyExt, Limited};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use kepi_core::{AccountId, Error, Result};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    Switch,
    call::Answer,
    server::Platforms,
    switch::ALL,
    wire::{Body, send},
};

/// Nobody types more than this.
const MAX_BODY: usize = 4 << 10;

/// Answers until the task is aborted.
pub(crate) async fn serve(listener: TcpListener, platforms: Arc<Platforms>, url: String) {
    let mut connections = JoinSet::new();
    let desk = Arc::new(Desk { platforms, url });
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let desk = Arc::clone(&desk);
                let service = service_fn(move |request| {
                    let desk = Arc::clone(&desk);
                    async move { desk.serve(request).await }
                });
                let mut http = hyper::server::conn::http1::Builder::new();
                connections.spawn(http.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

struct Desk {
    platforms: Arc<Platforms>,
    url: String,
}

impl Desk {
    async fn serve(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let (parts, body) = request.into_parts();
        let body = Limited::new(body, MAX_BODY).collect().await.map_err(io::Error::other)?.to_bytes();
        let answer = match self.answer(parts.method.as_str(), parts.uri.path(), &body) {
            Ok(Some(answer)) => answer,
            Ok(None) => text(404, &self.help()),
            Err(error) => text(400, &said(&error)),
        };
        send(answer, None)
    }

    /// What is done and said; nothing where nobody knows the address.
    fn answer(&self, method: &str, path: &str, body: &[u8]) -> Result<Option<Answer>> {
        let typed = std::str::from_utf8(body).map_err(|_| Error::bad_input("the body is no text"))?.trim();
        let platform = path.trim_start_matches("/faults").trim_start_matches('/');
        Ok(Some(match (method, path) {
            ("GET", "/") => text(200, &self.help()),
            ("GET", "/calls") => Answer::json(200, format!("{:#}\n", self.calls()?).into_bytes()),
            ("POST", "/faults") => {
                let switch: Switch = typed.parse()?;
                self.platforms.switch_on(&switch)?;
                text(200, &format!("{switch} is on\n"))
            }
            ("DELETE", path) if path.starts_with("/faults") => {
                let platform = if platform.is_empty() { ALL } else { platform };
                self.platforms.lift(platform)?;
                text(200, &format!("no faults at {platform}\n"))
            }
            ("POST", "/sign-in") => {
                self.platforms.sign_in(&AccountId::new(typed)?)?;
                text(200, &format!("the browser is signed in as {typed}\n"))
            }
            ("POST", "/revoke") => {
                self.platforms.revoke(&AccountId::new(typed)?)?;
                text(200, &format!("{typed} has withdrawn its consent\n"))
            }
            _ => return Ok(None),
        }))
    }

    /// What each platform has counted.
    fn calls(&self) -> Result<Value> {
        let counted = |(platform, _): (&'static str, &str)| {
            let stats = self.platforms.stats(platform)?;
            let said = json!({
                "calls": stats.calls,
                "statuses": stats.statuses,
                "throttled": stats.throttled,
                "billed_items": stats.billed_items,
                "billed_micros": stats.billed_micros,
            });
            Ok((platform.to_owned(), said))
        };
        self.platforms.urls().map(counted).collect()
    }

    fn help(&self) -> String {
        let url = &self.url;
        let mut help = String::from("simulated platforms\n\n");
        for (platform, url) in self.platforms.urls() {
            let _ = writeln!(help, "  {platform:<12} {url}");
        }
        let _ = write!(
            help,
            "\ncurl {url}/calls                       # what they counted\n\
             curl {url}/faults -d x:rate-limit      # break one; {ALL}:… breaks all\n\
             curl -X DELETE {url}/faults            # all is well again; /faults/x: at one platform\n\
             curl {url}/sign-in -d x/NAME           # whose browser comes to the page of consent\n\
             curl {url}/revoke -d x/NAME            # the account's owner withdraws the consent\n\
             \n{}",
            Switch::help()
        );
        help
    }
}

fn text(status: u16, body: &str) -> Answer {
    let kind = ("content-type", "text/plain; charset=utf-8".to_owned());
    Answer { status, headers: vec![kind], body: body.as_bytes().to_vec() }
}

fn said(error: &Error) -> String {
    let hint = error.hint_text().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    format!("error: {error}{hint}\n")
}
