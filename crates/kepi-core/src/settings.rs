//! Reading an adapter's settings, with the nearest known key where one is unknown.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Error, Result, document::one_of_hint};

/// Reads `[platform.NAME]` into an adapter's own struct. `schema` is the struct's JSON Schema.
///
/// # Errors
/// `BadConfig` when a key is unknown, missing or holds the wrong thing.
pub fn read<T: DeserializeOwned>(platform: &str, settings: Value, schema: &Value) -> Result<T> {
    let known: Vec<&str> = schema
        .get("properties")
        .and_then(Value::as_object)
        .map(|properties| properties.keys().map(String::as_str).collect())
        .unwrap_or_default();
    let given = settings.as_object().into_iter().flat_map(|object| object.keys());
    if let Some(unknown) = given.map(String::as_str).find(|key| !known.contains(key)) {
        return Err(Error::bad_config(format!("unknown key platform.{platform}.{unknown}"))
            .hint(one_of_hint(unknown, &known)));
    }
    serde_json::from_value(settings).map_err(|error| {
        Error::bad_config(format!("the settings platform.{platform} cannot be used: {error}"))
            .hint("`kepi init` writes a schema that editors check against")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_nearest_key_is_offered() {
        let schema = json!({"properties": {"base_url": {}, "plan": {}}});
        let error = read::<Value>("toy", json!({"base_ulr": 1}), &schema).unwrap_err();
        assert_eq!(error.message(), "unknown key platform.toy.base_ulr");
        assert!(error.hint_text().unwrap().contains("base_url"), "{error:?}");
        assert!(read::<Value>("toy", json!({"plan": 1}), &schema).is_ok());
    }
}
