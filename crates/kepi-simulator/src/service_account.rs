//! A service account of a platform: who asks without a person, and is known by a key.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    error::Unspecified,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use kepi_core::{Error, ErrorKind, Result};
use serde_json::json;

/// The address of the only service account that there is.
pub(crate) const EMAIL: &str = "kepi@simulated.iam.gserviceaccount.com";

/// The public half of an account's key.
pub(crate) struct ServiceAccount {
    public_key: Vec<u8>,
}

impl ServiceAccount {
    /// Makes a key: its public half, and the file that its owner gets, whose statements go to `token_uri`.
    ///
    /// # Errors
    /// `Unexpected` when the machine gives no random numbers.
    pub(crate) fn make(token_uri: &str) -> Result<(Self, String)> {
        let no_key = |_: Unspecified| Error::new(ErrorKind::Unexpected, "make a key of a service account");
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(no_key)?;
        let private_key: Pkcs8V1Der<'_> = pair.as_der().map_err(no_key)?;
        let file = json!({
            "type": "service_account",
            "project_id": "simulated",
            "private_key_id": "simulated-key",
            "private_key": pem(private_key.as_ref()),
            "client_email": EMAIL,
            "client_id": "100000000000000000001",
            "token_uri": token_uri,
        });
        Ok((Self { public_key: pair.public_key().as_ref().to_vec() }, file.to_string()))
    }

    /// Whether it signed what is said.
    pub(crate) fn signed(&self, said: &str, signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.public_key);
        key.verify(said.as_bytes(), signature).is_ok()
    }
}

fn pem(private_key: &[u8]) -> String {
    let text = STANDARD.encode(private_key);
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem + "-----END PRIVATE KEY-----\n"
}
