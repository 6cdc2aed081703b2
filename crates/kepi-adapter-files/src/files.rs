//! Which layout a file has, and the job that reads it.

use jiff::{Timestamp, tz::TimeZone};
use kepi_core::{
    AccountRef, Body, Catalogue, Cursor, DateSpan, Decoder, Error, InputIdentity, Job, NamedPost, Page,
    Provenance, Result, WindowKind,
    period::{self, add_days},
};
use smol_str::SmolStr;

use crate::{
    decode,
    layout::{self, Layout, Table},
    locate::{self, Found, HEADER_WITHIN},
    map::Map,
    nearest,
    observed::{self, Evidence, ObservedBy},
    read::{self, Read},
    recipe::Recipe,
};

/// A file as a user hands it in.
#[derive(Debug, Clone, Copy)]
pub struct FileInput<'a> {
    /// Its name, without folders.
    pub name: &'a str,
    /// What it holds.
    pub bytes: &'a [u8],
    /// Its time in the file system.
    pub mtime: Option<Timestamp>,
    /// When its numbers were read at the source, if the user says so.
    pub observed_at: Option<Timestamp>,
    /// Whose numbers they are.
    pub account: &'a AccountRef,
    /// The currency of the account's money.
    pub currency: Option<&'a str>,
}

/// Which layout to read a file by.
#[derive(Debug, Clone, Copy)]
pub enum Choice<'a> {
    /// Find out by its headers.
    Detect,
    /// This one.
    Layout(&'a str),
    /// As the user describes it.
    Map(&'a Map),
}

/// Reads files: the layouts that are known, and the decoder of what was read by them.
///
/// [`Files::recognise`] fixes everything into a job; the job and the file's bytes then decode to the same page
/// for ever, whatever becomes of the layouts.
#[derive(Debug, Clone)]
pub struct Files {
    layouts: Vec<Layout>,
    catalogue: Catalogue,
}

impl Files {
    /// The shipped layouts and metrics.
    ///
    /// # Errors
    /// `BadConfig` when a shipped layout is broken, which its tests rule out.
    pub fn builtin() -> Result<Self> {
        Self::with_catalogue(Catalogue::builtin().clone())
    }

    /// The shipped layouts, and a catalogue with a project's own metrics.
    ///
    /// # Errors
    /// `BadConfig` when a shipped layout is broken, which its tests rule out.
    pub fn with_catalogue(catalogue: Catalogue) -> Result<Self> {
        let mut files = Self { layouts: Vec::new(), catalogue };
        for (name, text) in layout::BUILTIN {
            files = files.with_layouts(name, text)?;
        }
        Ok(files)
    }

    /// Adds the layouts of a file such as those in `config/exports`. One that is named as an older one takes its
    /// place.
    ///
    /// # Errors
    /// `BadConfig` with line and column when the text is not one, or names an unknown metric.
    pub fn with_layouts(mut self, name: &str, text: &str) -> Result<Self> {
        for layout in layout::parse(name, text)? {
            layout.kinds(&self.catalogue).map_err(|error| error.with("file", name))?;
            self.layouts.retain(|older| older.id != layout.id);
            self.layouts.push(layout);
        }
        Ok(self)
    }

    /// The layouts that are known.
    #[must_use]
    pub fn layouts(&self) -> &[Layout] {
        &self.layouts
    }

    /// The job that reads a file: its layout or map whole, its observation time, its currency.
    ///
    /// # Errors
    /// `BadInput` when the file cannot be read, when no layout or more than one fits, when it is another
    /// platform's, or when nothing tells its observation time.
    pub fn recognise(&self, input: &FileInput<'_>, choice: Choice<'_>) -> Result<Job> {
        let in_file = |error: Error| error.with("file", input.name);
        let map = match choice {
            Choice::Map(map) => Some(map.layout()),
            _ => None,
        };
        let file = read::read(input.bytes, map.and_then(|map| map.delimiter)).map_err(in_file)?;
        let layout = match choice {
            Choice::Detect => self.detect(input, &file),
            Choice::Layout(name) => self.named(name, input, &file),
            Choice::Map(map) => fits_map(map, &file),
        };
        let with_encoding =
            |error: Error| if file.guessed { error.with("encoding", file.encoding) } else { error };
        let layout = layout.map_err(with_encoding).map_err(in_file)?.clone();
        let layout = capped(layout, input.account);
        self.job(input, &file, layout).map_err(in_file)
    }

    /// The job with those of the account's posts that its rows may be about: a row without an id that fits exactly one
    /// of them, by title, publish time and form, is about that one. Jobs of files with ids stay as they are
    /// ([`Recipe::lacks_ids`]).
    ///
    /// # Errors
    /// As decoding it.
    pub fn knowing(&self, job: Job, body: &Body, posts: &[NamedPost]) -> Result<Job> {
        let mut recipe = Recipe::of(&job)?;
        if !recipe.lacks_ids() || posts.is_empty() {
            return Ok(job);
        }
        let described = decode::decode(&job, body)?.posts;
        recipe.known = decode::that_may_be(&described, posts);
        if recipe.known.is_empty() {
            return Ok(job);
        }
        Ok(Job { input: Some(recipe.to_input()?), ..job })
    }

    fn job(&self, input: &FileInput<'_>, file: &Read, layout: Layout) -> Result<Job> {
        let zone = period::zone(layout.zone.as_deref().unwrap_or(&input.account.zone))?;
        let (observed_at, observed_by) = observe(input, file, &zone)?;
        let mut recipe = Recipe {
            file: input.name.to_owned(),
            encoding: file.encoding.into(),
            observed_at,
            observed_estimated: observed_by.is_estimate(),
            observed_by,
            identity: None,
            days: days_told(&layout, file).or_else(|| days(input.name, &zone)),
            currency: layout.currency.clone().or_else(|| input.currency.map(Into::into)),
            kinds: layout.kinds(&self.catalogue)?,
            known: Vec::new(),
            layout,
        };
        recipe.identity = Some(identity(&recipe, &zone)?);
        let endpoint = recipe.layout.id.clone();
        Ok(Job {
            endpoint,
            accounts: vec![input.account.clone()],
            window: None,
            posts: Vec::new(),
            planned_at: observed_at,
            refused: Vec::new(),
            input: Some(recipe.to_input()?),
        })
    }

    /// The layout of the account's platform that knows most of the file's headers.
    fn detect<'a>(&'a self, input: &FileInput<'_>, file: &Read) -> Result<&'a Layout> {
        let platform = input.account.id.platform();
        let fits = self.fits(file);
        let own: Vec<_> =
            fits.iter().filter(|(layout, _)| layout.platform.as_ref() == Some(&platform)).collect();
        let best = own.iter().map(|(_, fit)| *fit).max();
        let mut best = own.iter().filter(|(_, fit)| Some(*fit) == best).map(|(layout, _)| *layout);
        match (best.next(), best.next()) {
            (Some(layout), None) => Ok(layout),
            (Some(one), Some(other)) => {
                Err(Error::bad_input(format!("the file fits two layouts, {} and {}", one.id, other.id))
                    .hint(format!("say which: --layout {}", one.id)))
            }
            (None, _) => Err(match fits.iter().max_by_key(|(_, fit)| *fit) {
                Some((layout, _)) => foreign(layout, input.account),
                None => self.unknown(&platform, file),
            }),
        }
    }

    fn fits(&self, file: &Read) -> Vec<(&Layout, usize)> {
        let fit = |layout| (layout, locate::fit(&locate::tables(layout, &file.sheets)));
        self.layouts.iter().map(fit).filter(|(_, fit)| *fit > 0).collect()
    }

    fn named<'a>(&'a self, name: &str, input: &FileInput<'_>, file: &Read) -> Result<&'a Layout> {
        let Some(layout) = self.layouts.iter().find(|layout| layout.id == name) else {
            let known = self.layouts.iter().map(|layout| layout.id.as_str());
            return Err(
                Error::bad_input(format!("there is no layout {name}")).hint(nearest::hint(name, known))
            );
        };
        if layout.platform.as_ref().is_some_and(|platform| *platform != input.account.id.platform()) {
            return Err(foreign(layout, input.account));
        }
        let found: Vec<Found<'_>> = locate::tables(layout, &file.sheets);
        if found.is_empty() {
            return Err(
                misses(layout, file).hint("leave --layout out, or describe the table with --map FILE.toml")
            );
        }
        Ok(layout)
    }

    /// What a user can do about a file that nothing fits: which layout is nearest, what it misses, what is known.
    fn unknown(&self, platform: &kepi_core::Platform, file: &Read) -> Error {
        let own = || self.layouts.iter().filter(|layout| layout.platform.as_ref() == Some(platform));
        let known: Vec<&str> = own().map(|layout| layout.id.as_str()).collect();
        let share = |layout: &&Layout| {
            let shares = layout.tables.iter().map(|table| {
                let missing = locate::missing(table, &file.sheets).len();
                1_000 * (table.required.len() - missing) / table.required.len().max(1)
            });
            shares.max().unwrap_or(0)
        };
        let error = Error::bad_input("no layout fits the file");
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let hint =
            format!("layouts of {platform}: {known}; any other table can be described with --map FILE.toml");
        match own().max_by_key(share).filter(|layout| share(layout) > 0) {
            Some(near) => {
                error.with("nearest", &near.id).with("missing", missing_text(near, file)).hint(hint)
            }
            None => error.hint(hint),
        }
    }
}

impl Decoder for Files {
    fn decode(&self, job: &Job, _cursor: &Cursor, body: &Body) -> Result<Page> {
        decode::decode(job, body)
    }
}

fn fits_map<'a>(map: &'a Map, file: &Read) -> Result<&'a Layout> {
    let layout = map.layout();
    let table = map.table();
    if !locate::tables(layout, &file.sheets).is_empty() {
        return Ok(layout);
    }
    let seen: Vec<String> = file.sheets.iter().flat_map(locate::headers).collect();
    let missing = locate::missing(table, &file.sheets);
    let hints: Vec<String> = missing
        .iter()
        .map(|name| format!("{name}: {}", nearest::hint(name, seen.iter().map(String::as_str))))
        .collect();
    Err(misses(layout, file).hint(format!("correct the names in the map. {}", hints.join(". "))))
}

/// The public pages of WeChat count to 100 001 and no further.
fn capped(mut layout: Layout, account: &AccountRef) -> Layout {
    if layout.provenance == Provenance::Public && account.id.platform_name() == "wechat" {
        for table in &mut layout.tables {
            table.capped_at = table.capped_at.or(Some(100_001));
        }
    }
    layout
}

fn misses(layout: &Layout, file: &Read) -> Error {
    Error::bad_input(format!("the file is not of layout {}", layout.id))
        .with("missing", missing_text(layout, file))
}

fn missing_text(layout: &Layout, file: &Read) -> String {
    let missing = layout.tables.iter().map(|table| locate::missing(table, &file.sheets)).min_by_key(Vec::len);
    missing.unwrap_or_default().join(", ")
}

fn foreign(layout: &Layout, account: &AccountRef) -> Error {
    let platform = layout.platform.as_ref().map_or("another platform", |platform| platform.as_str());
    Error::bad_input(format!("the file is {} of {platform}, the account is {}", layout.id, account.id))
        .hint(format!("import it for an account of {platform}: {platform}/NAME"))
}

fn observe(input: &FileInput<'_>, file: &Read, zone: &TimeZone) -> Result<(Timestamp, ObservedBy)> {
    let evidence = Evidence {
        user: input.observed_at,
        name: input.name,
        properties: file.made_at,
        file_time: input.mtime,
    };
    observed::observed(&evidence, zone).ok_or_else(|| {
        Error::bad_input("nothing tells when the numbers were read")
            .hint("say it with --observed-at 2026-10-09")
    })
}

/// All that the bytes are read by, and the observation time that the user says. A guessed one is left out, and so is
/// the name, unless its days are those of the numbers.
fn identity(recipe: &Recipe, zone: &TimeZone) -> Result<InputIdentity> {
    let covers = |table: &Table| table.window == WindowKind::Period && table.time.is_none();
    let of_name = recipe.layout.tables.iter().any(covers);
    let days = recipe.days.filter(|_| of_name);
    let layout = Layout { title: String::new(), ..recipe.layout.clone() };
    let read_by = serde_json::to_vec(&(layout, &recipe.kinds, &recipe.currency, zone.iana_name(), days));
    let read_by = read_by.map_err(|error| {
        Error::new(kepi_core::ErrorKind::Unexpected, "write what a file is read by").caused_by(error)
    })?;
    let said = recipe.observed_by == ObservedBy::User;
    Ok(InputIdentity {
        read_by: blake3::hash(&read_by).to_hex().as_str().into(),
        said: said.then(|| smol_str::format_smolstr!("{}", recipe.observed_at)),
    })
}

/// The days that lines above the header tell.
fn days_told(layout: &Layout, file: &Read) -> Option<DateSpan> {
    let (first, last) = layout.days_after.as_ref()?;
    let rows = || file.sheets.iter().flat_map(|sheet| sheet.rows.iter().take(HEADER_WITHIN));
    let lines = || rows().map(|row| row.cell(0).shown());
    let day = |words: &str| {
        let mut behind = lines().filter_map(|line| line.split_once(words).map(|(_, rest)| rest.to_owned()));
        behind.find_map(|rest| observed::days_in_name(&rest, &TimeZone::UTC).first().copied())
    };
    let (first, last) = (day(first)?, day(last)?);
    (first <= last).then(|| DateSpan::new(first, add_days(last, 1)))
}

/// The days from the first to the last that the file's name tells.
fn days(name: &str, zone: &TimeZone) -> Option<DateSpan> {
    let days = observed::days_in_name(name, zone);
    let (first, last) = (days.first()?, days.last()?);
    (first < last).then(|| DateSpan::new(*first, add_days(*last, 1)))
}

/// The name of a map's endpoint.
pub(crate) fn map_endpoint(name: &str) -> SmolStr {
    smol_str::format_smolstr!("map:{name}")
}
