"""What an adoption decided: which column is what, and how rows are split and scored."""

from dataclasses import dataclass, field
from typing import Any, Literal

from .columns import Column


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
    held_out: int = 0
    """How many rows the splitter holds out."""
    inference_rows: int = 0
    table: str = ""
    """The path that training reads; none of a database."""
    sample: str = ""
    """The path that inference reads until another is named."""
    grows: bool = False
    """Whether the table is a folder or a pattern of files, to which others come."""
    is_copy: bool = False
    """Whether the table is a copy in the project."""
    group: str = ""
    time: str = ""
    shares: dict[Any, float] = field(default_factory=dict)
    """Of each label, where the target is a class."""
    leaks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    reader: dict[str, Any] = field(default_factory=dict)
    """The conf of what reads later tables of the source's form."""
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
        """What a model gets by the deciding metric that has learned nothing."""
        metric = self.metrics[0]["name"]
        if metric == "balanced_accuracy":
            return {"metric": metric, "at_least": round(1 / len(self.labels), 3)}
        return {"metric": metric, "at_least": 0.0 if metric == "r2" else 0.5}
