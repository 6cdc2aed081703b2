//! Field expansion: `media.limit(50){id,insights.metric(reach,views)}`.

/// One field that is asked for, with its modifiers and what is asked of what it leads to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) modifiers: Vec<(String, String)>,
    pub(super) fields: Vec<Field>,
}

impl Field {
    /// A modifier's argument.
    pub(super) fn modifier(&self, name: &str) -> Option<&str> {
        self.modifiers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a list of fields; `None` when brackets do not match.
pub(super) fn parse(text: &str) -> Option<Vec<Field>> {
    let mut rest = text;
    let fields = list(&mut rest)?;
    rest.is_empty().then_some(fields)
}

fn list(rest: &mut &str) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    loop {
        fields.push(field(rest)?);
        match rest.strip_prefix(',') {
            Some(after) => *rest = after,
            None => return Some(fields),
        }
    }
}

fn field(rest: &mut &str) -> Option<Field> {
    let mut field = Field { name: word(rest).to_owned(), ..Field::default() };
    while let Some(after) = rest.strip_prefix('.') {
        *rest = after;
        let name = word(rest).to_owned();
        let (argument, after) = rest.strip_prefix('(')?.split_once(')')?;
        field.modifiers.push((name, argument.to_owned()));
        *rest = after;
    }
    if let Some(after) = rest.strip_prefix('{') {
        *rest = after;
        field.fields = list(rest)?;
        *rest = rest.strip_prefix('}')?;
    }
    (!field.name.is_empty()).then_some(field)
}

fn word<'a>(rest: &mut &'a str) -> &'a str {
    let text: &'a str = rest;
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (word, after) = text.split_at(end);
    *rest = after;
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_fields() {
        let fields = parse("id,media.limit(50).after(x){id,insights.metric(reach,views)},name").unwrap();
        assert_eq!(fields.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["id", "media", "name"]);
        assert_eq!((fields[1].modifier("limit"), fields[1].modifier("after")), (Some("50"), Some("x")));
        assert_eq!(fields[1].fields[1].modifier("metric"), Some("reach,views"));
        for bad in ["", "a{b", "a.limit(3", "a}", "a,,b"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
