"""Split the rows, and write each part a batch at a time."""

from __future__ import annotations

import contextlib
import importlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from .errors import AdoptionError
from .plan import Plan
from .sources import Spool

Places = np.ndarray[Any, np.dtype[np.intp]]

TRAINING, TEST = 1, 2
PARTS = {TRAINING: "training", TEST: "test"}

GROUP_ROWS = 65_536
"""How many rows a row group of a Parquet file has."""
SAMPLE_ROWS = 2_000
"""From more rows on, tests take a sample."""
DRAWN_ROWS = 20_000
"""From how many rows at most leaks are found and the profile is made."""
IGNORED_BYTES = 5 << 20
"""Larger data stays out of git."""


def split(plan: Plan, source: Spool, package: str) -> pd.DataFrame:
    """Decide where each row goes.

    Returns:
        A row for each of the source: its ``part``, ``training``, ``test`` or none, and whether the
        tests get it as a ``sample``.
    """
    names = [plan.target.name, *filter(None, [plan.time, plan.group])]
    frame = source.read(names)
    known = np.flatnonzero(frame[plan.target.name].notna())
    frame = frame.iloc[known]
    training, test = _hold_out(plan, frame, package)
    plan.training_rows, plan.test_rows = len(training), len(test)
    parts = np.zeros(source.rows, dtype=np.int8)
    sample = np.zeros(source.rows, dtype=np.bool_)
    for number, places, count in ((TRAINING, training, 800), (TEST, test, 200)):
        parts[known[places]] = number
        sample[known[places[_draw(plan, frame.iloc[places], count)]]] = True
    return pd.DataFrame({"part": parts, "sample": sample})


def _hold_out(plan: Plan, frame: pd.DataFrame, package: str) -> tuple[Places, Places]:
    """Choose the rows to train on and those to test on, as the splitter of the conf would."""
    if plan.group or plan.time:
        splitters = importlib.import_module(f"{package}.core.splitters")
        errors = importlib.import_module(f"{package}.core.errors")
        fields = {key: value for key, value in plan.holdout.items() if key != "KIND"}
        if plan.group:
            # Training holds groups out of the rest by the same rule: by one seed, next to none.
            fields["random_state"] = 1
        splitter = getattr(splitters, plan.holdout["KIND"])(**fields)
        try:
            [(training, test)] = splitter.splits(frame, frame[plan.target.name])
        except errors.DataError as error:
            raise AdoptionError(str(error)) from error
        return training, test
    # To draw rows takes no library: the start of scikit-learn would be a quarter of an adoption.
    order = np.random.default_rng(0).permutation(len(frame))
    labels = frame[plan.target.name].to_numpy()[order]
    held_out = np.zeros(len(frame), dtype=np.bool_)
    for places in [order[labels == label] for label in plan.labels] or [order]:
        held_out[places[: math.ceil(plan.holdout["test_size"] * len(places))]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _draw(plan: Plan, frame: pd.DataFrame, rows: int) -> np.ndarray[Any, Any]:
    """Draw places of rows for the tests: some groups whole, and of each label enough."""
    generator = np.random.default_rng(0)
    places = generator.permutation(len(frame))
    if plan.group:
        groups = frame[plan.group]
        some = generator.permutation(groups.unique())[:100]
        places = places[groups.isin(some).to_numpy()[places]]
    chosen = [places[:rows]]
    for label in plan.labels:
        mine = (frame[plan.target.name] == label).to_numpy()[places]
        chosen.append(places[mine][: rows // 50])
    return np.unique(np.concatenate(chosen))


def write(plan: Plan, source: Spool, rows: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Write the training and the test data, and samples of them for the tests.

    Returns:
        Some training rows.
    """
    names = [plan.index.name, *(column.name for column in plan.inputs), plan.target.name]
    generator = np.random.default_rng(0)
    share = min(1.0, DRAWN_ROWS / plan.training_rows)
    drawn: list[pa.RecordBatch] = []
    with contextlib.ExitStack() as stack:

        def open_(path: str) -> _ParquetWriter:
            return stack.enter_context(_ParquetWriter(folder / path))

        writers = {number: open_(f"data/{name}.parquet") for number, name in PARTS.items()}
        samples = {}
        if plan.rows > SAMPLE_ROWS:
            samples = {
                number: open_(f"tests/data/{name}.parquet") for number, name in PARTS.items()
            }
        start = 0
        for batch in source.batches():
            stop = start + batch.num_rows
            if plan.index.name not in batch.schema.names:
                numbers = pa.array(np.arange(start, stop, dtype=np.int64))
                batch = batch.append_column(plan.index.name, numbers)
            batch = batch.select(names)
            here = rows.iloc[start:stop]
            for number in PARTS:
                mine = here["part"].to_numpy() == number
                part = batch.filter(pa.array(mine))
                writers[number].write(part)
                if samples:
                    samples[number].write(batch.filter(pa.array(mine & here["sample"].to_numpy())))
                if number == TRAINING:
                    drawn.append(part.filter(pa.array(generator.random(len(part)) < share)))
            start = stop
    size = sum(path.stat().st_size for path in (folder / "data").iterdir())
    if size > IGNORED_BYTES:
        (folder / "data" / ".gitignore").write_text(
            "# Too large for git: adopt them again where they are missing (README.md).\n"
            "/*.parquet\n",
            encoding="utf-8",
        )
    frame: pd.DataFrame = pa.Table.from_batches(drawn).to_pandas()
    return frame


class _ParquetWriter:
    """A Parquet file whose row groups are as large as readers like them, whatever parts come."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._writer: Any = None
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0

    def __enter__(self) -> _ParquetWriter:
        return self

    def write(self, part: pa.RecordBatch) -> None:
        """Take the next rows."""
        self._waiting.append(part)
        self._rows += part.num_rows
        if self._rows >= GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        table = pa.Table.from_batches(self._waiting)
        if self._writer is None:
            texts = [column.name for column in table.schema if pa.types.is_string(column.type)]
            self._writer = pq.ParquetWriter(
                self._path, table.schema, use_dictionary=texts, write_statistics=False
            )
        self._writer.write_table(table)
        self._waiting, self._rows = [], 0

    def __exit__(self, *_: object) -> None:
        if self._waiting:
            self._flush()
        self._writer.close()
