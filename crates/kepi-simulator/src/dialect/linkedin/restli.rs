//! Rest.li 2.0 queries: `shares=List(a,b)&timeRange=(start:1,end:2)`, structure raw, values percent-encoded.

use std::borrow::Cow;

/// A value of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    List(Vec<Value>),
    Record(Vec<(String, Value)>),
}

impl Value {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A field of a record.
    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Record(fields) => fields.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The texts of a list.
    pub(super) fn texts(&self) -> Option<Vec<&str>> {
        match self {
            Self::List(values) => values.iter().map(Self::text).collect(),
            _ => None,
        }
    }
}

/// The parameters of a query.
pub(super) struct Params(Vec<(String, Value)>);

impl Params {
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }
}

/// Reads a query.
pub(super) fn parse(query: &str) -> Result<Params, String> {
    let mut params = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, text) = pair.split_once('=').unwrap_or((pair, ""));
        let wrong = || format!("Invalid query parameters passed to request: {key}");
        if !key.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_') {
            return Err(wrong());
        }
        let mut rest = text;
        let value = value(&mut rest).filter(|_| rest.is_empty()).ok_or_else(wrong)?;
        params.push((key.to_owned(), value));
    }
    Ok(Params(params))
}

/// Reads a key of a path, which is a value of its own.
pub(super) fn key(text: &str) -> Result<String, String> {
    if text.contains([':', '(', ')', ',']) {
        return Err(format!("Invalid key in path: {text}"));
    }
    Ok(decoded(text).into_owned())
}

fn value(rest: &mut &str) -> Option<Value> {
    if let Some(after) = rest.strip_prefix("List(") {
        *rest = after;
        return items(rest, value).map(Value::List);
    }
    if let Some(after) = rest.strip_prefix('(') {
        *rest = after;
        let field = |rest: &mut &str| {
            let name = word(rest);
            *rest = rest.strip_prefix(':')?;
            Some((name, value(rest)?))
        };
        return items(rest, field).map(Value::Record);
    }
    Some(Value::Text(word(rest)))
}

/// Items with commas between them, to the closing bracket.
fn items<T>(rest: &mut &str, item: impl Fn(&mut &str) -> Option<T>) -> Option<Vec<T>> {
    let mut items = Vec::new();
    if let Some(after) = rest.strip_prefix(')') {
        *rest = after;
        return Some(items);
    }
    loop {
        items.push(item(rest)?);
        if let Some(after) = rest.strip_prefix(',') {
            *rest = after;
        } else {
            *rest = rest.strip_prefix(')')?;
            return Some(items);
        }
    }
}

fn word(rest: &mut &str) -> String {
    let end = rest.find(['(', ')', ',', ':']).unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    *rest = after;
    decoded(word).into_owned()
}

fn decoded(text: &str) -> Cow<'_, str> {
    form_urlencoded::parse(text.as_bytes()).next().map_or(Cow::Borrowed(""), |(key, _)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structure_is_raw_and_values_are_encoded() {
        let params = parse("q=entity&a=List(urn%3Ali%3Ashare%3A1,x)&t=(r:(start:1,end:2),g:DAY)").unwrap();
        assert_eq!(params.get("a").unwrap().texts().unwrap(), ["urn:li:share:1", "x"]);
        let end = params.get("t").unwrap().field("r").and_then(|range| range.field("end"));
        assert_eq!(end.and_then(Value::text), Some("2"));
        for bad in ["a=urn:li:share:1", "a[0]=x", "a=List(x", "t=(start)", "a=x)"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        // Encoded structure is just a text.
        assert_eq!(parse("a=List%28x%29").unwrap().get("a").unwrap().texts(), None);
        assert_eq!(key("urn%3Ali%3Aorganization%3A1").unwrap(), "urn:li:organization:1");
        assert!(key("urn:li:organization:1").is_err());
    }
}
