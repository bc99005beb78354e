"""The texts of confs and of the description of the data."""

import json
import math
import re
from pathlib import Path
from typing import Any

import yaml

from .columns import describe, show
from .plan import Plan

LARGE = 20_000
"""From so many rows on, tuning tries parameters on few rows first."""


def write_confs(plan: Plan) -> dict[str, str]:
    """Write the confs that depend on the data, by their paths."""
    training = "{KIND: ParquetReader, path: data/training.parquet}"
    sample = "{KIND: ParquetReader, path: data/inference.parquet}"
    metric, holdout = _flow(plan.metrics[0]), _flow(plan.holdout)
    pair = f"  inputs: {training}\n  targets: {training}\n"
    metrics = "".join(f"    - {_flow(each)}\n" for each in plan.metrics)
    confs = {
        "tuning": (
            "# Search the model's best parameters; training merges what this writes after its own"
            " conf.\n"
            f"job:\n  KIND: TuningJob\n{pair}"
            "  model: {KIND: GradientBoostingModel}\n"
            "  # The same as in training.yaml: the rows that it holds out do not choose the"
            " parameters either.\n"
            f"  splitter: {holdout}\n  folds: {_flow(plan.folds)}\n"
            f"  searcher:\n{_searcher(plan)}"
            f"  metric: {metric}\n  output: outputs/tuning.yaml\n"
        ),
        "training": (
            "# Train on all but the rows held out, and register a new version.\n"
            f"job:\n  KIND: TrainingJob\n{pair}"
            "  model: {KIND: GradientBoostingModel}\n"
            f"  splitter: {holdout}\n  metrics:\n    - {metric}\n"
        ),
        "evaluations": (
            "# Score the newest version on the rows held out from it, beside the champion.\n"
            f"job:\n  KIND: EvaluationsJob\n{pair}"
            f"  metrics:\n{metrics}"
            "  thresholds:\n"
            "    # What a model that has learned nothing gets: raise it to what its use needs.\n"
            f"    - {_flow(plan.threshold)}\n"
            "  report: outputs/evaluation.html\n"
        ),
        "promotion": (
            "# Make the newest version the champion, if its evaluation meets the thresholds and"
            " beats the champion.\n"
            f"job:\n  KIND: PromotionJob\n  metric: {plan.metrics[0]['name']}\n  min_gain: 0\n"
        ),
        "inference": (
            "# Predict with the champion.\n"
            f"job:\n  KIND: InferenceJob\n  inputs: {sample}\n"
            "  outputs: {KIND: ParquetWriter, path: outputs/predictions.parquet}\n"
        ),
        "explanations": (
            "# Say which columns the champion goes by.\n"
            f"job:\n  KIND: ExplanationsJob\n{pair}  metric: {metric}\n"
            "  explainers:\n    - {KIND: PermutationExplainer}\n    - {KIND: ShapExplainer}\n"
            "  report: outputs/explanations.html\n"
        ),
        "monitoring": (
            "# Compare what the champion saw and said with what it was trained on.\n"
            f"job:\n  KIND: MonitoringJob\n  inputs: {sample}\n"
            "  outputs: {KIND: ParquetReader, path: outputs/predictions.parquet}\n"
            "  tests:\n    - {KIND: PSITest}\n    - {KIND: KSTest}\n    - {KIND: ChiSquaredTest}\n"
            "  report: outputs/monitoring.html\n"
        ),
    }
    return {f"confs/{name}.yaml": text for name, text in confs.items()}


def write_source(plan: Plan) -> str:
    """Write data/source.yaml, which says how files of the source's form are read."""
    reader = {"KIND": plan.reader["KIND"], "path": plan.source, **plan.reader}
    name = "name the file in job.inputs.path."
    if _is_database(plan):
        del reader["path"]
        name = "give its\n# address in DATABASE_URL and the next query in job.inputs.query."
    text = yaml.safe_dump(
        {"job": {"inputs": reader}}, allow_unicode=True, sort_keys=False, width=math.inf
    )
    return (
        "# How a table of the same form as the one that was adopted is read: merge this after\n"
        f"# confs/inference.yaml or confs/monitoring.yaml, and {name}\n"
        f"{text}"
    )


def _is_database(plan: Plan) -> bool:
    return bool(plan.reader["KIND"] == "SQLReader")


def _searcher(plan: Plan) -> str:
    head = "    KIND: GridSearcher\n"
    if plan.rows >= LARGE:
        head = "    KIND: HalvingSearcher\n    candidates: 6\n"
    return (
        f"{head}    space:\n      learning_rate: [0.03, 0.1]\n      max_leaf_nodes: [4, 12, 31]\n"
    )


def _flow(fields: dict[str, Any]) -> str:
    """Write a component on one line of YAML."""
    parts = [f"{key}: {_scalar(value)}" for key, value in fields.items()]
    return f"{{{', '.join(parts)}}}"


def _scalar(value: Any) -> str:
    plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value)
    words = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
    if plain and value.lower() not in words:
        return str(value)
    quoted: str = yaml.safe_dump(value, default_style='"', allow_unicode=True, width=math.inf)
    return quoted.strip() if isinstance(value, str) else json.dumps(value)


def write_readme(plan: Plan, package: str) -> str:
    """Write data/README.md.

    Args:
        plan: what each column is for.
        package: the name of the package.
    """
    lines = [
        "# Data",
        "",
        f"`{_cell(plan.target.name)}` is predicted from {_count(len(plan.inputs), 'column')} of"
        f" {plan.source}, which `inv data.adopt` put here.",
        "",
        "| file | rows | what it is for |",
        "|---|---|---|",
        f"| `training.parquet` | {plan.rows:,} | training; of these rows {plan.held_out:,} are held"
        f" out, {_how(plan)}, to evaluate by |",
        f"| `inference.parquet` | {plan.inference_rows:,} | rows held out, without their target:"
        " inference predicts them as if they were new |",
        "",
        "| column | type | seen |",
        "|---|---|---|",
        f"| `{_cell(plan.index.name)}` | {plan.index.kind} |"
        f" {'; '.join(['identifies a row', *plan.index.notes])} |",
    ]
    lines += [
        f"| `{_cell(column.name)}` | {column.kind} |"
        f" {'; '.join(map(_cell, filter(None, [describe(column, plan.rows), *column.notes])))} |"
        for column in plan.inputs
    ]
    lines.append(
        f"| `{_cell(plan.target.name)}` | {plan.target.kind} | **target**:"
        f" {_cell(describe(plan.target, plan.rows))} |"
    )
    if plan.shares:
        shares = ", ".join(f"{show(label)} {share:.1%}" for label, share in plan.shares.items())
        lines += ["", f"Labels: {_cell(shares)}."]
    if plan.left_out:
        lines += ["", "## Left out", ""]
        lines += [f"- `{_cell(column.name)}`: {column.left_out}" for column in plan.left_out]
    if plan.leaks:
        lines += ["", "## Possible leakage", ""]
        lines += [f"- {leak}" for leak in plan.leaks]
        lines += ["", "Is it known when the model must predict? If not, adopt again with `--drop`."]
    if plan.notes:
        lines += ["", "## As it was read", "", *(f"- {note}" for note in plan.notes)]
    predict = f"uv run {package} confs/inference.yaml data/source.yaml"
    predict += f" -e job.inputs.path=NEXT{Path(plan.source).suffix}"
    what = "file"
    if _is_database(plan):
        predict = f"DATABASE_URL='…' {predict.partition(' -e ')[0]} -e job.inputs.query='SELECT …'"
        what = "table"
    lines += [
        "",
        "## New rows",
        "",
        f"A later {what} of the same form is predicted as it is: `data/source.yaml` says how to"
        " read it.",
        "",
        "```bash",
        predict,
        "```",
        "",
        "Other files come in the same columns, as the schemas say: in UTF-8, with an",
        "identifier for each row, dates as 2026-01-31, a decimal point, `true` and `false`.",
    ]
    lines += ["", "## Again", "", "```bash", plan.command, "```", ""]
    return "\n".join(lines)


def write_section(plan: Plan) -> str:
    """Write what README.md says of the data."""
    return (
        f"`{_cell(plan.target.name)}` is predicted from {_count(len(plan.inputs), 'column')} of"
        f" {plan.source}: {plan.rows:,} rows,\nof which {plan.held_out:,} are held out,"
        f" {_how(plan)}. [data/README.md](data/README.md)\ntells what each column holds, and"
        " `uv run inv data.adopt` puts other data in its place."
    )


def _how(plan: Plan) -> str:
    if plan.group:
        return f"whole groups of `{plan.group}`"
    if plan.time:
        return f"the last ones by `{plan.time}`"
    return "the same share of each label" if plan.shares else "drawn at random"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("`", "'").replace("\n", " ")
