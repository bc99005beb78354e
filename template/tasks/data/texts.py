"""What an adoption writes for people: schemas, confs and the description of the data."""

import builtins
import json
import keyword
import math
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any, Literal

import pandera.pandas as pa
import yaml

from .columns import KEY, Column, describe, show

MAX_VALUES = 20
"""A text column of more values is open: new ones may come."""
LARGE = 20_000
"""From so many rows on, tuning tries many parameters on few rows first."""

SCHEMAS = '''"""The data of this project: the one module to rewrite for other data.

Each class is a pandera model (https://pandera.readthedocs.io): a column's type and the checks
that its values must pass. The index identifies a row. Readers take these columns and no others,
models are built from them, and the registered model checks them before it predicts.

Written by `inv data.adopt`; what the comments say is what it saw. Correct it where you know more.
"""

from typing import Final, Literal

{imports}import pandera.pandas as pa
import yaml
from pandera.typing.pandas import Index, Series

PROBLEM: Final[Literal["regression", "classification"]] = {problem}
{labels}

class Schema(pa.DataFrameModel):
    """What all tables share: the column that identifies a row."""

    {index}

    class Config:
        """A column that is not declared is an error."""

        strict = True


class Inputs(Schema):
    """What is known of a row when the model predicts."""

{inputs}


class Targets(Schema):
    """What is to be predicted."""

{target}


class Outputs(Schema):
    """{outputs}"""

    prediction: Series[{prediction}] = pa.Field({checks})
{probabilities}'''

TYPES = {"integer": "int", "number": "float", "boolean": "bool", "text": "str"}
NULLABLE = {"integer": "pd.Int64Dtype", "boolean": "pd.BooleanDtype"}


@dataclass
class Plan:
    """What an adoption decided."""

    source: str
    problem: Literal["regression", "classification"]
    target: Column
    index: Column
    inputs: list[Column]
    left_out: list[Column]
    rows: int
    training_rows: int = 0
    test_rows: int = 0
    group: str = ""
    time: str = ""
    shares: dict[Any, float] = field(default_factory=dict)
    """Of each label, where the target is a class."""
    leaks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    command: str = ""

    @property
    def labels(self) -> list[Any]:
        """The values of a target that is a class."""
        return list(self.shares)

    @property
    def positive(self) -> Any:
        """The rarer one of two labels, which is the one that is looked for."""
        return min(self.labels, key=lambda label: self.shares[label])

    @property
    def holdout(self) -> dict[str, Any]:
        """The conf of the splitter that holds rows out."""
        if self.group:
            return {"KIND": "GroupSplitter", "by": self.group, "test_size": 0.2}
        if self.time:
            return {"KIND": "TimeSplitter", "by": self.time, "test_size": 0.2}
        kind = "StratifiedSplitter" if self.problem == "classification" else "RandomSplitter"
        return {"KIND": kind, "test_size": 0.2, "random_state": 0}

    @property
    def folds(self) -> dict[str, Any]:
        """The conf of the splitter for cross-validation."""
        if self.group:
            return {"KIND": "GroupKFoldSplitter", "by": self.group, "folds": 4}
        if self.time:
            return {"KIND": "TimeSeriesSplitter", "by": self.time, "folds": 4}
        stratified = "Stratified" if self.problem == "classification" else ""
        return {"KIND": f"{stratified}KFoldSplitter", "folds": 4}

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The confs of the metrics, the deciding one first."""
        if self.problem == "regression":
            names = ["r2", "mean_absolute_error", "root_mean_squared_error"]
            return [{"KIND": "RegressionMetric", "name": name} for name in names]
        if len(self.labels) == 2:
            names = ["roc_auc", "average_precision", "recall", "precision"]
            return [
                {"KIND": "BinaryMetric", "name": name, "positive": self.positive} for name in names
            ]
        names = ["roc_auc", "balanced_accuracy", "f1", "log_loss"]
        if self.group or self.time:
            # A label may be missing on one side of the split: probabilities cannot be scored.
            names = ["balanced_accuracy", "f1", "accuracy"]
        return [{"KIND": "MulticlassMetric", "name": name} for name in names]

    @property
    def threshold(self) -> dict[str, Any]:
        """What a model that has learned nothing does not reach."""
        metric = self.metrics[0]["name"]
        chance = {"r2": 0.0, "roc_auc": 0.5}
        return {
            "metric": metric,
            "at_least": chance.get(metric, round(1 / len(self.labels or [0]), 3)),
        }


def identifiers(names: list[str]) -> dict[str, str]:
    """Give each column a name that Python takes, its own where possible.

    Args:
        names: all columns, the index and the target too.
    """
    taken = {*dir(pa.DataFrameModel), *dir(builtins), "pa", "pd", "Series", "Index", "Final"}
    found: dict[str, str] = {}
    for name in sorted(names, key=lambda name: not name.isidentifier()):
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        plain = re.sub(r"\W+", "_", plain).strip("_")
        if name.isidentifier() and name.isascii() and not name.startswith("_"):
            base = name
        else:
            base = plain.lower() or "column"
        if base[0].isdigit():
            base = f"column_{base}"
        if keyword.iskeyword(base) or base in {*dir(pa.DataFrameModel), "pa", "pd"}:
            base = f"{base}_"
        unique, number = base, 2
        while unique in found.values() or unique in taken - {base}:
            unique, number = f"{base}_{number}", number + 1
        found[name] = unique
    return found


def write_schemas(plan: Plan) -> str:
    """Write schemas.py; the formatter has the last word."""
    columns = [plan.index, *plan.inputs, plan.target]
    names = identifiers([column.name for column in columns])
    classes = plan.problem == "classification"
    index = plan.index
    index_checks = ["check_name=True"]
    if index.kind == "integer" and index.low >= 0:
        index_checks.append("ge=0")
    checks = "isin=LABELS"
    if not classes:
        checks = f"description={f'the {plan.target.name} to expect'!r}"
    text = SCHEMAS.format(
        imports="",
        problem=repr(plan.problem),
        labels=f"LABELS: Final = {plan.labels!r}\n" if classes else "",
        index=(
            f"{names[index.name]}: Index[{TYPES[index.kind]}] ="
            f" pa.Field({', '.join([*_alias(index, names), *index_checks])})"
        ),
        inputs="\n".join(_field(column, plan, names) for column in plan.inputs),
        target=_field(plan.target, plan, names),
        outputs=(
            "What the model says of each row: a label, and how likely it finds each label."
            if classes
            else "What the model says of each row."
        ),
        prediction=TYPES[plan.target.kind] if classes else "float",
        checks=checks,
        probabilities=(
            '    probabilities: Series[float] = pa.Field(alias="probability_.+", regex=True, ge=0,'
            " le=1)\n"
            if classes
            else ""
        ),
    )
    return (
        text.replace("import pandera", "import pandas as pd\nimport pandera", 1)
        if ("pd." in text)
        else text
    )


def _field(column: Column, plan: Plan, names: dict[str, str]) -> str:
    is_target = column is plan.target
    dtype = "pd.Timestamp" if column.kind == "time" else TYPES[column.kind]
    checks = _alias(column, names)
    if is_target and plan.problem == "classification":
        checks.append("isin=LABELS")
    else:
        checks += _checks(column, is_target=is_target)
    if column.missing and not is_target:
        dtype = NULLABLE.get(column.kind, dtype)
        checks.append("nullable=True")
    if column.name == plan.group:
        checks.append('metadata={"feature": False}')
    seen = [_seen(column, plan), *column.notes]
    comments = "".join(f"    # {line}\n" for line in seen if line)
    value = f" = pa.Field({', '.join(checks)})" if checks else ""
    return f"{comments}    {names[column.name]}: Series[{dtype}]{value}"


def _seen(column: Column, plan: Plan) -> str:
    """Say of a column what its checks do not."""
    if column is plan.target and plan.shares:
        few = len(plan.shares) <= 5
        return ", ".join(f"{show(label)} {share:.1%}" for label, share in plan.shares.items()) * few
    seen = describe(column, plan.rows)
    listed = column.kind == "text" and _checks(column, is_target=False)
    return seen.partition(", ")[2] if listed else seen


def _alias(column: Column, names: dict[str, str]) -> list[str]:
    return [] if names[column.name] == column.name else [f"alias={column.name!r}"]


def _checks(column: Column, *, is_target: bool) -> list[str]:
    if column.kind in ("integer", "number"):
        if column.kind == "integer" and column.values == [0, 1]:
            return ["isin=[0, 1]"]
        if column.kind == "integer" and 1900 <= column.low <= column.high <= 2100:
            return ["ge=1900", "le=2100"]  # years go on
        if KEY.search(column.name) and column.kind == "integer" and column.low >= 0:
            return ["ge=0"]  # so do the numbers of people and things
        low, high = slack(column.low, column.high)
        # What is to be predicted may well go where it has never been.
        return [f"ge={low}"] * (not is_target or low == 0) + [f"le={high}"] * (not is_target)
    if column.kind == "text" and column.values and len(column.values) <= MAX_VALUES:
        return [f"isin={column.values!r}"]
    return []


def slack(low: float, high: float) -> tuple[float, float]:
    """Widen a range by half its width on each side, to round numbers.

    What is never negative keeps 0 as its end, and a share 1.
    """
    width = high - low or abs(high) or 1.0
    step = 10.0 ** math.floor(math.log10(width))
    digits = max(0, -math.floor(math.log10(step)))
    least: float = round(math.floor((low - width / 2) / step) * step, digits)
    most: float = round(math.ceil((high + width / 2) / step) * step, digits)
    if low >= 0:
        least = 0
    if least == 0 and 0 < high <= 1 and isinstance(high, float):
        most = 1
    return tuple(int(end) if end == int(end) else end for end in (least, most))  # type: ignore[return-value]


def write_confs(plan: Plan) -> dict[str, str]:
    """Write the confs that depend on the data, by their paths."""
    training = "{KIND: ParquetReader, path: data/training.parquet}"
    test = "{KIND: ParquetReader, path: data/test.parquet}"
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
            f"job:\n  KIND: InferenceJob\n  inputs: {test}\n"
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
            f"job:\n  KIND: MonitoringJob\n  inputs: {test}\n"
            "  outputs: {KIND: ParquetReader, path: outputs/predictions.parquet}\n"
            "  tests:\n    - {KIND: PSITest}\n    - {KIND: KSTest}\n    - {KIND: ChiSquaredTest}\n"
            "  report: outputs/monitoring.html\n"
        ),
    }
    return {f"confs/{name}.yaml": text for name, text in confs.items()}


def _searcher(plan: Plan) -> str:
    head = "    KIND: GridSearcher\n"
    if plan.training_rows >= LARGE:
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


def write_readme(plan: Plan) -> str:
    """Write data/README.md."""
    lines = [
        "# Data",
        "",
        f"`{_cell(plan.target.name)}` is predicted from {_count(len(plan.inputs), 'column')} of"
        f" {plan.source}, which `inv data.adopt` put here.",
        "",
        "| file | rows | what it is for |",
        "|---|---|---|",
        f"| `training.parquet` | {plan.training_rows:,} | tuning, training and evaluation |",
        f"| `test.parquet` | {plan.test_rows:,} | held out first, {_how(plan)}: inference predicts"
        " these rows as if they were new |",
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
    lines += ["", "## Again", "", "```bash", plan.command, "```", ""]
    return "\n".join(lines)


def write_section(plan: Plan) -> str:
    """Write what README.md says of the data."""
    return (
        f"`{_cell(plan.target.name)}` is predicted from {_count(len(plan.inputs), 'column')} of"
        f" {plan.source}: {plan.rows:,} rows,\nof which {plan.test_rows:,} are held out,"
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
