//! What an exchange grants, in the words of OAuth (RFC 6749, §5.1) and in those that platforms have beside them.

use secrecy::ExposeSecret;
use serde::{Deserialize, Deserializer, de::IgnoredAny};
use smol_str::SmolStr;

use super::Token;
use crate::{
    Error, Result,
    json::{self, Whole},
};

#[derive(Deserialize)]
struct Granted {
    access_token: Option<String>,
    #[serde(default)]
    expires_in: Whole,
    #[serde(default)]
    access_token_expires_in: Whole,
    refresh_token: Option<String>,
    #[serde(default)]
    refresh_expires_in: Whole,
    #[serde(default)]
    refresh_token_expires_in: Whole,
    #[serde(default)]
    scope: Words,
    #[serde(default)]
    permissions: Words,
    uid: Option<Id>,
    user_id: Option<Id>,
    open_id: Option<Id>,
}

/// Words as a list, or as text with spaces or commas between. Another form tells none.
#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    Text(String),
    List(Vec<String>),
    Other(IgnoredAny),
}

impl Default for Words {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl Words {
    fn words(self) -> Vec<String> {
        let mut words: Vec<String> = match self {
            Self::Text(text) => {
                text.split(|c: char| c == ',' || c.is_whitespace()).map(str::to_owned).collect()
            }
            Self::List(words) => words,
            Self::Other(_) => Vec::new(),
        };
        words.retain(|word| !word.is_empty());
        words
    }
}

/// An id as text or as a number. Another form tells none.
#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Told(#[serde(deserialize_with = "json::id")] SmolStr),
    Other(IgnoredAny),
}

impl Id {
    fn told(self) -> Option<String> {
        match self {
            Self::Told(id) => Some(id.into()),
            Self::Other(_) => None,
        }
    }
}

/// Where the words stand as they are; what platforms put around them is theirs to take off. A token that is not there
/// is an empty one.
impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let said = Granted::deserialize(deserializer)?;
        let seconds = |one: Whole, other: Whole| u64::try_from(one.0.or(other.0)?).ok();
        let mut scopes = said.scope.words();
        scopes.append(&mut said.permissions.words());
        Ok(Self {
            access: said.access_token.unwrap_or_default().into(),
            refresh: said.refresh_token.filter(|token| !token.is_empty()).map(Into::into),
            expires_in_secs: seconds(said.expires_in, said.access_token_expires_in),
            refresh_expires_in_secs: seconds(said.refresh_expires_in, said.refresh_token_expires_in),
            scopes,
            subject: [said.uid, said.user_id, said.open_id].into_iter().flatten().find_map(Id::told),
        })
    }
}

impl Token {
    /// Whether only a refresh token is there, or nothing ([`Grant::Renew`](super::Grant::Renew)).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.access.expose_secret().is_empty()
    }

    /// The token of a kind that the answer to an exchange holds. Why an answer cannot be read is left out, because it
    /// might quote the token.
    ///
    /// ```
    /// # use kepi_core::Token;
    /// let body = r#"{"access_token": "example", "expires_in": 3600, "scope": "read write"}"#;
    /// let token = Token::granted("user", serde_json::from_str(body).ok())?;
    /// assert_eq!((token.expires_in_secs, token.scopes.len()), (Some(3_600), 2));
    /// # Ok::<(), kepi_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `BadResponse` when none is there.
    pub fn granted(kind: &str, said: Option<Self>) -> Result<Self> {
        said.filter(|token| !token.is_empty()).ok_or_else(|| {
            Error::bad_response("the answer to the token exchange has an unknown shape").with("token", kind)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expected: &str) {
        let told = Token::granted("user", serde_json::from_str(body).ok()).map(|token| {
            let Token { refresh, expires_in_secs, refresh_expires_in_secs, scopes, subject, .. } = token;
            let refresh = refresh.map(|token| token.expose_secret().len());
            format!("{expires_in_secs:?} {refresh:?} {refresh_expires_in_secs:?} {scopes:?} {subject:?}")
        });
        assert_eq!(told.unwrap_or_else(|error| error.to_string()), expected, "{body}");
    }

    #[test]
    fn a_token_is_read_in_the_words_of_each_platform() {
        check(r#"{"access_token":"example"}"#, "None None None [] None");
        check(
            r#"{"access_token":"example","expires_in":"7200","refresh_token":"exam","scope":"a b,c"}"#,
            r#"Some(7200) Some(4) None ["a", "b", "c"] None"#,
        );
        check(
            r#"{"access_token":"example","access_token_expires_in":60,"refresh_token":"","refresh_expires_in":90,
                "refresh_token_expires_in":null,"permissions":["a",""],"uid":null,"user_id":17}"#,
            r#"Some(60) None Some(90) ["a"] Some("17")"#,
        );
        check(
            r#"{"access_token":"example","refresh_token_expires_in":90,"scope":{"a":1},"open_id":{},"uid":"u"}"#,
            r#"None None Some(90) [] Some("u")"#,
        );
    }

    #[test]
    fn an_answer_without_a_token_is_told_without_its_text() {
        let unknown = Token::granted("user", None).unwrap_err().to_string();
        for body in
            [r#"{"access_token":""}"#, r#"{"token":"example"}"#, r#"{"access_token":{"example":1}}"#, "[]"]
        {
            check(body, &unknown);
        }
        assert!(!unknown.contains("example"), "{unknown}");
    }
}
