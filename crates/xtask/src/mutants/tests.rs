use std::{collections::BTreeSet, fs, path::Path};

use super::{Mutants, Outcome, outcome, runs, with_version};
use crate::traps;

const TOP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Each rule stands where the list says it does, once, and its tests are there.
#[test]
fn the_list_is_in_step_with_the_code() {
    let root = Path::new(TOP);
    let mut names = BTreeSet::new();
    for mutant in Mutants::read().unwrap().list {
        assert!(names.insert(mutant.name.clone()), "{} stands twice", mutant.name);
        let text = fs::read_to_string(root.join(&mutant.file)).unwrap();
        let applied = mutant.applied(&text).unwrap();
        assert_ne!(applied, text, "{} changes nothing", mutant.name);
        assert!(!mutant.tests.is_empty() && !mutant.wrong.is_empty(), "{} is not whole", mutant.name);
        for test in &mutant.tests {
            test.is_there(root).unwrap();
        }
    }
}

/// Every trap has a mutant that a test of its own kills, or a reason why there is none; never both.
#[test]
fn every_trap_has_a_mutant_or_a_reason() {
    let mutants = Mutants::read().unwrap();
    let held = traps::held().unwrap();
    for (trap, tests) in &held {
        let own = || mutants.list.iter().filter(|mutant| mutant.traps.contains(trap));
        let excused = mutants.without.iter().any(|without| without.trap == *trap);
        assert_ne!(own().next().is_some(), excused, "{trap} needs a mutant or a reason, one of them");
        for mutant in own() {
            let holds = mutant.tests.iter().any(|test| tests.contains(test));
            assert!(holds, "none of the tests that kill {} is listed for {trap}", mutant.name);
        }
    }
    let named = mutants.list.iter().flat_map(|mutant| &mutant.traps);
    for trap in named.chain(mutants.without.iter().map(|without| &without.trap)) {
        assert!(held.contains_key(trap), "there is no trap {trap}");
    }
}

#[test]
fn mutants_are_chosen_by_name_or_trap() {
    let mutants = Mutants::read().unwrap();
    let first = &mutants.list[0];
    let by_name = mutants.chosen(std::slice::from_ref(&first.name)).unwrap();
    assert_eq!(by_name.len(), 1);
    let by_trap = mutants.chosen(&[first.traps[0].to_lowercase()]).unwrap();
    assert!(by_trap.iter().any(|mutant| mutant.name == first.name));
    assert_eq!(mutants.chosen(&[]).unwrap().len(), mutants.list.len());
    let error = mutants.chosen(&["t99".to_owned()]).unwrap_err();
    assert!(error.to_string().contains("t99"), "{error}");
}

/// What builds DataFusion is selected by the workspace, what does not by its package.
#[test]
fn tests_are_run_with_few_calls() {
    let tests = [
        "crates/kepi-core/src/period.rs::a",
        "crates/kepi-engine/src/number.rs::b",
        "crates/kepi-store/src/tests/readings.rs::c",
        "crates/kepi-engine/tests/engine/traps.rs::d",
        "tests/it/traps.rs::e",
        "crates/kepi/tests/cli.rs::f",
    ]
    .map(|test| test.parse().unwrap());
    let told: Vec<String> = runs(&tests).iter().map(|selection| selection.arguments().join(" ")).collect();
    assert_eq!(told, ["--workspace --lib --test cli --test engine --test it", "--package kepi-core --lib"]);
}

/// Two files may have a test of the same name.
#[test]
fn outcomes_are_read() {
    let said = "running 3 tests\ntest a::one ... ok\ntest b::one ... FAILED\n\ntest result: FAILED. 1 passed";
    let told = ["a.rs::one", "b.rs::one", "b.rs::two"]
        .map(|test| outcome(said, &format!("tests/it/{test}").parse().unwrap()));
    assert_eq!(told, [Outcome::Passed, Outcome::Failed, Outcome::NotRun]);
}

#[test]
fn the_copy_has_a_version_of_its_own() {
    let manifest =
        "[workspace.package]\nversion = \"0.1.0\"\n\n[workspace.dependencies]\na = { version = \"2\" }\n";
    let expected = manifest.replace("0.1.0", "0.1.0+mutants");
    assert_eq!(with_version(manifest).unwrap(), expected);
}
