//! Which crate may see which: the absences matter most.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// Ours → the ones of ours it may import in production code.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("kepi-core", &[]),
    ("kepi-adapter-files", &["kepi-core"]),
    ("kepi-transport", &["kepi-core"]),
    ("kepi-store", &["kepi-core"]),
    ("kepi-engine", &["kepi-core"]),
    ("kepi-ingest", &["kepi-core", "kepi-store", "kepi-transport"]),
    ("kepi-simulator", &["kepi-core"]),
    ("kepi-testkit", &["kepi-core"]),
];

/// A foreign crate → the only ones of ours that may name it.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("reqwest", &["kepi-transport"]),
    ("governor", &["kepi-transport"]),
    ("deltalake", &["kepi-store"]),
    ("datafusion", &["kepi-store", "kepi-engine", "kepi-server", "kepi-cluster"]),
    ("ballista", &["kepi-cluster"]),
    ("axum", &["kepi-server"]),
    ("hyper", &["kepi-simulator"]),
];

/// What no adapter may have anywhere below it.
const NEVER_BELOW_ADAPTERS: &[&str] = &[
    "tokio",
    "async-std",
    "smol",
    "reqwest",
    "hyper",
    "ureq",
    "arrow",
    "arrow-array",
    "parquet",
    "datafusion",
    "deltalake",
];

/// The platform that tests run on: the crates of others need not be on this machine.
fn host() -> String {
    let output = std::process::Command::new("rustc").arg("-vV").output().expect("rustc is there");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("rustc names its host").to_owned()
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .other_options(["--offline", "--locked", "--filter-platform", &host()].map(str::to_owned))
        .exec()
        .expect("cargo metadata runs in the workspace")
}

/// Direct dependencies in production code, by package name.
fn direct(metadata: &Metadata) -> BTreeMap<String, BTreeSet<String>> {
    metadata
        .workspace_packages()
        .into_iter()
        .map(|package| {
            let names = package
                .dependencies
                .iter()
                .filter(|dependency| dependency.kind == DependencyKind::Normal)
                .map(|dependency| dependency.name.clone())
                .collect();
            (package.name.to_string(), names)
        })
        .collect()
}

/// Everything that a package is built with in production, by package name.
fn below(metadata: &Metadata, name: &str) -> BTreeSet<String> {
    let resolve = metadata.resolve.as_ref().expect("metadata is resolved");
    let names: BTreeMap<&PackageId, &str> =
        metadata.packages.iter().map(|package| (&package.id, package.name.as_str())).collect();
    let nodes: BTreeMap<&PackageId, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let root = names.iter().find(|(_, found)| **found == name).map(|(id, _)| *id).expect("a package of ours");
    let mut seen = BTreeSet::from([root]);
    let mut todo = vec![root];
    while let Some(id) = todo.pop() {
        for dependency in &nodes[id].deps {
            let production = dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal);
            if production && seen.insert(&dependency.pkg) {
                todo.push(&dependency.pkg);
            }
        }
    }
    seen.remove(root);
    seen.into_iter().map(|id| names[id].to_owned()).collect()
}

#[test]
fn ours_import_only_what_the_map_allows() {
    let direct = direct(&metadata());
    let ours: BTreeSet<&str> = direct.keys().map(String::as_str).collect();
    for (name, imports) in &direct {
        let allowed: &[&str] = match MAY_IMPORT.iter().find(|(ours, _)| ours == name) {
            Some((_, allowed)) => allowed,
            None if name.starts_with("kepi-adapter-") => &["kepi-core"],
            None if ["kepi", "xtask", "kepi-tests"].contains(&name.as_str()) => continue,
            None => panic!("{name} is not on the map: say in arrows.rs what it may import"),
        };
        for import in imports.iter().filter(|import| ours.contains(import.as_str())) {
            assert!(allowed.contains(&import.as_str()), "{name} imports {import}");
        }
    }
}

#[test]
fn foreign_crates_are_named_only_where_they_belong() {
    for (name, imports) in direct(&metadata()) {
        for (foreign, allowed) in MAY_NAME {
            let tests_or_tools = ["xtask", "kepi-tests"].contains(&name.as_str());
            assert!(
                tests_or_tools || !imports.contains(*foreign) || allowed.contains(&name.as_str()),
                "{name} names {foreign}; only {allowed:?} may"
            );
        }
    }
}

#[test]
fn adapters_and_testkit_stay_light() {
    let metadata = metadata();
    let light: Vec<String> = direct(&metadata)
        .into_keys()
        .filter(|name| name.starts_with("kepi-adapter-") || name == "kepi-testkit" || name == "kepi-core")
        .collect();
    assert!(light.len() >= 4, "{light:?}");
    for name in light {
        let below = below(&metadata, &name);
        for heavy in NEVER_BELOW_ADAPTERS {
            assert!(!below.contains(*heavy), "{name} has {heavy} below it");
        }
    }
}
