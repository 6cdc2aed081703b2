//! `kepi auth ACCOUNT`: a person's consent, once, exchanged for tokens that live on by themselves.
//!
//! The person is sent to the platform; the platform sends the browser back with a code, to a listener on loopback,
//! or to an address of the person's own from which it is pasted. A token that needs no person is had at once. What is
//! secret is neither printed nor logged.

use std::{io::BufRead, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kepi_core::{AccountId, Adapter, Error, ErrorKind, Grant, TokenFlow, TokenKind, document::one_of_hint};
use kepi_transport::{Secrets, Transport};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    cli::Auth,
    compose::Project,
    config::ConfiguredAccount,
    failure::{Outcome, Result},
    output,
};

/// A browser sends no more than this to come back.
const MAX_REQUEST: usize = 16 << 10;

pub(crate) async fn run(project: &Project, arguments: &Auth) -> Result<Outcome> {
    let known = account(project, &arguments.account)?;
    if let Some(watcher) = &known.watched_by {
        return Err(Error::bad_input(format!("{} is seen through {}", arguments.account, watcher.id))
            .hint(format!("nobody need consent for it; for the one that watches: kepi auth {}", watcher.id))
            .into());
    }
    let platform = arguments.account.platform_name();
    let adapter = project.adapters().get(platform).ok_or_else(|| {
        let names: Vec<&str> = project.adapters().keys().map(String::as_str).collect();
        Error::bad_input(format!("{platform} has no adapter, so that nobody need consent"))
            .hint(one_of_hint(platform, &names))
    })?;
    let transport = project.transport()?;
    for kind in kinds(known, adapter.as_ref(), arguments.kind.as_deref())? {
        authorise(&transport, adapter.as_ref(), known, kind, arguments).await?;
    }
    Ok(Outcome::Done)
}

fn account<'p>(project: &'p Project, id: &AccountId) -> Result<&'p ConfiguredAccount> {
    project.config.account(id).ok_or_else(|| {
        let names: Vec<&str> =
            project.config.accounts.iter().map(|known| known.account.id.as_str()).collect();
        Error::bad_input(format!("the configuration has no account {id}"))
            .hint(one_of_hint(id.as_str(), &names))
            .into()
    })
}

/// The kinds of token that the account's configuration has credentials for, or the one that is named.
fn kinds<'a>(
    known: &ConfiguredAccount,
    adapter: &'a dyn Adapter,
    named: Option<&str>,
) -> Result<Vec<&'a TokenKind>> {
    let all = adapter.descriptor().tokens;
    let names: Vec<&str> = all.iter().map(|kind| kind.name).collect();
    if let Some(name) = named {
        let found = all.iter().find(|kind| kind.name == name).ok_or_else(|| {
            Error::bad_input(format!("{} knows no token {name}", adapter.descriptor().title))
                .hint(one_of_hint(name, &names))
        })?;
        return Ok(vec![found]);
    }
    let configured: Vec<&TokenKind> = all
        .iter()
        .filter(|kind| known.credentials.contains_key(kind.name) || known.credentials.contains_key(""))
        .collect();
    if configured.is_empty() {
        return Err(Error::bad_config(format!("{} has no credentials", known.account.id))
            .hint(format!(
                "name the app's id and secret: credentials = {{ {} = {{ client_id_env = \"…\", client_secret_env = \"…\" }} }}",
                names.first().copied().unwrap_or("user")
            ))
            .into());
    }
    Ok(configured)
}

async fn authorise(
    transport: &Transport,
    adapter: &dyn Adapter,
    known: &ConfiguredAccount,
    kind: &TokenKind,
    arguments: &Auth,
) -> Result<()> {
    let id = &known.account.id;
    match (transport.grant_without_person(id, kind), kind.flow) {
        (Some(grant), _) => {
            transport.exchange(adapter, id, kind.name, &grant, &Secrets::default()).await?;
        }
        (None, TokenFlow::Static | TokenFlow::Client) => {
            output::note(&format!(
                "{id} {}: this token is made by hand and stands in the configuration; nobody need consent",
                kind.name
            ));
            return Ok(());
        }
        (None, TokenFlow::AuthorizationCode { pkce, .. }) => {
            let client_id = transport.client_id(id, kind.name)?;
            let state = random()?;
            let verifier = pkce.then(random).transpose()?;
            let challenge = verifier.as_ref().map(|text| URL_SAFE_NO_PAD.encode(Sha256::digest(text)));
            let way = Way::open(arguments).await?;
            let redirect_uri = way.redirect_uri(arguments)?;
            let consent = Consent {
                client_id: &client_id,
                redirect_uri: &redirect_uri,
                state: &state,
                challenge: challenge.as_deref(),
                scopes: kind.scopes,
            };
            let page = kind.flow.authorize_url_at(adapter.authorize_base_url(kind.name)).unwrap_or_default();
            let address = consent.address(&page);
            output::note(&format!("{id}, {}: {}", kind.name, kind.title));
            output::note("open this address in a browser where you are signed in as the account, and agree:");
            output::result(&format!("{address}\n"))?;
            let code = way.code(&state, arguments).await?;
            let mut secrets = Secrets::default().with("code", code);
            if let Some(verifier) = verifier {
                secrets = secrets.with("code_verifier", verifier);
            }
            transport.exchange(adapter, id, kind.name, &Grant::Code { redirect_uri }, &secrets).await?;
        }
    }
    output::note(&format!("{id} {}: the token is stored, for its owner's eyes only", kind.name));
    Ok(())
}

/// 256 bits that nobody can guess, in letters that may stand in an address.
fn random() -> Result<String> {
    let mut bytes = [0; 32];
    getrandom::getrandom(&mut bytes).map_err(|error| {
        Error::new(ErrorKind::Unexpected, "the machine gives no random numbers").with("reason", error)
    })?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// What a person is sent to the platform's page of consent with.
struct Consent<'a> {
    client_id: &'a str,
    redirect_uri: &'a str,
    state: &'a str,
    /// The PKCE challenge (S256), where the kind asks for one.
    challenge: Option<&'a str>,
    scopes: &'a [&'a str],
}

impl Consent<'_> {
    /// The page with all that it asks for: in its own places where it has any, as RFC 6749 has it otherwise.
    fn address(&self, page: &str) -> String {
        if page.contains("{client_id}") {
            return [
                ("{client_id}", self.client_id),
                ("{redirect_uri}", self.redirect_uri),
                ("{state}", self.state),
                ("{scopes}", &self.scopes.join(",")),
            ]
            .into_iter()
            .fold(page.to_owned(), |page, (place, value)| page.replace(place, &encoded(value)));
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", self.client_id)
            .append_pair("redirect_uri", self.redirect_uri)
            .append_pair("state", self.state);
        if !self.scopes.is_empty() {
            query.append_pair("scope", &self.scopes.join(" "));
        }
        if let Some(challenge) = self.challenge {
            query.append_pair("code_challenge", challenge).append_pair("code_challenge_method", "S256");
        }
        let sign = if page.contains('?') { '&' } else { '?' };
        format!("{page}{sign}{}", query.finish())
    }
}

fn encoded(value: &str) -> String {
    form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

/// How the code comes back.
enum Way {
    /// The browser brings it.
    Listener(TcpListener),
    /// The person pastes it.
    Pasted,
}

impl Way {
    async fn open(arguments: &Auth) -> Result<Self> {
        if arguments.redirect_uri.is_some() {
            return Ok(Self::Pasted);
        }
        let listener = TcpListener::bind(("127.0.0.1", arguments.port)).await.map_err(|error| {
            Error::new(ErrorKind::Unavailable, format!("port {} cannot be listened on", arguments.port))
                .hint("name another with --port, or paste the code: --redirect-uri")
                .caused_by(error)
        })?;
        Ok(Self::Listener(listener))
    }

    fn redirect_uri(&self, arguments: &Auth) -> Result<String> {
        match (self, &arguments.redirect_uri) {
            (Self::Listener(listener), _) => {
                Ok(format!("http://127.0.0.1:{}/callback", listener.local_addr()?.port()))
            }
            (Self::Pasted, named) => Ok(named.clone().unwrap_or_default()),
        }
    }

    async fn code(&self, state: &str, arguments: &Auth) -> Result<String> {
        match self {
            Self::Pasted => {
                output::note("paste the address to which the browser was sent, or the code in it:");
                let line = tokio::task::spawn_blocking(|| {
                    let mut line = String::new();
                    std::io::stdin().lock().read_line(&mut line).map(|_| line)
                });
                let line = line.await.map_err(std::io::Error::other)??;
                pasted(line.trim(), state)
            }
            Self::Listener(listener) => {
                let patience = Duration::from_secs(arguments.wait_secs);
                tokio::time::timeout(patience, listen(listener, state)).await.unwrap_or_else(|_| {
                    Err(Error::new(ErrorKind::Reauthorise, "nobody came back from the platform")
                        .with("waited_secs", arguments.wait_secs)
                        .hint("run it again; is the address registered with the platform's app?")
                        .into())
                })
            }
        }
    }
}

/// The code within what a person pasted: the whole address, or the code alone.
fn pasted(text: &str, state: &str) -> Result<String> {
    if text.is_empty() {
        return Err(Error::bad_input("nothing was pasted").hint("run it again and paste the code").into());
    }
    match text.split_once('?') {
        Some((_, query)) => Answer::read(query).code(state),
        None => Ok(text.to_owned()),
    }
}

/// Waits for the browser. What else knocks (an icon, a scanner, an old tab) is sent away.
async fn listen(listener: &TcpListener, state: &str) -> Result<String> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        let head = head(&mut stream).await;
        let Some(query) = head.as_deref().and_then(callback) else {
            answer(&mut stream, "404 Not Found", "There is nothing here.").await;
            continue;
        };
        let came = Answer::read(query);
        if !came.is_for(state) {
            answer(&mut stream, "400 Bad Request", "This is not the answer that kepi waits for.").await;
            continue;
        }
        let code = came.code(state);
        let words = if code.is_ok() { "kepi has what it needs. You can close this." } else { "Not agreed." };
        answer(&mut stream, "200 OK", words).await;
        return code;
    }
}

/// The head of a request; `None` where it does not come whole.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 2048];
    while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut chunk)).await.ok()?.ok()?;
        if read == 0 || bytes.len() > MAX_REQUEST {
            return None;
        }
        bytes.extend_from_slice(chunk.get(..read)?);
    }
    String::from_utf8(bytes).ok()
}

/// The query of `GET /callback?…`.
fn callback(head: &str) -> Option<&str> {
    head.strip_prefix("GET /callback?")?.split_whitespace().next()
}

async fn answer(stream: &mut TcpStream, status: &str, words: &str) {
    let text = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{words}",
        words.len()
    );
    // A browser that went away is not missed.
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// What the platform sent with the browser.
#[derive(Default)]
struct Answer {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
}

impl Answer {
    fn read(query: &str) -> Self {
        let query = query.split('#').next().unwrap_or_default();
        let mut answer = Self::default();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            let place = match &*key {
                // Some platforms call it so.
                "code" | "auth_code" => &mut answer.code,
                "state" => &mut answer.state,
                "error" | "error_description" | "error_message" => &mut answer.error,
                _ => continue,
            };
            *place = Some(value.into_owned());
        }
        answer
    }

    fn is_for(&self, state: &str) -> bool {
        self.state.as_deref() == Some(state)
    }

    fn code(self, state: &str) -> Result<String> {
        if !self.is_for(state) {
            return Err(Error::new(ErrorKind::Reauthorise, "the answer is of another consent")
                .hint("paste the address that came of this run; run it again otherwise")
                .into());
        }
        if let Some(reason) = self.error {
            return Err(Error::new(ErrorKind::Reauthorise, "the platform gave no consent")
                .with("reason", reason)
                .hint("run it again and agree")
                .into());
        }
        self.code.ok_or_else(|| Error::new(ErrorKind::Reauthorise, "the answer holds no code").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_taken_from_an_address_of_this_consent_only() {
        let paste = |text: &str| pasted(text, "s1").ok();
        assert_eq!(paste("https://brand.example/back?code=a%2Fb&state=s1").as_deref(), Some("a/b"));
        assert_eq!(paste("https://brand.example/back?auth_code=x&state=s1#_").as_deref(), Some("x"));
        assert_eq!(paste("bare-code").as_deref(), Some("bare-code"));
        assert_eq!(paste("https://brand.example/back?code=a&state=other"), None);
        assert_eq!(paste("https://brand.example/back?code=a"), None);
        assert_eq!(paste("https://brand.example/back?error=access_denied&state=s1"), None);
        assert_eq!(paste(""), None);
    }

    #[test]
    fn only_the_callback_is_listened_to() {
        assert_eq!(callback("GET /callback?code=a HTTP/1.1\r\n\r\n"), Some("code=a"));
        assert_eq!(callback("GET /favicon.ico HTTP/1.1\r\n\r\n"), None);
        assert_eq!(callback("POST /callback?code=a HTTP/1.1\r\n\r\n"), None);
    }

    #[test]
    fn a_platform_is_asked_by_its_own_names_or_the_standards() {
        let consent = Consent {
            client_id: "app 1",
            redirect_uri: "http://127.0.0.1:1/callback",
            state: "s",
            challenge: Some("c"),
            scopes: &["a", "b"],
        };
        assert_eq!(
            consent
                .address("https://a.example/auth?app={client_id}&to={redirect_uri}&s={state}&scope={scopes}"),
            "https://a.example/auth?app=app+1&to=http%3A%2F%2F127.0.0.1%3A1%2Fcallback&s=s&scope=a%2Cb"
        );
        assert_eq!(
            consent.address("https://a.example/auth?prompt=consent"),
            "https://a.example/auth?prompt=consent&response_type=code&client_id=app+1\
             &redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fcallback&state=s&scope=a+b\
             &code_challenge=c&code_challenge_method=S256"
        );
    }
}
