//! `cargo xtask new-adapter NAME`: a crate that compiles, registered, and whose contract says what is missing.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use kepi_core::Platform;

/// The files of a new adapter, from an adapter of a platform named `template`.
const FILES: [(&str, &str); 13] = [
    ("Cargo.toml", include_str!("new_adapter/template/Cargo.toml.template")),
    ("README.md", include_str!("new_adapter/template/README.md")),
    ("src/lib.rs", include_str!("new_adapter/template/src/lib.rs")),
    ("src/config.rs", include_str!("new_adapter/template/src/config.rs")),
    ("src/descriptor.rs", include_str!("new_adapter/template/src/descriptor.rs")),
    ("src/request.rs", include_str!("new_adapter/template/src/request.rs")),
    ("src/decode.rs", include_str!("new_adapter/template/src/decode.rs")),
    ("src/decode/answer.rs", include_str!("new_adapter/template/src/decode/answer.rs")),
    ("src/decode/days.rs", include_str!("new_adapter/template/src/decode/days.rs")),
    ("src/decode/failure.rs", include_str!("new_adapter/template/src/decode/failure.rs")),
    ("src/decode/posts.rs", include_str!("new_adapter/template/src/decode/posts.rs")),
    ("src/decode/profile.rs", include_str!("new_adapter/template/src/decode/profile.rs")),
    ("src/tests.rs", include_str!("new_adapter/template/src/tests.rs")),
];

/// Where an adapter is registered: the file, the mark before the list, and the line.
type Register = (&'static str, &'static str, fn(&Names) -> String);

const REGISTERS: [Register; 5] = [
    ("Cargo.toml", "[workspace.dependencies]\n", |names| {
        format!("{0} = {{ path = \"crates/{0}\" }}\n", names.package)
    }),
    ("crates/kepi/Cargo.toml", "[dependencies]\n", |names| format!("{}.workspace = true\n", names.package)),
    ("crates/xtask/Cargo.toml", "[dependencies]\n", |names| format!("{}.workspace = true\n", names.package)),
    (
        "crates/kepi/src/adapters.rs",
        "// new-adapter: a line per platform, in alphabetical order\n",
        |names| {
            format!(
                "    (\"{}\", |settings| {}::{}Adapter::from_settings(settings).map(boxed)),\n",
                names.platform,
                names.package.replace('-', "_"),
                names.ty
            )
        },
    ),
    ("crates/README.md", "|---|---|---|\n", |names| {
        format!(
            "| [`{0}`]({0}) | what {1} says: descriptor, request, decode, classify | core |\n",
            names.package, names.ty
        )
    }),
];

/// A platform's name in the forms in which it is written.
struct Names {
    /// `little_red`
    platform: String,
    /// `kepi-adapter-little-red`
    package: String,
    /// `LittleRed`
    ty: String,
}

impl Names {
    fn of(platform: &str) -> Result<Self> {
        let checked = Platform::new(platform).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        ensure!(platform != "template", "template is the name of the pattern; take the platform's");
        let words = checked.as_str().split('_').map(capital);
        Ok(Self {
            platform: platform.to_owned(),
            package: format!("kepi-adapter-{}", platform.replace('_', "-")),
            ty: words.collect(),
        })
    }

    fn fill(&self, text: &str) -> String {
        text.replace("kepi-adapter-template", &self.package)
            .replace("template", &self.platform)
            .replace("Template", &self.ty)
    }
}

/// Writes the crate of a new adapter and says what was written and what comes next.
///
/// # Errors
/// As [`new_adapter`].
#[expect(clippy::print_stdout, reason = "a command's answer")]
pub(crate) fn run(root: &Path, platform: &str) -> Result<()> {
    for file in new_adapter(root, platform)? {
        println!("{file}");
    }
    let package = Names::of(platform)?.package;
    println!(
        "next: cargo fmt, then cargo test -p {package}, which says what is missing; the way from there to green stands in \
         crates/kepi-testkit/README.md"
    );
    Ok(())
}

/// Writes the crate of a new adapter below `root` and registers it. Says what was written.
///
/// # Errors
/// When the name is no platform's name or taken, or a file cannot be read or written. Nothing is written then.
fn new_adapter(root: &Path, platform: &str) -> Result<Vec<String>> {
    let names = Names::of(platform)?;
    let home = root.join("crates").join(&names.package);
    if home.exists() {
        bail!("{} exists already", home.display());
    }
    let mut writes = Vec::new();
    for (file, mark, line) in REGISTERS {
        let path = root.join(file);
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        writes.push((path, registered(&text, mark, &line(&names)).with_context(|| file.to_owned())?));
    }
    for (file, text) in FILES {
        writes.push((home.join(file), with_tests(file, &names.fill(text))));
    }
    fs::create_dir_all(home.join("src/decode")).with_context(|| format!("make {}", home.display()))?;
    fs::create_dir_all(home.join("fixtures")).with_context(|| format!("make {}", home.display()))?;
    for (path, text) in &writes {
        fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(writes.into_iter().map(|(path, _)| path.display().to_string()).collect())
}

/// The pattern has its tests apart, because it is compiled as a part of this crate's own tests.
fn with_tests(file: &str, text: &str) -> String {
    if file == "src/lib.rs" {
        text.replace("mod request;\n", "mod request;\n#[cfg(test)]\nmod tests;\n")
    } else {
        text.to_owned()
    }
}

/// The text with a line more: among the lines of adapters behind the mark, in their order.
fn registered(text: &str, mark: &str, line: &str) -> Result<String> {
    let Some(start) = text.find(mark).map(|at| at + mark.len()) else {
        bail!("the line {:?} is missing, behind which adapters stand", mark.trim());
    };
    let end = text[start..].find("\n\n").map_or(text.len(), |at| start + at + 1);
    let mut adapters = text[start..end].split_inclusive('\n').filter(|other| is_adapter(other));
    let after = adapters.rfind(|other| *other < line);
    let at = match after {
        Some(before) => start + text[start..end].find(before).unwrap_or(0) + before.len(),
        None => first_adapter(text, start, end),
    };
    Ok(format!("{}{line}{}", &text[..at], &text[at..]))
}

fn first_adapter(text: &str, start: usize, end: usize) -> usize {
    let first = text[start..end].split_inclusive('\n').find(|line| is_adapter(line));
    first.and_then(|line| text[start..end].find(line)).map_or(start, |at| start + at)
}

fn is_adapter(line: &str) -> bool {
    line.contains("kepi-adapter-") || line.contains("kepi_adapter_")
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
#[path = "new_adapter/tests.rs"]
mod tests;
