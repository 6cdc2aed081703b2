//! Automation of the repository: `cargo xtask generate`, `new-adapter`, `bench`.

pub mod generate;
