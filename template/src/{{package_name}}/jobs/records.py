"""What training leaves for later jobs: the rows held out, and a reference to compare with."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
from typing import TYPE_CHECKING, Any

from ..core.errors import DataError, RegistryError, UnfitError
from ..io.registries import (
    check_columns,
    digest_files,
    read_artifacts,
    read_content,
    read_replay,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    import pandas as pd
    import pandera.pandas as pa
    from mlflow.entities.model_registry import ModelVersion

    from ..io.datasets import Reader

logger = logging.getLogger(__name__)

HOLDOUT = "holdout"
REFERENCE = "reference"
LEARNED = "learned.parquet"

CHANCE = 0.05
"""Rows are known by what they hold where chance gives fewer than this share of them a twin."""

SAMPLE_ROWS = 10_000
"""How many rows to tell that from, at most."""


def read_pair(inputs: Reader, targets: Reader) -> tuple[pd.DataFrame, pd.Series[Any]]:
    """Read inputs and targets, and check that they are the same rows.

    Rows whose target is missing are left out, with a warning.

    Returns:
        n rows of inputs, and the n values to predict.

    Raises:
        DataError: One is not what its schema says, or they are not the same rows, or none has a
            target.
    """
    from ..core import frames, schemas

    name = frames.target_name(schemas.Targets)
    if name in frames.column_names(schemas.Inputs):
        raise DataError(f"The target '{name}' is an input too: take it out of schemas.Inputs.")
    table = inputs.read(schemas.Inputs)
    unlabelled = frames.Unlabelled()
    try:
        target = targets.read(schemas.Targets, aside=unlabelled)
    except DataError as error:
        if unlabelled.rows < len(table):
            raise
        raise DataError(f"None of the {len(table)} rows has a '{name}' to learn from.") from error
    if not unlabelled.rows:
        frames.check_pair(table, target, "targets")
        return table, target[name]
    labelled = table[table.index.isin(target.index)]
    left_out = len(table) - len(labelled)
    frames.check_pair(labelled if left_out <= unlabelled.rows else table, target, "targets")
    if left_out:
        logger.warning(
            "%d of the %d rows have no '%s': they are left out.", left_out, len(table), name
        )
    return labelled, target[name]


def check_labels(target: pd.Series[Any]) -> None:
    """Check that a classifier has something to tell apart.

    Args:
        target: the values to train on.

    Raises:
        DataError: They hold one label only.
    """
    from ..core import schemas

    if schemas.PROBLEM == "classification" and target.nunique() < 2:
        raise DataError(
            f"The {len(target)} rows to train on hold only the label '{target.iloc[0]}': a"
            " classifier needs two at least."
        )


def write_holdout(folder: Path, inputs: pd.DataFrame, target: pd.Series[Any]) -> None:
    """Record which rows are held out, and a fingerprint of what they hold.

    Args:
        folder: where to write.
        inputs: the n rows held out.
        target: their n true values.
    """
    from ..core.frames import fingerprint

    (folder / HOLDOUT).mkdir()
    inputs.index.to_frame(index=False).to_parquet(folder / HOLDOUT / "rows.parquet")
    content = {"rows": len(inputs), "fingerprint": fingerprint(inputs.join(target))}
    (folder / HOLDOUT / "content.json").write_text(json.dumps(content), encoding="utf-8")


def write_learned(folder: Path, inputs: pd.DataFrame, target: pd.Series[Any]) -> None:
    """Record which rows a model learned from, as hashes of their identifiers and of what they hold.

    Args:
        folder: where to write.
        inputs: the n rows that it was trained on.
        target: their n values to predict.
    """
    hashes = _hash(inputs, target)
    if _repeats_by_chance(inputs.join(target)):
        hashes = hashes.drop(columns="content")
    hashes.to_parquet(folder / HOLDOUT / LEARNED)


def has_learned(
    version: ModelVersion, inputs: pd.DataFrame, target: pd.Series[Any]
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Tell from which rows a version may have learned.

    A row is known by its identifier. Where rows do not repeat each other by chance, it is also
    known by what it holds: identifiers may have been given anew, or rows copied.

    Args:
        version: the version.
        inputs: n rows.
        target: their n values to predict.

    Returns:
        n truth values. Of a version of a release that did not record it, every row counts that was
        not held out from it.

    Raises:
        RegistryError: The version's record is gone, or was changed.
    """
    import numpy as np
    import pandas as pd

    with _read_holdout_folder(version) as folder:
        if not (folder / LEARNED).exists():
            held_out = pd.Index(pd.read_parquet(folder / "rows.parquet").iloc[:, 0])
            return ~inputs.index.isin(held_out)
        learned = pd.read_parquet(folder / LEARNED)
    rows = _hash(inputs, target)
    found = np.isin(rows["row"], learned["row"])
    if "content" in learned:
        found |= np.isin(rows["content"], learned["content"])
    return found


def _repeats_by_chance(rows: pd.DataFrame) -> bool:
    """Tell whether rows may well be alike though they are not the same.

    Two rows agree in a column as often as two random cells of it do; in all columns, as often as
    the product of that, were they independent.
    """
    sample = rows.sample(min(SAMPLE_ROWS, len(rows)), random_state=0)
    pairs = max(len(sample) * (len(sample) - 1), 1)
    alike = 1.0
    for name in sample:
        counts = sample[name].value_counts(dropna=False)
        alike *= float((counts * (counts - 1)).sum()) / pairs
    return alike * len(rows) > CHANCE


def _hash(inputs: pd.DataFrame, target: pd.Series[Any]) -> pd.DataFrame:
    import pandas as pd

    from ..core.frames import hash_rows

    rows = pd.util.hash_pandas_object(inputs.index, index=False).to_numpy()
    content = {"content": hash_rows(inputs.join(target)), "target": hash_rows(target.to_frame())}
    return pd.DataFrame({"row": rows, **content})


def check_same_target(version: ModelVersion, champion: ModelVersion) -> None:
    """Check that two versions learned the same values of the rows that both have learned from.

    Args:
        version: the one that is to predict.
        champion: the one that predicts now.

    Raises:
        RegistryError: Most of them differ: the target is another, or in another unit.
    """
    import pandas as pd

    tables = []
    for each in (version, champion):
        # What is damaged tells nothing, and is a reason to go back; an older release wrote none.
        with contextlib.suppress(RegistryError, OSError), _read_holdout_folder(each) as folder:
            tables.append(pd.read_parquet(folder / LEARNED))
    if len(tables) < 2 or not all("target" in table for table in tables):
        return
    both = tables[0].merge(tables[1], on="row")
    other = int((both["target_x"] != both["target_y"]).sum())
    if other > len(both) / 2:
        raise RegistryError(
            f"Of {len(both)} rows that versions {version.version} and {champion.version} both"
            f" learned from, {other} had another target then: its unit may have changed, or what"
            " it is."
        )


def read_holdout(
    version: ModelVersion, inputs: Reader, targets: Reader
) -> tuple[pd.DataFrame, pd.Series[Any]]:
    """Read the rows that were held out when a version was trained.

    Args:
        version: the version.
        inputs: the data it was trained on, which may have grown since.
        targets: its targets.

    Returns:
        The n rows held out, and their n true values.

    Raises:
        DataError: A row is gone, or holds other values than it did then.
        RegistryError: The version's record is gone.
    """
    from ..core.frames import fingerprint, fingerprint_as_typed

    table, target = read_pair(inputs, targets)
    rows, content = _read_holdout_record(version)
    gone = rows.difference(table.index)
    if len(gone):
        raise DataError(
            f"{len(gone)} of the {len(rows)} rows held out from version {version.version} are not"
            f" in {inputs.place}: give the data that it was trained on."
        )
    table, target = table.loc[rows], target.loc[rows]
    rows_now = table.join(target)
    if content["fingerprint"] not in {fingerprint(rows_now), fingerprint_as_typed(rows_now)}:
        raise DataError(
            f"The rows held out from version {version.version} hold other values in {inputs.place}"
            " than when it was trained: give the data that it was trained on, or train again."
        )
    return table, target


def _read_holdout_record(version: ModelVersion) -> tuple[pd.Index[Any], dict[str, Any]]:
    """Read what ``write_holdout`` recorded: the identifiers, and what they hold."""
    import pandas as pd

    with _read_holdout_folder(version) as folder:
        rows: pd.Index[Any] = pd.Index(pd.read_parquet(folder / "rows.parquet").iloc[:, 0])
        content: dict[str, Any] = json.loads((folder / "content.json").read_text(encoding="utf-8"))
    return rows, content


@contextlib.contextmanager
def _read_holdout_folder(version: ModelVersion) -> Iterator[Path]:
    """Fetch what was recorded of the rows held out, and check that it is what training wrote."""
    with read_artifacts(str(version.run_id), HOLDOUT) as folder:
        content = read_content(version)
        if content is not None and content.holdout and digest_files(folder) != content.holdout:
            raise RegistryError(
                f"The record of which rows version {version.version} learned from was changed or"
                " damaged: put back what was there, or train a new version."
            )
        yield folder


def write_reference(folder: Path, inputs: pd.DataFrame, outputs: pd.DataFrame, rows: int) -> None:
    """Record samples of what the model was trained on and of what it says of new rows.

    Args:
        folder: where to write.
        inputs: the rows it was trained on.
        outputs: its predictions for the rows held out; those for its own would be too good.
        rows: how many to keep of each, at most.
    """
    (folder / REFERENCE).mkdir()
    for name, table in (("inputs", inputs), ("outputs", outputs)):
        sample = table.sample(min(rows, len(table)), random_state=0)
        sample.to_parquet(folder / REFERENCE / f"{name}.parquet")


def read_reference(version: ModelVersion) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read what ``write_reference`` recorded for a version.

    Returns:
        Samples of inputs and of outputs.

    Raises:
        RegistryError: The version's record is gone.
    """
    import pandas as pd

    with read_artifacts(str(version.run_id), REFERENCE) as folder:
        return (
            pd.read_parquet(folder / "inputs.parquet"),
            pd.read_parquet(folder / "outputs.parquet"),
        )


def check_reference(
    version: ModelVersion, inputs: pd.DataFrame, schema: type[pa.DataFrameModel]
) -> None:
    """Check that a version's sample of inputs has the columns that the version takes.

    Args:
        version: the version, of which was checked that it fits the project.
        inputs: the sample.
        schema: of what it takes.

    Raises:
        RegistryError: It has others, and is damaged, or the version does not fit after all.
    """
    try:
        check_columns(version, inputs, schema)
    except UnfitError as error:
        if read_content(version) is None:
            raise  # a release that recorded no columns
        raise RegistryError(
            f"The sample of what version {version.version} was trained on"
            f" ('{REFERENCE}/inputs.parquet') was changed or damaged: put back what was there, or"
            " train a new version."
        ) from error


def read_recipe(version: ModelVersion) -> str:
    """Digest what training made: the rows held out, how they are scored and what is said of some.

    Parameters that make no difference do not count.

    Args:
        version: the version.

    Raises:
        RegistryError: The version's record is gone.
    """
    from mlflow import MlflowClient

    data = MlflowClient().get_run(str(version.run_id)).data
    _, content = _read_holdout_record(version)
    said = read_replay(version)
    # A release that recorded no predictions has the parameters in their place.
    made = data.params if said is None else said.round(9).astype(str).to_dict("list")
    recipe = json.dumps([made, content, data.metrics], sort_keys=True)
    return hashlib.sha256(recipe.encode()).hexdigest()
