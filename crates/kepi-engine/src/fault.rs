//! Flaws of a text that does not know its file yet, such as a formula.

use std::ops::Range;

use kepi_core::document::Faults;

/// One file of KPIs, read by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its path, for messages.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A fault within a text that does not know its file yet: a formula.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) span: Range<usize>,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) label: &'static str,
}

impl Flaw {
    pub(crate) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), hint: None, label: "here" }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn label(mut self, label: &'static str) -> Self {
        self.label = label;
        self
    }

    pub(crate) fn tell(self, span: Range<usize>, faults: &Faults) {
        faults.add(span, self.message, self.label, self.hint);
    }
}
