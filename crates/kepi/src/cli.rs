//! The command line, as data.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;
use kepi_core::AccountId;

/// Collects what a brand's social accounts did and holds it against the KPIs the brand set.
#[derive(Debug, Parser)]
#[command(name = "kepi", version, about, long_about = None, disable_help_subcommand = true, max_term_width = 100)]
pub(crate) struct Cli {
    /// The project's configuration.
    #[arg(short, long, global = true, env = "KEPI_CONFIG", default_value = "kepi.toml", value_name = "FILE")]
    pub config: PathBuf,
    /// What is logged to stderr: error, warn, info, debug, trace, or a filter such as kepi_transport=debug.
    #[arg(long, global = true, env = "KEPI_LOG", default_value = "warn", value_name = "FILTER")]
    pub log: String,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Starts the simulated platforms, ingests, evaluates and shows the scorecard: no account, no network.
    Demo(Demo),
    /// Writes a project in which everything works at once.
    Init(Init),
    /// Brings an account's consent: OAuth on loopback, or a pasted code; again when a person must agree anew.
    Auth(Auth),
    /// Checks configuration, KPI files and formulas, all faults at once, and reviews the KPIs (SMART).
    Check(Check),
    /// Asks the platforms for what is due, once, now.
    Ingest(Ingest),
    /// Reads native export files and tables of your own.
    Import(Import),
    /// Runs the schedule: ingest, then evaluate, until it is asked to stop.
    Run(Run),
    /// Asks the platforms for history.
    Backfill(Backfill),
    /// Shows what the schedule does in the next 24 hours.
    Plan(Format),
    /// Shows what ran, with attempts and errors.
    Runs(Runs),
    /// Prints the scorecard.
    Evaluate(Evaluate),
    /// Shows where a KPI's number comes from.
    Explain(Explain),
    /// Shows the project's goals, ranked and weighted, with their objectives and tasks, and where they stand.
    Goals(Goals),
    /// Holds the editorial calendar against what was published.
    Calendar(Calendar),
    /// Suggests targets, and freezes what they are measured from.
    #[command(subcommand)]
    Targets(Targets),
    /// Runs SQL over the tables of the store.
    Query(Query),
    /// Lists platforms, endpoints and metrics: what can be had from where.
    Adapters(Format),
    /// Compacts the store and cleans up what no reader needs.
    Maintain(Maintain),
}

/// How rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowFormat {
    /// For people.
    Table,
    /// One JSON array.
    Json,
    /// Comma-separated values with a header.
    Csv,
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Format {
    /// How rows are printed.
    #[arg(long, value_enum, default_value = "table")]
    pub format: RowFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// How many days the simulated brand is followed.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(7..=400))]
    pub days: u16,
    /// Where the demo's project is written; a new folder under the temporary folder otherwise.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// The seed of the simulated world.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The folder; the present one otherwise.
    #[arg(default_value = ".")]
    pub dir: PathBuf,
    /// What the business wants: brand-awareness, engagement, community-growth, web-traffic, lead-generation,
    /// revenue, reputation, retention; KPIs of all goals otherwise.
    #[arg(long, value_delimiter = ',', value_name = "GOAL")]
    pub goal: Vec<String>,
    /// The platforms to start with.
    #[arg(long, value_delimiter = ',', value_name = "PLATFORM")]
    pub platforms: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Only review this KPI, `id` or `id@version`; may be given several times.
    #[arg(long, value_name = "KPI")]
    pub kpi: Vec<String>,
    /// Also try the credentials: a call or two for each account.
    #[arg(long)]
    pub online: bool,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Auth {
    /// The account, platform/name.
    #[arg(value_name = "ACCOUNT")]
    pub account: AccountId,
    /// The kind of token; all that the account has credentials for otherwise.
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// The port on loopback to which the platform sends the browser back: register http://127.0.0.1:PORT/callback.
    #[arg(long, default_value_t = 8914, value_name = "PORT")]
    pub port: u16,
    /// An address of your own that is registered with the platform: the code is pasted from it.
    #[arg(long, value_name = "URL", conflicts_with = "port")]
    pub redirect_uri: Option<String>,
    /// How long the browser is waited for.
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    pub wait_secs: u64,
}

/// Which accounts.
#[derive(Debug, Clone, Args)]
pub(crate) struct Selection {
    /// Only this account, platform/name; may be given several times.
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Vec<AccountId>,
    /// Only this platform; may be given several times.
    #[arg(long, value_name = "PLATFORM")]
    pub platform: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Ingest {
    #[command(flatten)]
    pub selection: Selection,
    /// The first day asked for; what is due otherwise.
    #[arg(long, value_name = "DATE")]
    pub from: Option<jiff::civil::Date>,
    /// The last day asked for, included.
    #[arg(long, value_name = "DATE")]
    pub to: Option<jiff::civil::Date>,
    /// Only say which calls, windows and money it would take.
    #[arg(long)]
    pub plan: bool,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Backfill {
    #[command(flatten)]
    pub selection: Selection,
    /// The first day.
    #[arg(long, value_name = "DATE")]
    pub from: jiff::civil::Date,
    /// The last day, included; yesterday otherwise.
    #[arg(long, value_name = "DATE")]
    pub to: Option<jiff::civil::Date>,
    /// Only say which calls, windows and money it would take.
    #[arg(long)]
    pub plan: bool,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The files.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The account they are of, platform/name.
    #[arg(long, value_name = "ACCOUNT")]
    pub account: AccountId,
    /// The layout, where the header does not tell.
    #[arg(long, conflicts_with = "map", value_name = "LAYOUT")]
    pub layout: Option<String>,
    /// A description of the table: which column is what.
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,
    /// When the files were exported, where they do not say: 2026-10-05T08:00:00Z, or a date.
    #[arg(long, value_name = "TIME")]
    pub observed_at: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Stop by itself at this instant.
    #[arg(long, value_name = "TIME")]
    pub until: Option<Timestamp>,
}

#[derive(Debug, Args)]
pub(crate) struct Runs {
    /// How many, newest first.
    #[arg(long, default_value_t = 20)]
    pub last: u32,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Evaluate {
    /// Only this KPI, `id` or `id@version`; may be given several times.
    #[arg(long, value_name = "KPI")]
    pub kpi: Vec<String>,
    /// The period: 2026-10-05, 2026-W41, 2026-10, 2026-Q4, 2026, 2026-10-01..2026-10-20, last-28d, mtd, qtd, ytd.
    #[arg(long, default_value = "last-28d")]
    pub period: String,
    /// Break down by platform, account, format, category, campaign, product_type, day, week, month, quarter.
    #[arg(long, value_delimiter = ',', value_name = "DIMENSION")]
    pub by: Vec<String>,
    /// Only this account; may be given several times.
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Vec<AccountId>,
    /// What was known at this instant.
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// Add up the rows of posts instead of reading the store's daily rollups. The numbers are the same.
    #[arg(long)]
    pub no_rollups: bool,
    /// What each period is compared with: previous, year, or as far from a holiday a year earlier: chinese-new-year,
    /// qingming, dragon-boat, mid-autumn, singles-day, easter, black-friday, christmas.
    #[arg(long, default_value = "previous", value_name = "WHAT")]
    pub compare: String,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The KPI.
    pub kpi: String,
    /// The period.
    #[arg(long, default_value = "last-28d")]
    pub period: String,
    /// Also print the rows behind the number, each with its source, run, page and the digest of the page's body.
    #[arg(long)]
    pub rows: bool,
    /// Only print the body of a page, as its source sent it: STREAM#SEQUENCE.
    #[arg(long, value_name = "PAGE", conflicts_with_all = ["rows", "plans"])]
    pub body: Option<String>,
    /// Also print the plans of the query engine.
    #[arg(long)]
    pub plans: bool,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Goals {
    /// The period by which they are judged.
    #[arg(long, default_value = "last-28d")]
    pub period: String,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Calendar {
    /// The period.
    #[arg(long, default_value = "last-28d")]
    pub period: String,
    /// Only this account; may be given several times.
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Vec<AccountId>,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Targets {
    /// Suggests what to aim for: from own like periods, and published figures of the same thing.
    Suggest(SuggestTargets),
    /// Keeps the values that targets are measured from, so that no restatement moves them; shows all that are kept.
    Freeze(FreezeTargets),
}

#[derive(Debug, Args)]
pub(crate) struct SuggestTargets {
    /// Only this KPI; may be given several times.
    #[arg(long, value_name = "KPI")]
    pub kpi: Vec<String>,
    /// The period to aim at; the next quarter otherwise.
    #[arg(long)]
    pub period: Option<String>,
    /// Break down by platform, account, format, category, campaign, product_type.
    #[arg(long, value_delimiter = ',', value_name = "DIMENSION")]
    pub by: Vec<String>,
    /// Only this account; may be given several times.
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Vec<AccountId>,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct FreezeTargets {
    /// Only this KPI; may be given several times.
    #[arg(long, value_name = "KPI")]
    pub kpi: Vec<String>,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Query {
    /// The SQL; `show tables` lists the tables.
    pub sql: String,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Maintain {
    /// Delete files that no version of the last so many days needs.
    #[arg(long, default_value_t = 7)]
    pub keep_days: u16,
}
