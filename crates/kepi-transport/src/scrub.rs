//! Takes secrets out of what comes back.

use base64::{Engine, prelude::BASE64_STANDARD};
use kepi_core::{
    Error,
    credential::{ExposeSecret, SecretString},
};
use memchr::memmem;

const REDACTED: &str = "[redacted]";

/// A shorter secret is only taken out where it is a whole string: it might be part of a number.
const SHORT: usize = 8;

/// Replaces each secret, however it is written: as it is, escaped for JSON or a URL, in Base64.
pub(crate) fn bytes(body: Vec<u8>, secrets: &[SecretString]) -> Vec<u8> {
    let mut body = body;
    for secret in secrets {
        for form in forms(secret.expose_secret()) {
            body = replace(body, form.as_bytes());
        }
    }
    body
}

/// The same for text.
pub(crate) fn text(text: &str, secrets: &[SecretString]) -> String {
    String::from_utf8_lossy(&bytes(text.as_bytes().to_vec(), secrets)).into_owned()
}

/// The same error without secrets in its message, context and hint. What caused it is told in words.
pub(crate) fn error(error: Error, secrets: &[SecretString]) -> Error {
    let clean = |part: &str| text(part, secrets);
    let mut scrubbed = Error::new(error.kind(), clean(error.message())).retry(error.retry_policy());
    for (key, value) in error.context() {
        scrubbed = scrubbed.with(key, clean(value));
    }
    if let Some(hint) = error.hint_text() {
        scrubbed = scrubbed.hint(clean(hint));
    }
    match std::error::Error::source(&error) {
        Some(source) => scrubbed.caused_by(clean(&source.to_string())),
        None => scrubbed,
    }
}

/// What looks like a token in an answer to an exchange: long words with a digit. Nobody knows them yet, and an
/// error that quotes the answer must not tell them.
pub(crate) fn token_like(body: &[u8]) -> Vec<SecretString> {
    const LONG: usize = 20;
    let text = String::from_utf8_lossy(body);
    let part_of_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '~' | '+' | '/');
    text.split(|c| !part_of_word(c))
        .filter(|word| word.len() >= LONG && word.bytes().any(|byte| byte.is_ascii_digit()))
        .map(SecretString::from)
        .collect()
}

fn forms(secret: &str) -> Vec<String> {
    if secret.is_empty() {
        return Vec::new();
    }
    if secret.len() < SHORT {
        return vec![format!("\"{secret}\"")];
    }
    let json = serde_json::to_string(secret).unwrap_or_default();
    let json = json.trim_matches('"').to_owned();
    let mut forms = vec![
        secret.to_owned(),
        json.replace('/', "\\/"),
        json,
        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        crate::outgoing::escape(secret),
        BASE64_STANDARD.encode(secret),
    ];
    // The longest first, so that none is broken by a shorter one inside it.
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms.dedup();
    forms
}

fn replace(body: Vec<u8>, needle: &[u8]) -> Vec<u8> {
    let finder = memmem::Finder::new(needle);
    let mut found = finder.find_iter(&body).peekable();
    if found.peek().is_none() {
        drop(found);
        return body;
    }
    let quoted = needle.starts_with(b"\"");
    let mut clean = Vec::with_capacity(body.len());
    let mut from = 0;
    for at in found {
        clean.extend_from_slice(body.get(from..at).unwrap_or_default());
        let replacement = if quoted { format!("\"{REDACTED}\"") } else { REDACTED.to_owned() };
        clean.extend_from_slice(replacement.as_bytes());
        from = at + needle.len();
    }
    clean.extend_from_slice(body.get(from..).unwrap_or_default());
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(secret: &str, body: &str, expected: &str) {
        assert_eq!(text(body, &[SecretString::from(secret)]), expected);
    }

    #[test]
    fn a_secret_is_taken_out_however_it_is_written() {
        let secret = "se/cret+to=ken";
        check(
            secret,
            r#"{"next":"https://h/?t=se/cret+to=ken&a=1"}"#,
            r#"{"next":"https://h/?t=[redacted]&a=1"}"#,
        );
        check(secret, r#""se\/cret+to=ken""#, r#""[redacted]""#);
        check(secret, "se%2Fcret%2Bto%3Dken", "[redacted]");
        check(secret, &BASE64_STANDARD.encode(secret), "[redacted]");
        check(secret, "nothing", "nothing");
        check("12345678", "112345678 and 12345678", "1[redacted] and [redacted]");
    }

    #[test]
    fn a_short_secret_does_not_eat_numbers() {
        check("123", r#"{"likes":1234,"echo":"123"}"#, r#"{"likes":1234,"echo":"[redacted]"}"#);
        check("", "anything", "anything");
    }

    #[test]
    fn an_error_is_scrubbed_whole() {
        let dirty = Error::bad_response("refused sentinel-secret")
            .with("told", "sentinel-secret!")
            .hint("ask for sentinel-secret")
            .caused_by("caused by sentinel-secret");
        let clean = error(dirty, &[SecretString::from("sentinel-secret")]);
        assert_eq!(
            format!("{clean:?}"),
            "bad_response: refused [redacted] (told: [redacted]!); hint: ask for [redacted]; \
             caused by: caused by [redacted]"
        );
    }
}
