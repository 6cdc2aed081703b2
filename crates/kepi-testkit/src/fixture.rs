//! Fixtures: whole HTTP answers as text, beside the job that asked for them.
//!
//! ```text
//! # composed from the vendor's documentation
//! # GET https://api.example.com/2/users?ids=1440
//! # account: x/nordlicht id=1440000000000000001 zone=UTC
//! # observed_at: 2026-09-08T06:00:00Z
//!
//! HTTP/1.1 200 OK
//! content-type: application/json
//!
//! {"data": []}
//! ```
//!
//! Keys: `account` (repeated for a call that takes several), `window` (`2026-09-01..2026-09-07`, both ends
//! included), `posts` (ids, separated by commas; `id@2026-09-02T16:00:04Z` says when it was published,
//! `x/other:id` whose it is), `observed_at`, `planned_at` (else `observed_at`), `cursor` (as it is stored),
//! `input` (JSON), `empty` (why the answer holds no number). Below `fixtures/token` also `token` (the kind) and
//! `grant` (`client`, `code`, `refresh`, `renew` or `statement`).

use std::{
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use jiff::{Timestamp, civil::Date};
use kepi_core::{
    AccountId, AccountRef, Cursor, DateSpan, Error, Job, PostRef, Response, Result, period::add_days,
};
use smol_str::SmolStr;

/// What the first line of a fixture may say.
pub const ORIGINS: [&str; 2] = ["# composed from the vendor's documentation", "# recorded and scrubbed"];

/// The folder of the fixtures of token exchanges; no endpoint has this name.
pub const TOKEN_FOLDER: &str = "token";

const KEYS: [&str; 10] = [
    "account",
    "window",
    "posts",
    "observed_at",
    "planned_at",
    "cursor",
    "refused",
    "empty",
    "token",
    "grant",
];

/// One whole answer of a platform and what it was asked for.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// Its file, `fixtures/<endpoint>/<case>.http`.
    pub path: PathBuf,
    /// The endpoint it answers.
    pub endpoint: SmolStr,
    /// What it shows: `full`, `empty`, `rate_limited` …
    pub case: SmolStr,
    /// The request line, where it has one: method and address.
    pub request: Option<(String, String)>,
    settings: Vec<(String, String)>,
    /// What was asked for, where it stood, and the answer.
    pub exchange: Exchange,
}

/// One page of a job: what was asked for, where the job stood, what came back.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// What was asked for.
    pub job: Job,
    /// Where the job stood.
    pub cursor: Cursor,
    /// What came back.
    pub response: Response,
}

impl Fixture {
    /// Reads a fixture of an endpoint of `platform`. Its account is `platform/nordlicht` in `zone` unless it
    /// says otherwise.
    ///
    /// # Errors
    /// `BadInput` with file and line.
    pub fn parse(path: &Path, text: &str, platform: &str, zone: &str) -> Result<Self> {
        let name = |part: Option<&std::ffi::OsStr>| SmolStr::new(part.unwrap_or_default().to_string_lossy());
        let endpoint = name(path.parent().and_then(Path::file_name));
        let head = Head::parse(path, text)?;
        let observed_at = head.instant("observed_at")?.unwrap_or(Timestamp::UNIX_EPOCH);
        let mut accounts = head.accounts(zone)?;
        if accounts.is_empty() {
            accounts.push(account_ref(&format!("{platform}/nordlicht"), zone)?);
        }
        let window = head.get("window").map(|(at, text)| span(text).ok_or_else(|| head.bad(at, "window")));
        let refused = head.get("refused").map_or("", |(_, text)| text);
        let job = Job {
            endpoint: endpoint.clone(),
            posts: head.posts(accounts.first().map(|account| &account.id))?,
            accounts,
            window: window.transpose()?,
            planned_at: head.instant("planned_at")?.unwrap_or(observed_at),
            refused: refused
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .map(Into::into)
                .collect(),
            input: None,
        };
        let cursor = Cursor::from_stored(head.get("cursor").map(|(_, text)| text));
        let response = response(path, head.answer, head.answer_line, observed_at)?;
        Ok(Self {
            path: path.to_owned(),
            endpoint,
            case: name(path.file_stem()),
            request: head.request,
            settings: head.settings.into_iter().map(|(_, key, value)| (key, value)).collect(),
            exchange: Exchange { job, cursor, response },
        })
    }

    /// What a `# key: value` line says.
    #[must_use]
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.settings.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Whether it is an answer to a token exchange.
    #[must_use]
    pub fn is_token(&self) -> bool {
        self.endpoint == TOKEN_FOLDER
    }

    /// `endpoint/case`, for people.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.endpoint, self.case)
    }

    /// The file of what it decodes to.
    #[must_use]
    pub fn expected_path(&self) -> PathBuf {
        self.path.with_extension("expected")
    }
}

/// All `.http` files below `home/fixtures`, in order of their names.
///
/// # Errors
/// `BadInput` when the folder cannot be read.
pub fn files(home: &Path) -> Result<Vec<PathBuf>> {
    let folder = home.join("fixtures");
    let unreadable = |error: std::io::Error| {
        Error::bad_input("cannot read the fixtures").with("folder", folder.display()).caused_by(error)
    };
    let mut found = Vec::new();
    for endpoint in fs::read_dir(&folder).map_err(unreadable)? {
        let endpoint = endpoint.map_err(unreadable)?.path();
        if !endpoint.is_dir() {
            continue;
        }
        for file in fs::read_dir(&endpoint).map_err(unreadable)? {
            let file = file.map_err(unreadable)?.path();
            if file.extension().is_some_and(|extension| extension == "http") {
                found.push(file);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The lines before the answer.
struct Head<'a> {
    path: &'a Path,
    request: Option<(String, String)>,
    settings: Vec<(usize, String, String)>,
    answer: &'a str,
    answer_line: usize,
}

impl<'a> Head<'a> {
    fn parse(path: &'a Path, text: &'a str) -> Result<Self> {
        let mut head = Head { path, request: None, settings: Vec::new(), answer: "", answer_line: 0 };
        let first = text.lines().next().unwrap_or_default();
        if !ORIGINS.contains(&first) {
            return Err(head
                .bad(1, "first line")
                .hint(format!("it is either {:?} or {:?}", ORIGINS[0], ORIGINS[1])));
        }
        let mut rest = text;
        for line in 1.. {
            let (this, after) = rest.split_once('\n').unwrap_or((rest, ""));
            rest = after;
            let this = this.trim_end();
            if this.is_empty() {
                head.answer_line = line + 1;
                break;
            }
            if line > 1 {
                head.line(line, this)?;
            }
        }
        head.answer = rest;
        Ok(head)
    }

    fn line(&mut self, line: usize, text: &str) -> Result<()> {
        let text = text.strip_prefix("# ").ok_or_else(|| self.bad(line, "line before the answer"))?;
        if let Some((method @ ("GET" | "POST"), address)) = text.split_once(' ') {
            self.request = Some((method.to_owned(), address.trim().to_owned()));
            return Ok(());
        }
        let (key, value) = text.split_once(':').ok_or_else(|| self.bad(line, "line before the answer"))?;
        if !KEYS.contains(&key) {
            return Err(self.bad(line, "key").hint(format!("known keys are {}", KEYS.join(", "))));
        }
        self.settings.push((line, key.to_owned(), value.trim().to_owned()));
        Ok(())
    }

    fn get(&self, key: &str) -> Option<(usize, &str)> {
        self.settings.iter().find(|(_, name, _)| name == key).map(|(line, _, value)| (*line, value.as_str()))
    }

    fn bad(&self, line: usize, what: &str) -> Error {
        bad(self.path, line, what)
    }

    fn instant(&self, key: &str) -> Result<Option<Timestamp>> {
        let Some((line, text)) = self.get(key) else { return Ok(None) };
        text.parse().map(Some).map_err(|error| self.bad(line, key).caused_by(error))
    }

    fn accounts(&self, zone: &str) -> Result<Vec<AccountRef>> {
        let named = self.settings.iter().filter(|(_, key, _)| key == "account");
        named
            .map(|(line, _, text)| account_ref(text, zone).map_err(|error| error.with("line", line)))
            .collect()
    }

    fn posts(&self, account: Option<&AccountId>) -> Result<Vec<PostRef>> {
        let Some((line, text)) = self.get("posts") else { return Ok(Vec::new()) };
        let named = text.split(',').map(str::trim).filter(|text| !text.is_empty());
        named.map(|text| post_ref(text, account).ok_or_else(|| self.bad(line, "posts"))).collect()
    }
}

fn bad(path: &Path, line: usize, what: &str) -> Error {
    Error::bad_input(format!("the fixture's {what} cannot be read"))
        .with("file", path.display())
        .with("line", line)
}

fn account_ref(text: &str, zone: &str) -> Result<AccountRef> {
    let mut words = text.split_whitespace();
    let id = AccountId::from_str(words.next().unwrap_or_default())?;
    let mut account = AccountRef::new(id, zone);
    for word in words {
        match word.split_once('=') {
            Some(("id", id)) => account.platform_id = Some(id.into()),
            Some(("zone", zone)) => account.zone = zone.into(),
            Some(("watched_by", id)) => account.watched_by = Some(id.into()),
            _ => {
                return Err(Error::bad_input(format!("{word:?} says nothing of an account"))
                    .hint("an account is written x/nordlicht id=1440 zone=UTC"));
            }
        }
    }
    Ok(account)
}

fn post_ref(text: &str, account: Option<&AccountId>) -> Option<PostRef> {
    let (text, published_at) = match text.rsplit_once('@') {
        Some((text, at)) => (text, Some(at.parse().ok()?)),
        None => (text, None),
    };
    let other = text.split_once(':').and_then(|(owner, id)| Some((AccountId::new(owner).ok()?, id)));
    let (account, id) = match other {
        Some((owner, id)) => (owner, id),
        None => (account?.clone(), text),
    };
    Some(PostRef { account, id: id.into(), published_at })
}

fn span(text: &str) -> Option<DateSpan> {
    let (from, to) = text.split_once("..").unwrap_or((text, text));
    let (from, to): (Date, Date) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
    (from <= to).then(|| DateSpan::new(from, add_days(to, 1)))
}

fn response(path: &Path, text: &str, line: usize, received_at: Timestamp) -> Result<Response> {
    let (status_line, mut rest) = text.split_once('\n').unwrap_or((text, ""));
    let mut words = status_line.split_whitespace();
    let version = words.next().filter(|word| word.starts_with("HTTP/"));
    let status = words.next().and_then(|code| code.parse().ok());
    let (Some(_), Some(status)) = (version, status) else { return Err(bad(path, line, "status line")) };
    let mut headers = Vec::new();
    for at in 1.. {
        let (this, after) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = after;
        if this.trim_end().is_empty() {
            break;
        }
        let (name, value) = this.split_once(':').ok_or_else(|| bad(path, line + at, "header"))?;
        headers.push((name.trim().to_ascii_lowercase().into(), value.trim().to_owned()));
    }
    let body = rest.strip_suffix('\n').unwrap_or(rest).as_bytes().to_vec();
    Ok(Response { status, headers, body, received_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# recorded and scrubbed\n# GET https://api.example.com/a?b=1\n# account: x/a id=7 zone=Europe/Berlin\n# window: 2026-09-01..2026-09-07\n# posts: 1@2026-09-01T00:00:00Z, x/b:urn:li:share:2\n# observed_at: 2026-09-08T06:00:00Z\n\nHTTP/1.1 200 OK\nContent-Type: application/json\n\n{\"a\":\n\n1}\n";

    fn read(text: &str) -> Result<Fixture> {
        Fixture::parse(Path::new("fixtures/users/full.http"), text, "x", "UTC")
    }

    #[test]
    fn a_fixture_says_job_and_answer() {
        let fixture = read(GOOD).unwrap();
        let Exchange { job, cursor, response } = &fixture.exchange;
        assert_eq!((fixture.name().as_str(), cursor.is_start()), ("users/full", true));
        assert_eq!(fixture.request.unwrap().1, "https://api.example.com/a?b=1");
        assert_eq!(job.window.unwrap().to_string(), "2026-09-01..2026-09-07");
        assert_eq!(job.accounts[0].platform_id.as_deref(), Some("7"));
        assert_eq!(job.accounts[0].zone, "Europe/Berlin");
        assert_eq!((job.posts[1].account.as_str(), job.posts[1].id.as_str()), ("x/b", "urn:li:share:2"));
        assert_eq!(job.posts[0].published_at.unwrap().to_string(), "2026-09-01T00:00:00Z");
        assert_eq!(response.header("content-type"), Some("application/json"));
        assert_eq!(response.body, b"{\"a\":\n\n1}");
    }

    #[test]
    fn a_bad_fixture_is_named_with_its_line() {
        for (bad, line) in [
            (GOOD.replace("# recorded", "# made up"), "line: 1)"),
            (GOOD.replace("# window", "# widnow"), "line: 4)"),
            (GOOD.replace("2026-09-07", "2026-08-07"), "line: 4)"),
            (GOOD.replace("HTTP/1.1 200", "HTTP/1.1 fine"), "line: 8)"),
            (GOOD.replace("Content-Type:", "Content-Type"), "line: 9)"),
        ] {
            let error = read(&bad).unwrap_err().to_string();
            assert!(error.ends_with(line), "{error}");
        }
    }
}
