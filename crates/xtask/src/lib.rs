//! Automation of the repository: `cargo xtask generate`, `new-adapter`, `bench`.

#[cfg(feature = "bench")]
pub mod bench;
pub mod generate;
