//! The command line, as data.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;
use kepi_core::AccountId;

/// Collects what a brand's social accounts did and holds it against the KPIs the brand set.
#[derive(Debug, Parser)]
#[command(name = "kepi", version, about, long_about = None, max_term_width = 100)]
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
    /// Serves the simulated platforms until Ctrl-C, to be asked like the real ones and to be broken on purpose.
    Simulate(Simulate),
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
    /// Looks for signals: what moved, and whether it asks for another course.
    Signals(Signals),
    /// Keeps what was decided, why and by whom; shows what came of it.
    Decide(Decide),
    /// Shows the project's goals, ranked and weighted, with their objectives and tasks, and where they stand.
    Goals(Goals),
    /// Holds the editorial calendar against what was published.
    Calendar(Calendar),
    /// Suggests targets, and freezes what they are measured from.
    #[command(subcommand)]
    Targets(Targets),
    /// Says what the data advise, or that they cannot: times, formats, growth, returns, the next spending.
    #[command(subcommand)]
    Advise(Advise),
    /// Registers the experiments of the configuration, and reads those that are over.
    Experiments(Experiments),
    /// Runs SQL over the tables of the store.
    Query(Query),
    /// Lists platforms, endpoints and metrics: what can be had from where.
    Adapters(Format),
    /// Compacts the store, cleans up what no reader needs, and makes anew what is gone of it.
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
#[command(after_help = kepi_simulator::Switch::help())]
pub(crate) struct Simulate {
    /// Where a project that asks them is written; without it, its sections of platforms and accounts are printed.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// The first of nine ports on loopback, one for each platform and one to control them; free ones otherwise.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..=65_500))]
    pub port: Option<u16>,
    /// What goes wrong from the start: PLATFORM:FAULT, as in x:rate-limit or all:status=503,times=3; may be given
    /// several times.
    #[arg(long, value_name = "FAULT")]
    pub fault: Vec<String>,
    /// The seed of the simulated world.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// The first day of the simulated world; the year before this one otherwise.
    #[arg(long, value_name = "DATE")]
    pub since: Option<jiff::civil::Date>,
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
    /// Wait while another run has one of the accounts in hand, or draws on limits that they share, instead of ending at once.
    #[arg(long)]
    pub wait: bool,
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
    /// Wait while another run has one of the accounts in hand, or draws on limits that they share, instead of ending at once.
    #[arg(long)]
    pub wait: bool,
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
    /// When the files were exported, where they do not say: 2026-10-05T08:00:00Z; 2026-10-05T08:00 in the project's
    /// zone; 2026-10-05, at the beginning of that day.
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

/// Of which accounts, and as of when.
#[derive(Debug, Args)]
pub(crate) struct Narrowing {
    /// Only this account; may be given several times.
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Vec<AccountId>,
    /// What was known at this instant: 2026-10-05T08:00:00Z; 2026-10-05T08:00 in the project's zone; 2026-10-05, at
    /// the end of that day.
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Evaluate {
    /// Only this KPI, `id` or `id@version`; may be given several times.
    #[arg(long, value_name = "KPI")]
    pub kpi: Vec<String>,
    /// The period: 2026-10-05, 2026-W41, 2026-10, 2026-Q4, 2026, 2026-10-01..2026-10-20, last-28d, mtd, qtd, ytd.
    #[arg(long, default_value = "last-28d")]
    pub period: String,
    /// Break down by platform, account, brand, market, format, category, campaign, product_type, language, tag:NAME,
    /// and day, week, month, quarter, year.
    #[arg(long, value_delimiter = ',', value_name = "DIMENSION")]
    pub by: Vec<String>,
    #[command(flatten)]
    pub narrowing: Narrowing,
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
    /// Only this account; may be given several times.
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Vec<AccountId>,
    /// Part by part: platform, account, brand, market, format, category, campaign, product_type, language, tag:NAME, and
    /// day, week, month, quarter, year.
    #[arg(long, value_delimiter = ',', value_name = "DIMENSION")]
    pub by: Vec<String>,
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

#[derive(Debug, Args)]
pub(crate) struct Signals {
    /// Only this KPI, `id` or `id@version`; may be given several times.
    #[arg(long, value_name = "KPI")]
    pub kpi: Vec<String>,
    /// Look up to the end of this period; up to yesterday otherwise.
    #[arg(long)]
    pub period: Option<String>,
    /// Look at parts: platform, account, brand, market, format, category, campaign.
    #[arg(long, value_delimiter = ',', value_name = "DIMENSION")]
    pub by: Vec<String>,
    // Nothing is remembered of a run that is narrowed.
    #[command(flatten)]
    pub narrowing: Narrowing,
    /// Also what was looked for and is not there, or cannot be told, with the reason.
    #[arg(long)]
    pub all: bool,
    /// The process charts instead: each week with its limits.
    #[arg(long, conflicts_with = "all")]
    pub chart: bool,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Decide {
    /// The KPI that it is about; with --list, only those about it.
    #[arg(required_unless_present = "list", value_name = "KPI")]
    pub kpi: Option<String>,
    /// The period whose evaluation it answers.
    #[arg(long, required_unless_present = "list")]
    pub period: Option<String>,
    /// What is changed.
    #[arg(long, required_unless_present = "list", value_name = "TEXT")]
    pub what: Option<String>,
    /// Why.
    #[arg(long, required_unless_present = "list", value_name = "TEXT")]
    pub why: Option<String>,
    /// By whom.
    #[arg(long, required_unless_present = "list", value_name = "NAME")]
    pub by: Option<String>,
    /// When it was decided: 2026-10-05T08:00:00Z; 2026-10-05T08:00 in the project's zone; 2026-10-05, at the beginning
    /// of that day; now otherwise.
    #[arg(long, value_name = "TIME", conflicts_with = "list")]
    pub at: Option<String>,
    /// Show what was decided, with the KPI before and after.
    #[arg(long)]
    pub list: bool,
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
    /// Break down by platform, account, brand, market, format, category, campaign, product_type, language.
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

#[derive(Debug, Subcommand)]
pub(crate) enum Advise {
    /// When to post: hours of weekdays in which posts did better than the account's usual.
    Times(AdvisePosts),
    /// In which format: each held against the platform's other posts.
    Formats(AdvisePosts),
    /// How engagement and following went together: healthy, hollow growth, loyal core, decline.
    Growth(AdvisePosts),
    /// What money brought: ROAS, ROI and ROI after the cost of goods, each attribution by itself.
    Roi(AdviseMoney),
    /// Where the next unit of money brings most.
    NextSpend(AdviseSpend),
}

#[derive(Debug, Args)]
pub(crate) struct AdvisePosts {
    /// The KPI that posts are compared by; the first of the goal engagement that has numbers otherwise.
    #[arg(long, value_name = "KPI")]
    pub kpi: Option<String>,
    /// The period; the last year otherwise, for growth the last twelve weeks.
    #[arg(long)]
    pub period: Option<String>,
    /// account: one by one instead of by platform. Of times also format: each by itself. Of formats also category,
    /// campaign, product_type, language, tag:NAME.
    #[arg(long, value_delimiter = ',', value_name = "DIMENSION")]
    pub by: Vec<String>,
    #[command(flatten)]
    pub narrowing: Narrowing,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct AdviseMoney {
    /// The period; the last quarter of a year (91 days) otherwise, for the next spending the last 26 weeks.
    #[arg(long)]
    pub period: Option<String>,
    /// platform, account, campaign: what money is told apart by; platform otherwise.
    #[arg(long, value_delimiter = ',', value_name = "DIMENSION")]
    pub by: Vec<String>,
    #[command(flatten)]
    pub narrowing: Narrowing,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct AdviseSpend {
    /// What is returned; the first of these that any source tells otherwise.
    #[arg(long, value_name = "METRIC", value_parser = ["gross_margin", "revenue", "conversions", "orders", "leads"])]
    pub returns: Option<String>,
    #[command(flatten)]
    pub money: AdviseMoney,
}

#[derive(Debug, Args)]
pub(crate) struct Experiments {
    /// Only these.
    #[arg(value_name = "EXPERIMENT")]
    pub experiments: Vec<String>,
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
