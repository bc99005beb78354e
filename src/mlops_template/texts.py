"""The texts of confs and of the description of the data."""

import math
import re
from pathlib import Path
from typing import Any

import yaml

from .columns import describe, show
from .files import hide_secrets
from .plan import Plan

DATA = """\
# What the jobs share: the tables that they read, the rows that are held out, and what models are
# judged by (the first metric decides). The other confs include this one, and may say otherwise.
# The threshold is what a model gets that has learned nothing: raise it to what its use needs.
"""


class _Dumper(yaml.SafeDumper):
    """Writes YAML as people do."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent the items of a list."""
        super().increase_indent(flow, False)

    def represent_sequence(
        self, tag: str, sequence: Any, flow_style: bool | None = None
    ) -> yaml.SequenceNode:
        """Write a list on one line, if it holds nothing but values."""
        node = super().represent_sequence(tag, sequence, flow_style)
        node.flow_style = all(isinstance(item, yaml.ScalarNode) for item in node.value)
        return node

    def represent_mapping(
        self, tag: str, mapping: Any, flow_style: bool | None = None
    ) -> yaml.MappingNode:
        """Write a mapping on one line, if it holds nothing but values."""
        node = super().represent_mapping(tag, mapping, flow_style)
        node.flow_style = all(isinstance(value, yaml.ScalarNode) for _, value in node.value)
        return node

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """Quote what some reader of YAML could take for a number, a date or a truth value."""
        words = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
        plain = re.fullmatch(r"[A-Za-z_][\w./-]*", text, re.ASCII) and text.lower() not in words
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Dumper.add_representer(str, _Dumper.represent_text)


def to_yaml(conf: dict[str, Any]) -> str:
    """Write a conf, each component on a line of its own."""
    return yaml.dump(
        conf,
        Dumper=_Dumper,
        allow_unicode=True,
        default_flow_style=None,
        sort_keys=False,
        width=math.inf,
    )


def literal(value: Any) -> Any:
    """Keep what comes from data as it is: in a conf, ``${...}`` names another part of it."""
    if isinstance(value, dict):
        return {key: literal(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [literal(inner) for inner in value]
    if isinstance(value, str):
        return re.sub(r"(\\*)\$\{", r"\1\1\\${", value)
    return value


def write_data(plan: Plan) -> str:
    """Write confs/data.yaml, which says what depends on the data."""
    reader = literal(plan.reader)
    if is_database(plan):
        reader["url"] = plan.reader["url"]
    else:
        reader["path"] = literal(plan.table)
    shared = {
        "splitter": plan.holdout,
        "folds": plan.folds,
        "metrics": plan.metrics,
        "thresholds": [plan.threshold],
    }
    # What is read for inference differs in the path alone.
    text = to_yaml({"data": {"training": reader, **literal(shared)}})
    inference = "*table"
    if not is_database(plan):
        sample = to_yaml(literal({"path": plan.sample})).strip("{}\n")
        inference = f"{{<<: *table, {sample}}}"
    text = text.replace("training:", "training: &table", 1)
    return DATA + text.replace("  splitter:", f"  inference: {inference}\n  splitter:", 1)


def is_database(plan: Plan) -> bool:
    """Say whether the table is what a database answers."""
    return bool(plan.reader["KIND"] == "SQLReader")


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
        f" {plan.source}, which `inv data.adopt` {'put here' if plan.is_copy else 'looked into'}.",
        "",
        "| file | rows | what it is for |",
        "|---|---|---|",
        *_files(plan),
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
    predict = f"uv run {package} confs/inference.yaml -e job.inputs.path=NEXT"
    predict += Path(plan.sample).suffix
    what = "file"
    if is_database(plan):
        predict = f"DATABASE_URL='…' {predict.partition(' -e ')[0]} -e job.inputs.query='SELECT …'"
        what = "table"
    lines += [
        "",
        "## New rows",
        "",
        f"A later {what} of the same form is predicted as it is: `confs/data.yaml` says how to read"
        " it.",
        "",
        "```bash",
        predict,
        "```",
        "",
    ]
    lines += ["", "## Again", "", "```bash", plan.command, "```", ""]
    return "\n".join(lines)


def _files(plan: Plan) -> list[str]:
    """Write the rows of the table of files."""
    held_out = f"of these rows {plan.held_out:,} are held out, {_how(plan)}, to evaluate by"
    if is_database(plan):
        return [f"| what the database answers | {plan.rows:,} | training; {held_out} |"]
    table = f"| `{_cell(hide_secrets(plan.table))}` | {plan.rows:,} | training; {held_out}"
    sample = f"| `{_cell(hide_secrets(plan.sample))}` |"
    if plan.grows:
        return [
            f"{table}. A file that comes to it is learned from as well |",
            f"{sample} | inference, until another is named |",
        ]
    if plan.sample == plan.table:
        return [f"{table}; inference, until another is named |"]
    return [
        f"{table} |",
        f"{sample} {plan.inference_rows:,} | rows held out, without their target: inference"
        " predicts them as if they were new, until another file is named |",
    ]


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
