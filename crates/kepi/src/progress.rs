//! Long work shows a bar on a terminal and plain lines elsewhere.

use std::io::IsTerminal;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::output;

/// Progress through a known number of things.
pub(crate) struct Steps {
    bar: Option<ProgressBar>,
    what: &'static str,
    done: u64,
    total: u64,
}

impl Steps {
    /// So many things of a kind.
    pub(crate) fn new(what: &'static str, total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total);
            if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self { bar, what, done: 0, total }
    }

    /// One more is done.
    pub(crate) fn step(&mut self, name: &str) {
        self.done += 1;
        match &self.bar {
            Some(bar) => {
                bar.set_message(name.to_owned());
                bar.inc(1);
            }
            None if self.done == self.total || self.done.is_multiple_of(10) => {
                output::note(&format!("{} of {} {}", self.done, self.total, self.what));
            }
            None => {}
        }
    }

    /// A line for people, above the bar.
    pub(crate) fn note(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| output::note(line)),
            None => output::note(line),
        }
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A line per platform while pages come in.
pub(crate) struct Lines {
    bars: Option<MultiProgress>,
}

impl Lines {
    pub(crate) fn new() -> Self {
        Self { bars: std::io::stderr().is_terminal().then(MultiProgress::new) }
    }

    /// A line of its own; none where there is no terminal.
    pub(crate) fn line(&self, name: &str) -> Option<ProgressBar> {
        let bars = self.bars.as_ref()?;
        let bar = bars.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix:14} {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        Some(bar)
    }
}
