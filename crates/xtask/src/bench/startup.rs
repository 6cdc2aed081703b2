//! `startup`: what a person waits for at the command line.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, ensure};

use super::{Options, say};

/// Starts are short: so many give a median.
const STARTS: usize = 21;

/// Runs the benchmark.
pub(super) fn run(options: &Options) -> Result<()> {
    let kepi = kepi()?;
    let project = tempfile::tempdir().context("make a project")?;
    say("startup: the median of 21 starts".to_owned());
    told("kepi --help", &kepi, project.path(), &["--help"])?;
    command(&kepi, project.path(), &["init"])?;
    let files = exports(options, project.path())?;
    let names: Vec<&str> = files.iter().filter_map(|file| file.to_str()).collect();
    let began = Instant::now();
    command(&kepi, project.path(), &[&["import", "--account", "x/bench"], &names[..]].concat())?;
    say(format!("  kepi import of {} files: {:.3} s, once", files.len(), began.elapsed().as_secs_f64()));
    told("kepi evaluate, all KPIs, a quarter", &kepi, project.path(), &["evaluate", "--period", "2019-Q2"])?;
    told(
        "kepi evaluate, all KPIs, three years by month and format",
        &kepi,
        project.path(),
        &["evaluate", "--period", "2017-01-01..2019-12-31", "--by", "month,format"],
    )
}

/// The `kepi` that was built beside this program.
fn kepi() -> Result<PathBuf> {
    let own = std::env::current_exe().context("find this program")?;
    let kepi = own.with_file_name(format!("kepi{}", std::env::consts::EXE_SUFFIX));
    ensure!(kepi.exists(), "{} is not built; run this by `cargo xtask bench`", kepi.display());
    Ok(kepi)
}

fn told(what: &str, kepi: &Path, project: &Path, arguments: &[&str]) -> Result<()> {
    let mut walls = Vec::new();
    for _ in 0..STARTS {
        let began = Instant::now();
        command(kepi, project, arguments)?;
        walls.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    walls.sort_by(f64::total_cmp);
    let at = |place: usize| walls.get(place).copied().unwrap_or(f64::NAN);
    say(format!("  {what}: {:.0} ms (fastest {:.0}, slowest {:.0})", at(STARTS / 2), at(0), at(STARTS - 1)));
    Ok(())
}

fn command(kepi: &Path, project: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new(kepi);
    command.args(arguments).current_dir(project).env_remove("KEPI_CONFIG").stdout(Stdio::null());
    let output = command.stderr(Stdio::piped()).output().with_context(|| format!("start {command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// The real exports, or seeded ones of the same size: 37 months, 1,129 posts.
fn exports(options: &Options, project: &Path) -> Result<Vec<PathBuf>> {
    if let Some(folder) = &options.real_x {
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
            .with_context(|| format!("read {}", folder.display()))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "csv"))
            .collect();
        files.sort();
        say(format!("  over the real exports in the folder that KEPI_REAL_X names: {} files", files.len()));
        return Ok(files);
    }
    say("  over seeded exports of the size of the real ones (KEPI_REAL_X names none)".to_owned());
    let mut files = Vec::new();
    for month in 0..37_u32 {
        let (year, month) = (2016 + month.div_ceil(12), (11 + month) % 12 + 1);
        let next =
            if month == 12 { format!("{}0101", year + 1) } else { format!("{year}{:02}01", month + 1) };
        let path = project.join(format!("tweet_activity_metrics_bench_{year}{month:02}01_{next}_en.csv"));
        std::fs::write(&path, export(year, month)).with_context(|| format!("write {}", path.display()))?;
        files.push(path);
    }
    Ok(files)
}

fn export(year: u32, month: u32) -> String {
    let counted = [
        "user profile clicks",
        "url clicks",
        "hashtag clicks",
        "detail expands",
        "permalink clicks",
        "app opens",
        "app installs",
        "follows",
        "email tweet",
        "dial phone",
        "media views",
        "media engagements",
    ];
    let promoted = ["impressions", "engagements", "engagement rate", "retweets", "replies", "likes"];
    let mut header: Vec<String> = [
        "Tweet id",
        "Tweet permalink",
        "Tweet text",
        "time",
        "impressions",
        "engagements",
        "engagement rate",
        "retweets",
        "replies",
        "likes",
    ]
    .map(str::to_owned)
    .to_vec();
    header.extend(counted.map(str::to_owned));
    header.extend(promoted.iter().chain(&counted).map(|name| format!("promoted {name}")));
    let quoted: Vec<String> = header.iter().map(|name| format!("\"{name}\"")).collect();
    let mut text = quoted.join(",") + "\n";
    for post in 0..31_u64 {
        let id = 800_000_000_000_000_000 + u64::from(year * 100 + month) * 1_000_000 + post;
        let (impressions, likes) = (100 + id * 7919 % 5000, id * 31 % 40);
        let _ = write!(
            text,
            "\"{id}\",\"https://twitter.com/bench/status/{id}\",\"post {post} of a seeded month\",\"{year}-{month:02}-{:02} 09:30 +0000\",\
             \"{impressions}.0\",\"{}.0\",\"0.01\",\"{}.0\",\"1.0\",\"{likes}.0\"",
            post % 28 + 1,
            likes * 2 + 3,
            likes / 4
        );
        text.push_str(&",\"1.0\"".repeat(counted.len()));
        text.push_str(&",\"-\"".repeat(promoted.len() + counted.len()));
        text.push('\n');
    }
    text
}
