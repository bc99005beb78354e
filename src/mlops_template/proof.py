"""Show that an adopted project works, and how good its model is beside others."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import project
from .errors import AdoptionError
from .plan import Plan

SCORES = Path("outputs/adoption.json")


def tell(plan: Plan) -> Iterator[str]:
    """Say what was found in the data."""
    yield (
        f"{plan.source}: {plan.rows:,} rows, {len(plan.inputs)}"
        f" column{'s' * (len(plan.inputs) != 1)} to predict"
        f" {plan.target.name} from ({plan.problem})."
    )
    known = f"identified by {plan.index.name}"
    if plan.index.notes:
        known = "known by what they hold, as no column identifies them"
    yield f"Rows are {known}; {plan.held_out:,} are held out."
    for column in plan.left_out:
        yield f"left out: {column.name}, {column.left_out}"
    for note in plan.notes:
        yield f"note: {note.replace('`', '')}"
    for leak in plan.leaks:
        yield f"possible leakage: {leak.replace('`', '')}"
    if plan.leaks:
        yield "Leave out with --drop what is not known yet when the model must predict."


def prove(package: str, plan: Plan) -> None:
    """Run the checks and the chain, and compare the champion with others on the rows held out.

    Raises:
        AdoptionError: The checks or the chain fail.
    """
    for command in ("uv run inv checks", "uv run inv projects --replace"):
        if code := project.run(command.split()):
            raise AdoptionError(
                f"The project has the new data, but `{command}` fails: see above. Mend it, or undo"
                " the adoption.",
                exit_code=code,
            )
    scores = compare(package, plan)
    SCORES.write_text(json.dumps(scores, indent=2), encoding="utf-8")
    print(f"{scores['metric']} on the {scores['rows']:,} rows held out:")
    for name, score in scores["scores"].items():
        print(f"  {name:<9} {score:.4g}")


def compare(package: str, plan: Plan) -> dict[str, Any]:
    """Score the champion, skrub's pipeline and a dummy on the rows held out.

    skrub and the dummy learn from the same rows as the champion.
    """
    import skrub

    module = project.modules(package)
    schemas, models, frames = module("core.schemas"), module("core.models"), module("core.frames")
    job = module("settings").load(["confs/training.yaml"]).job
    inputs, target = module("jobs.records").read_pair(job.inputs, job.targets)
    [(learned, held_out)] = job.splitter.splits(inputs, target)
    metric, truth = job.metrics[0], target.iloc[held_out]
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
    with job:
        champion = module("io.champions").get(job.mlflow.registered_model)
        predict = module("io.registries").PipelineLoader().load(champion)
    scores = {"champion": metric.score(truth, predict(inputs.iloc[held_out]))}
    for name, pipeline in rivals.items():
        pipeline.fit(inputs[features].iloc[learned], target.iloc[learned])
        outputs = models.predict(pipeline, inputs[features].iloc[held_out])
        scores[name] = metric.score(truth, outputs)
    return {
        "metric": metric.name,
        "greater_is_better": metric.greater_is_better,
        "rows": len(held_out),
        "scores": scores,
    }
