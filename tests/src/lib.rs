//! Whole-system tests of kepi. The tests themselves are in `it/`, one binary; run them with
//! `cargo test -p kepi-tests`.
