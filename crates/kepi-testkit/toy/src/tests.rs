//! The contract, tried: the right toy passes every check, and each wrong one fails exactly the check that is
//! meant for it, although its author has accepted all that KEPI_UPDATE_EXPECTED=1 wrote.

use std::{fs, path::Path};

use tempfile::TempDir;

use super::{Breakage, ToyAdapter};
use crate::{CHECKS, Candidate};

const HOME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/toy");

fn candidate(home: &Path, breakage: Option<Breakage>, update: bool) -> Candidate {
    let sample = ToyAdapter::sample(breakage);
    let make = move |settings| ToyAdapter::from_settings(settings, breakage);
    let mut candidate = Candidate::new(make, sample, home).unwrap();
    candidate.update = update;
    candidate
}

/// The names of the checks that fail, and why.
fn failing(home: &Path, breakage: Option<Breakage>, update: bool) -> Vec<(&'static str, String)> {
    let mut failing = Vec::new();
    for check in CHECKS {
        let faults = check.faults(&candidate(home, breakage, update));
        if !faults.is_empty() {
            failing.push((check.name, faults.to_string()));
        }
    }
    failing
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A copy of the toy's folder, in which a wrong adapter has written all it may write.
fn accepted(breakage: Option<Breakage>) -> TempDir {
    let home = TempDir::new().unwrap();
    copy(Path::new(HOME), home.path());
    let written = ["a09", "c21", "c22", "d24", "j77"];
    for check in CHECKS.iter().filter(|check| written.iter().any(|prefix| check.name.starts_with(prefix))) {
        let _written = check.faults(&candidate(home.path(), breakage, true));
    }
    home
}

fn check(home: &Path, breakage: Option<Breakage>, expected: &str) {
    let failing = failing(home, breakage, false);
    let names: Vec<&str> = failing.iter().map(|(name, _)| &name[..3]).collect();
    assert_eq!(names, [expected], "{failing:#?}");
}

#[test]
fn a_right_adapter_passes() {
    let update = std::env::var(crate::candidate::UPDATE).is_ok();
    let failing = failing(Path::new(HOME), None, update);
    assert!(failing.is_empty(), "{failing:#?}");
}

/// One test per breakage: the adapter is wrong, and one check says so.
macro_rules! breakages {
    ($($check:ident $name:ident $breakage:ident),* $(,)?) => { $(
        #[test]
        fn $name() {
            let breakage = Some(Breakage::$breakage);
            check(accepted(breakage).path(), breakage, stringify!($check));
        }
    )* };
}

breakages! {
    a01 a01_fails_alone LeavesASettingUndescribed,
    a02 a02_fails_alone DoesNotNameTheMissingSetting,
    a03 a03_fails_alone NeedsAnOptionalSetting,
    a04 a04_fails_alone TakesASecretInPlainText,
    a05 a05_fails_alone KeepsThePlatformsOwnLink,
    a06 a06_fails_alone OffersAChoiceTwice,
    a07 a07_fails_alone HidesThatASettingIsADate,
    a08 a08_fails_alone IgnoresUnknownSettings,
    a09 a09_fails_alone TakesAChoiceBack,
    a10 a10_fails_alone AsksForTokensElsewhere,
    a10 a10_fails_alone_by_its_page SendsPersonsElsewhere,
    b11 b11_fails_alone DeclaresAnExchangeItCannotAsk,
    b12 b12_fails_alone RetriesWithADeadToken,
    b13 b13_fails_alone ForbidsWithoutAReason,
    b14 b14_fails_alone GivesUpOnAnOutage,
    b15 b15_fails_alone TriesMoreThanItMay,
    b16 b16_fails_alone PanicsOnAnEmptyList,
    c17 c17_fails_alone NamesTwoEndpointsAlike,
    c18 c18_fails_alone PointsNowhere,
    c19 c19_fails_alone PromisesAMetricItNeverTells,
    c20 c20_fails_alone TellsFollowersOfAPost,
    c21 c21_fails_alone WithdrawsAMetric,
    d25 d25_fails_alone SaysThingsTwice,
    d26 d26_fails_alone TakesAbsentForZero,
    d27 d27_fails_alone LooksAtTheWrongClock,
    d28 d28_fails_alone ReadsIdsAsNumbers,
    d29 d29_fails_alone StopsAtOneBadRow,
    e30 e30_fails_alone StopsAtAnEmptyPage,
    e31 e31_fails_alone StopsAtAShortPage,
    e32 e32_fails_alone GoesRoundForEver,
    e33 e33_fails_alone TrustsTheDefaultPageSize,
    e34 e34_fails_alone WantsRowsOnTheLastPage,
    e34 e34_fails_alone_too NeverGoesOn,
    e35 e35_fails_alone IsSilentAtTheCap,
    e36 e36_fails_alone StopsAtAKnownRow,
    e37 e37_fails_alone CarriesRowsInTheCursor,
    e38 e38_fails_alone TakesNotYetForNothing,
    f39 f39_fails_alone AsksOneDayTooFew,
    f39 f39_fails_alone_too AsksForTooShortASpan,
    f40 f40_fails_alone LeavesACursorBehind,
    f41 f41_fails_alone RemembersWhereItWas,
    f42 f42_fails_alone PanicsInTheFarFuture,
    f43 f43_fails_alone LosesTheFirstDay,
    f44 f44_fails_alone ForgetsThePageAfterFive,
    f45 f45_fails_alone DropsOldRows,
    f46 f46_fails_alone RoundsTheInstant,
    f47 f47_fails_alone CountsDaysByRows,
    f48 f48_fails_alone PassesOverDeletedPosts,
    f49 f49_fails_alone KnowsOneAccountOnly,
    f50 f50_fails_alone TakesEveryDayForTwentyFourHours,
    f51 f51_fails_alone ReplacesDaysThatAreTooOld,
    f52 f52_fails_alone NeverSaysProvisional,
    f52 f52_fails_alone_before_the_hour GoesByTheAgeOfDays,
    f52 f52_fails_alone_too_long IsNeverSure,
    f53 f53_fails_alone KeepsZerosBack,
}

/// One text in one file of the folder is another: what no adapter can do wrong, only its author.
fn tampered(file: &str, from: &str, to: &str) -> TempDir {
    let home = accepted(None);
    let path = home.path().join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} does not hold {from:?}");
    fs::write(&path, text.replace(from, to)).unwrap();
    home
}

#[test]
fn c22_fails_alone() {
    check(tampered("README.md", "| `reach` |", "| `views` |").path(), None, "c22");
}

#[test]
fn d23_fails_alone() {
    let reason = "# empty: the day is not computed yet\n";
    check(tampered("fixtures/daily/not_yet.http", reason, "").path(), None, "d23");
}

#[test]
fn d24_fails_alone() {
    check(tampered("fixtures/feed/last.expected", "impressions=5", "impressions=6").path(), None, "d24");
}

#[test]
fn j77_fails_alone() {
    check(tampered("README.md", "## Credentials", "## Keys").path(), None, "j77");
    check(tampered("README.md", "toys.read", "toys.write").path(), None, "j77");
}

#[test]
fn j79_fails_alone() {
    let person = "anna@nordlicht.de";
    check(tampered("fixtures/feed/expired.http", "\"token\"", &format!("\"{person}\"")).path(), None, "j79");
    check(tampered("fixtures/token/app.http", "example-access", "VGhpc0lz").path(), None, "j79");
}

#[test]
fn j80_fails_alone() {
    let home = accepted(None);
    fs::rename(home.path().join("src/request.rs"), home.path().join("src/client.rs")).unwrap();
    check(home.path(), None, "j80");
}

/// Tests run side by side: whichever writes the README last must not undo what another wrote.
#[test]
fn one_update_writes_all_parts_of_the_readme() {
    let home = tampered("README.md", "| `reach` |", "| `views` |");
    let path = home.path().join("README.md");
    let text = fs::read_to_string(&path).unwrap().replace("toys.read", "toys.write");
    fs::write(&path, text).unwrap();
    let named = |prefix: &str| *CHECKS.iter().find(|check| check.name.starts_with(prefix)).unwrap();
    assert!(!named("j77").faults(&candidate(home.path(), None, false)).is_empty());
    assert!(named("c22").faults(&candidate(home.path(), None, true)).is_empty());
    assert!(named("j77").faults(&candidate(home.path(), None, false)).is_empty());
}

#[test]
fn every_check_is_tried() {
    let tried = include_str!("tests.rs");
    for check in CHECKS {
        let name = format!("{}_fails_alone", &check.name[..3]);
        assert!(tried.contains(&name), "no adapter is wrong in the sense of {}", check.name);
    }
}
