//! The settings of the toy.

use kepi_core::{Error, Result, settings};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Breakage;

/// `[platform.toy]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToyConfig {
    /// The app's public name.
    pub(crate) app_id: String,
    /// Where the API is.
    #[serde(default = "base_url")]
    pub(crate) base_url: String,
    /// What is paid for.
    #[serde(default)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    plan: Plan,
    /// The variable that holds the token.
    #[expect(dead_code, reason = "only its schema is looked at")]
    token_env: Option<String>,
    /// The first day to ask for.
    #[schemars(extend("format" = "date"))]
    #[expect(dead_code, reason = "only its schema is looked at")]
    since: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Plan {
    #[default]
    Free,
    Paid,
}

fn base_url() -> String {
    "https://api.toy.example".to_owned()
}

pub(crate) fn sample(breakage: Option<Breakage>) -> Value {
    let mut sample = json!({
        "app_id": "nordlicht",
        "base_url": "https://api.toy.example",
        "plan": "free",
        "token_env": "TOY_TOKEN",
        "since": "2026-01-01",
    });
    if breakage == Some(Breakage::TakesASecretInPlainText) {
        sample["api_token"] = json!("open");
    }
    sample
}

pub(crate) fn read(mut settings: Value, breakage: Option<Breakage>) -> Result<ToyConfig> {
    let schema = schema_for(breakage)();
    match breakage {
        Some(Breakage::DoesNotNameTheMissingSetting) if settings.get("app_id").is_none() => {
            return Err(Error::bad_config("something is missing"));
        }
        Some(Breakage::NeedsAnOptionalSetting) if settings.get("since").is_none() => {
            return Err(Error::bad_config("since must be given"));
        }
        Some(Breakage::IgnoresUnknownSettings) => {
            let known = schema["properties"].as_object().cloned().unwrap_or_default();
            if let Value::Object(members) = &mut settings {
                members.retain(|name, _| known.contains_key(name));
            }
        }
        Some(Breakage::TakesASecretInPlainText) => {
            if let Value::Object(members) = &mut settings {
                members.remove("api_token");
            }
        }
        _ => {}
    }
    settings::read("toy", settings, &schema)
}

/// The schema, or one of those that are wrong.
pub(crate) fn schema_for(breakage: Option<Breakage>) -> fn() -> Value {
    match breakage {
        Some(Breakage::LeavesASettingUndescribed) => || {
            edited(|schema| {
                schema["properties"]["app_id"].as_object_mut().map(|members| members.remove("description"));
            })
        },
        Some(Breakage::TakesASecretInPlainText) => || {
            edited(|schema| {
                schema["properties"]["api_token"] = json!({"type": "string", "description": "the token"});
            })
        },
        Some(Breakage::OffersAChoiceTwice) => {
            || edited(|schema| schema["$defs"]["Plan"]["enum"] = json!(["free", "paid", "Paid"]))
        }
        Some(Breakage::HidesThatASettingIsADate) => || {
            edited(|schema| {
                schema["properties"]["since"].as_object_mut().map(|members| members.remove("format"));
            })
        },
        Some(Breakage::TakesAChoiceBack) => {
            || edited(|schema| schema["$defs"]["Plan"]["enum"] = json!(["free"]))
        }
        _ => || edited(|_| {}),
    }
}

fn edited(edit: impl FnOnce(&mut Value)) -> Value {
    let mut schema = schemars::schema_for!(ToyConfig).to_value();
    edit(&mut schema);
    schema
}
