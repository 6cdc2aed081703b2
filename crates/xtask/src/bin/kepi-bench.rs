//! The benchmarks, built by `cargo xtask bench`.

fn main() -> anyhow::Result<()> {
    xtask::bench::main()
}
