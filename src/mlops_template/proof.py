"""Show that an adopted project works, and how good its model is beside others."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from . import project
from .errors import AdoptionError
from .plan import Plan
from .sources import drop_option

SCORES = Path("outputs/adoption.json")
PERFECT = 0.98
"""From this score on, of 1 at most, it is asked what makes it."""
MOST = 0.9
"""Which share of all importance makes a column suspicious."""
DRAWS = 300
DRAWN_ROWS = 10_000
"""Of more rows held out, the interval is that of so many, which is wider."""


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
    print(say_ahead(*scores["ahead"]))
    if scores["greater_is_better"] and (score := scores["scores"]["champion"]) >= PERFECT:
        explained = json.loads(project.read([package, "confs/explanations.yaml"]))
        if giveaway := say_giveaway(score, explained["importances"]["PermutationExplainer"]):
            print(giveaway)


def say_giveaway(score: float, importances: dict[str, float]) -> str:
    """Say which column alone makes a score that is nearly perfect; empty where none does.

    Args:
        score: the champion's, at most 1.
        importances: how much worse it gets without each column.
    """
    column = max(importances, key=lambda name: importances[name])
    share = importances[column] / sum(max(worse, 0.0) for worse in importances.values())
    if share < MOST:
        return ""
    return (
        f"possible leakage: the champion's score of {score:.4g} is nearly perfect, and {share:.0%}"
        f" of it is due to {column}. If that is not known when the model must predict, adopt again"
        f" with {drop_option(column)}."
    )


def say_ahead(low: float, high: float) -> str:
    """Say which of the champion and skrub's pipeline is better.

    Args:
        low: how far the champion is ahead at least.
        high: how far at most.
    """
    if low <= 0 <= high:
        return (
            "As far as these rows tell, the champion and skrub's pipeline are as good as each"
            f" other: they differ by {low:.3g} to {high:.3g}."
        )
    better, other = ("The champion", "skrub's pipeline")[:: 1 if low > 0 else -1]
    ends = sorted((abs(low), abs(high)))
    return f"{better} is better than {other.lower()}, by {ends[0]:.3g} to {ends[1]:.3g}."


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
    pipeline = skrub.tabular_pipeline(kind)
    seeds = [name for name in pipeline.get_params() if name.endswith("random_state")]
    rivals = {
        "skrub": pipeline.set_params(**dict.fromkeys(seeds, 0)),
        "dummy": models.BaselineModel().pipeline(schemas.Inputs, plan.problem),
    }
    with job:
        champion = module("io.champions").get(job.mlflow.registered_model)
        predict = module("io.registries").PipelineLoader().load(champion)
    outputs = {"champion": predict(inputs.iloc[held_out])}
    for name, rival in rivals.items():
        rival.fit(inputs[features].iloc[learned], target.iloc[learned])
        outputs[name] = models.predict(rival, inputs[features].iloc[held_out])
    scores = {name: metric.score(truth, said) for name, said in outputs.items()}
    low, high = find_interval(metric, truth, outputs["champion"], outputs["skrub"])
    return {
        "metric": metric.name,
        "greater_is_better": metric.greater_is_better,
        "rows": len(held_out),
        "scores": scores,
        "ahead": [low, high] if metric.greater_is_better else [-high, -low],
    }


def find_interval(metric: Any, truth: Any, ours: Any, theirs: Any) -> tuple[float, float]:
    """Estimate how far two models differ in a score, by drawing the rows again and again.

    This is the paired bootstrap of Efron and Tibshirani, An Introduction to the Bootstrap (1993).

    Args:
        metric: what scores them.
        truth: n true values.
        ours: n predictions of a model.
        theirs: n predictions of another.

    Returns:
        The ends between which 95 in 100 of the differences lie.
    """
    random = np.random.default_rng(0)
    places = random.permutation(len(truth))[:DRAWN_ROWS]
    found = []
    for _ in range(DRAWS):
        rows = random.choice(places, len(places))
        with contextlib.suppress(ValueError):  # of one label only
            scores = (metric.score(truth.iloc[rows], said.iloc[rows]) for said in (ours, theirs))
            found.append(next(scores) - next(scores))
    low, high = np.nanquantile(found, [0.025, 0.975])
    return float(low), float(high)
