"""A table that grows by random steps, with a good and a poor recipe trained on it each month.

Run in a rendered project, in a folder with its confs: `python grow.py PACKAGE TABLE SEED`. The poor
recipe begins as champion. The good one must take its place, and never give it back, and no
comparison may be on rows that either has learned from.
"""

import importlib
import random
import sys
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd

package, table, seed = sys.argv[1], pd.read_csv(sys.argv[2]), int(sys.argv[3])
draw = random.Random(seed)  # noqa: S311
settings, errors = (
    importlib.import_module(f"{package}.{name}") for name in ("settings", "core.errors")
)
TREES = {"poor": 4, "good": 60}


def job(conf: str, *extras: str) -> Any:
    with settings.load([f"confs/{conf}.yaml"], extras).job as runner:
        return runner.run()


def learned(version: Any) -> set[int]:
    """List the rows that a version was trained on, from what evaluations fetch again."""
    rows = mlflow.artifacts.download_artifacts(
        run_id=version.run_id, artifact_path="holdout/rows.parquet"
    )
    return set(known[version.version]) - set(pd.read_parquet(rows).iloc[:, 0])


Path("data").mkdir(exist_ok=True)
identifier = table.columns[0]
table = table.sample(frac=1, random_state=seed)
rows, champion, recipes, known = 160, None, {}, {}
runs: dict[int, Any] = {}
while True:
    now = table.head(rows).sample(frac=1, random_state=rows)
    now.to_csv("data/training.csv", index=False)
    for recipe in ("poor", "good"):
        result = job("training", f"job.model.max_iter={TREES[recipe]}")
        number = result.version
        recipes[number], known[number], runs[number] = recipe, list(now[identifier]), result
        extras = f"job.version={number}"
        job("evaluations", extras, "job.thresholds=[{metric: r2, at_least: -9}]")
        if champion is not None:
            held_out = set(known[number]) - learned(result)
            unseen = held_out - learned(runs[champion])
            assert len(unseen) == len(held_out), "the champion has learned from rows held out"
        try:
            job("promotion", extras)
        except errors.PromotionError:
            continue
        assert champion is None or (recipes[champion], recipe) != ("good", "poor")
        champion = number
    if rows == len(table):
        break
    rows = min(len(table), rows + draw.randint(10, 80))
assert champion is not None
assert recipes[champion] == "good"
print(f"version {champion} of {len(recipes)}, the good recipe, is champion")
