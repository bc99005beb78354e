"""Make the sample data of the rendered projects from the data sets that scikit-learn ships.

The files under `template/data` are what `render` returns, byte for byte; run this module to write
them again.
"""

from pathlib import Path
from typing import Final

import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import train_test_split

PROBLEMS: Final = ("regression", "classification")
DATA: Final = Path(__file__).parents[1] / "template" / "data"

# What the documentation of the data set says of the columns that it names by letters.
DIABETES: Final = {
    "bp": "blood_pressure",
    "s1": "total_cholesterol",
    "s2": "ldl",
    "s3": "hdl",
    "s4": "cholesterol_ratio",
    "s5": "log_triglycerides",
    "s6": "glucose",
}


def path(problem: str, name: str) -> Path:
    """Return where the template keeps a file that only one problem renders."""
    return DATA / f"{{% if problem == '{problem}' %}}{name}{{% endif %}}"


def render(problem: str) -> dict[str, str]:
    """Return the text of each sample file of a problem by its name in the rendered project."""
    frame, target = {"regression": diabetes, "classification": breast_cancer}[problem]()
    frame.index.name = "id"  # the row of the original data set, so that any value can be traced
    training, inference = train_test_split(frame, test_size=0.2, random_state=0)
    return {
        "training.csv": training.sort_index().to_csv(lineterminator="\n"),
        "inference.csv": inference.drop(columns=target).sort_index().to_csv(lineterminator="\n"),
    }


def diabetes() -> tuple[pd.DataFrame, str]:
    """Return the diabetes data in their original units, and the name of their target."""
    target = "progression"
    names = {
        "bp": "blood_pressure",
        "s1": "total_cholesterol",
        "s2": "ldl",
        "s3": "hdl",
        "s4": "cholesterol_ratio",
        "s5": "log_triglycerides",
        "s6": "glucose",
        "target": target,
    }
    frame = load_diabetes(as_frame=True, scaled=False).frame.rename(columns=names)
    # A column of whole numbers is one in both files; the target is a measure, thus a float.
    whole = [name for name in frame if name != target and (frame[name] % 1 == 0).all()]
    return frame.astype(dict.fromkeys(whole, "int64")), target


def breast_cancer() -> tuple[pd.DataFrame, str]:
    """Return the breast cancer data with classes by name, and the name of their target."""
    target = "diagnosis"
    bunch = load_breast_cancer(as_frame=True)
    frame = bunch.frame.rename(columns=lambda name: name.replace(" ", "_"))
    classes = dict(enumerate(bunch.target_names))
    return frame.drop(columns="target").assign(**{target: frame["target"].map(classes)}), target


if __name__ == "__main__":
    for problem in PROBLEMS:
        for name, text in render(problem).items():
            path(problem, name).write_text(text, encoding="utf-8", newline="\n")
