//! Whether an answer's zeros are believed: some platforms say zero when they mean that they cannot tell.
//!
//! Three things cannot be true, or hardly:
//! - an answer that is nothing but zeros, of days or of an account that had numbers before;
//! - a running total of a post that is zero and was above zero, and so the same day of a post, and a period that begins
//!   with one that had them: views are not taken back. Where this befalls all posts of a page that had numbers, the
//!   page is not believed. Where the page holds but one such post, the post may be gone: the page waits in hand until
//!   another one of the run shows that the platform still counts, and is not believed when none does;
//! - a snapshot of an account in which more than half of the numbers that were above zero are zero.
//!
//! Once one answer of an account was not believed in a run, none that is nothing but zeros is: this is how posts that
//! were never seen before are judged, of which nothing else can tell.
//!
//! A new day of a post may well be zero, and so may what people can take back, as long as other numbers stand.
//! What is not believed is not stored and asked again; when it has stood for a while it is believed.

use kepi_core::{
    Catalogue, Cursor, Flags, Measurement, MetricId, Nature, Page, Reading, Shape, SubjectKind, Value, Window,
};

/// What is to be said against the zeros of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// Nothing.
    None,
    /// The numbers of a single post are gone: it may be the post, and it may be the platform.
    OnePost,
    /// They cannot be true.
    All,
}

/// Whether the answer is nothing but zeros, and of something that stays the same from answer to answer.
pub(crate) fn is_whole_of_zeros(shape: Shape, newest: bool, cursor: &Cursor, page: &Page) -> bool {
    let steady = match shape {
        // Other posts than before: they may well have nothing yet.
        Shape::Snapshot => !newest,
        shape => matches!(shape, Shape::Windows { .. } | Shape::Trailing { .. }),
    };
    steady && cursor.is_start() && page.next.is_none() && only_zeros(page) == Some(true)
}

/// Whether all numbers of a page are zero; `None` when it holds no number.
pub(crate) fn only_zeros(page: &Page) -> Option<bool> {
    let mut values = page.measurements.iter().flat_map(|measurement| &measurement.values).peekable();
    values.peek()?;
    Some(values.all(|reading| is_zero(&reading.value)))
}

/// Measurements whose zeros are worth a look at what was said before.
pub(crate) fn suspects(page: &Page) -> Vec<Measurement> {
    let whole = || page.measurements.iter().filter(|one| one.segment.is_none());
    let accounts: Vec<&Measurement> =
        whole().filter(|one| is_account(one) && matches!(one.window, Window::At(_))).collect();
    let things: Vec<&Measurement> = whole().filter(|one| !is_account(one)).collect();
    let mut suspects = Vec::new();
    let (zeros, all) = count_zeros(accounts.iter().flat_map(|one| &one.values).filter(|it| is_standing(it)));
    if zeros * 2 > all {
        suspects.extend(accounts.into_iter().cloned());
    }
    let of_things = || things.iter().flat_map(|one| &one.values);
    let lasting = all_zero(of_things(), |reading| is_running(reading) && !is_revocable(reading));
    // What people can take back is looked at where there is nothing else.
    if lasting.or_else(|| all_zero(of_things(), is_running)) == Some(true) {
        suspects.extend(things.into_iter().cloned());
    }
    suspects
}

/// What to think of them, by which of their metrics were above zero before.
pub(crate) fn doubt(suspects: &[Measurement], above: &[Vec<MetricId>]) -> Doubt {
    let (mut fallen, mut standing) = (0_usize, 0_usize);
    let mut posts = Vec::new();
    let mut lasting = false;
    for (one, above) in suspects.iter().zip(above) {
        for reading in one.values.iter().filter(|reading| above.contains(&reading.metric)) {
            if is_account(one) {
                let count = if is_zero(&reading.value) { &mut fallen } else { &mut standing };
                *count += usize::from(is_standing(reading));
            } else if is_running(reading) && is_zero(&reading.value) {
                posts.push(&one.subject);
                lasting |= !is_revocable(reading);
            }
        }
    }
    posts.sort();
    posts.dedup();
    match posts.len() {
        _ if fallen > standing => Doubt::All,
        0 => Doubt::None,
        // The one like of a post may have been taken back.
        1 if !lasting => Doubt::None,
        1 => Doubt::OnePost,
        _ => Doubt::All,
    }
}

/// Whether a page shows that the platform still counts: a number of a post that is not zero.
pub(crate) fn counts(page: &Page) -> bool {
    let mut things = page.measurements.iter().filter(|one| one.segment.is_none() && !is_account(one));
    things.any(|one| one.values.iter().any(|reading| is_running(reading) && !is_zero(&reading.value)))
}

/// Whether all of those that count are zero; `None` when none counts.
fn all_zero<'p>(
    readings: impl Iterator<Item = &'p Reading>,
    counts: impl Fn(&Reading) -> bool,
) -> Option<bool> {
    let mut any = false;
    for reading in readings {
        // A page of good numbers is known by its first.
        if !is_zero(&reading.value) && counts(reading) {
            return Some(false);
        }
        any = any || counts(reading);
    }
    any.then_some(true)
}

fn count_zeros<'p>(readings: impl Iterator<Item = &'p Reading>) -> (usize, usize) {
    readings.fold((0, 0), |(zeros, all), reading| (zeros + usize::from(is_zero(&reading.value)), all + 1))
}

fn is_account(one: &Measurement) -> bool {
    one.subject.kind == SubjectKind::Account
}

/// Counts of things, money and people; what the platform does not want to tell is none.
fn is_running(reading: &Reading) -> bool {
    let nature = Catalogue::builtin().get(reading.metric.as_str()).map(|metric| metric.nature);
    matches!(nature, Some(Nature::Count | Nature::Money | Nature::People))
        && !reading.flags.contains(Flags::CENSORED)
}

/// As [`is_running`], and what an account has.
fn is_standing(reading: &Reading) -> bool {
    let nature = Catalogue::builtin().get(reading.metric.as_str()).map(|metric| metric.nature);
    (is_running(reading) && !is_revocable(reading)) || nature == Some(Nature::Level)
}

fn is_revocable(reading: &Reading) -> bool {
    Catalogue::builtin().get(reading.metric.as_str()).is_some_and(|metric| metric.revocable)
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Count(count) => *count == 0,
        Value::Real(real) => *real == 0.0,
        Value::Money(money) => money.amount.is_zero(),
    }
}
