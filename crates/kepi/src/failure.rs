//! How a command ends, and how a failure is shown to people.

use std::{fmt, process::ExitCode};

use kepi_core::{Error, ErrorKind, document::Fault};
use miette::{Diagnostic, GraphicalReportHandler, LabeledSpan, NamedSource, SourceCode};

use crate::{config::ConfigError, output};

/// How a command ended when it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All of it was done.
    Done,
    /// It was done, and something was set aside: a row, an endpoint, an account.
    SetAside,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::SetAside => Self::from(3),
        }
    }
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// One error.
    Error(Error),
    /// Faults in texts that people wrote, all of them.
    Faults(Vec<FaultyText>),
}

/// A text with faults.
#[derive(Debug)]
pub(crate) struct FaultyText {
    pub name: String,
    pub text: String,
    pub faults: Vec<Fault>,
}

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Error(Error::new(ErrorKind::Unexpected, "read or write").caused_by(error))
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::Unreadable(error) => Self::Error(error),
            ConfigError::Faulty { text, faults } => {
                let name = faults.first().map(|fault| fault.file.clone()).unwrap_or_default();
                Self::Faults(vec![FaultyText { name, text, faults }])
            }
        }
    }
}

impl Failure {
    /// 2 where a person must change usage or configuration, 1 otherwise.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Faults(_) => ExitCode::from(2),
            Self::Error(error) => match error.kind() {
                ErrorKind::BadConfig | ErrorKind::BadInput => ExitCode::from(2),
                _ => ExitCode::FAILURE,
            },
        }
    }

    /// Shows it on stderr.
    pub(crate) fn show(&self) {
        match self {
            Self::Error(error) => show_error(error),
            Self::Faults(texts) => {
                for text in texts {
                    show_faults(text);
                }
                let count: usize = texts.iter().map(|text| text.faults.len()).sum();
                output::note(&format!("{count} {}", if count == 1 { "fault" } else { "faults" }));
            }
        }
    }
}

fn show_error(error: &Error) {
    output::note(&format!("error: {error}"));
    reasons(error).iter().for_each(|line| output::note(line));
}

/// Why it happened and what to do next, a line each. A layer that only repeats what another one said is left out.
pub(crate) fn reasons(error: &Error) -> Vec<String> {
    let (mut lines, mut said) = (Vec::new(), error.to_string());
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let text = cause.to_string();
        if !said.contains(text.trim()) {
            lines.push(format!("  because: {text}"));
            said = format!("{said}\n{text}");
        }
        source = cause.source();
    }
    lines.extend(error.hint_text().map(|hint| format!("  hint: {hint}")));
    lines
}

fn show_faults(text: &FaultyText) {
    let handler = GraphicalReportHandler::new().with_context_lines(0);
    for fault in &text.faults {
        let report = Report { fault, source: NamedSource::new(&text.name, text.text.clone()) };
        let mut shown = String::new();
        if handler.render_report(&mut shown, &report).is_ok() {
            output::note(shown.trim_end());
        }
    }
}

struct Report<'a> {
    fault: &'a Fault,
    source: NamedSource<String>,
}

impl fmt::Debug for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fault.message)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fault.message)
    }
}

impl std::error::Error for Report<'_> {}

impl Diagnostic for Report<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.fault.hint.as_ref().map(|hint| Box::new(hint) as _)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = (!self.fault.label.is_empty()).then(|| self.fault.label.clone());
        let first_line_end = self
            .source
            .inner()
            .get(self.fault.span.clone())
            .and_then(|place| place.find('\n'))
            .map_or(self.fault.span.end, |at| self.fault.span.start + at);
        let span = visible(self.source.inner(), self.fault.span.start..first_line_end);
        let span = (span.start, span.len());
        Some(Box::new(std::iter::once(LabeledSpan::new_primary_with_span(label, span))))
    }
}

/// A place of which something can be shown: what stands before it, where it is the empty end of a line.
fn visible(text: &str, span: std::ops::Range<usize>) -> std::ops::Range<usize> {
    if !span.is_empty() {
        return span;
    }
    let ends = |rest: &str| rest.chars().next().is_none_or(|c| c == '\n' || c == '\r');
    match (text.get(..span.start), text.get(span.start..)) {
        (Some(before), Some(rest)) if ends(rest) => {
            before.char_indices().next_back().map_or(span.clone(), |(at, _)| at..span.start)
        }
        (_, Some(rest)) => span.start..span.start + rest.chars().next().map_or(0, char::len_utf8),
        _ => span,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_repeats_another_is_left_out() {
        let denied = || std::io::Error::other("Permission denied (os error 13)");
        let wrapped =
            Error::new(ErrorKind::Store, "open the log: Permission denied (os error 13)").caused_by(denied());
        let error = Error::new(ErrorKind::Store, "read the log").caused_by(wrapped).hint("check the rights");
        assert_eq!(
            reasons(&error),
            ["  because: open the log: Permission denied (os error 13)", "  hint: check the rights"]
        );
    }

    #[test]
    fn an_empty_place_is_shown_by_what_stands_there() {
        let text = "name = \nzone = \"ü";
        let shown = |at: usize| &text[visible(text, at..at)];
        assert_eq!((shown(7), shown(0), shown(text.len())), (" ", "n", "ü"));
        assert_eq!(&text[visible(text, 0..4)], "name");
    }
}
