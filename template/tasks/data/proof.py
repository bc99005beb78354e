"""Show that an adopted project works, and how good its model is beside others."""

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from invoke.context import Context
from invoke.exceptions import Exit

from .plan import Plan

SCORES = Path("outputs/adoption.json")


def tell(plan: Plan) -> Iterator[str]:
    """Say what was found in the data."""
    yield (
        f"{plan.source}: {plan.rows:,} rows, {len(plan.inputs)}"
        f" column{'s' * (len(plan.inputs) != 1)} to predict"
        f" {plan.target.name} from ({plan.problem})."
    )
    made = "numbered, as no column identifies them, in" if plan.index.notes else "identified by"
    yield f"Rows are {made} {plan.index.name}; {plan.test_rows:,} are held out first."
    for column in plan.left_out:
        yield f"left out: {column.name}, {column.left_out}"
    for note in plan.notes:
        yield f"note: {note.replace('`', '')}"
    for leak in plan.leaks:
        yield f"possible leakage: {leak.replace('`', '')}"
    if plan.leaks:
        yield "Leave out with --drop what is not known yet when the model must predict."


def prove(ctx: Context, plan: Plan) -> None:
    """Run the checks and the chain, and compare the champion on the rows that were held out first.

    Raises:
        Exit: The checks or the chain fail.
    """
    for command in ("uv run inv checks", "uv run inv projects --replace"):
        outcome = ctx.run(command, warn=True)
        if not outcome.ok:
            raise Exit(
                f"error: the project has the new data, but `{command}` fails: see above. Mend it,"
                " or undo the adoption.",
                code=outcome.exited,
            )
    scores = compare(ctx.project.package, plan)
    SCORES.write_text(json.dumps(scores, indent=2), encoding="utf-8")
    print(f"{scores['metric']} on the {scores['rows']:,} rows held out first:")
    for name, score in scores["scores"].items():
        print(f"  {name:<9} {score:.4g}")


def compare(package: str, plan: Plan) -> dict[str, Any]:
    """Score the champion, skrub's pipeline and a dummy on the test rows.

    skrub and the dummy learn from the same rows as the champion, without those that its training
    held out.
    """
    import pandas as pd
    import skrub

    def module(name: str) -> Any:
        return importlib.import_module(f"{package}.{name}")

    schemas, models = module("core.schemas"), module("core.models")
    datasets, frames = module("io.datasets"), module("core.frames")
    job = module("settings").load(["confs/training.yaml"]).job
    inputs = job.inputs.read(schemas.Inputs)
    target = job.targets.read(schemas.Targets).squeeze("columns")
    [(rows, _)] = job.splitter.splits(inputs, target)
    reader = datasets.ParquetReader(path="data/test.parquet")
    test = reader.read(schemas.Inputs)
    truth = reader.read(schemas.Targets).squeeze("columns")
    metric = job.metrics[0]
    features = [
        name
        for name in frames.column_names(schemas.Inputs)
        if name not in frames.set_aside(schemas.Inputs)
    ]
    kind = "regressor" if plan.problem == "regression" else "classifier"
    rivals = {
        "skrub": skrub.tabular_pipeline(kind),
        "dummy": models.BaselineModel().pipeline(schemas.Inputs, plan.problem),
    }
    outputs = pd.read_parquet("outputs/predictions.parquet").set_index(test.index.name)
    scores = {"champion": metric.score(truth, outputs.loc[test.index])}
    for name, pipeline in rivals.items():
        pipeline.fit(inputs[features].iloc[rows], target.iloc[rows])
        scores[name] = metric.score(truth, models.predict(pipeline, test[features]))
    return {
        "metric": metric.name,
        "greater_is_better": metric.greater_is_better,
        "rows": len(test),
        "scores": scores,
    }
