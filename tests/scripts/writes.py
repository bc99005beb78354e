"""Write into a database, and be killed in the middle: `python writes.py PACKAGE URL`.

Run in a rendered project. Whatever becomes of the rows that are there, a process that is killed
before it has written all leaves them as they were.
"""

import importlib
import os
import signal
import subprocess
import sys
import time
from typing import Any

import pandas as pd

package, url, *rest = sys.argv[1:]
databases = importlib.import_module(f"{package}.io.databases")
MODES = ("append", "replace", "upsert")


def make(first: int, value: float) -> pd.DataFrame:
    """Make predictions."""
    index = pd.Index(range(first, first + 1000), name="id")
    return pd.DataFrame({"prediction": value}, index=index)


def read(mode: str) -> list[tuple[int, float]]:
    """Read all rows of a table, and how often each comes."""
    query = f"select id, prediction from predictions_{mode} order by 1, 2"  # noqa: S608
    with databases.connect(url) as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def open_table(mode: str) -> Any:
    """Open a table that is written to in some way."""
    writer = databases.SQLWriter(url=url, table=f"public.predictions_{mode}", mode=mode)
    writer.check()
    return writer.open()


if rest:
    with open_table(rest[0]) as add:
        add(make(500, 2.0))
        print("half", flush=True)
        time.sleep(600)
for mode in MODES:
    with open_table(mode) as add:
        add(make(0, 1.0))
    before = read(mode)
    assert len(before) == 1000
    child = subprocess.Popen(
        [sys.executable, __file__, package, url, mode], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "half\n"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert read(mode) == before, f"{mode}: a process that was killed left something"
    with open_table(mode) as add:
        add(make(500, 2.0))
        add(make(1500, 2.0))
    after = dict(read(mode))
    expected = {"append": 3000, "replace": 2000, "upsert": 2500}[mode]
    assert len(read(mode)) == expected, f"{mode}: {len(read(mode))} rows"
    assert after[2000] == after[500] == 2.0
print("killed in each way, nothing left behind")
