//! The benchmarks, built by `cargo xtask bench`.

/// As in `kepi` itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    xtask::bench::main()
}
