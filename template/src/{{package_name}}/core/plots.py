"""Plots for the reports; each returns a figure, and nothing is shown or saved here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.figure import Figure

    from .models import Problem

MAX_LETTERS = 24
"""Longer labels would leave no room for the plot."""

MAX_POINTS = 2_000
"""More points than this only blacken a plot: a sample of them is drawn."""


MAX_CLASSES = 30
"""More classes than this make no figure that can be read: a report lists the worst of them."""


def plot_predictions(
    targets: pd.Series[Any], outputs: pd.DataFrame, problem: Problem
) -> dict[str, Figure]:
    """Plot predictions beside the truth.

    Args:
        targets: the n true values.
        outputs: n rows, as ``models.predict`` gives them.
        problem: what the targets are.

    Returns:
        Figures by name: predictions and errors of a regression, the confusion matrix and the
        ROC curves of a classification; none where there are more than ``MAX_CLASSES``.
    """
    if problem == "regression":
        return {
            "predictions": _scatter(targets, outputs["prediction"]),
            "errors": _errors(targets, outputs["prediction"]),
        }
    if len({*targets.unique(), *outputs["prediction"].unique()}) > MAX_CLASSES:
        return {}
    return {"confusion": _confusion(targets, outputs), "roc": _roc(targets, outputs)}


def plot_importances(importances: pd.Series[float], label: str) -> Figure:
    """Plot the importances of columns, the greatest on top.

    Args:
        importances: one for each column.
        label: what they measure.
    """
    top = importances.sort_values().tail(20)
    figure, axes = _figure(height=1 + 0.25 * len(top))
    axes.barh([_label(name) for name in top.index], top)
    axes.set_xlabel(label)
    return figure


def plot_distributions(
    reference: pd.DataFrame, live: pd.DataFrame, columns: Sequence[str]
) -> dict[str, Figure]:
    """Plot how columns are distributed in two tables.

    Returns:
        One figure for each column, by its name.
    """
    return {name: _distributions(reference[name], live[name]) for name in columns}


def _label(value: object) -> str:
    """Write a value so that it fits beside a plot; a dollar sign begins no formula."""
    text = str(value)
    text = text if len(text) <= MAX_LETTERS else f"{text[: MAX_LETTERS - 1]}…"
    return text.replace("$", r"\$")


def _figure(height: float = 3.5, width: float = 5) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _scatter(targets: pd.Series[Any], predictions: pd.Series[Any]) -> Figure:
    chosen = targets.sample(min(MAX_POINTS, len(targets)), random_state=0).index
    figure, axes = _figure()
    axes.scatter(predictions[chosen], targets[chosen], s=12, alpha=0.6)
    ends = [float(targets.min()), float(targets.max())]
    axes.plot(ends, ends, color="grey", linewidth=1)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    return figure


def _errors(targets: pd.Series[Any], predictions: pd.Series[Any]) -> Figure:
    figure, axes = _figure()
    axes.hist(predictions - targets, bins=30)
    axes.axvline(0, color="grey", linewidth=1)
    axes.set_xlabel("predicted - true")
    axes.set_ylabel("rows")
    return figure


def _confusion(targets: pd.Series[Any], outputs: pd.DataFrame) -> Figure:
    from sklearn.metrics import ConfusionMatrixDisplay

    labels = sorted({*targets.unique(), *outputs["prediction"].unique()})
    names = [_label(label) for label in labels]
    room = 0.08 * max(map(len, names)) + 0.4 * len(names)
    figure, axes = _figure(height=max(3.5, 1.5 + room), width=max(5, 2 + room))
    ConfusionMatrixDisplay.from_predictions(
        targets,
        outputs["prediction"],
        labels=labels,
        display_labels=names,
        xticks_rotation="vertical" if max(map(len, names)) > 8 else "horizontal",
        ax=axes,
        cmap="Blues",
        colorbar=False,
    )
    return figure


def _roc(targets: pd.Series[Any], outputs: pd.DataFrame) -> Figure:
    from sklearn.metrics import RocCurveDisplay

    figure, axes = _figure()
    for name in outputs:
        label = str(name).removeprefix("probability_")
        truth = targets.astype(str) == label
        if label != name and 0 < truth.sum() < len(truth):
            RocCurveDisplay.from_predictions(truth, outputs[name], name=_label(label), ax=axes)
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axes.set_xlabel("false positive rate")
    axes.set_ylabel("true positive rate")
    return figure


def _distributions(reference: pd.Series[Any], live: pd.Series[Any]) -> Figure:
    import numpy as np
    import pandas as pd

    figure, axes = _figure(height=2.5)
    names = ["training", "live"]
    types = pd.api.types
    is_time = types.is_datetime64_any_dtype(reference.dtype)
    if is_time or (types.is_numeric_dtype(reference.dtype) and reference.dtype != "bool"):
        dtype = "datetime64[us]" if is_time else "float64"
        both = [part.dropna().to_numpy(dtype=dtype) for part in (reference, live)]
        weights = [np.full(len(part), 1 / max(len(part), 1)) for part in both]
        # Outlines are drawn in a fraction of the time of bars, and one shows through the other.
        axes.hist(both, bins=20, weights=weights, label=names, histtype="stepfilled", alpha=0.5)
    else:
        shares = pd.concat(
            [part.astype("str").value_counts(normalize=True) for part in (reference, live)], axis=1
        ).fillna(0.0)
        places = np.arange(min(len(shares), 20))
        for offset, column, name in ((-0.2, 0, names[0]), (0.2, 1, names[1])):
            axes.bar(places + offset, shares.iloc[: len(places), column], width=0.4, label=name)
        names = [_label(label) for label in shares.index[: len(places)]]
        axes.set_xticks(places, names, rotation=45)
    axes.set_title(_label(reference.name), loc="left")
    axes.set_ylabel("share of rows")
    axes.legend(frameon=False)
    return figure
