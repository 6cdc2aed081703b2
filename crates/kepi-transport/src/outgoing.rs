//! A request as it goes out: with its secrets, at the last moment.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use kepi_core::{
    Error, ErrorKind, Method, Payload, Placement, Request, Result,
    credential::{ExposeSecret, SecretString},
    http::Text,
};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;
use smol_str::SmolStr;
use url::Url;

use crate::call::Lease;

/// What a query keeps as it is: everything that the standard lets stand there and that means nothing to it.
const QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A request with its secrets filled in. Its `Debug` tells neither them nor the query.
pub struct Outgoing {
    /// How.
    pub method: Method,
    /// Where, query included.
    pub url: Url,
    /// Headers; names in lower case.
    pub headers: Vec<(SmolStr, SecretString)>,
    /// The body.
    pub body: Option<SecretString>,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.host_str().unwrap_or_default();
        write!(f, "Outgoing {{ {} {host}{} }}", self.method.as_str(), self.url.path())
    }
}

impl Outgoing {
    /// A header by its lowercase name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.expose_secret())
    }

    /// Fills a request's secrets in.
    ///
    /// # Errors
    /// `BadRequest` when the address cannot be read; `BadConfig` when a secret would go over an open line.
    pub(crate) fn new(request: &Request, lease: &Lease) -> Result<Self> {
        let mut url = Url::parse(lease.address.as_ref().unwrap_or(&request.url)).map_err(|error| {
            Error::new(ErrorKind::BadRequest, "the address cannot be read").caused_by(error)
        })?;
        let fill = |text: &Text| fill(text, lease);
        let mut headers = vec![header("accept", "application/json, */*;q=0.5")];
        for (key, value) in &request.headers {
            headers.push((SmolStr::new(key.to_ascii_lowercase()), fill(value)?.into()));
        }
        let mut query: Vec<(SmolStr, String)> = Vec::new();
        for (key, value) in &request.query {
            query.push((key.clone(), fill(value)?));
        }
        match &lease.token {
            Some((token, Placement::Bearer)) => {
                headers.push(("authorization".into(), format!("Bearer {}", token.expose_secret()).into()));
            }
            Some((token, Placement::Header(name))) => headers.push(((*name).into(), token.clone())),
            Some((token, Placement::Query(name))) => {
                query.push(((*name).into(), token.expose_secret().to_owned()));
            }
            None => {}
        }
        if let Some((user, password)) = &request.basic {
            headers.push(("authorization".into(), basic(&fill(user)?, &fill(password)?)));
        }
        add_query(&mut url, &query);
        let body = body(&request.payload, &mut headers, &fill)?;
        let outgoing = Self { method: request.method, url, headers, body };
        outgoing.refuse_open_line(lease)?;
        Ok(outgoing)
    }

    fn refuse_open_line(&self, lease: &Lease) -> Result<()> {
        let carries = lease.token.is_some() || !lease.secrets.is_empty();
        if !carries || self.url.scheme() == "https" || is_loopback(&self.url) {
            return Ok(());
        }
        Err(Error::bad_config("a secret would go over an unencrypted connection")
            .with("host", self.url.host_str().unwrap_or_default())
            .hint("use https in base_url; plain http is for loopback only"))
    }
}

/// Whether an address is on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// Text as it stands in a query.
pub(crate) fn escape(text: &str) -> String {
    utf8_percent_encode(text, QUERY).to_string()
}

fn header(name: &'static str, value: &str) -> (SmolStr, SecretString) {
    (SmolStr::new_static(name), value.into())
}

fn fill(text: &Text, lease: &Lease) -> Result<String> {
    match text {
        Text::Plain(plain) => Ok(plain.clone()),
        Text::Secret(name) => secret(name, lease),
    }
}

fn secret(name: &SmolStr, lease: &Lease) -> Result<String> {
    lease.secrets.get(name).map(|secret| secret.expose_secret().to_owned()).ok_or_else(|| {
        Error::bad_config(format!("no {name} for this request"))
            .hint(format!("name {name}_env or {name}_file in the account's credentials"))
    })
}

/// User and password are form-encoded first, as OAuth 2 asks for.
fn basic(user: &str, password: &str) -> SecretString {
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(user), encode(password));
    format!("Basic {}", BASE64_STANDARD.encode(pair)).into()
}

/// The address may bring a query that its adapter wrote by hand; it stays as it is.
fn add_query(url: &mut Url, query: &[(SmolStr, String)]) {
    if query.is_empty() {
        return;
    }
    let mut text = url.query().map(|query| format!("{query}&")).unwrap_or_default();
    for (i, (key, value)) in query.iter().enumerate() {
        if i > 0 {
            text.push('&');
        }
        text.push_str(&escape(key));
        text.push('=');
        text.push_str(&escape(value));
    }
    url.set_query(Some(&text));
}

fn body(
    payload: &Payload,
    headers: &mut Vec<(SmolStr, SecretString)>,
    fill: &dyn Fn(&Text) -> Result<String>,
) -> Result<Option<SecretString>> {
    match payload {
        Payload::Empty => Ok(None),
        Payload::Form(pairs) => {
            headers.push(header("content-type", "application/x-www-form-urlencoded"));
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            for (key, value) in pairs {
                form.append_pair(key, &fill(value)?);
            }
            Ok(Some(form.finish().into()))
        }
        Payload::Encoded(text) => {
            headers.push(header("content-type", "application/x-www-form-urlencoded"));
            Ok(Some(text.as_str().into()))
        }
        Payload::Json { value, secrets } => {
            headers.push(header("content-type", "application/json"));
            let mut value = value.clone();
            for (key, name) in secrets {
                let object = value.as_object_mut().ok_or_else(|| {
                    Error::new(ErrorKind::BadRequest, "secrets need a JSON object to stand in")
                })?;
                let text = fill(&Text::Secret(name.clone()))?;
                let number = object.get(key.as_str()).is_some_and(Value::is_number);
                let whole = text.trim().parse::<u64>().ok().filter(|_| number);
                object.insert(key.to_string(), whole.map_or_else(|| text.into(), Value::from));
            }
            Ok(Some(value.to_string().into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Secrets;

    fn lease(placement: Placement) -> Lease {
        Lease {
            token: Some(("tok en".into(), placement)),
            secrets: Secrets::default().with("client_id", "id").with("client_secret", "p:w"),
            ..Lease::default()
        }
    }

    #[test]
    fn the_token_goes_where_the_descriptor_says() {
        let check = |placement, header: &str, url: &str| {
            let outgoing = Outgoing::new(&Request::get("https://h/p"), &lease(placement)).unwrap();
            let told = outgoing.header("authorization").or(outgoing.header("x-token")).unwrap_or_default();
            assert_eq!((told, outgoing.url.as_str()), (header, url));
            assert_eq!(format!("{outgoing:?}"), "Outgoing { GET h/p }");
        };
        check(Placement::Bearer, "Bearer tok en", "https://h/p");
        check(Placement::Header("x-token"), "tok en", "https://h/p");
        check(Placement::Query("access_token"), "", "https://h/p?access_token=tok%20en");
    }

    #[test]
    fn a_query_keeps_what_may_stand_and_escapes_the_rest() {
        let request = Request::get("https://h/p?shares=List(urn%3Ali%3Ashare%3A1)")
            .query("fields", "a,b.c(x):d")
            .query("q", "@a -b & 100% #+微");
        let outgoing = Outgoing::new(&request, &Lease::default()).unwrap();
        assert_eq!(
            outgoing.url.as_str(),
            "https://h/p?shares=List(urn%3Ali%3Ashare%3A1)&fields=a,b.c(x):d&\
             q=@a%20-b%20%26%20100%25%20%23%2B%E5%BE%AE"
        );
    }

    #[test]
    fn a_query_in_a_body_stays_as_it_is() {
        let query = "shares=List(urn%3Ali%3Ashare%3A1,urn%3Ali%3Ashare%3A2)";
        let request = Request::post("https://h/p", Payload::Encoded(query.to_owned()));
        let outgoing = Outgoing::new(&request, &Lease::default()).unwrap();
        assert_eq!(outgoing.body.as_ref().map(|body| body.expose_secret()), Some(query));
        assert_eq!(outgoing.header("content-type"), Some("application/x-www-form-urlencoded"));
    }

    #[test]
    fn secrets_are_filled_into_forms_objects_and_basic() {
        let form =
            Payload::Form(vec![("id".into(), Text::secret("client_id")), ("a b".into(), "c&d".into())]);
        let request = Request {
            basic: Some((Text::secret("client_id"), Text::secret("client_secret"))),
            ..Request::post("https://h/t", form)
        };
        let outgoing = Outgoing::new(&request, &Lease { token: None, ..lease(Placement::Bearer) }).unwrap();
        assert_eq!(outgoing.body.as_ref().map(|body| body.expose_secret()), Some("id=id&a+b=c%26d"));
        assert_eq!(outgoing.header("authorization"), Some("Basic aWQ6cCUzQXc="));

        let json = Payload::Json {
            value: json!({"grant_type": "client_credential"}),
            secrets: vec![("secret".into(), "client_secret".into())],
        };
        let outgoing = Outgoing::new(&Request::post("https://h/t", json), &lease(Placement::Bearer)).unwrap();
        let body = outgoing.body.as_ref().map(|body| body.expose_secret());
        assert_eq!(body, Some(r#"{"grant_type":"client_credential","secret":"p:w"}"#));
    }

    /// Some platforms take the id of an app as a number only.
    #[test]
    fn a_secret_in_the_place_of_a_number_is_one() {
        let check = |id: &str, expected: &str| {
            let secrets = vec![("app_id".into(), "client_id".into())];
            let request =
                Request::post("https://h/t", Payload::Json { value: json!({"app_id": 0}), secrets });
            let lease = Lease { secrets: Secrets::default().with("client_id", id), ..Lease::default() };
            let outgoing = Outgoing::new(&request, &lease).unwrap();
            assert_eq!(outgoing.body.as_ref().map(|body| body.expose_secret()), Some(expected));
        };
        check("11000", r#"{"app_id":11000}"#);
        check("9007199254740993", r#"{"app_id":9007199254740993}"#);
        check("demo", r#"{"app_id":"demo"}"#);
    }

    #[test]
    fn a_missing_secret_is_named() {
        let request = Request::get("https://h/").query("code", Text::secret("code"));
        let error = Outgoing::new(&request, &Lease::default()).unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::BadConfig, "no code for this request"));
    }

    #[test]
    fn secrets_go_over_open_lines_on_loopback_only() {
        let check = |url: &str, fine: bool| {
            let told = Outgoing::new(&Request::get(url), &lease(Placement::Bearer));
            assert_eq!(told.is_ok(), fine, "{url}");
        };
        check("https://api.example.com/", true);
        check("http://api.example.com/", false);
        check("http://127.0.0.1:8080/", true);
        check("http://[::1]:8080/", true);
        check("http://localhost/", true);
        check("http://127.0.0.1.example.com/", false);
        assert!(Outgoing::new(&Request::get("http://api.example.com/"), &Lease::default()).is_ok());
    }
}
