"""Opens a kepi store with Polars and DuckDB, without asking kepi, and compares what they see.

    pip install polars duckdb deltalake
    python crates/xtask/peers/open_store.py STORE
"""

import sys

import deltalake
import duckdb
import polars


def main(store: str) -> None:
    for table in ("post_facts", "account_facts", "post_daily", "post_lifetime", "posts", "pages"):
        path = f"{store}/{table}"
        files = deltalake.DeltaTable(path).file_uris()
        seen_by_polars = polars.scan_delta(path).select(polars.len()).collect().item()
        seen_by_duckdb = 0
        if files:
            listing = ", ".join(f"'{file}'" for file in files)
            scan = f"read_parquet([{listing}], hive_partitioning = true, union_by_name = true)"
            seen_by_duckdb = duckdb.sql(f"select count(*) from {scan}").fetchall()[0][0]
        print(f"{table}: {seen_by_polars} rows in Polars, {seen_by_duckdb} in DuckDB")
        if seen_by_polars != seen_by_duckdb:
            sys.exit(f"{table}: they do not agree")


if __name__ == "__main__":
    main(sys.argv[1])
