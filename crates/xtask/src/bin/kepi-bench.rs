//! The benchmarks, built by `cargo xtask bench`.

/// As in `kepi` itself.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> anyhow::Result<()> {
    xtask::bench::main()
}
