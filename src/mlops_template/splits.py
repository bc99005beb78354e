"""Choose rows for each file, and write them a batch at a time."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from .errors import AdoptionError
from .plan import Plan
from .project import modules
from .sources import Spool

Places = np.ndarray[Any, np.dtype[np.intp]]

PARTS = (TRAINING, INFERENCE) = ("training", "inference")
"""The files; that for inference has no target."""

GROUP_ROWS = 65_536
"""How many rows a row group of a Parquet file has."""
SAMPLE_ROWS = 2_000
"""From more rows on, tests take a sample."""
INFERENCE_ROWS = 1_000
"""Of how many of the rows held out inference has a sample, at most."""
DRAWN_ROWS = 20_000
"""From how many rows at most leaks are found and the profile is made."""


def split(plan: Plan, source: Spool, names: pa.Array | None, package: str) -> pd.DataFrame:
    """Decide where each row goes.

    Args:
        plan: how rows are split.
        source: the rows.
        names: of the rows, where no column identifies them.
        package: the name of the package.

    Returns:
        A row for each of the source: whether it goes into the file for training and into that for
        inference, and whether the tests get it as a sample of either.

    Raises:
        AdoptionError: The rows cannot be split.
    """
    identifier = [] if names is not None else [plan.index.name]
    columns = dict.fromkeys([*identifier, plan.target.name, *filter(None, [plan.time, plan.group])])
    frame = source.read(list(columns))
    frame.index = pd.Index(frame[plan.index.name] if names is None else names, name=plan.index.name)
    known = frame[plan.target.name].notna().to_numpy()
    places, frame = np.flatnonzero(known), frame[known]
    splitters, errors = map(modules(package), ("core.splitters", "core.errors"))
    fields = {key: value for key, value in plan.holdout.items() if key != "KIND"}
    splitter = getattr(splitters, plan.holdout["KIND"])(**fields)
    try:
        [(_, held_out)] = splitter.splits(frame, frame[plan.target.name])
    except errors.DataError as error:
        raise AdoptionError(str(error)) from error
    new = np.sort(np.random.default_rng(0).permutation(held_out)[:INFERENCE_ROWS])
    plan.held_out, plan.inference_rows = len(held_out), len(new)
    rows = pd.DataFrame(
        {TRAINING: known, INFERENCE: np.zeros(source.rows, dtype=np.bool_)},
    ).assign(**{f"{name} sample": np.zeros(source.rows, dtype=np.bool_) for name in PARTS})
    rows.loc[places[new], INFERENCE] = True
    for name, mine, count in ((TRAINING, np.arange(len(frame)), 800), (INFERENCE, new, 200)):
        drawn = mine[_draw(plan, frame.iloc[mine], count)]
        rows.loc[places[drawn], f"{name} sample"] = True
    return rows


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


def name_rows(plan: Plan, source: Spool, path: str, package: str) -> pa.Array | None:
    """Name the rows by what they hold, as the reader of later files will.

    Args:
        plan: which columns are inputs, and what reads later files.
        source: the rows, as they were read.
        path: where they come from.
        package: the name of the package.

    Returns:
        A name for each row; None where a column identifies them.
    """
    if plan.index.name in source.names:
        return None
    if plan.reader["KIND"] == "CSVReader":
        # By the letters of the file, which are no values yet.
        datasets = modules(package)("io.datasets")
        options = {key: value for key, value in plan.reader.items() if key != "KIND"}
        parts = datasets.CSVReader(path=path, **options).row_names(GROUP_ROWS)
    else:
        frames = modules(package)("core.frames")
        naming, inputs = frames.RowNames(), sorted(column.name for column in plan.inputs)
        parts = (
            naming.add(frames.to_texts(batch.select(inputs).to_pandas()))
            for batch in source.batches()
        )
    return pa.array([name for part in parts for name in part])


def write(
    plan: Plan, source: Spool, rows: pd.DataFrame, names: pa.Array | None, folder: Path
) -> pd.DataFrame:
    """Write samples of the table for the tests, where it is large or somewhere else.

    Args:
        plan: which columns to write.
        source: the rows.
        rows: where each goes.
        names: of the rows, where no column identifies them.
        folder: where to write.

    Returns:
        Some rows.
    """
    inputs = [plan.index.name, *(column.name for column in plan.inputs)]
    columns = {TRAINING: [*inputs, plan.target.name], INFERENCE: inputs}
    generator = np.random.default_rng(0)
    share = min(1.0, DRAWN_ROWS / plan.rows)
    drawn: list[pa.RecordBatch] = []
    with contextlib.ExitStack() as stack:
        samples = PARTS if plan.rows > SAMPLE_ROWS or not plan.is_copy else ()
        writers = {
            name: stack.enter_context(_ParquetWriter(folder / f"tests/data/{name}.parquet"))
            for name in samples
        }
        start = 0
        for batch in source.batches():
            stop = start + batch.num_rows
            if names is not None:
                batch = batch.append_column(plan.index.name, names[start:stop])
            here = rows.iloc[start:stop]
            for name, writer in writers.items():
                chosen = batch.select(columns[name])
                writer.write(chosen.filter(pa.array(here[f"{name} sample"].to_numpy())))
            part = batch.select(columns[TRAINING]).filter(pa.array(here[TRAINING].to_numpy()))
            drawn.append(part.filter(pa.array(generator.random(len(part)) < share)))
            start = stop
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
