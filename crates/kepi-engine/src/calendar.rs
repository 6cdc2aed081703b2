//! The editorial calendar: posts that were planned, and which posts came of them.
//!
//! A plan is no measurement. It is the project's own word, kept in files beside the KPIs, and read when it is asked
//! about; so a calendar that was changed is what is meant now, and one that is read twice is one.

use jiff::civil::Date;
use kepi_core::{
    AccountId, Error,
    document::{Block, Document, Fault, Faults, nearest, one_of_hint},
    period::days_between,
};
use serde::Serialize;

use crate::{address::one_address, fault::Source, goals::read_day};

/// A post that is planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// The day.
    pub date: Date,
    /// The account.
    pub account: AccountId,
    /// The format, where the plan says one.
    pub format: Option<String>,
    /// The category, where the plan says one.
    pub category: Option<String>,
    /// What it is to be about.
    pub title: Option<String>,
    /// The address or the id of the post that came of it, where somebody wrote it down.
    pub post: Option<String>,
}

/// A post that was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedPost {
    /// Its account, `platform/name`.
    pub account: String,
    /// Its id.
    pub post: String,
    /// The ids that it stood under before the platform's was known.
    pub earlier_ids: Vec<String>,
    /// Its local day.
    pub date: Date,
    /// Its format, category, title or text, and address, where they are known.
    pub format: Option<String>,
    /// Its category.
    pub category: Option<String>,
    /// Its title, or its text.
    pub title: Option<String>,
    /// Its address.
    pub url: Option<String>,
}

/// What came of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A post came of it.
    Published,
    /// Its day is over, and none did.
    Missed,
    /// Its day is yet to come.
    Upcoming,
    /// A post that nobody had planned.
    Unplanned,
}

impl Outcome {
    /// The outcome as one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Missed => "missed",
            Self::Upcoming => "upcoming",
            Self::Unplanned => "unplanned",
        }
    }
}

/// One line of plan against done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CalendarRow {
    /// What came of it.
    pub outcome: Outcome,
    /// The day that was planned; none of a post that was not.
    pub planned: Option<Date>,
    /// The day on which it was published.
    pub published: Option<Date>,
    /// Days after the plan; before it below zero.
    pub days_late: Option<i32>,
    /// The account.
    pub account: String,
    /// The format: of the post, else as planned.
    pub format: Option<String>,
    /// The category: of the post, else as planned.
    pub category: Option<String>,
    /// The title: as planned, else of the post.
    pub title: Option<String>,
    /// The post that came of it.
    pub post: Option<String>,
}

/// A post may be this many days early or late and still be the one that was planned.
pub const TOLERANCE: i32 = 1;

/// Holds a plan against what was published, both of the same days and accounts; every post is of one plan at most. A
/// post that the plan names is taken first, wherever its day is; then the nearest by day among those of the account
/// that agree in format and category, as far as both say any, and on the same day the one whose words are most alike.
#[must_use]
pub fn plan_against_done(planned: &[Planned], posts: &[PublishedPost], today: Date) -> Vec<CalendarRow> {
    let mut of_plan: Vec<Option<usize>> = vec![None; planned.len()];
    let mut taken = vec![false; posts.len()];
    for (place, plan) in planned.iter().enumerate() {
        let named = posts.iter().enumerate().find(|(number, post)| !taken[*number] && plan.names(post));
        if let Some((number, _)) = named {
            of_plan[place] = Some(number);
            taken[number] = true;
        }
    }
    let mut pairs: Vec<(i32, i64, usize, usize)> = Vec::new();
    for (place, plan) in planned.iter().enumerate().filter(|(_, plan)| plan.post.is_none()) {
        for (number, post) in posts.iter().enumerate() {
            let apart = days_between(plan.date, post.date).abs();
            if apart <= TOLERANCE && plan.agrees(post) {
                pairs.push((apart, -plan.likeness(post), place, number));
            }
        }
    }
    pairs.sort_unstable();
    for (_, _, place, number) in pairs {
        if of_plan[place].is_none() && !taken[number] {
            of_plan[place] = Some(number);
            taken[number] = true;
        }
    }
    let mut rows: Vec<CalendarRow> = planned
        .iter()
        .zip(&of_plan)
        .map(|(plan, number)| row(plan, number.and_then(|number| posts.get(number)), today))
        .collect();
    let unplanned = posts.iter().zip(&taken).filter(|(_, taken)| !**taken).map(|(post, _)| CalendarRow {
        outcome: Outcome::Unplanned,
        planned: None,
        published: Some(post.date),
        days_late: None,
        account: post.account.clone(),
        format: post.format.clone(),
        category: post.category.clone(),
        title: post.title.clone(),
        post: Some(post.post.clone()),
    });
    rows.extend(unplanned);
    rows.sort_by(|a, b| {
        let day = |row: &CalendarRow| row.planned.or(row.published);
        (day(a), &a.account, &a.title, &a.post).cmp(&(day(b), &b.account, &b.title, &b.post))
    });
    rows
}

fn row(plan: &Planned, post: Option<&PublishedPost>, today: Date) -> CalendarRow {
    let outcome = match post {
        Some(_) => Outcome::Published,
        // A post may still come on the last day that would do.
        None if days_between(plan.date, today) > TOLERANCE => Outcome::Missed,
        None => Outcome::Upcoming,
    };
    CalendarRow {
        outcome,
        planned: Some(plan.date),
        published: post.map(|post| post.date),
        days_late: post.map(|post| days_between(plan.date, post.date)),
        account: plan.account.to_string(),
        format: post.and_then(|post| post.format.clone()).or_else(|| plan.format.clone()),
        category: post.and_then(|post| post.category.clone()).or_else(|| plan.category.clone()),
        title: plan.title.clone().or_else(|| post.and_then(|post| post.title.clone())),
        post: post.map(|post| post.post.clone()),
    }
}

impl Planned {
    fn names(&self, post: &PublishedPost) -> bool {
        let Some(named) = &self.post else { return false };
        let address = post.url.as_deref().map(one_address);
        self.account.as_str() == post.account
            && (*named == post.post
                || post.earlier_ids.contains(named)
                || address.is_some_and(|address| address == one_address(named)))
    }

    fn agrees(&self, post: &PublishedPost) -> bool {
        let same = |plan: &Option<String>, own: &Option<String>| match (plan, own) {
            (Some(plan), Some(own)) => plan.eq_ignore_ascii_case(own),
            _ => true,
        };
        self.account.as_str() == post.account
            && same(&self.format, &post.format)
            && same(&self.category, &post.category)
    }

    /// How many words of the plan's title the post's holds, in thousandths.
    fn likeness(&self, post: &PublishedPost) -> i64 {
        let (Some(plan), Some(own)) = (&self.title, &post.title) else { return 0 };
        let own = own.to_lowercase();
        let words: Vec<String> = plan.to_lowercase().split_whitespace().map(str::to_owned).collect();
        let held = words.iter().filter(|word| own.contains(word.as_str())).count();
        let share = held * 1000 / words.len().max(1);
        i64::try_from(share).unwrap_or(0)
    }
}

const COLUMNS: [&str; 6] = ["date", "account", "format", "category", "title", "post"];

/// Reads a calendar: a CSV table with the columns date, account, and where wanted format, category, title and post; or
/// TOML with `[[planned]]` blocks of the same keys.
///
/// # Errors
/// All faults at once, each with its place.
pub fn read_calendar(source: &Source) -> Result<Vec<Planned>, Vec<Fault>> {
    let faults = Faults::new(&source.name);
    let toml = std::path::Path::new(&source.name).extension().is_some_and(|ending| ending == "toml");
    let planned = if toml { blocks(&source.text, &faults) } else { table(&source.text, &faults) };
    let faults = faults.into_vec();
    if faults.is_empty() { Ok(planned) } else { Err(faults) }
}

fn blocks(text: &str, faults: &Faults) -> Vec<Planned> {
    let document = Document::parse(text, faults);
    let root = document.block(faults);
    let planned = root.blocks("planned").into_iter().filter_map(block).collect();
    root.finish();
    planned
}

fn block(block: Block<'_, '_>) -> Option<Planned> {
    for key in ["date", "account"] {
        if !block.has(key) {
            block.missing(key);
        }
    }
    let text = |key| block.text(key).map(|placed| placed.value);
    let date = block.parsed("date", read_day);
    let account = block.parsed("account", AccountId::new);
    let (format, category, title, post) = (text("format"), text("category"), text("title"), text("post"));
    block.finish();
    Some(Planned { date: date?.value, account: account?.value, format, category, title, post })
}

/// Rows of a table; the place of a fault is its line.
fn table(text: &str, faults: &Faults) -> Vec<Planned> {
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let body = text.get(start..).unwrap_or("");
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(body.as_bytes());
    let header: Vec<String> = match reader.headers() {
        Ok(header) => header.iter().map(|name| name.trim().to_lowercase()).collect(),
        Err(error) => {
            faults.add(0..0, format!("the table cannot be read: {error}"), "here", None);
            return Vec::new();
        }
    };
    let end_of_header = start + body.find('\n').unwrap_or(body.len());
    for name in header.iter().filter(|name| !COLUMNS.contains(&name.as_str())) {
        let hint = nearest(name, COLUMNS).map_or_else(
            || format!("columns are {}", COLUMNS.join(", ")),
            |near| format!("did you mean {near}?"),
        );
        faults.add(start..end_of_header, format!("unknown column {name}"), "not known here", Some(hint));
    }
    for needed in ["date", "account"] {
        if !header.iter().any(|name| name == needed) {
            let known: Vec<&str> = header.iter().map(String::as_str).collect();
            faults.add(
                start..end_of_header,
                format!("the calendar has no column {needed}"),
                "in this header",
                Some(one_of_hint(needed, &known)),
            );
            return Vec::new();
        }
    }
    let mut planned = Vec::new();
    for row in reader.records() {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                faults.add(0..0, format!("the table cannot be read: {error}"), "here", None);
                return planned;
            }
        };
        let from = start + row.position().map_or(0, |place| usize::try_from(place.byte()).unwrap_or(0));
        let line = text.get(from..).map_or(0, |rest| rest.find('\n').unwrap_or(rest.len()));
        let cell = |name: &str| {
            let place = header.iter().position(|known| known == name)?;
            row.get(place).map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned)
        };
        let told = |error: Error| faults.add_error(from..from + line, &error);
        let date = read_day(cell("date").as_deref().unwrap_or("")).map_err(told).ok();
        let account = AccountId::new(cell("account").as_deref().unwrap_or("")).map_err(told).ok();
        let (Some(date), Some(account)) = (date, account) else { continue };
        planned.push(Planned {
            date,
            account,
            format: cell("format"),
            category: cell("category"),
            title: cell("title"),
            post: cell("post"),
        });
    }
    planned
}

#[cfg(test)]
mod tests;
