//! `kepi.toml`: read so that all faults show at once, each with its place.

mod accounts;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

pub(crate) use self::accounts::ConfiguredAccount;
use self::accounts::read_accounts;
use kepi_core::{
    AccountId, Additivity, Catalogue, Metric, MetricId, Nature, Platform, Unit,
    document::{Block, Document, Fault, Faults, Placed, one_of_hint},
    period::{Fiscal, zone},
};
use kepi_engine::Index;
use kepi_ingest::schedule::Cron;

/// A project's configuration.
#[derive(Debug)]
pub(crate) struct Config {
    /// Where it was read from.
    pub file: PathBuf,
    /// Its text, to show faults in.
    pub text: String,
    pub project: Project,
    pub accounts: Vec<ConfiguredAccount>,
    /// `[platform.NAME]`: settings of an adapter.
    pub platforms: BTreeMap<String, PlatformSettings>,
    pub jobs: Vec<JobConfig>,
    pub catalogue: Catalogue,
    /// `[[tag]]`: what posts are about.
    pub tags: Vec<kepi_engine::TagRule>,
    /// `[[experiment]]`: what is tried, declared before it begins.
    pub experiments: Vec<kepi_engine::Experiment>,
    /// `[money]`: the currency of returns, and stated rates.
    pub money: kepi_engine::Money,
    /// `[[mapping]]`: tables that say what posts are about.
    pub mappings: Vec<kepi_engine::Mapping>,
    /// `[[goal]]`: what the business wants, with objectives and tasks.
    pub goals: Vec<kepi_engine::ProjectGoal>,
    /// `[indices] enabled`: composite indices that are switched on.
    pub indices: Vec<&'static Index>,
}

#[derive(Debug)]
pub(crate) struct Project {
    pub name: String,
    pub zone: String,
    pub store: String,
    pub kpis: Vec<String>,
    pub exports: Vec<String>,
    pub calendar: Vec<String>,
    pub fiscal: Fiscal,
    pub min_coverage: f64,
}

#[derive(Debug, Clone)]
pub(crate) struct PlatformSettings {
    pub settings: serde_json::Value,
    pub span: std::ops::Range<usize>,
}

/// `[[job]]`: when what is asked.
#[derive(Debug, Clone)]
pub(crate) struct JobConfig {
    pub name: String,
    pub cron: Placed<String>,
    pub zone: String,
    pub accounts: Vec<AccountId>,
    pub platforms: Vec<String>,
    pub endpoints: Vec<String>,
    pub evaluate: bool,
    pub jitter_secs: u32,
}

/// Why a configuration cannot be used.
#[derive(Debug)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    Unreadable(kepi_core::Error),
    /// It has faults.
    Faulty { text: String, faults: Vec<Fault> },
}

impl Config {
    /// Reads a file.
    pub(crate) fn read(file: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            let hint = if error.kind() == std::io::ErrorKind::NotFound {
                "run `kepi init` to write one, or name one with --config"
            } else {
                "check the path and its permissions"
            };
            ConfigError::Unreadable(
                kepi_core::Error::bad_config("cannot read the configuration")
                    .with("file", file.display())
                    .hint(hint)
                    .caused_by(error),
            )
        })?;
        Self::parse(file, text)
    }

    fn parse(file: &Path, text: String) -> Result<Self, ConfigError> {
        let faults = Faults::new(file.display().to_string());
        let document = Document::parse(&text, &faults);
        let root = document.block(&faults);
        let project = read_project(&root);
        let accounts = read_accounts(&root, &project);
        let platforms = read_platforms(&root);
        let jobs = read_jobs(&root, &project, &accounts);
        let catalogue = read_catalogue(&root);
        let tags = kepi_engine::read_tags(&text, &root);
        let experiments = kepi_engine::read_experiments(&text, &root);
        let money = kepi_engine::read_money(&root);
        let goals = kepi_engine::read_goals(&root);
        let mappings = kepi_engine::read_mappings(&root);
        let indices = read_indices(&root);
        root.finish();
        let faults = faults.into_vec();
        if faults.is_empty() {
            Ok(Self {
                file: file.to_owned(),
                text,
                project,
                accounts,
                platforms,
                jobs,
                catalogue,
                tags,
                experiments,
                money,
                goals,
                mappings,
                indices,
            })
        } else {
            Err(ConfigError::Faulty { text, faults })
        }
    }

    /// The folder that relative paths are relative to.
    pub(crate) fn folder(&self) -> &Path {
        self.file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// The store's location: an address as it is, a path relative to the configuration.
    pub(crate) fn store_location(&self) -> String {
        if self.project.store.contains("://") {
            self.project.store.clone()
        } else {
            self.folder().join(&self.project.store).display().to_string()
        }
    }

    /// An account of the configuration.
    pub(crate) fn account(&self, id: &AccountId) -> Option<&ConfiguredAccount> {
        self.accounts.iter().find(|configured| configured.account.id == *id)
    }
}

fn read_project(root: &Block<'_, '_>) -> Project {
    let mut project = Project {
        name: String::new(),
        zone: "UTC".to_owned(),
        store: "./store".to_owned(),
        kpis: vec!["kpis/*.toml".to_owned()],
        exports: Vec::new(),
        calendar: Vec::new(),
        fiscal: Fiscal::default(),
        min_coverage: 0.8,
    };
    let Some(block) = root.block("project") else {
        if !root.has("project") {
            root.missing_block("project");
        }
        return project;
    };
    if let Some(name) = block.required_text("name") {
        project.name = name.value;
    }
    if let Some(name) = checked_zone(&block) {
        project.zone = name;
    }
    if let Some(store) = block.text("store") {
        project.store = store.value;
    }
    if block.has("kpis") {
        project.kpis = values(block.texts("kpis"));
    }
    project.exports = values(block.texts("exports"));
    project.calendar = values(block.texts("calendar"));
    if let Some(month) = block.integer("fiscal_year_first_month") {
        match i8::try_from(month.value) {
            Ok(first_month @ 1..=12) => project.fiscal = Fiscal { first_month },
            _ => block.faults().add(
                month.span,
                "a fiscal year begins in a month from 1 to 12",
                "not a month",
                None,
            ),
        }
    }
    if let Some(share) = block.number("min_coverage") {
        if (0.0..=1.0).contains(&share.value) {
            project.min_coverage = share.value;
        } else {
            block.faults().add(share.span, "coverage is between 0 and 1", "not a share", None);
        }
    }
    block.finish();
    project
}

fn checked_zone(block: &Block<'_, '_>) -> Option<String> {
    block.parsed("zone", |name| zone(name).map(|_| name.to_owned())).map(|zone| zone.value)
}

fn values(texts: Vec<Placed<String>>) -> Vec<String> {
    texts.into_iter().map(|text| text.value).collect()
}

fn read_platforms(root: &Block<'_, '_>) -> BTreeMap<String, PlatformSettings> {
    let Some(block) = root.block("platform") else { return BTreeMap::new() };
    block
        .named_blocks()
        .into_iter()
        .filter_map(|(name, settings)| match Platform::new(&name.value) {
            Ok(_) => {
                Some((name.value, PlatformSettings { settings: settings.to_json(), span: settings.span() }))
            }
            Err(error) => {
                block.faults().add_error(name.span, &error);
                None
            }
        })
        .collect()
}

fn read_jobs(root: &Block<'_, '_>, project: &Project, accounts: &[ConfiguredAccount]) -> Vec<JobConfig> {
    let mut jobs: Vec<JobConfig> = Vec::new();
    for block in root.blocks("job") {
        let name = block.required_text("name");
        let cron = block.required_text("cron");
        let zone = checked_zone(&block).unwrap_or_else(|| project.zone.clone());
        let names = block.texts("accounts");
        let known: Vec<&str> = accounts.iter().map(|known| known.account.id.as_str()).collect();
        for account in names.iter().filter(|account| !known.contains(&account.value.as_str())) {
            let message = format!("no account {}", account.value);
            block.faults().add(
                account.span.clone(),
                message,
                "unknown",
                Some(one_of_hint(&account.value, &known)),
            );
        }
        let platforms = values(block.texts("platforms"));
        let endpoints = values(block.texts("endpoints"));
        let evaluate = block.flag("evaluate").unwrap_or(true);
        let jitter_secs = read_jitter(&block);
        if let (Some(name), Some(cron)) = (name, cron) {
            if let Err(error) = Cron::parse(&cron.value, &zone) {
                let hint = error.hint_text().map(str::to_owned);
                block.faults().add(cron.span.clone(), error.to_string(), "never starts", hint);
            }
            if jobs.iter().any(|job| job.name == name.value) {
                block.faults().add(name.span, format!("job {} stands twice", name.value), "again", None);
            }
            let accounts = names.iter().filter_map(|account| account.value.parse().ok()).collect();
            let name = name.value;
            jobs.push(JobConfig { name, cron, zone, accounts, platforms, endpoints, evaluate, jitter_secs });
        }
        block.finish();
    }
    jobs
}

/// The longest delay of a job's start.
fn read_jitter(block: &Block<'_, '_>) -> u32 {
    let Some(seconds) = block.integer("jitter_secs") else { return 30 };
    u32::try_from(seconds.value).unwrap_or_else(|_| {
        let message = format!("{} is no number of seconds to wait at most", seconds.value);
        let hint = "0 for no delay; a delay is at most a quarter of the way to the next start";
        block.faults().add(seconds.span, message, "not a delay", Some(hint.to_owned()));
        30
    })
}

/// `[indices]`: off unless named.
fn read_indices(root: &Block<'_, '_>) -> Vec<&'static Index> {
    let Some(block) = root.block("indices") else { return Vec::new() };
    let mut indices: Vec<&'static Index> = Vec::new();
    for name in block.texts("enabled") {
        match Index::named(&name.value) {
            Some(index) if indices.iter().all(|known| known.id != index.id) => indices.push(index),
            Some(_) => {}
            None => {
                let names: Vec<&str> = Index::ALL.iter().map(|index| index.id).collect();
                let message = format!("there is no index {}", name.value);
                block.faults().add(name.span, message, "unknown", Some(one_of_hint(&name.value, &names)));
            }
        }
    }
    block.finish();
    indices
}

const UNITS: &[(&str, Unit)] = &[
    ("count", Unit::Count),
    ("users", Unit::Users),
    ("money", Unit::Money),
    ("seconds", Unit::Seconds),
    ("ratio", Unit::Ratio),
    ("score", Unit::Score),
];
const NATURES: &[(&str, Nature)] = &[
    ("count", Nature::Count),
    ("people", Nature::People),
    ("level", Nature::Level),
    ("mean", Nature::Mean),
    ("ratio", Nature::Ratio),
    ("money", Nature::Money),
];

/// `[[metric]]`: metrics of the project's own, which obey the same rules.
fn read_catalogue(root: &Block<'_, '_>) -> Catalogue {
    let mut catalogue = Catalogue::builtin().clone();
    let mut metrics: Vec<Metric> = Vec::new();
    for block in root.blocks("metric") {
        for key in ["id", "unit", "nature"] {
            if !block.has(key) {
                block.missing(key);
            }
        }
        let id = block.parsed("id", MetricId::new);
        let unit = block.one_of("unit", UNITS);
        let nature = block.one_of("nature", NATURES);
        let definition = block.required_text("definition").map(|text| text.value).unwrap_or_default();
        let caveat = block.text("caveat").map(|text| text.value).unwrap_or_default();
        let revocable = block.flag("revocable").unwrap_or(false);
        let weight = block.parsed("weight", MetricId::new);
        if let (Some(id), Some(unit), Some(nature)) = (id, unit, nature) {
            let metric = Metric {
                id: id.value,
                unit: unit.value,
                nature: nature.value,
                revocable,
                additivity: additivity(nature.value),
                weight: weight.map(|weight| weight.value),
                definition: definition.into(),
                caveat: caveat.into(),
                project: true,
            };
            let all = metrics.iter().cloned().chain([metric.clone()]);
            match Catalogue::with_project(all) {
                Ok(wider) => {
                    catalogue = wider;
                    metrics.push(metric);
                }
                Err(error) => block.faults().add_error(id.span, &error),
            }
        }
        block.finish();
    }
    catalogue
}

fn additivity(nature: Nature) -> Additivity {
    match nature {
        Nature::Count | Nature::Money => Additivity::Everywhere,
        Nature::Level => Additivity::NotOverTime,
        Nature::People | Nature::Mean | Nature::Ratio => Additivity::Nowhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn check(text: &str) -> Vec<String> {
        match Config::parse(Path::new("kepi.toml"), text.to_owned()) {
            Ok(_) => Vec::new(),
            Err(ConfigError::Faulty { text, faults }) => faults
                .iter()
                .map(|fault| {
                    let (line, column) = fault.line_column(&text);
                    format!("{line}:{column} {}", fault.message)
                })
                .collect(),
            Err(ConfigError::Unreadable(error)) => vec![error.to_string()],
        }
    }

    #[test]
    fn a_whole_configuration_is_read() {
        let faults = check(
            r#"
[project]
name = "Nordlicht Bikes"
zone = "Europe/Berlin"

[[account]]
id = "x/nordlicht"
platform_id = "1440000000000000001"
zone = "UTC"
credentials = { token_env = "X_TOKEN" }

[[account]]
id = "x/other"
credentials = { user = { token_env = "A" }, app = { client_id_env = "B", client_secret_env = "C" } }

[platform.x]
base_url = "http://127.0.0.1:1"

[[job]]
name = "morning"
cron = "0 6 * * *"
accounts = ["x/nordlicht"]

[[metric]]
id = "nps"
unit = "score"
nature = "level"
definition = "net promoter score"

[[goal]]
id = "engagement"
priority = 1
weight = 0.5

[[goal.objective]]
id = "answers"
term = "short"
start = "2026-07-01"
end = "2026-09-30"

[[goal.objective.task]]
name = "Answer within a day"
due = "2026-07-15"
state = "done"

[indices]
enabled = ["wci@14.2-share", "bci"]
"#,
        );
        assert_eq!(faults, Vec::<String>::new());
    }

    #[test]
    fn all_faults_are_shown_at_once() {
        let faults = check(
            r#"
[project]
zone = "Europe/Berln"

[[account]]
id = "ropensci"
zon = "UTC"

[[account]]
id = "x/a"
credentials = { token_env = "A", token = "secret" }

[[job]]
name = "morning"
accounts = ["x/b"]

[[job]]
name = "noon"
cron = "0 12 * *"

[[job]]
name = "leap"
cron = "0 6 31 2 *"
jitter_secs = -5

[indices]
enabled = ["wci"]
"#,
        );
        assert_eq!(
            faults,
            [
                "2:1 project.name is missing",
                "3:8 \"Europe/Berln\" is not a time zone",
                "6:6 \"ropensci\" is not an account, platform/name",
                "7:1 unknown key account.zon",
                "11:42 a secret does not stand in the configuration",
                "13:1 job.cron is missing",
                "15:13 no account x/b",
                "19:8 \"0 12 * *\" is not a cron line (reason: Invalid pattern: Pattern must have 5 fields when \
                 seconds are disallowed.)",
                "23:8 \"0 6 31 2 *\" is not a cron line (reason: it never comes)",
                "24:15 -5 is no number of seconds to wait at most",
                "27:12 there is no index wci",
            ]
        );
    }

    /// The tables of `kepi.toml` that a page shows.
    fn shown(page: &str) -> Vec<String> {
        const OF_THE_PROJECT: &[&str] = &[
            "project",
            "account",
            "platform",
            "job",
            "metric",
            "tag",
            "mapping",
            "experiment",
            "money",
            "goal",
            "indices",
        ];
        let blocks = page.split("```toml").skip(1).filter_map(|rest| rest.split("```").next());
        let of_the_project = |block: &&str| {
            let first = block.trim_start().trim_start_matches('[');
            let name = first.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
            block.trim_start().starts_with('[') && OF_THE_PROJECT.contains(&name)
        };
        blocks.filter(of_the_project).map(str::to_owned).collect()
    }

    /// What the guide and the adapters' pages show can be copied as it stands: no key is unknown, and the adapters take
    /// their settings.
    #[test]
    fn what_the_pages_show_is_read() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let files = |folder: PathBuf| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let guide =
            files(crates.join("kepi/docs")).filter(|path| path.extension().is_some_and(|it| it == "md"));
        let adapters =
            files(crates.to_owned()).map(|path| path.join("README.md")).filter(|path| path.is_file());
        let (mut read, mut with_settings) = (0, 0);
        for page in guide.chain(adapters) {
            for block in shown(&std::fs::read_to_string(&page).unwrap()) {
                let mut text = format!("[project]\nname = \"Nordlicht\"\nzone = \"UTC\"\n{block}");
                if !block.contains("[[account]]") {
                    text.push_str("\n[[account]]\nid = \"x/mybrand\"\n");
                }
                assert_eq!(check(&text), Vec::<String>::new(), "{}:\n{block}", page.display());
                let Ok(config) = Config::parse(Path::new("kepi.toml"), text) else { continue };
                for (platform, settings) in config.platforms {
                    let built = crate::adapters::build(&platform, settings.settings);
                    assert!(built.is_ok(), "{}: {}\n{block}", page.display(), built.err().unwrap());
                    with_settings += 1;
                }
                read += 1;
            }
        }
        assert!(
            read >= 15 && with_settings >= 2,
            "{read} tables of kepi.toml, {with_settings} with settings"
        );
    }
}
