"""Score the champion beside its rivals on the rows held out: run in a project that adopted data.

The rivals, a dummy and skrub's pipeline, learn from the same rows as the champion. Nothing of
``tasks/`` takes part, so that what the proof of an adoption says can be compared with this.
"""

import importlib
import json
import sys
from typing import Any

import mlflow
import skrub

_, package = sys.argv
settings, records, registries, champions, frames, models, schemas = (
    importlib.import_module(f"{package}.{name}")
    for name in (
        "settings",
        "jobs.records",
        "io.registries",
        "io.champions",
        "core.frames",
        "core.models",
        "core.schemas",
    )
)
training = settings.load(["confs/training.yaml"]).job
evaluation = settings.load(["confs/evaluations.yaml"]).job
name = settings.load(["confs/promotion.yaml"]).job.metric
[metric] = [metric for metric in evaluation.metrics if metric.name == name]

inputs, target = records.read_pair(training.inputs, training.targets)
[(learnt, held_out)] = training.splitter.splits(inputs, target)
test_inputs, test_target = inputs.iloc[held_out], target.iloc[held_out]
if by := getattr(training.splitter, "by", None):
    old, new = inputs[by].iloc[learnt], test_inputs[by]
    in_order = training.splitter.KIND == "TimeSplitter"
    assert old.max() <= new.min() if in_order else set(old).isdisjoint(new)
seen = inputs.columns.drop(frames.set_aside(schemas.Inputs))


def score(rival: Any) -> float:
    """Train a rival, and score it."""
    rival.fit(inputs[seen].iloc[learnt], target.iloc[learnt])
    return float(metric.score(test_target, models.predict(rival, test_inputs[seen])))


mlflow.set_tracking_uri("sqlite:///mlflow.db")
champion = registries.PyfuncLoader().load(champions.get(package))
kind = "regressor" if schemas.PROBLEM == "regression" else "classifier"
scores = {
    "champion": float(metric.score(test_target, champion(test_inputs))),
    "skrub": score(skrub.tabular_pipeline(kind)),
    "dummy": score(models.BaselineModel().pipeline(schemas.Inputs, schemas.PROBLEM)),
}
result = {
    "metric": name,
    "greater_is_better": metric.greater_is_better,
    "rows": len(test_target),
    "columns": list(inputs.columns),
    "scores": scores,
}
print(json.dumps(result))
