//! The checks, one function each, in the sections of the contract.

mod answers;
mod case;
mod days;
mod offer;
mod packaging;
mod paging;
mod reading;
mod restatement;
mod resume;
mod settings;
mod values;
mod windows;

pub use answers::*;
pub use offer::*;
pub use packaging::*;
pub use paging::*;
pub use reading::*;
pub use restatement::*;
pub use resume::*;
pub use settings::{
    a01_settings_schema_is_valid_and_complete, a02_sample_validates_and_missing_settings_are_named,
    a03_no_optional_setting_is_needed, a04_secrets_are_given_by_reference_only, a05_no_secret_in_any_output,
    a06_enums_are_distinct, a07_dates_carry_a_format,
    a08_unknown_settings_are_refused_and_the_nearest_offered,
    a09_settings_are_compatible_with_the_last_release, a10_every_request_follows_the_base_url,
};
pub use values::*;
pub use windows::*;
