//! What every adapter is held to, on its fixtures, without a socket.
//!
//! One line in an adapter's `src/tests.rs` gives one test per check:
//!
//! ```text
//! kepi_testkit::contract!(XAdapter::from_settings, sample());
//! ```
//!
//! The first argument makes the adapter from its settings (`fn(serde_json::Value) -> kepi_core::Result<_>`),
//! the second is a sample in which every setting is given. Fixtures, README and what else is compared lie in
//! the adapter's own folder. What a check asks for depends on what the descriptor declares; there is no list
//! of exceptions. The README of this crate explains the checks one by one.
#![warn(missing_docs)]

pub mod candidate;
pub mod checks;
mod drive;
pub mod edit;
pub mod facts;
pub mod fixture;
pub mod print;
pub mod readme;
pub mod snapshot;
#[cfg(test)]
#[path = "../toy/src/lib.rs"]
mod toy;

pub use candidate::{Candidate, Faults};
pub use drive::drive;
pub use fixture::{Exchange, Fixture};
pub use readme::{capability_table, endpoint_tables};

/// One check of the contract.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Its section and number, and what it asks for: `e30_an_empty_page_with_a_next_token_goes_on`.
    pub name: &'static str,
    /// What runs it.
    pub run: fn(&Candidate, &mut Faults),
}

impl Check {
    /// What it finds wrong.
    #[must_use]
    pub fn faults(&self, candidate: &Candidate) -> Faults {
        let mut faults = Faults::default();
        (self.run)(candidate, &mut faults);
        faults
    }
}

/// Holds an adapter to one check; what the tests of [`contract!`] call.
///
/// # Panics
/// With all that is wrong.
#[track_caller]
pub fn hold(candidate: kepi_core::Result<Candidate>, check: Check) {
    match candidate {
        Err(error) => panic!("the sample settings make no adapter: {error:?}"),
        Ok(candidate) => {
            let faults = check.faults(&candidate);
            assert!(faults.is_empty(), "{} does not hold:\n{faults}", check.name);
        }
    }
}

/// Gives the names of all checks to another macro.
#[doc(hidden)]
#[macro_export]
macro_rules! for_each_check {
    ($($emit:tt)+) => {
        $($emit)+! {
            a01_settings_schema_is_valid_and_complete,
            a02_sample_validates_and_missing_settings_are_named,
            a03_no_optional_setting_is_needed,
            a04_secrets_are_given_by_reference_only,
            a05_no_secret_in_any_output,
            a06_enums_are_distinct,
            a07_dates_carry_a_format,
            a08_unknown_settings_are_refused_and_the_nearest_offered,
            a09_settings_are_compatible_with_the_last_release,
            a10_every_request_follows_the_base_url,
            b11_good_answers_are_no_failure,
            b12_401_is_a_credential_matter_without_retry,
            b13_403_names_what_is_missing,
            b14_5xx_is_transient,
            b15_check_stays_within_its_calls,
            b16_a_failure_is_never_a_panic,
            c17_endpoints_exist_and_have_names_of_their_own,
            c18_key_and_cursor_fields_exist,
            c19_what_is_declared_is_seen_and_nothing_else,
            c20_kinds_agree_with_the_catalogue,
            c21_the_descriptor_only_grows,
            c22_the_capability_table_is_in_step,
            d23_every_endpoint_yields_measurements,
            d24_answers_decode_as_expected,
            d25_keys_are_unique_and_complete,
            d26_unknown_fields_pass_and_missing_ones_yield_nothing,
            d27_two_reads_are_identical,
            d28_values_are_read_faithfully,
            d29_one_bad_row_is_set_aside,
            e30_an_empty_page_with_a_next_token_goes_on,
            e31_a_short_page_with_a_next_token_goes_on,
            e32_a_repeated_token_is_a_loop_error,
            e33_the_page_size_is_asked_for,
            e34_first_full_and_last_pages_end_rightly,
            e35_a_page_cap_is_never_silent,
            e36_an_insert_while_paging_loses_nothing,
            e37_each_page_delivers_its_own_rows,
            e38_nothing_and_not_yet_are_told_apart,
            f39_long_windows_are_split_exactly,
            f40_a_second_run_asks_only_for_what_is_new_or_restated,
            f41_every_stored_cursor_resumes,
            f42_a_far_future_gives_nothing_and_does_no_harm,
            f43_rows_on_the_boundary_are_not_lost,
            f44_a_cursor_never_moves_backwards,
            f45_a_restated_value_is_a_new_observation,
            f46_an_unchanged_re_read_adds_no_row,
            f47_a_late_row_is_found,
            f48_a_deleted_post_is_told,
            f49_accounts_are_independent,
            f50_days_are_the_accounts_days,
            f51_what_is_too_old_is_reported_as_clamped,
            f52_provisional_marks_are_set_and_later_cleared,
            f53_zeros_are_told_as_zeros,
            j77_the_readme_agrees_with_the_descriptor,
            j79_fixtures_hold_no_secret_and_nobody,
            j80_the_files_have_the_names_of_every_adapter,
        }
    };
}

macro_rules! check_table {
    ($($name:ident),* $(,)?) => {
        /// All checks, in the order of their numbers.
        pub const CHECKS: &[Check] = &[$(Check { name: stringify!($name), run: checks::$name }),*];
    };
}
for_each_check!(check_table);

/// Holds an adapter to the whole contract: one test per check, in a module `contract`.
///
/// `contract!(make, sample)`: `make` is a `fn(serde_json::Value) -> kepi_core::Result<impl Adapter>`, `sample`
/// settings in which each is given.
#[macro_export]
macro_rules! contract {
    ($make:expr, $sample:expr $(,)?) => {
        mod contract {
            use super::*;

            fn candidate() -> ::kepi_core::Result<$crate::Candidate> {
                $crate::Candidate::new($make, $sample, ::core::env!("CARGO_MANIFEST_DIR"))
            }

            $crate::for_each_check!($crate::contract_tests);
        }
    };
}

/// One test per check, over a function `candidate`.
#[doc(hidden)]
#[macro_export]
macro_rules! contract_tests {
    ($($name:ident),* $(,)?) => { $(
        #[test]
        fn $name() {
            $crate::hold(candidate(), $crate::Check { name: stringify!($name), run: $crate::checks::$name });
        }
    )* };
}
