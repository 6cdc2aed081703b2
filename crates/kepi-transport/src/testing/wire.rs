//! A wire without a socket.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use jiff::Timestamp;
use kepi_core::{Response, credential::ExposeSecret};

use crate::{Clock, Fault, FaultKind, Outgoing, Wire};

type Answer = dyn FnMut(&Outgoing, usize) -> Result<Response, Fault> + Send;

/// A wire that answers as a test says, and remembers what it was sent, secrets included.
pub struct ScriptedWire {
    answer: Mutex<Box<Answer>>,
    seen: Mutex<Vec<Seen>>,
}

/// What went out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The address with its query.
    pub url: String,
    /// The `authorization` header.
    pub authorization: Option<String>,
    /// The body.
    pub body: Option<String>,
}

impl fmt::Debug for ScriptedWire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScriptedWire")
    }
}

impl ScriptedWire {
    /// Answers by a function of the request and its number, from 0.
    pub fn new(answer: impl FnMut(&Outgoing, usize) -> Result<Response, Fault> + Send + 'static) -> Self {
        Self { answer: Mutex::new(Box::new(answer)), seen: Mutex::default() }
    }

    /// Answers one after the other; then the host is unknown.
    #[must_use]
    pub fn answers(answers: impl IntoIterator<Item = Result<Response, Fault>>) -> Self {
        let mut answers = answers.into_iter().collect::<Vec<_>>().into_iter();
        Self::new(move |_, _| answers.next().unwrap_or_else(|| Err(Fault::new(FaultKind::Dns, false))))
    }

    /// An answer of JSON.
    #[must_use]
    pub fn json(status: u16, body: &str) -> Response {
        Self::response(status, &[("content-type", "application/json")], body)
    }

    /// An answer.
    #[must_use]
    pub fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
        Response {
            status,
            headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).to_owned())).collect(),
            body: body.as_bytes().to_vec(),
            received_at: Timestamp::UNIX_EPOCH,
        }
    }

    /// What went out so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Wire for ScriptedWire {
    async fn send(&self, request: Outgoing, clock: &dyn Clock) -> Result<Response, Fault> {
        let number = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.push(Seen {
                url: request.url.to_string(),
                authorization: request.header("authorization").map(ToOwned::to_owned),
                body: request.body.as_ref().map(|body| body.expose_secret().to_owned()),
            });
            seen.len() - 1
        };
        // Others have their turn while a call is on its way.
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
        let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        answer(&request, number).map(|response| Response { received_at: clock.now(), ..response })
    }
}
