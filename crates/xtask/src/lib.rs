//! Automation of the repository: `cargo xtask generate`, `new-adapter`, `mutants`, `bench`.

#[cfg(feature = "bench")]
pub mod bench;
pub mod generate;
pub mod mutants;
pub mod traps;
