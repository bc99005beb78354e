"""Rendered projects that adopt data: real tables in every format, and what must be refused."""

import contextlib
import itertools
import json
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pytest
import yaml
from datasets import BIKES, DATASETS, Dataset, Options, write_csv, write_database, write_parts
from harness import PYTHONS_AT_HAND, ROOT, TIMEOUT, Template, Workspace, environment, run
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from releases import TREE, History
from servers import serve_database
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import r2_score

pytestmark = pytest.mark.full

SCRIPTS: Final = ROOT / "tests" / "scripts"
BY_NAME: Final = {dataset.name: dataset for dataset in DATASETS}
PROVEN: Final = ["penguins"]
"""With classes, text and missing values: all checks run on it; each night, they run on all."""
NIGHTLY: Final = ["defaults", "juices", "salaries"]
"""Too much for each push: what these have, others have too."""
ENOUGH: Final = 0.95
"""Of the score of skrub's pipeline; the rows held out, often some sixty, do not tell less apart."""
RENDERED: Final = "rendered"
"""The tag of the first commit."""
NO_PROOF: Final = "--no-prove"
NEXT: Final = "v1001.0.0"
"""The tag of a version to come."""
SENTENCE: Final = re.compile(r"error: [^\n]+[.?!]\n")


@dataclass(frozen=True)
class Adopter(Workspace):
    """A project that adopts one table after another; its environment stays."""

    variables: dict[str, str] = field(default_factory=dict)
    """What the jobs find in the environment."""

    def run(self, *command: str | Path, code: int = 0, **variables: str) -> str:
        """Run a command in the project's folder; see `run`."""
        return super().run(*command, code=code, **{**self.variables, **variables})

    def reset(self) -> None:
        """Go back to the project as it was rendered, without runs and outputs."""
        self.variables.clear()
        self.run("git", "reset", "--quiet", "--hard", RENDERED)
        self.run("git", "clean", "-ffdxq", "--exclude=.venv", "--exclude=.mypy_cache")

    def adopt(self, *options: str, code: int = 0) -> str:
        """Adopt data, and return what was said on stdout and stderr."""
        said = self.uv("inv", "data.adopt", *options, code=code)
        if database := next((option for option in options if option.startswith("sqlite:")), ""):
            self.variables["DATABASE_URL"] = database
        assert "Traceback" not in said
        return said

    def attempt(self, *options: str) -> "subprocess.CompletedProcess[str]":
        """Try to adopt data; what is no success leaves no file changed."""
        before = self.state()
        outcome = self.start(*options)
        if outcome.returncode:
            assert SENTENCE.fullmatch(outcome.stderr), outcome.stderr
            assert self.state() == before, "a refusal changes files"
        return outcome

    def start(
        self, *options: str, stdin: int = subprocess.DEVNULL
    ) -> "subprocess.CompletedProcess[str]":
        """Start to adopt data; see `subprocess.run`."""
        return subprocess.run(
            ["uv", "run", "--quiet", "inv", "data.adopt", *options],
            cwd=self.path,
            env={**environment(), "UV_PYTHON": self.python},
            stdin=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )

    def state(self) -> str:
        """Digest the files that git does not ignore."""
        self.run("git", "add", "--all")
        tree = self.run("git", "write-tree").strip()
        self.run("git", "reset", "--quiet")
        return tree

    def read_again(self, source: str) -> None:
        """Read the source as the jobs do; see scripts/reads.py."""
        script = SCRIPTS / "reads.py"
        self.uv("python", script, self.package, source, code=0, DATABASE_URL=source)

    def rivals(self) -> dict[str, Any]:
        """Score the champion beside skrub and a dummy; see scripts/rivals.py."""
        said = self.uv("--with=skrub", "python", SCRIPTS / "rivals.py", self.package)
        found: dict[str, Any] = json.loads(said.splitlines()[-1])
        return found

    def table(self, conf: str = "training") -> pd.DataFrame:
        """Read what a job does: the rows to learn from, or, for inference, those to predict."""
        place = self.path / "outputs" / "table.parquet"
        place.parent.mkdir(exist_ok=True)
        self.uv("python", SCRIPTS / "table.py", self.package, conf, place)
        return pd.read_parquet(place)


def answers() -> dict[str, str]:
    """Answer the questions."""
    return {"python_version": next(iter(PYTHONS_AT_HAND), ""), "package_name": "adopts"}


@pytest.fixture(scope="session")
def installed(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Adopter:
    """A project, rendered and installed once for all tests that one worker runs."""
    folder = tmp_path_factory.mktemp("adopts")
    project = Adopter(template.copy(folder / "project", answers()).path)
    project.install()
    project.run("git", "tag", RENDERED)
    return project


@pytest.fixture
def project(installed: Adopter) -> Adopter:
    """The project as it was rendered."""
    installed.reset()
    return installed


def test_tool(project: Adopter) -> None:
    """The tool's own tests need the libraries of a project, and its modules."""
    tests = ROOT / "tests" / "tool"
    options = ["-c", "pyproject.toml", "--rootdir=.", f"--confcutdir={tests}", "--quiet"]
    project.uv("--with-editable", ROOT, "python", "-m", "pytest", *options, tests)


def find_dataset(name: str) -> Dataset:
    """Find a data set by its name, or skip the test of it."""
    if name == "bikes" and not BIKES.is_file():
        pytest.skip(f"there is no {BIKES}")
    if name in NIGHTLY and not is_nightly():
        pytest.skip("nightly")
    return BY_NAME[name]


def is_nightly() -> bool:
    """Tell whether there is time for everything."""
    return settings.get_current_profile_name() == "nightly"


@pytest.mark.parametrize("name", BY_NAME)
def test_dataset(name: str, project: Adopter, tmp_path: Path) -> None:
    """Adopted in one command, it is trained on to a champion that need not hide from skrub."""
    dataset = find_dataset(name)
    is_proven = name in PROVEN or is_nightly()
    options = dataset.place(tmp_path)
    said = project.adopt(*options, *([] if is_proven else [NO_PROOF]))
    check_written(project, dataset)
    project.commit("feat: adopt data")
    project.read_again(options[1])
    if is_proven:
        assert "Version 1 is the champion" in said
    else:
        said = project.uv("inv", "projects")
        assert "Version 1 is the champion" in said
        assert "Traceback" not in said
    project.uv("inv", "formats")
    project.check_unchanged()
    rivals = project.rivals()
    assert not set(rivals.pop("columns")) & {dataset.target, *dataset.drop.split(",")}
    # Of a hundred groups, chance holds out twelve or twenty-eight once in twenty times.
    tolerance = 0.1 if dataset.group else 0.05
    assert rivals["rows"] / len(project.table()) == pytest.approx(0.2, abs=tolerance)
    check_scores(rivals)
    if is_proven:
        check_proof(project, rivals, said)
        profile = project.path.joinpath("outputs", "profile.html").read_text("utf-8")
        assert dataset.target in profile


def check_written(project: Adopter, dataset: Dataset) -> None:
    """No row is lost, a sample is left to predict, and nothing is left of the project's own."""
    frame = dataset.load()
    files = {path.name for path in project.path.joinpath("data").iterdir()}
    if dataset.write is write_parts:
        # A folder of files is read where it is.
        assert len(project.table()) == len(frame)
        assert files == {"README.md", "adoption.json"}
        return
    table, sample = project.table(), project.table("inference")
    assert len(table) == frame[dataset.target].notna().sum()
    assert table[dataset.target].notna().all()
    assert list(sample) == [name for name in table if name != dataset.target]
    assert sample[sample.columns[0]].isin(table[table.columns[0]]).all()
    assert not set(table) & set(dataset.drop.split(","))
    if dataset.index:
        assert table[dataset.index].is_unique
    copies = files - {"README.md", "adoption.json"}
    assert len(copies) == (0 if dataset.write is write_database else 2)
    manifest = project.path.joinpath("data", "adoption.json").read_text("utf-8")
    assert str(project.path) not in manifest
    # The other confs say nothing of the data.
    listed = json.loads(manifest)["files"]
    assert [name for name in listed if name.startswith("confs/")] == ["confs/data.yaml"]
    shared = yaml.safe_load(project.path.joinpath("confs", "data.yaml").read_text("utf-8"))
    paths = {shared["data"][name].get("path") for name in ("training", "inference")}
    assert {f"data/{name}" for name in copies} == paths - {None}
    confs = project.run("git", "diff", "--name-only", "HEAD", "--", "confs").split()
    assert confs == ["confs/data.yaml"]
    assert "src/*/core/schemas.py" in listed
    assert dataset.target in project.path.joinpath("README.md").read_text("utf-8")
    assert dataset.target in project.path.joinpath("data", "README.md").read_text("utf-8")


def check_scores(rivals: dict[str, Any]) -> None:
    """The champion beats the dummy, and is nearly as good as skrub's pipeline or better."""
    champion, skrub, dummy = (rivals["scores"][name] for name in ("champion", "skrub", "dummy"))
    print(json.dumps(rivals))  # noqa: T201 - for -s and reports of failures
    if rivals["greater_is_better"]:
        assert champion > dummy
        assert champion >= (ENOUGH * skrub if skrub > 0 else skrub), rivals
    else:
        assert champion < dummy
        assert champion <= skrub / ENOUGH, rivals


def check_proof(project: Adopter, rivals: dict[str, Any], said: str) -> None:
    """What the command proved is so."""
    proof = json.loads(project.path.joinpath("outputs", "adoption.json").read_text("utf-8"))
    scores, proven = rivals.pop("scores"), proof.pop("scores")
    low, high = proof.pop("ahead")
    assert low <= abs(proven["champion"] - proven["skrub"]) + 1e-9
    assert low <= high
    assert proof == rivals
    assert proven["champion"] == pytest.approx(scores["champion"])
    assert proven["dummy"] == pytest.approx(scores["dummy"])
    assert proven["skrub"] == pytest.approx(scores["skrub"], rel=0.02)
    assert {f"{score:.4g}" in said for score in proven.values()} == {True}


def test_formats_say_the_same(project: Adopter, tmp_path: Path) -> None:
    """Whatever kind of file a table comes in, it becomes the same schemas."""
    table = BY_NAME["wines"].load().astype({"grower": str})
    schemas = project.path / "src" / project.package / "core" / "schemas.py"
    found = {}
    for write in {dataset.write for dataset in DATASETS}:
        project.reset()
        folder = tmp_path / write.__name__
        folder.mkdir()
        project.adopt(*write(table, folder / "wines"), "--target=grower", NO_PROOF)
        lines = schemas.read_text("utf-8").splitlines()
        fields = [line for line in lines if re.search(r"Series\[|Index\[|LABELS", line)]
        found[write.__name__] = (fields, len(project.table()))
    [first, *others] = found.values()
    assert all(other == first for other in others), found


def test_over_another(project: Adopter, tmp_path: Path) -> None:
    """A second table leaves nothing of the first, and git leaves nothing of either."""
    chile, wines = (BY_NAME[name].place(tmp_path) for name in ("chile", "wines"))
    before = project.state()
    project.adopt(*wines, NO_PROOF)
    expected = project.state()
    project.reset()
    project.adopt(*chile, NO_PROOF)
    assert project.state() not in (before, expected)
    project.adopt(*wines, NO_PROOF)
    assert project.state() == expected
    project.adopt(*wines, NO_PROOF)
    assert project.state() == expected, "adopting the same again changes files"
    project.run("git", "reset", "--quiet", "--hard")
    project.run("git", "clean", "-fdq")
    assert project.state() == before
    said = project.uv("inv", "projects.run", "training")
    assert '"version": 1' in said


def test_question_on_a_terminal(project: Adopter, tmp_path: Path) -> None:
    """What was edited is merged after a yes, and after nothing else."""
    wines = BY_NAME["wines"].place(tmp_path)
    project.adopt(*wines, NO_PROOF, "--drop=hue")
    for path in ("README.md", "src/adopts/core/schemas.py"):
        with project.path.joinpath(path).open("a", encoding="utf-8") as file:
            file.write("# mine\n")
    edited = project.state()
    for answer, code in (("", 2), ("y", 0)):
        ours, theirs = os.openpty()
        os.write(ours, f"{answer}\n".encode())
        outcome = project.start(*wines, NO_PROOF, stdin=theirs)
        os.close(theirs)
        os.close(ours)
        assert "Merge src/adopts/core/schemas.py so? [y/N]" in outcome.stdout
        assert outcome.returncode == code, outcome.stderr
        assert ("Nothing is changed." in outcome.stderr) == bool(code)
        assert (project.state() == edited) == bool(code)
    now = project.path.joinpath("src/adopts/core/schemas.py").read_text("utf-8")
    assert "hue" in now
    assert now.endswith("# mine\n")


def test_champion_travels(project: Adopter, tmp_path: Path) -> None:
    """The model of adopted data predicts the same where only its own requirements are."""
    project.adopt(*BY_NAME["penguins"].place(tmp_path), NO_PROOF)
    project.uv("inv", "projects")
    uri = f"models:/{project.package}@champion"
    database = f"sqlite:///{project.path / 'mlflow.db'}"
    python = project.make_client(uri, tmp_path)
    project.table("inference").to_parquet(tmp_path / "inference.parquet", index=False)
    shutil.copy(project.path / "outputs/predictions.parquet", tmp_path)
    said = run(
        python, SCRIPTS / "traveller.py", uri, project.package,
        cwd=tmp_path, MLFLOW_TRACKING_URI=database,
    )  # fmt: skip
    assert json.loads(said.splitlines()[-1]) == {"same": True, "missing_column": "MlflowException"}


def test_what_is_said(project: Adopter, tmp_path: Path) -> None:
    """Awkward names, columns of no use and a leak, in one table whose chain runs all the same."""
    random = np.random.default_rng(0)
    rows = 400
    price = random.uniform(1, 99, rows).round(2)
    table = pd.DataFrame(
        {
            "Unit Price (€)": price,
            "class": random.choice(["a", "b c", "d'e\"f"], rows),
            "2019": random.integers(0, 9, rows),
            "2020": random.normal(size=rows),
            "validate": random.choice(["yes", "no"], rows),
            "Config": random.random(rows) < 0.5,
            "unit_price": random.choice([1.5, 2.5, np.nan], rows),
            "unit price": random.integers(0, 2, rows),
            " padded ": random.normal(size=rows),
            "ключ\u200b": random.normal(size=rows),
            "row_hash": [f"{value:032x}" for value in random.permutation(rows)],
            "country": "CH",
            "comment": None,
            "gross": price * 1.077 * 3,
        }
    )
    table["net sum"] = price * 3 + table["2019"] + random.normal(0, 3, rows)
    table["gross"] = table["net sum"] * 1.077
    said = project.adopt(*write_csv(table, tmp_path / "odd"), "--target=net sum", NO_PROOF)
    for name in ("Unit Price (€)", "class", "2019", "validate", "Config"):
        assert name in said, f"{name} has another name in schemas.py"
    assert re.search(r"country.*constant|constant.*country", said)
    assert re.search(r"comment.*(empty|missing)|(empty|missing).*comment", said)
    assert re.search(r"row_hash.*identif|identif.*row_hash", said)
    assert re.search(r"possible leakage.*gross.*\d|gross.*possible leakage.*\d", said)
    project.commit("feat: adopt data")
    assert "Version 1 is the champion" in project.uv("inv", "projects")
    project.uv("inv", "formats")
    project.uv("inv", "checks.code", "checks.type")
    project.uv("pytest", "tests/core", "tests/jobs")
    project.check_unchanged()
    rivals = project.rivals()
    assert not {"row_hash", "country", "comment"} & set(rivals["columns"])
    check_scores(rivals)


def test_next_month_is_unlike_this_one(project: Adopter, tmp_path: Path) -> None:
    """What adoption saw of each kind of column warns; what it knows refuses."""
    random = np.random.default_rng(0)
    rows = 400
    table = pd.DataFrame(
        {
            "payment": random.choice(["card", "cash"], rows),
            "member": random.choice([True, False], rows),
            "senior": random.choice([0, 1], rows),
            "visits": random.integers(1, 40, rows),
            "spent": random.normal(50, 9, rows).round(2),
            "since": pd.date_range("2025-01-01", periods=rows).strftime("%Y-%m-%d"),
        }
    )
    table["bill"] = table["visits"] * 3 + table["spent"] + random.normal(0, 3, rows)
    project.adopt(*write_csv(table, tmp_path / "visits"), "--target=bill", NO_PROOF)
    project.uv("inv", "projects")
    inputs = table.drop(columns="bill")
    cells: list[tuple[str, Any]] = [
        ("payment", "crypto"),
        ("senior", 2),
        ("visits", 10**6),
        ("spent", -1e6),
        *((str(name), None) for name in inputs),
    ]
    fresh = inputs.head(10).astype("object")
    live = pd.concat([fresh.assign(**{name: cell}) for name, cell in cells], ignore_index=True)
    live.rename_axis("id").to_csv(tmp_path / "next.csv")
    reader = f"job.inputs={{KIND: CSVReader, path: {tmp_path / 'next.csv'}}}"
    result = project.job("confs/inference.yaml", "-e", reader)
    assert result["unseen"] == {
        name: 10 * sum(changed == name for changed, _ in cells) for name in inputs
    }
    outputs = pd.read_parquet(project.path / result["path"])
    assert len(outputs) == len(live)
    assert outputs["prediction"].notna().all()
    live.assign(visits="many").rename_axis("id").to_csv(tmp_path / "next.csv")
    said = project.uv(project.package, "confs/inference.yaml", "-e", reader, code=3)
    assert re.search(r"visits +is Int64 +\d+ +'many'", said)


def test_problem_is_the_users(project: Adopter, tmp_path: Path) -> None:
    """Whole numbers may be classes."""
    options = [*BY_NAME["wines"].place(tmp_path)[:2], "--target=proline", NO_PROOF]
    path = project.path / "src" / project.package / "core" / "schemas.py"
    project.adopt(*options)
    assert '= "regression"' in path.read_text("utf-8")
    spam = BY_NAME["spam"].place(tmp_path)
    project.adopt(*spam, NO_PROOF)
    assert '= "classification"' in path.read_text("utf-8")
    project.adopt(*spam, "--problem=regression", NO_PROOF)
    assert '= "regression"' in path.read_text("utf-8")


def test_remote_file(project: Adopter, tmp_path: Path) -> None:
    """A URL of fsspec, and an archive in it."""
    path = tmp_path / "wines.csv.gz"
    BY_NAME["wines"].load().to_csv(path, index=False)
    project.adopt("--path", path.as_uri(), "--target=grower", NO_PROOF)
    assert len(project.table()) == 178


SALES: Final = """
create table sales as
select gen_random_uuid() as id, timestamptz '2026-01-01 00:00+01' + n * interval '7 hours' as sold,
    (10 + n % 7 + n * 0.25)::numeric(10, 2) as price, nullif(n % 5, 3) as pieces,
    nullif(n % 3, 2) = 1 as member, (n % 4)::text::varchar(9) as shop, date '2026-01-01' + n as due,
    null::text as remark, (10 + n % 7 + n * 0.25) * (n % 5) + n % 3 as total
from generate_series(1, 400) as n;
"""
"""All types that a table of a shop has."""


@contextlib.contextmanager
def installing(project: Adopter, library: str) -> Iterator[None]:
    """Install what a project adds for itself, for as long as the block takes."""
    python = project.path / ".venv" / "bin" / "python"
    run("uv", "pip", "install", "--quiet", "--python", python, library, cwd=project.path)
    yield
    name = library.partition("[")[0]
    run("uv", "pip", "uninstall", "--quiet", "--python", python, name, cwd=project.path)


def test_database_server(project: Adopter) -> None:
    """PostgreSQL, whose types are not pandas' own."""
    query, wrong = "select * from sales where price > 12", "select nothing from sales"
    with serve_database(SALES) as url:
        adopt = ["inv", "data.adopt", "--path", url, "--target=total", "--time=sold", NO_PROOF]
        said = project.uv(*adopt, "--query", query, code=2)
        assert "error: Reaching this database needs its driver: uv add --dev 'psycopg[bin" in said
        with installing(project, "psycopg[binary]"):
            said = project.uv(*adopt, "--query", wrong, code=3)
            assert re.search(r'error: The database says: .*column "nothing" does not exist', said)
            project.uv(*adopt, "--query", query)
            project.read_again(url)
            project.variables["DATABASE_URL"] = url
            rows = project.table()
            said = project.uv("python", SCRIPTS / "writes.py", project.package, url)
            assert "nothing left behind" in said
    assert {name: str(kind) for name, kind in rows.dtypes.items()} == {
        "id": "str", "sold": "datetime64[us]", "price": "float64", "pieces": "Int64",
        "member": "boolean", "shop": "str", "due": "datetime64[us]", "total": "float64",
    }  # fmt: skip
    assert rows["price"].min() > 12
    assert rows["member"].isna().sum() == pytest.approx(len(rows) / 3, abs=2)


def test_as_people_write_it(project: Adopter, tmp_path: Path) -> None:
    """What is no number, date or table at the first glance; jobs read the next file alike."""
    lines = ["sep=;", "ticket;when;day;due;amount;price;share;country;y"]
    for row in range(200):
        when = f"{1 + row % 12:02}/{1 + row % 28:02}/2026 0{1 + row % 9}:30:00 PM"
        day = 20260101 + row % 28
        amount = f"(1.{row:03},50)" if row % 3 else f"\N{MINUS SIGN}{row},5"
        price = f"{1 + row % 4}.{row:03}" if row % 5 else "827"
        country = ("DE", "NA", "FR")[row % 3]
        cells = f"17-{row:06};{when};{day};{1 + row % 28:02}.01.26;{amount};€ {price};{row % 9} %"
        lines.append(f"{cells};{country};{row % 7 + row % 3},25;")
    path = tmp_path / "sales.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    project.adopt(str(path), "y", NO_PROOF)
    project.read_again(str(path))
    table = project.table().set_index("ticket")
    assert {name: str(kind) for name, kind in table.dtypes.items()} == {
        "when": "datetime64[us]", "day": "datetime64[us]", "due": "datetime64[us]",
        "amount": "float64", "price": "Int64", "share": "Int64", "country": "str", "y": "float64",
    }  # fmt: skip
    third = table.loc["17-000004"]
    assert [third["amount"], third["price"], third["country"]] == [-1004.5, 1004, "NA"]
    assert third["when"] == pd.Timestamp("2026-05-05 17:30")


def test_a_year_of_months(project: Adopter) -> None:
    """Six months are adopted; each one after is predicted by its path, and then learned from."""
    random = np.random.default_rng(0)
    months = []
    for month in range(1, 10):
        weight = random.uniform(0, 9, 150).round(2)
        shop = random.choice([*"abcd"], 150)
        price = 3 * weight + np.array([ord(letter) % 5 for letter in shop]) * weight**0.5
        numbers = range(month * 150, month * 150 + 150)
        months.append(pd.DataFrame({
            "sale": [f"s{number:05}" for number in numbers], "weight": weight, "shop": shop,
            "sold": [f"{1 + number % 28:02}.{month:02}.2026" for number in numbers],
            "price": (price + random.normal(0, 1, 150)).round(2),
        }))  # fmt: skip
    form: dict[str, Any] = {"index": False, "sep": ";", "decimal": ","}
    folder = project.path / "sales"
    folder.mkdir()
    for month, table in enumerate(months[:6], 1):
        table.to_csv(folder / f"2026-{month:02}.csv", **form)
    project.adopt("sales/2026-*.csv", "price", NO_PROOF)
    learned = [train_again(project)]
    for month, table in enumerate(months[6:], 7):
        new = project.path / f"2026-{month:02}.csv"
        table.drop(columns="price").to_csv(new, **form)
        result = project.job("confs/inference.yaml", "-e", f"job.inputs.path={new.name}")
        found = pd.read_parquet(project.path / result["path"]).set_index("sale")
        known = pd.concat(months[: month - 1])
        plain = HistGradientBoostingRegressor(random_state=0)
        columns = [known[["weight"]], pd.get_dummies(known["shop"], dtype="float64")]
        plain.fit(pd.concat(columns, axis=1), known["price"])
        columns = [table[["weight"]], pd.get_dummies(table["shop"], dtype="float64")]
        expected = r2_score(table["price"], plain.predict(pd.concat(columns, axis=1)))
        assert sorted(found.index) == sorted(table["sale"])
        score = r2_score(table["price"], found["prediction"].loc[table["sale"]])
        assert score > expected - 0.02
        table.to_csv(folder / new.name, **form)
        learned.append(train_again(project))
    # What is held out stays so: four in five of the new rows are learned from.
    assert all(90 <= more - before <= 150 for before, more in itertools.pairwise(learned))
    code = (
        f"from {project.package} import settings; from {project.package}.core import schemas\n"
        "job = settings.load(['confs/training.yaml']).job\n"
        "print(len(job.inputs.read(schemas.Inputs).index))"
    )
    assert int(project.uv("python", "-c", code).split()[-1]) == 9 * 150


def train_again(project: Adopter) -> int:
    """Train on all rows that there are, and make the version the champion if it is better.

    Returns:
        How many rows it learned from.
    """
    rows: int = project.job("confs/training.yaml")["rows"]
    assert project.job("confs/evaluations.yaml")["passed"]
    try:
        project.job("confs/promotion.yaml")
    except AssertionError as error:
        if "exited with 5" not in str(error):  # not better
            raise
    return rows


def test_values_that_schemas_do_not_know(project: Adopter, tmp_path: Path) -> None:
    """Whole numbers too long for one, and times of nanoseconds, in a file that has types."""
    rows = np.arange(200)
    path = tmp_path / "events.parquet"
    table = pd.DataFrame({
        "hash": (rows.astype("uint64") * 7 + np.uint64(2**63)) % np.uint64(2**64 - 1),
        "at": pd.to_datetime(1_704_069_420_000_000_001 + rows * 10**12, unit="ns"),
        "x": rows % 7 * 0.5,
        "y": rows % 7 * 2.0 + rows % 3,
    })  # fmt: skip
    table.to_parquet(path, index=False)
    said = project.adopt(str(path), "y", NO_PROOF)
    assert "note: at: of its times, what is less than a microsecond is left away." in said
    project.read_again(str(path))
    assert project.table()["hash"].tolist() == table["hash"].astype("str").tolist()


def test_bucket(project: Adopter, bucket: dict[str, str]) -> None:
    """A file in S3, and keys that are wrong."""
    project.uv("--extra=s3", "python", SCRIPTS / "bucket.py", "fill", code=0, **bucket)
    adopt = ["--extra=s3", "inv", "data.adopt", "--path=s3://data/training.parquet", NO_PROOF]
    project.uv(*adopt, "--target=bmi", code=0, **bucket)
    assert project.path.joinpath("data", "table-training.parquet").is_file()
    assert project.table()["bmi"].notna().all()
    before = project.state()
    said = project.uv(*adopt, "--target=bmi", code=2, **{**bucket, "AWS_ACCESS_KEY_ID": "nobody"})
    assert re.search(r"error: Cannot read s3://data/training.parquet.*\.", said)
    assert "Traceback" not in said
    assert project.state() == before


def test_update_leaves_what_was_adopted(template: Template, tmp_path: Path) -> None:
    """The next version edits all other code, and the sample data too."""
    history = History(tmp_path / "history")
    rendered = history.start(tmp_path / "project", TREE, answers())
    project = Adopter(rendered.path)
    project.run("uv", "sync", "--quiet")
    rendered.commit()
    project.adopt(*BY_NAME["penguins"].place(tmp_path), NO_PROOF)
    project.commit("feat: adopt data")
    adopted = rendered.paths("diff", "--name-only", "HEAD~")

    def read() -> dict[str, bytes]:
        paths = {path: project.path / path for path in adopted}
        return {path: file.read_bytes() for path, file in paths.items() if file.exists()}

    before = read()
    history.release(NEXT, edit_others)
    assert not rendered.update(NEXT).conflicts
    assert read() == before
    assert "# next version" in project.path.joinpath("tasks/docs.py").read_text("utf-8")
    project.commit("feat: update")
    rendered.update(NEXT)
    project.check_unchanged()
    assert "Version 1 is the champion" in project.uv("inv", "projects")
    project.check_unchanged()


def edit_others(source: Path) -> None:
    """Edit each file of Python but the schemas, and the sample data."""
    for path in source.joinpath("template").rglob("*.py"):
        if "schemas.py" not in path.name:
            with path.open("a", encoding="utf-8") as file:
                file.write("\n# next version\n")
    for path in source.joinpath("template", "data").glob("*.csv*"):
        lines = path.read_text("utf-8").splitlines(keepends=True)
        path.write_text("".join(lines[:-1]), encoding="utf-8")


@dataclass(frozen=True)
class Mistake:
    """What a user does wrong.

    Attributes:
        name: of the test.
        place: writes the data to a folder, and returns the options.
        code: what the command exits with.
        words: what its sentence must hold.
    """

    name: str
    place: Callable[[Path], Options]
    code: int
    words: tuple[str, ...]


def sample(rows: int = 60) -> pd.DataFrame:
    """Make a table that could be adopted."""
    random = np.random.default_rng(0)
    table = pd.DataFrame({"x": random.normal(size=rows), "y": random.normal(size=rows)})
    table["n"] = range(rows)
    table["kind"] = random.choice(["a", "b"], rows)
    table["day"] = pd.date_range("2026-01-01", periods=rows).astype(str)
    return table


def with_table(*options: str, rows: int = 60, **columns: Any) -> Callable[[Path], Options]:
    """Adopt the sample with other columns; the target is y unless said."""

    def place(folder: Path) -> Options:
        where = write_csv(sample(rows).assign(**columns), folder / "table")
        target = [] if any(option.startswith("--target") for option in options) else ["--target=y"]
        return [*where, *target, *options]

    return place


def with_bytes(name: str, content: bytes, *options: str) -> Callable[[Path], Options]:
    """Adopt a file of these bytes."""

    def place(folder: Path) -> Options:
        path = folder / name
        path.write_bytes(content)
        return ["--path", str(path), "--target=y", *options]

    return place


def with_database(*options: str) -> Callable[[Path], Options]:
    """Adopt from a database with one table."""

    def place(folder: Path) -> Options:
        path = folder / "table.db"
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            sample().to_sql("sales", connection, index=False)
        return ["--path", f"sqlite:///{path}", "--target=y", *options]

    return place


def with_folder(folder: Path) -> Options:
    """Adopt an empty folder."""
    (folder / "parts").mkdir()
    return ["--path", str(folder / "parts"), "--target=y"]


NOISE: Final = np.random.default_rng(0).bytes(4096)
HEADER: Final = b"x,y,n\n"
ROWS: Final = b"".join(b"%d,%d,%d\n" % (n, n * 7 % 13, n % 3) for n in range(60))
MIXED: Final = [*map(str, range(50)), *["unknown"] * 10]
WIDE: Final = b",".join(b"x%d" % n for n in range(10**6)) + b",y\n" + b"1," * 10**6 + b"2\n"

MISTAKES: Final = [
    Mistake("no target", with_table("--target=z"), 2, ("'z'",)),
    Mistake("near target", with_table("--target=Y"), 2, ("'Y'", "'y'")),
    Mistake("no file", lambda _: ["--path=none.csv", "--target=y"], 2, ("none.csv",)),
    Mistake("empty folder", with_folder, 2, ("parts",)),
    Mistake("unknown format", with_bytes("table.pdf", NOISE), 2, ("table.pdf", ".parquet")),
    Mistake("unknown URL", lambda _: ["--path=ftpx://a/b.csv", "--target=y"], 2, ("ftpx",)),
    Mistake("unknown problem", with_table("--problem=ranking"), 2, ("ranking", "regression")),
    Mistake("unknown drop", with_table("--drop=x,z"), 2, ("'z'",)),
    Mistake("dropped target", with_table("--drop=y"), 2, ("y",)),
    Mistake("unknown time", with_table("--time=z"), 2, ("'z'",)),
    Mistake("unknown index", with_table("--index=z"), 2, ("'z'",)),
    Mistake("unknown group", with_table("--group=z"), 2, ("'z'",)),
    Mistake("no query", with_database(), 2, ("--query",)),
    Mistake("query of a file", with_table("--query=select 1"), 2, ("--query",)),
    Mistake("query that fails", with_database("--query=select * from nothing"), 3, ("nothing",)),
    Mistake("empty query", with_database("--query=select * from sales where 0"), 3, ("row",)),
    Mistake("time without dates", with_table("--time=kind"), 3, ("kind", "date")),
    Mistake("index that repeats", with_table("--index=kind"), 3, ("kind",)),
    Mistake("index with gaps", with_table("--index=g", g=[None, *range(59)]), 3, ("g",)),
    Mistake("too few groups", with_table("--group=kind"), 3, ("kind", "2")),
    Mistake("empty file", with_bytes("table.csv", b""), 3, ("table.csv", "empty")),
    Mistake("header only", with_bytes("table.csv", HEADER), 3, ("row",)),
    Mistake("one row", with_bytes("table.csv", HEADER + b"1,2,3\n"), 3, ("row",)),
    Mistake("no column", with_bytes("table.csv", b"y\n" + b"1\n2\n" * 30), 3, ("column",)),
    Mistake("one class", with_table("--target=k", k="a"), 3, ("k",)),
    Mistake("one number", with_table("--target=k", k=1.5), 3, ("k",)),
    Mistake("class of one row", with_table("--target=k", k=["a"] * 59 + ["b"]), 3, ("k", "b")),
    Mistake("all is missing", with_bytes("table.csv", HEADER + b",,\n" * 60), 3, ()),
    Mistake("no inputs", with_table(x=None, n=None, kind=None, day=None), 3, ("column",)),
    Mistake("no target values", with_table(y=None), 3, ("y",)),
    Mistake("text for numbers", with_table("--target=kind", "--problem=regression"), 3, ("kind",)),
    Mistake("unlike texts", with_table("--target=t", t=[f"t{n}" for n in range(60)]), 3, ("t",)),
    Mistake("names that repeat", with_bytes("table.csv", b"x,y,x\n" + ROWS), 3, ("'x'",)),
    Mistake("mixed types", with_table(m=MIXED), 3, ("m", "unknown")),
    Mistake("mixed target", with_table("--target=m", m=MIXED), 3, ("m", "unknown")),
    Mistake("too wide", with_bytes("table.csv", WIDE), 3, ("column",)),
    Mistake(
        "ragged rows", with_bytes("table.csv", HEADER + ROWS + b"1,2,3,4\n"), 3, ("table.csv",)
    ),
    Mistake("noise", with_bytes("table.csv", NOISE), 3, ("table.csv",)),
    Mistake("two encodings", with_bytes("t.csv", "né,y\n".encode() + b"\x81,1\n" * 60), 3, ()),
    Mistake("no Parquet", with_bytes("table.parquet", HEADER + ROWS), 3, ("table.parquet",)),
    Mistake("no Excel", with_bytes("table.xlsx", HEADER + ROWS), 3, ("table.xlsx",)),
    Mistake("no Feather", with_bytes("table.feather", NOISE), 3, ("table.feather",)),
    Mistake("no JSON", with_bytes("table.jsonl", b'{"x": 1, "y"\n'), 3, ("table.jsonl",)),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_mistake(mistake: Mistake, project: Adopter, tmp_path: Path) -> None:
    outcome = project.attempt(*mistake.place(tmp_path))
    assert outcome.returncode == mistake.code, outcome.stdout + outcome.stderr
    for word in mistake.words:
        assert word in outcome.stderr


def test_read_only_folder_is_left_alone(project: Adopter, tmp_path: Path) -> None:
    """What is read is never written to, and the path may hold spaces and umlauts."""
    folder = tmp_path / "Örtliche Daten 2026"
    folder.mkdir()
    wines = BY_NAME["wines"].place(folder)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    project.adopt(*wines, NO_PROOF)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


KINDS: Final[dict[str, Callable[[np.random.Generator, int], Any]]] = {
    "whole": lambda random, rows: random.integers(-5, 5, rows),
    "large": lambda random, rows: random.integers(2**53, 2**60, rows),
    "float": lambda random, rows: random.normal(0, 1e6, rows),
    "tiny": lambda random, rows: random.uniform(0, 1e-300, rows),
    "flag": lambda random, rows: random.random(rows) < 0.3,
    "category": lambda random, rows: random.choice(["a", "B", "ß", "1,5", "'", '"'], rows),
    "code": lambda random, rows: random.choice(["007", "010", "1e5", "NA", "nan"], rows),
    "words": lambda random, rows: [f"w{n}\n{n}" for n in random.integers(0, rows, rows)],
    "day": lambda random, rows: pd.Timestamp("1999-12-31") + pd.to_timedelta(
        random.integers(0, 9999, rows), unit="D"
    ),
    "moment": lambda random, rows: pd.Timestamp("2026-03-29T01:59:59") + pd.to_timedelta(
        random.integers(0, 9**9, rows), unit="s"
    ),
    "constant": lambda random, rows: [7] * rows,
}  # fmt: skip
"""Columns by what is in them."""

NAMES: Final = st.one_of(
    st.sampled_from(["id", "index", "target", "prediction", "class", "schema", "dtype", "pa", "x"]),
    st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=12),
).filter(lambda name: name.strip() == name and name != "y")


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """Make a table with a target y that follows from its first column, as far as it can."""
    rows = draw(st.integers(80, 300))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    names = draw(st.lists(NAMES, min_size=2, max_size=8, unique_by=str.casefold))
    columns = {}
    for name in names:
        values = pd.Series(KINDS[draw(st.sampled_from(sorted(KINDS)))](random, rows))
        share = draw(st.sampled_from([0.0, 0.0, 0.2]))
        columns[name] = values.mask(random.random(rows) < share)
    table = pd.DataFrame(columns)
    codes = pd.factorize(table[names[0]], sort=False)[0] % 2
    if draw(st.booleans()):
        return table.assign(y=np.where(random.random(rows) < 0.1, 1 - codes, codes))
    return table.assign(y=codes + random.normal(0, 0.1, rows))


@settings(phases=[Phase.generate])  # an example takes seconds: shrinking one would take minutes
@given(table=tables())
def test_any_table(table: pd.DataFrame, installed: Adopter) -> None:
    """Whatever its columns hold, a table is adopted and reads, or is refused with a sentence."""
    installed.reset()
    with tempfile.TemporaryDirectory() as folder:
        where = write_csv(table, Path(folder, "any"))
        outcome = installed.attempt(*where, "--target=y", NO_PROOF)
        assert "Traceback" not in outcome.stderr
        if outcome.returncode == 0:
            installed.commit("feat: adopt data")
            installed.uv("inv", "formats")
            installed.check_unchanged()
            installed.read_again(where[1])
        else:
            assert outcome.returncode == 3
