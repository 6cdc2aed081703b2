"""Runs one SQL statement in DuckDB and says what it cost: the peer of `cargo xtask bench scorecard`.

Reads {"sql": …, "threads": …} from standard input; prints {"version", "wall", "cpu", "peak", "rows"}. Nothing
is kept from one run to the next but what the operating system keeps of files; kepi starts as fresh.
"""

import json
import resource
import sys
import time

import duckdb


def main() -> None:
    asked = json.load(sys.stdin)
    connection = duckdb.connect(":memory:", config={"threads": asked["threads"]})
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    rows = connection.execute(asked["sql"]).fetchall()
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told = {"version": duckdb.__version__, "wall": wall, "cpu": cpu, "peak": after.ru_maxrss / 1024, "rows": rows}
    json.dump(told, sys.stdout)


main()
