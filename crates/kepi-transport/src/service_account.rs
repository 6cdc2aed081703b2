//! Service accounts: an account without a person, which signs for itself with the key that the platform gave it.

use std::fmt;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use kepi_core::{
    Error, ErrorKind, Result,
    credential::{ExposeSecret, SecretString},
};
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use serde::Deserialize;
use serde_json::json;

/// How long a statement is good for: the longest that platforms take.
const LIFE_SECS: i64 = 3600;

/// A service account with its key. Its `Debug` tells whose it is.
pub(crate) struct ServiceAccount {
    email: String,
    key_id: Option<String>,
    /// Where its statements are exchanged, and so whom they address.
    pub(crate) token_uri: String,
    /// The key, in PEM.
    pub(crate) private_key: SecretString,
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceAccount {{ email: {:?} }}", self.email)
    }
}

/// The key's file, as far as it is read.
#[derive(Deserialize)]
struct KeyFile {
    #[serde(rename = "type")]
    kind: Option<String>,
    client_email: Option<String>,
    private_key: Option<String>,
    private_key_id: Option<String>,
    token_uri: Option<String>,
}

impl ServiceAccount {
    /// Reads the JSON file in which platforms give such a key out.
    ///
    /// # Errors
    /// `BadConfig` when it is none. What it holds is not quoted.
    pub(crate) fn read(json: &SecretString) -> Result<Self> {
        let file: KeyFile =
            serde_json::from_str(json.expose_secret()).map_err(|_| unusable("it is no JSON of a key"))?;
        if file.kind.is_some_and(|kind| kind != "service_account") {
            return Err(unusable("it is of another kind: its type is not service_account"));
        }
        let needed = |value: Option<String>, name: &str| {
            value.filter(|value| !value.is_empty()).ok_or_else(|| unusable(&format!("it has no {name}")))
        };
        Ok(Self {
            private_key: needed(file.private_key, "private_key")?.trim().into(),
            email: needed(file.client_email, "client_email")?,
            token_uri: needed(file.token_uri, "token_uri")?,
            key_id: file.private_key_id,
        })
    }

    /// What is exchanged for a token: a JSON web token (RFC 7523) that says who asks for which scopes, signed.
    ///
    /// # Errors
    /// `BadConfig` when the key cannot be used.
    pub(crate) fn statement(&self, scopes: &[&str], now: Timestamp) -> Result<SecretString> {
        let mut header = json!({"alg": "RS256", "typ": "JWT"});
        if let Some(key_id) = &self.key_id {
            header["kid"] = key_id.as_str().into();
        }
        let claims = json!({
            "iss": self.email,
            "scope": scopes.join(" "),
            "aud": self.token_uri,
            "iat": now.as_second(),
            "exp": now.as_second() + LIFE_SECS,
        });
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let said =
            format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
        let signature = encode(&self.sign(said.as_bytes())?);
        Ok(format!("{said}.{signature}").into())
    }

    /// RSA with SHA-256, which is what platforms know keys of such accounts by.
    fn sign(&self, said: &[u8]) -> Result<Vec<u8>> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(self.private_key.expose_secret().as_bytes())
            .map_err(|_| unusable("its private_key is no PEM"))?;
        let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der())
            .map_err(|_| unusable("its private_key is no RSA key of PKCS #8"))?;
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), said, &mut signature)
            .map_err(|_| Error::new(ErrorKind::Unexpected, "a service account's key does not sign"))?;
        Ok(signature)
    }
}

fn unusable(reason: &str) -> Error {
    Error::bad_config("the service account's key cannot be used").with("reason", reason).hint(
        "service_account_file names the JSON key as the platform gave it out, whole; make another there",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_debug_tells_whose_it_is_and_no_more() {
        let file = json!({"client_email": "kepi@brand.example", "private_key": "sentinel", "token_uri": "https://t/"});
        let account = ServiceAccount::read(&file.to_string().into()).unwrap();
        assert_eq!(format!("{account:?}"), r#"ServiceAccount { email: "kepi@brand.example" }"#);
    }
}
