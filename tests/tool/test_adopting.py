"""The adoption of other data, in a folder of its own; these run in a rendered project."""

import html
import importlib
import json
import os
import re
import runpy
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_template import adoption, cli, columns, files, leakage, planning, proof, schemas, sources
from mlops_template.errors import AdoptionError

ROOT = Path.cwd()
"""The rendered project."""
PACKAGE = next(ROOT.glob("src/*/scripts.py")).parent.name
README = "# Shop\n\n## Data\n\nThe sample.\n\n## Jobs\n\nMany.\n"
ROWS = 120


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what an adoption writes to."""
    monkeypatch.chdir(tmp_path)
    # In a hook, git would work on this project's repository.
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copy(ROOT / ".copier-answers.yml", tmp_path)
    Path("src", PACKAGE).mkdir(parents=True)
    shutil.copytree(ROOT / "confs", "confs", ignore=shutil.ignore_patterns("data.yaml"))
    Path("README.md").write_text(README, encoding="utf-8")
    Path("data").mkdir()
    manifest = {"files": {"README.md": adoption.digest(Path("README.md"))}}
    Path(adoption.MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    return tmp_path


@pytest.fixture
def shop() -> pd.DataFrame:
    """Sales, with columns of every kind."""
    generator = np.random.default_rng(0)
    pieces = generator.integers(1, 9, ROWS)
    frame = pd.DataFrame(
        {
            "order": [f"o{row:04}" for row in range(ROWS)],
            "day": pd.date_range("2026-01-01", periods=ROWS).strftime("%d.%m.%Y"),
            "Unit price (€)": generator.uniform(1, 50, ROWS).round(2),
            "class": generator.choice(["new", "old"], ROWS),
            "member": generator.choice(np.array(["yes", "no", None], dtype="object"), ROWS),
            "pieces": np.where(generator.random(ROWS) < 0.1, np.nan, pieces),
            "zip": generator.choice(["01067", "80331", "20095"], ROWS),
            "shop": generator.choice([f"shop {number}" for number in range(12)], ROWS),
            "country": "DE",
            "remark": None,
        }
    )
    total = frame["Unit price (€)"] * pieces + generator.normal(0, 9, ROWS)
    return frame.assign(total=total.round(2), returned=generator.choice(["J", "N"], ROWS))


@pytest.fixture
def workspace(project: Path) -> Path:
    """The same, with the data and the confs of the sample."""
    for name in ("confs", "data"):
        shutil.rmtree(name)
        shutil.copytree(ROOT / name, name)
    return project


def run(*arguments: str, code: int = 0) -> None:
    """Run a command; it exits with this code."""
    with pytest.raises(SystemExit) as ended:
        sys.exit(cli.main([*arguments]))  # type: ignore[func-returns-value]
    assert (ended.value.code or 0) == code


def test_profile(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("profile")
    assert capsys.readouterr().out == "What the data looks like: outputs/profile.html\n"
    schemas = importlib.import_module(f"{PACKAGE}.core.schemas")
    page = html.unescape(Path("outputs/profile.html").read_text(encoding="utf-8"))
    for schema in (schemas.Inputs, schemas.Targets):
        assert all(str(name).strip() in page for name in schema.to_schema().columns)


def test_profile_of_nothing(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in Path("data").iterdir():
        path.unlink()
    run("profile", code=3)
    assert capsys.readouterr().err.startswith("error: There is no file data/training")
    assert not Path("outputs/profile.html").exists()


def adopt(frame: pd.DataFrame, target: str, **options: Any) -> None:
    """Adopt a table, without the task's questions."""
    frame.to_csv("table.csv", index=False)
    with adoption.prepare(planning.Options("table.csv", target, **options), PACKAGE) as prepared:
        prepared.apply()


def commit() -> None:
    """Commit everything."""
    git = ["git", "-c", "user.name=me", "-c", "user.email=me@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *command], check=True)


def tree() -> dict[str, bytes]:
    """Read all files of the current folder but the outputs."""
    paths = [path for path in sorted(Path().rglob("*")) if path.is_file()]
    return {
        path.as_posix(): path.read_bytes()
        for path in paths
        if path.parts[0] not in (".git", "outputs", "table.csv")
    }


def write_sql(frame: pd.DataFrame, path: Path) -> str:
    connection = sqlite3.connect(path)
    frame.to_sql("sales", connection, index=False)
    connection.close()
    return f"sqlite:///{path}"


def write_parts(frame: pd.DataFrame, path: Path) -> str:
    path.mkdir()
    for number, part in enumerate((frame.head(7), frame.tail(-7))):
        part.to_parquet(path / f"{number}.parquet", index=False)
    return str(path)


WRITERS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    "a.csv": lambda frame, path: frame.to_csv(path, index=False),
    "b.csv": lambda frame, path: frame.to_csv(path, index=False, sep=";", encoding="cp1252"),
    "c.tsv": lambda frame, path: frame.to_csv(path, index=False, sep="\t", encoding="utf-16"),
    "d.csv.gz": lambda frame, path: frame.to_csv(path, index=False, encoding="utf-8-sig"),
    "e.parquet": lambda frame, path: frame.to_parquet(path, index=False),
    "f": write_parts,
    "g.jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True),
    "h.feather": lambda frame, path: frame.to_feather(path),
    "i.xlsx": lambda frame, path: frame.to_excel(path, index=False),
    "j.db": write_sql,
}


def spool(
    path: str,
    folder: Path,
    query: str = "",
    drop: list[str] | None = None,
    target: str = "",
) -> sources.Spool:
    roles = {"--target": target} if target else {}
    where = folder / "rows.arrow"
    return sources.spool(path, query, drop or [], roles, where, sources.Given())


class TestSources:
    @pytest.mark.parametrize("name", WRITERS)
    def test_formats(self, name: str, shop: pd.DataFrame, tmp_path: Path) -> None:
        where = WRITERS[name](shop, tmp_path / name) or str(tmp_path / name)
        query = "select * from sales" if name == "j.db" else ""
        table = spool(where, tmp_path, query)
        assert table.names == list(shop)
        assert table.rows == ROWS
        frame = pd.concat([batch.to_pandas() for batch in table.batches()], ignore_index=True)
        assert frame["zip"].tolist() == shop["zip"].tolist()
        found = pd.to_numeric(frame["pieces"])
        pd.testing.assert_series_equal(found, shop["pieces"])

    @pytest.mark.parametrize(
        ("name", "content", "sentence"),
        [
            ("a.csv", b"", "is empty"),
            ("a.csv", b"x,y\n", "holds no rows"),
            ("a.csv", b"x,y,x\n1,2,3\n", "'x' is there more than once"),
            ("a.csv", b"x,,y,\n1,2,3,4\n", "Column 2 has no name in the first row"),
            ("a.csv", b"\0\1\2", "bytes that are no text"),
            ("a.csv", b"x,y\n1,2\n1,2,3\n", "cannot be read: .*line 3"),
            ("a.csv", b",".join(b"%d" % n for n in range(1001)) + b"\n", "has 1,001 columns"),
            ("a.parquet", b"x", "cannot be read"),
            ("a.doc", b"x", "of no kind that is known"),
        ],
    )
    def test_refused(self, name: str, content: bytes, sentence: str, tmp_path: Path) -> None:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(AdoptionError, match=sentence):
            spool(str(tmp_path / name), tmp_path)

    @pytest.mark.parametrize(
        ("text", "options"),
        [
            ("sep=;\nx;y\n1;2\n3;4\n", {"separator": ";", "skip": 1}),
            ("Station: 42\n\nx,y\n1,2\n3,4\n", {"separator": ",", "skip": 2}),
            ('"A, and\nB"\nx,y\n1,2\n3,4\n', {"separator": ",", "skip": 2}),
            ("x,y\n1,2,\n3,4,\n", {"separator": ","}),
            ("x,y,\n1,2,\n3,4,\n", {"separator": ","}),
            ("x,y\n1\n1,2\n3,4\n", {"separator": ","}),
            ("x;y\n1,0;2,0\n1,0;2,0\n3,0;4,0\n", {"separator": ";"}),
        ],
    )
    def test_what_stands_around_a_table(
        self, text: str, options: dict[str, Any], tmp_path: Path
    ) -> None:
        path = tmp_path / "a.csv"
        path.write_text(text)
        table = spool(str(path), tmp_path)
        assert table.names == ["x", "y"]
        last = table.read(["x", "y"]).tail(2).astype("str").replace(",", ".", regex=True)
        assert last.astype("float64").to_numpy().tolist() == [[1, 2], [3, 4]]
        assert table.found.options == {"KIND": "CSVReader", "encoding": "utf-8"} | options

    def test_a_cell_too_many(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        path.write_text("x,y\n1,2,\n1,2,\n3,4,5\n")
        with pytest.raises(
            AdoptionError, match=r"Row 3 of .*a\.csv has more cells than the header"
        ):
            spool(str(path), tmp_path)

    def test_values_that_schemas_do_not_know(self, tmp_path: Path) -> None:
        """Whole numbers too long for one, and times of nanoseconds."""
        hashes = pa.array([2**63 + 1, 5], pa.uint64())
        times = pa.array([1704069420000000001, None], pa.timestamp("ns"))
        pq.write_table(pa.table({"hash": hashes, "at": times}), tmp_path / "a.parquet")
        table = spool(str(tmp_path / "a.parquet"), tmp_path)
        assert table.found.notes == [
            "`at`: of its times, what is less than a microsecond is left away."
        ]
        hash_, at = columns.read_columns(table, "", tmp_path / "values.arrow")
        assert (hash_.kind, at.kind) == ("text", "time")

    def test_numbers_that_end_late(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What the first rows look like is not taken for granted."""
        monkeypatch.setattr(sources, "SNIFF_BYTES", 1_000)
        path = tmp_path / "a.csv"
        lines = [f"{row},{row}" for row in range(2_000)]
        path.write_text("\n".join(["x,y", *lines, "007,seven"]), encoding="utf-8")
        last = list(spool(str(path), tmp_path).batches())[-1].to_pylist()[-1]
        assert last == {"x": "007", "y": "seven"}

    def test_letters_that_come_late(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nor is the encoding."""
        monkeypatch.setattr(sources, "SNIFF_BYTES", 1_000)
        path = tmp_path / "a.csv"
        path.write_bytes(("x,y\n" + "1,a\n" * 2_000 + "1,é\n").encode("cp1252"))
        table = spool(str(path), tmp_path)
        assert list(table.batches())[-1].to_pylist()[-1] == {"x": "1", "y": "é"}
        assert "It is read as cp1252" in table.found.notes[0]

    def test_rows_without_a_target_say_nothing_of_the_others(self, tmp_path: Path) -> None:
        frame = pd.DataFrame({"x": [1.0, None, 3.0], "day": [20240131, 0, 20240301]})
        frame["y"] = [1.0, None, 2.0]
        frame.to_parquet(tmp_path / "a.parquet")
        table = spool(str(tmp_path / "a.parquet"), tmp_path)
        x, day, y = columns.read_columns(table, "y", tmp_path / "values.arrow")
        assert (x.kind, x.missing, y.missing) == ("integer", 0, 1)
        assert schemas._checks(day, is_target=False) == ["ge=19000101"]

    @pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
    def test_fractions_that_come_late(self, name: str, tmp_path: Path) -> None:
        """A sample of whole numbers says little of a large table."""
        frame = pd.DataFrame({"x": np.arange(60_000.0), "y": 1})
        frame.loc[59_999, "x"] = 0.5
        WRITERS["a.csv" if name == "a.csv" else "e.parquet"](frame, tmp_path / name)
        table = spool(str(tmp_path / name), tmp_path)
        [found, _] = columns.read_columns(table, "", tmp_path / "values.arrow")
        assert (found.kind, found.low, found.high) == ("number", 0, 59_998)

    def test_a_database_needs_a_query_that_it_understands(
        self, shop: pd.DataFrame, tmp_path: Path
    ) -> None:
        url = write_sql(shop, tmp_path / "a.db")
        with pytest.raises(AdoptionError, match="--query"):
            spool(url, tmp_path)
        with pytest.raises(AdoptionError, match=r"The database says: .*no such table: absent"):
            spool(url, tmp_path, "select * from absent")

    def test_drop(self, shop: pd.DataFrame, tmp_path: Path) -> None:
        mixed = shop.assign(mixed=pd.Series([{"a": 1}, *range(1, ROWS)], dtype="object"))
        mixed.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
        with pytest.raises(AdoptionError, match="'mixed' is of mixed types"):
            spool(str(tmp_path / "a.jsonl"), tmp_path)
        table = spool(str(tmp_path / "a.jsonl"), tmp_path, drop=["mixed", "day"])
        assert set(shop) - set(table.names) == {"day"}
        with pytest.raises(AdoptionError, match=r"no column 'dya'\. Did you mean 'day'"):
            spool(str(tmp_path / "a.jsonl"), tmp_path, drop=["mixed", "dya"])

    def test_what_is_missing_is_so_for_the_jobs(self) -> None:
        datasets = importlib.import_module(f"{PACKAGE}.io.datasets")
        assert set(sources.BLANKS) == set(datasets.MISSING)

    def test_what_was_found_out_explains_what_is_wrong(
        self, shop: pd.DataFrame, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.xlsx"
        with pd.ExcelWriter(path) as book:
            pd.DataFrame({"Made by": ["me"]}).to_excel(book, sheet_name="Cover", index=False)
            shop.to_excel(book, sheet_name="Sales", index=False)
        with pytest.raises(AdoptionError, match=r"no column 'total'.* first sheet .* 'Cover'"):
            spool(str(path), tmp_path, target="total")
        shop.to_csv(tmp_path / "a.csv", sep=";")
        [separated, numbered] = spool(str(tmp_path / "a.csv"), tmp_path).found.notes
        assert "';'" in separated
        assert "called `row`" in numbered

    def test_an_index_that_is_metadata(self, tmp_path: Path) -> None:
        frame = pd.DataFrame({"x": range(5)}, index=pd.RangeIndex(1000, 1035, 7, name="id"))
        frame.to_parquet(tmp_path / "a.parquet")
        [batch] = spool(str(tmp_path / "a.parquet"), tmp_path).batches()
        assert batch.to_pydict() == {"id": list(frame.index), "x": list(frame["x"])}

    def test_no_database_is_made(self, tmp_path: Path) -> None:
        with pytest.raises(AdoptionError, match=r"There is no file .*absent"):
            spool(f"sqlite:///{tmp_path / 'absent.db'}", tmp_path, "select 1")
        assert list(tmp_path.iterdir()) == []

    def test_a_column_that_starts_late(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of which type it is, the first part cannot tell."""
        monkeypatch.setattr(sources, "CHUNK_ROWS", 10)
        frame = pd.DataFrame({"x": [None] * 20 + [1.5, 2.5] * 20, "y": 1})
        frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
        table = spool(str(tmp_path / "a.jsonl"), tmp_path)
        [found, _] = columns.read_columns(table, "", tmp_path / "values.arrow")
        assert (found.kind, found.missing, found.high) == ("number", 20, 2.5)

    @pytest.mark.parametrize(
        ("path", "shown"),
        [
            ("postgresql://me:secret@host/db", "postgresql://***@host/db"),
            ("https://host/a.csv?token=secret", "https://host/a.csv"),
            ("C:\\me@work?.csv", "C:\\me@work?.csv"),
        ],
    )
    def test_secrets_are_hidden(self, path: str, shown: str) -> None:
        assert files.hide_secrets(path) == shown


class TestColumns:
    @pytest.mark.parametrize(
        ("cells", "kind", "detail"),
        [
            (["1", "2", ""], "integer", ""),
            (["1.0", "2", "NA"], "integer", "."),
            (["1.5", "2", "-"], "number", "."),
            (["1,5", "2", "?"], "number", ","),
            (["007", "8"], "text", ""),
            (["1" * 19, "2"], "text", ""),
            (["Yes", "no", "NO"], "boolean", "yes"),
            (["yes", "no", "maybe"], "text", ""),
            (["2026-01-31", "2026-02-01"], "time", "%Y-%m-%d"),
            (["31/01/2026", "01/02/2026"], "time", "%d/%m/%Y"),
            (["01/31/2026", "01/02/2026"], "time", "%m/%d/%Y"),
            (["01/15/2026 03:45:00 PM", "02/01/2026 12:00:00 AM"], "time", "%m/%d/%Y %I:%M:%S %p"),
            (["15.01.24", "01.02.24"], "time", "%d.%m.%y"),
            (["2026-01-31T10:00:00Z", "2026-02-01T10:00:00+01:00"], "time", "ISO8601"),
            (["DE", "NA", "FR", "US"], "text", "codes"),
            (["IN", "NA", "PD"], "text", "codes"),
            (["a long remark", "another one"], "text", "prose"),
            (["", "NA"], "text", ""),
            (["5.595,90 €", "0,00 €", "17 %"], "text", "figures"),
            (["030-1234", "17-12"], "text", ""),
        ],
    )
    def test_text(self, cells: list[str], kind: str, detail: str) -> None:
        recipe = columns._guess_text(pd.Series(cells * 20, name="x"), typed=False)
        assert (recipe.kind, recipe.detail) == (kind, detail)
        column = columns.Column("x", recipe)
        found = columns.convert(pa.array(cells), column, 0)
        blanks = [cell in ("", "NA", "-", "?") and detail != "codes" for cell in cells]
        assert found.is_null().to_pylist() == blanks

    @pytest.mark.parametrize(
        ("cells", "decimal", "values", "form"),
        [
            (["827", "1.241"], ",", [827, 1241], {"thousands": ".", "decimal": ","}),
            (["827", "1.241"], "", [827, 1.241], {}),
            (["827", "1,241"], ".", [827, 1241], {"thousands": ","}),
            (["1,234.50", "850.00"], "", [1234.5, 850], {"thousands": ","}),
            (["(1,234.50)", "\N{MINUS SIGN}12.50"], "", [-1234.5, -12.5], {"thousands": ","}),
            (["\N{MINUS SIGN}12", "(3)"], "", [-12, -3], {"decimal": "."}),
            (["€1,200.5", "-€7", "9"], "", [1200.5, -7, 9], {"unit": "€", "thousands": ","}),
            (["12 %", "7.5%"], "", [12, 7.5], {"unit": "%"}),
            (["1 200,5", "7"], "", [1200.5, 7], {"thousands": " ", "decimal": ","}),
            (["1'200", "7.5"], "", [1200, 7.5], {"thousands": "'"}),
            (["1\u2019200", "7.5"], "", [1200, 7.5], {"thousands": "'"}),
            (["1,5", "1.200,25"], "", [1.5, 1200.25], {"thousands": ".", "decimal": ","}),
        ],
    )
    def test_numbers_as_people_write_them(
        self, cells: list[str], decimal: str, values: list[float], form: dict[str, str]
    ) -> None:
        """They are what the project's readers take them for, by the format that is written."""
        recipe = columns._guess_text(pd.Series(cells * 20), typed=False, decimal=decimal)
        column = columns.Column("x", recipe)
        assert column.format() == form
        assert columns.convert(pa.array(cells), column, 0).to_pylist() == values
        datasets = importlib.import_module(f"{PACKAGE}.io.datasets")
        read = datasets.ColumnFormat(**form).parse(pd.Series(cells), is_text=False)
        assert pd.to_numeric(read).tolist() == values

    @pytest.mark.parametrize(
        ("cells", "decimal"),
        [
            (["1,234", "2,345"], ""),
            (["1.2.3", "4"], ""),
            (["€1", "$2"], ""),
            (["17-000003", "17-000004"], ""),
            (["555 123 456", "555 123 457"], ","),
            (["1.24", "1,5"], ""),
        ],
    )
    def test_what_may_be_no_number(self, cells: list[str], decimal: str) -> None:
        recipe = columns._guess_text(pd.Series(cells * 20), typed=False, decimal=decimal)
        assert recipe.kind == "text"
        identifies = columns.Column("x", recipe, unique=True)
        assert columns.is_identifier(identifies, 2) == cells[0].startswith("17-")

    def test_columns_are_not_judged_alone(self, tmp_path: Path) -> None:
        """What one of a file decides, the decimal sign or the order of dates, decides for all."""
        lines = ["day;month;size;price;state;seen;number"]
        for row in range(1, 41):
            price = f"{row}.241" if row > 1 else "827"
            state = ("NA", "DE", "FR")[row % 3]
            first = f"0{1 + row % 9}"
            day = 20260100 + row % 28 + 1
            dates = f"{row % 28 + 1:02}/01/2026;01/{first}/2026"
            lines.append(f"{dates};{row},5;{price};{state};{day};{row}")
        path = tmp_path / "a.csv"
        for text, has_na in (("\n".join(lines), True), ("\n".join([*lines, ";;;;NA;;NA"]), False)):
            path.write_text(text)
            spooled = spool(str(path), tmp_path)
            recipes = columns.guess(spooled, "size")
            assert recipes["day"].detail == recipes["month"].detail == "%d/%m/%Y"
            assert recipes["size"].form == {"decimal": ","}
            assert recipes["price"].kind == "integer"
            assert recipes["seen"] == columns.Recipe("time", columns.DAYS)
            assert recipes["number"].kind == "integer"
            assert (recipes["state"].detail == "codes") == has_na

    @pytest.mark.parametrize(
        ("cells", "kind"),
        [(["Yes", "No"], "text"), (["Yes", "no", "No"], "boolean"), (["True", "False"], "boolean")],
    )
    def test_labels_keep_their_words(self, cells: list[str], kind: str) -> None:
        texts = pd.Series(cells * 20, name="x")
        assert columns._guess_text(texts, typed=False, are_labels=True).kind == kind
        assert columns._guess_text(texts, typed=False).kind == "boolean"

    def test_mixed(self) -> None:
        cells = pd.Series([*map(str, range(40)), "many"], name="x")
        with pytest.raises(
            AdoptionError, match=r"98% of its values are numbers.*'many' near row 41"
        ):
            columns._guess_text(cells, typed=False)
        column = columns.Column("x", columns.Recipe("integer"))
        with pytest.raises(AdoptionError, match="whole numbers, and row 13 holds 'many'"):
            columns.convert(pa.array(["1", "", "many"]), column, 10)
        column = columns.Column("x", columns.Recipe("number"))
        with pytest.raises(AdoptionError, match="infinite"):
            columns.convert(pa.array([1.0, float("inf")]), column, 0)


class TestSchemas:
    def test_identifiers(self) -> None:
        names = ["Unit Price (€)", "class", "2019", "unit_price", "validate", "x", "ключ", "Größe"]
        assert schemas.identifiers(names) == {
            "unit_price": "unit_price",
            "x": "x",
            "Unit Price (€)": "unit_price_2",
            "class": "class_",
            "2019": "column_2019",
            "validate": "validate_",
            "ключ": "column",
            "Größe": "groe",
        } | {"Größe": schemas.identifiers(["Größe"])["Größe"]}
        assert all(name.isidentifier() for name in schemas.identifiers(names).values())

    @pytest.mark.parametrize(
        ("low", "high", "ends"),
        [
            (18, 90, (0, 130)),
            (0.02, 0.98, (0, 1)),
            (-7.1, 18.3, (-20, 40)),
            (0.001, 0.004, (0, 1)),
            (5, 5, (0, 8)),
            (-3, -1, (-4, 0)),
        ],
    )
    def test_slack(self, low: float, high: float, ends: tuple[float, float]) -> None:
        assert schemas.slack(low, high) == ends


class TestLeakage:
    def find(self, frame: pd.DataFrame, problem: str, time: str = "") -> list[str]:
        found = []
        for name in frame.columns.drop("y"):
            kind = {"f": "number", "i": "integer", "M": "time"}.get(frame[name].dtype.kind, "text")
            recipe = columns.Recipe(kind)  # type: ignore[arg-type]
            found.append(columns.Column(str(name), recipe, missing=int(frame[name].isna().sum())))
        return leakage.find(frame, "y", problem, time, found)

    def test_a_product_a_ratio_and_a_copy_in_part(self) -> None:
        random = np.random.default_rng(0)
        a, b, c = (random.uniform(1, 50, 400).round(2) for _ in "abc")
        part = np.where(np.arange(400) % 5 < 2, a * b, c)
        product = pd.DataFrame({"a": a, "b": b, "part": part, "y": (a * b).round(2)})
        assert self.find(product, "regression") == [
            "`part` is `y` itself in 40% of the rows",
            "`a` × `b` is `y`",
        ]
        ratio = pd.DataFrame({"a": a, "b": b, "c": c, "y": b / a})
        assert self.find(ratio, "regression") == ["`b` / `a` is `y`"]
        # By chance: few values, of which some are frequent.
        few = pd.DataFrame({"a": np.arange(400) % 3, "b": 1, "y": np.arange(400) % 4 % 3})
        assert not self.find(few, "regression")

    def test_what_stands_in_a_text(self) -> None:
        random = np.random.default_rng(0)
        numbers = random.permutation(400)
        sold = random.choice(["yes", "no"], 400)
        code = [f"A{n:05}-{'Y' if s == 'yes' else 'N'}" for n, s in zip(numbers, sold, strict=True)]
        frame = pd.DataFrame({"code": code, "other": [f"B{n}" for n in numbers], "y": sold})
        assert self.find(frame, "classification") == [
            "`code` by its last character predicts `y`: balanced accuracy 1.000"
        ]
        paid = random.uniform(1, 99, 400).round(2)
        notes = [f"order {chr(97 + n % 26)}: paid {p} EUR" for n, p in enumerate(paid)]
        frame = pd.DataFrame({"note": notes, "y": paid * 1.2})
        [found] = self.find(frame.sample(frac=1, random_state=0), "regression")
        assert found.startswith("`note` by a number in it predicts `y`: R² 1.000")

    def test_a_mean_that_includes_the_row(self) -> None:
        """A size of each shop is none, whatever it has to do with the target."""
        random = np.random.default_rng(0)
        shop = pd.Series(random.choice([f"shop {n}" for n in range(20)], 600))
        size = shop.map({f"shop {n}": float(n) for n in range(20)})
        y = size + random.normal(0, 20, 600)
        frame = pd.DataFrame({"shop": shop, "size": size, "y": y})
        assert not self.find(frame, "regression")
        frame["usual"] = y.groupby(shop).transform("mean")
        assert self.find(frame, "regression") == ["`usual` is the mean of `y` for each `shop`"]
        late = (y > 10).map({True: "late", False: "in time"})
        share = (late == "late").groupby(shop).transform("mean")
        frame = pd.DataFrame({"shop": shop, "share": share, "size": size, "y": late})
        assert self.find(frame, "classification") == ["`share` is the mean of `y` for each `shop`"]

    def test_regression(self) -> None:
        generator = np.random.default_rng(0)
        frame = pd.DataFrame(generator.normal(size=(500, 3)), columns=["a", "b", "noise"])
        frame["y"] = frame["a"] + 2 * frame["b"]
        frame["copy"] = frame["y"] * 1.19
        alone, together = self.find(frame, "regression")
        assert alone.startswith("`copy` alone predicts `y`: R² 1.000")
        assert "`a`, `b`" in self.find(frame.drop(columns="copy"), "regression")[0]
        assert together
        assert not self.find(frame[["a", "noise", "y"]], "regression")

    def test_classification(self) -> None:
        generator = np.random.default_rng(0)
        frame = pd.DataFrame({"y": generator.choice(["sunk", "saved"], 300, p=[0.7, 0.3])})
        saved = frame["y"] == "saved"
        frame["noise"] = generator.choice(["a", "b", "c"], 300)
        frame["boat"] = pd.Series(generator.choice(["1", "2"], 300)).where(saved)
        frame["code"] = np.where(saved, "s", "x")
        sentences = self.find(frame, "classification")
        assert [sentence.split()[0] for sentence in sentences] == ["`boat`", "`code`"]
        assert "being there or not" in sentences[0] or "alone" in sentences[0]

    @pytest.mark.parametrize("problem", ["regression", "classification"])
    def test_codes(self, problem: str) -> None:
        """What few rows share is found, and rows in the order of the target are no rule."""
        generator = np.random.default_rng(0)
        codes = np.repeat(np.arange(150), 4)
        values = generator.normal(size=150) if problem == "regression" else np.arange(150) % 2
        frame = pd.DataFrame({"shop": codes.astype("str"), "y": values[codes]})
        frame = frame.sort_values("y", ignore_index=True).assign(same=1.0, halves=[0, 1] * 300)
        [said] = self.find(frame, problem)
        assert said.startswith("`shop` alone predicts `y`")

    def test_copy_with_a_long_tail(self) -> None:
        values = np.exp(1.5 * np.random.default_rng(0).normal(size=1_000))
        [said] = self.find(pd.DataFrame({"gross": 1.19 * values, "y": values}), "regression")
        assert said.startswith("`gross` alone predicts `y`: R² 1.000")

    @pytest.mark.parametrize("problem", ["regression", "classification"])
    def test_text_in_the_order_of_the_target(self, problem: str) -> None:
        """Words of which each comes once tell nothing, and their beginnings may tell all."""
        generator = np.random.default_rng(0)
        frame = pd.DataFrame({"y": np.sort(generator.normal(size=600))})
        if problem == "classification":
            frame["y"] = np.arange(600) // 200
        frame["word"] = [f"word {number}" for number in generator.permutation(600)]
        assert not self.find(frame, problem)
        frame["code"] = [f"{row // 10:02} {word}" for row, word in enumerate(frame["word"])]
        [said] = self.find(frame, problem)
        assert said.startswith("`code` alone predicts `y`")

    @pytest.mark.parametrize("problem", ["regression", "classification"])
    def test_some_cells_are_missing(self, problem: str) -> None:
        generator = np.random.default_rng(0)
        frame = pd.DataFrame({"y": generator.normal(size=500)})
        if problem == "classification":
            frame["y"] = (frame["y"] > 1).astype("int64")
        frame["copy"] = (frame["y"] / 1000).where(generator.random(500) > 0.2)
        [said] = self.find(frame, problem)
        assert said.startswith("`copy` alone predicts `y`")

    def test_target_that_hardly_varies(self) -> None:
        frame = pd.DataFrame({"x": np.arange(100.0), "y": 0.0})
        assert not self.find(frame, "regression")

    def test_rows_that_repeat(self) -> None:
        frame = pd.DataFrame({"x": [*range(97), 0, 1, 2], "y": 1})
        measured, counted = (
            [columns.Column(name, recipe) for name in ("x", "y")]
            for recipe in (columns.Recipe("number"), columns.Recipe("integer"))
        )
        [said] = leakage.find_repeats(frame, measured)
        assert "3.0% of the rows to train on repeat others" in said
        assert not leakage.find_repeats(frame.head(97), measured)
        assert not leakage.find_repeats(frame, counted)

    def test_missing_for_one_label_of_many(self) -> None:
        generator = np.random.default_rng(0)
        frame = pd.DataFrame({"y": generator.choice(["a", "b", "c"], 300)})
        frame["boat"] = pd.Series(generator.choice(["1", "2"], 300)).where(frame["y"] == "b")
        [said] = self.find(frame, "classification")
        assert said.startswith("`boat` being there or not predicts `y`: balanced accuracy 1.000")

    def test_known_only_later(self) -> None:
        frame = pd.DataFrame({"ordered": pd.date_range("2026-01-01", periods=90)})
        frame["paid"] = frame["ordered"] + pd.Timedelta(days=9)
        frame["y"] = np.random.default_rng(0).normal(size=90)
        assert self.find(frame, "regression", "ordered") == [
            "`paid` lies after `ordered`: is it known by then?"
        ]


class TestAdoption:
    @pytest.mark.parametrize(
        ("target", "options"),
        [
            ("total", {"time": "day"}),
            ("returned", {"group": "shop"}),
            ("zip", {"index": "order"}),
        ],
    )
    def test_adopts(
        self,
        target: str,
        options: dict[str, Any],
        project: Path,
        shop: pd.DataFrame,
    ) -> None:
        """The rows keep to the schemas, and the confs are those of jobs."""
        adopt(shop, target, **options)
        written = runpy.run_path(str(project / "src" / PACKAGE / "core" / "schemas.py"))
        settings = importlib.import_module(f"{PACKAGE}.settings")
        job = settings.load(["confs/training.yaml"]).job
        inputs, target_ = (job.inputs.read(written[name]) for name in ("Inputs", "Targets"))
        together = inputs.join(target_).sort_index()
        assert together.index.name == "order"
        assert len(together) == ROWS
        assert together["Unit price (€)"].tolist() == shop["Unit price (€)"].tolist()
        assert together["member"].isna().sum() == shop["member"].isna().sum()
        assert {"country", "remark"}.isdisjoint(together)
        [(_, held_out)] = job.splitter.splits(inputs, target_[target])
        new = settings.load(["confs/inference.yaml"]).job.inputs.read(written["Inputs"])
        pd.testing.assert_frame_equal(new.sort_index(), inputs.iloc[held_out].sort_index())
        for path in {*Path("confs").glob("*.yaml")} - {Path("confs/data.yaml")}:
            settings.load([path])
        assert f"`{target}` is predicted from" in Path("README.md").read_text(encoding="utf-8")
        assert list(Path("outputs").iterdir()) == []
        # A later file of the same form is read as it is.
        shop.to_csv("later.csv", index=False)
        job = settings.load(["confs/inference.yaml"], ["job.inputs.path=later.csv"]).job
        pd.testing.assert_frame_equal(
            job.inputs.read(written["Inputs"]).sort_index(), inputs.sort_index(), check_exact=True
        )

    def test_people_know_better(self, project: Path) -> None:
        """What they say of a table goes before what it looks like, here and in the jobs."""
        lines = ["A;title;;;;", "size;zip;day;paid;job;member"]
        for row in range(90):
            day = f"0{1 + row % 3}/0{1 + row % 9}/2026"
            member = ("oui", "non")[row % 2]
            lines.append(
                f"{row}.241;{row % 7};{day};{row % 5},{row % 10}00;{'?x'[row % 2]};{member}"
            )
        Path("table.csv").write_text("\n".join(lines), encoding="utf-8")
        conf = (
            "{skip: 1, separator: ;, columns: {size: {thousands: ., decimal: ','},"
            " day: {time: '%d/%m/%Y'}, job: {missing: [x]}, member: {words: [Oui, Non]}}}"
        )
        options: dict[str, Any] = {"reader": conf, "text": ["zip"], "drop": ["paid"]}
        with adoption.prepare(
            planning.Options("table.csv", "size", **options), PACKAGE
        ) as prepared:
            prepared.apply()
        settings = importlib.import_module(f"{PACKAGE}.settings")
        written = runpy.run_path(str(project / "src" / PACKAGE / "core" / "schemas.py"))
        job = settings.load(["confs/inference.yaml"], ["job.inputs.path=table.csv"]).job
        sizes = job.inputs.read(written["Targets"])["size"]
        read: pd.DataFrame = job.inputs.read(written["Inputs"])
        read.index = pd.Index(sizes)
        assert [*read.loc[12241][["zip", "job", "member"]]] == ["5", "?", True]
        assert read.loc[12241, "day"] == pd.Timestamp("2026-04-01")
        # What was written once can be said again.
        again = planning.Options("table.csv", "size", reader="confs/data.yaml", text=["zip"])
        assert again.given.reader["columns"] == job.inputs.model_dump(exclude_unset=True)["columns"]
        assert "encoding: utf-8, separator: ;, skip: 1}' --text zip" in again.command()

    @pytest.mark.parametrize(
        ("reader", "sentence"),
        [
            ("{", "--reader cannot be read: "),
            ("no.yaml", "--reader cannot be read: .*no.yaml"),
            ("[1]", "--reader is YAML, as"),
            ("{seperator: 1}", r"wrong:\n  seperator: unknown key. Did you mean separator\?"),
            (
                "{columns: {a: {tme: x}}}",
                r"--reader is wrong:\n  columns.a.tme: unknown key. Did you",
            ),
            ("{encoding: utf-99}", r"--reader is wrong:\n  encoding: unknown encoding: utf-99\."),
            ("{columns: {c: {time: x}}}", "--reader: there is no column 'c'"),
        ],
    )
    def test_people_may_be_wrong(self, project: Path, reader: str, sentence: str) -> None:
        Path("table.csv").write_text("a,b\n1,2\n", encoding="utf-8")
        options = planning.Options("table.csv", "b", reader=reader)
        with (
            pytest.raises(AdoptionError, match=sentence) as error,
            adoption.prepare(options, PACKAGE),
        ):
            pass
        assert error.value.exit_code == 2

    @pytest.mark.parametrize("suffix", [".csv", ".parquet"])
    def test_rows_without_an_identifier_are_known_by_what_they_hold(
        self, project: Path, shop: pd.DataFrame, suffix: str
    ) -> None:
        """Adopted again in another order, the same rows are held out."""
        tables = []
        shop = pd.concat([shop, shop.head(3)]).drop(columns="order")
        for seed in (0, 1):
            shuffled = shop.sample(frac=1, random_state=seed)
            path = Path(f"table{suffix}")
            if suffix == ".csv":
                shuffled.to_csv(path, index=False)
            else:
                shuffled.to_parquet(path, index=False)
            with adoption.prepare(planning.Options(str(path), "total"), PACKAGE) as prepared:
                prepared.apply()
            settings = importlib.import_module(f"{PACKAGE}.settings")
            written = runpy.run_path(str(project / "src" / PACKAGE / "core" / "schemas.py"))
            job = settings.load(["confs/training.yaml"]).job
            rows = job.inputs.read(written["Inputs"])
            [(_, held_out)] = job.splitter.splits(rows, rows.index)
            tables.append((rows.index, rows.index[held_out]))
        [(all_, held_out), (all_again, held_out_again)] = tables
        assert all_.is_unique
        assert set(all_) == set(all_again)
        assert set(held_out) == set(held_out_again)

    def test_the_command(
        self,
        project: Path,
        shop: pd.DataFrame,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        shop.to_csv("table.csv", index=False)
        run("adopt", "table.csv", "--target=totl", code=2)
        assert capsys.readouterr().err.startswith("error: --target: there is no column 'totl'")
        run("adopt", "table.csv", "--target=total", "--no-prove")
        said = capsys.readouterr().out
        for line in (
            "country, it is constant: DE",
            "remark, it is empty",
            "dates are read as %d.%m",
            "There is no commit to go back to.",
        ):
            assert line in said

    def test_what_cannot_be_written(
        self, project: Path, shop: pd.DataFrame, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shop.to_csv("table.csv", index=False)
        Path("outputs").touch()
        run("adopt", "table.csv", "--target=total", code=2)
        assert re.fullmatch(r"error: Nothing is changed: outputs: .+\.\n", capsys.readouterr().err)

    @pytest.mark.parametrize("path", ["sales/*.csv", "sales"])
    def test_files_that_come_to_a_folder(
        self, project: Path, shop: pd.DataFrame, path: str
    ) -> None:
        """One table, read where it is; the next file is part of it."""
        Path("sales").mkdir()
        for place in range(3):
            part = shop.iloc[place * 30 : (place + 1) * 30]
            part.to_csv(f"sales/{place}.csv", index=False, sep=";", decimal=",")
        with adoption.prepare(planning.Options(path, "total"), PACKAGE) as prepared:
            prepared.apply()
            assert prepared.plan.rows == 90
        settings = importlib.import_module(f"{PACKAGE}.settings")
        job = settings.load(["confs/training.yaml"]).job
        assert (job.inputs.path, job.inputs.separator) == (path, ";")
        assert settings.load(["confs/inference.yaml"]).job.inputs.path == "sales/2.csv"
        written = runpy.run_path(str(project / "src" / PACKAGE / "core" / "schemas.py"))
        shop.iloc[90:].to_csv("sales/3.csv", index=False, sep=";", decimal=",")
        table = job.inputs.read(written["Inputs"])
        assert set(table.index) == set(shop["order"])
        assert table["Unit price (€)"].sum() == pytest.approx(shop["Unit price (€)"].sum())
        assert {file.name for file in Path("data").iterdir()} == {"README.md", "adoption.json"}
        assert len(pd.read_parquet("tests/data/training.parquet")) == 90

    @pytest.mark.parametrize("name", WRITERS)
    def test_a_later_file_of_each_form(
        self, name: str, project: Path, shop: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A small table is kept as it is; the next one is read by its path alone."""
        shop = shop.drop(columns="remark")
        sold, later = shop.head(90), shop.tail(90)
        suffix = name[1:]
        source, next_ = (
            WRITERS[name](part, project / f"{stem}{suffix}") or f"{stem}{suffix}"
            for stem, part in (("sold", sold), ("later", later))
        )
        is_database = name == "j.db"
        query = "select * from sales" if is_database else ""
        options = planning.Options(source, "total", query=query, index="order")
        with adoption.prepare(options, PACKAGE) as prepared:
            plan = prepared.plan
            prepared.apply()
        settings = importlib.import_module(f"{PACKAGE}.settings")
        written = runpy.run_path(str(project / "src" / PACKAGE / "core" / "schemas.py"))
        monkeypatch.setenv("DATABASE_URL", source)
        job = settings.load(["confs/training.yaml"]).job
        inputs, total = (job.inputs.read(written[part]) for part in ("Inputs", "Targets"))
        assert total["total"].sum() == pytest.approx(sold["total"].sum())
        if plan.is_copy:
            copy = Path("data", f"sold{suffix}")
            assert job.inputs.path == str(copy)
            assert copy.read_bytes() == Path(source).read_bytes()
            sample = settings.load(["confs/inference.yaml"]).job.inputs
            assert sample.path.startswith("data/held-out.")
            rows = sample.read(written["Inputs"])
            assert len(rows) == plan.held_out
            pd.testing.assert_frame_equal(rows, inputs.loc[rows.index], check_exact=True)
            with pytest.raises(importlib.import_module(f"{PACKAGE}.core.errors").DataError):
                sample.read(written["Targets"])
        else:
            assert name in ("f", "j.db")
        monkeypatch.setenv("DATABASE_URL", next_)
        extras = [] if is_database else [f"job.inputs.path={next_}"]
        read = settings.load(["confs/inference.yaml"], extras).job.inputs.read(written["Inputs"])
        assert set(read.index) == set(later["order"])
        both = read.index.intersection(inputs.index)
        pd.testing.assert_frame_equal(read.loc[both], inputs.loc[both], check_exact=True)

    def test_rows_that_cannot_be_told_apart(self, project: Path) -> None:
        """Without a sample, inference predicts the table itself."""
        rows = "".join(f"{row % 7},{row % 3}\n{chr(10) * (row == 50)}" for row in range(90))
        Path("table.csv").write_text(f"a,y\n{rows}", encoding="utf-8")
        with adoption.prepare(planning.Options("table.csv", "y"), PACKAGE) as prepared:
            cells = prepared.plan
            prepared.apply()
        assert cells.sample == "data/held-out.csv"

    def test_jobs_must_find_what_adoption_found(
        self, project: Path, shop: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(columns.Column, "format", lambda _: {})
        shop["Unit price (€)"] = shop["Unit price (€)"].map(lambda price: f"{price} €")
        with pytest.raises(AdoptionError, match=r"The rows do not keep to what was seen of them"):
            adopt(shop, "total")
        shop = shop.drop(columns=["Unit price (€)", "day"])
        with pytest.raises(AdoptionError, match=r"member"):
            adopt(shop, "total")

    def test_an_address_with_a_secret(self, project: Path, shop: pd.DataFrame) -> None:
        """It does not get into a conf."""
        store = fsspec.filesystem("memory")
        for place in range(2):
            part = shop.iloc[place * 60 : (place + 1) * 60].to_csv(index=False)
            store.pipe(f"/me:word@shop/{place}.csv", part.encode())
        for name, sentence in (
            ("[01].csv", "what may be a secret"),
            ("2.csv", "There is no file"),
        ):
            options = planning.Options(f"memory://me:word@shop/{name}", "total")
            with (
                pytest.raises(AdoptionError, match=sentence) as error,
                adoption.prepare(options, PACKAGE),
            ):
                pass
            assert "word" not in str(error.value)

    def test_files_of_another_form(self, project: Path, shop: pd.DataFrame) -> None:
        Path("sales").mkdir()
        shop.to_csv("sales/1.csv", index=False)
        shop.rename(columns={"zip": "code"}).to_csv("sales/2.csv", index=False)
        options = planning.Options("sales", "total")
        with (
            pytest.raises(AdoptionError, match=r"2\.csv and .*1\.csv differ in the column 'code'"),
            adoption.prepare(options, PACKAGE),
        ):
            pass
        for path in Path("sales").iterdir():
            path.unlink()
        with (
            pytest.raises(AdoptionError, match=r"The folder sales holds none of \.parquet, \.csv"),
            adoption.prepare(options, PACKAGE),
        ):
            pass

    def test_large_data_leaves_a_sample_for_the_tests(self, project: Path) -> None:
        generator = np.random.default_rng(0)
        frame = pd.DataFrame(generator.normal(size=(2_500, 3)), columns=[*"aby"])
        adopt(frame, "y")
        assert Path("data/table.csv").read_bytes() == Path("table.csv").read_bytes()
        assert len(pd.read_parquet("tests/data/training.parquet")) == 800
        adopt(frame.head(90), "y")
        assert not Path("tests/data/training.parquet").exists()

    def test_what_was_edited_is_merged(
        self,
        project: Path,
        shop: pd.DataFrame,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """Adopting again is an update: three ways, asked for, and never against the user."""
        adopt(shop.drop(columns="zip"), "total")
        conf, module = Path("confs/data.yaml"), Path(f"src/{PACKAGE}/core/schemas.py")
        as_adopted = module.read_text()
        conf.write_text(conf.read_text().replace("folds: 4", "folds: 5"))
        edit = 'isin=["new", "old", "broken"]'
        mine = as_adopted.replace('isin=["new", "old"]', edit)
        assert mine != as_adopted
        module.write_text(mine)
        others = Path("confs/promotion.yaml")
        others.write_text(others.read_text().replace("${data.metrics[0].name}", "r2"))
        # With the same table, there is nothing to ask for.
        run("adopt", "table.csv", "--target=total", "--no-prove")
        said = capsys.readouterr().out
        assert "confs/promotion.yaml keeps its own metric: is that right for this data?\n" in said
        assert said.count("keeps its own") == 1
        assert module.read_text() == mine
        # Next month, there is a column more.
        shop.to_csv("table.csv", index=False)
        before = tree()
        run("adopt", "table.csv", "--target=total", "--no-prove", code=2)
        said, refusal = capsys.readouterr()
        assert refusal.startswith("error: You have edited src/")
        assert "--yes merges that with what is adopted, --discard-edits overwrites it." in refusal
        assert "\n+    zip: Series[str]" in said
        assert tree() == before
        run("adopt", "table.csv", "--target=total", "--no-prove", "--yes")
        assert edit in module.read_text()
        assert "    zip: Series[str]" in module.read_text()
        assert "folds: 5" in conf.read_text()
        run("adopt", "table.csv", "--target=total", "--no-prove", "--discard-edits")
        assert edit not in module.read_text()
        assert "folds: 4" in conf.read_text()

    def test_what_was_edited_may_be_in_conflict(
        self, project: Path, shop: pd.DataFrame, capsys: pytest.CaptureFixture[str]
    ) -> None:
        adopt(shop, "total")
        module = Path(f"src/{PACKAGE}/core/schemas.py")
        mine = module.read_text().replace('["new", "old"]', '["new", "old", "broken"]')
        module.write_text(mine)
        shop.loc[0, "class"] = "lost"
        shop.to_csv("table.csv", index=False)
        run("adopt", "table.csv", "--target=total", "--yes", code=1)
        said, refusal = capsys.readouterr()
        assert "The project is one for this data.\n" in said
        assert f"is in conflict with it in {module}: resolve that, then uv run" in refusal
        found = re.search(
            r"<<<<<<< yours\n(.*)=======\n(.*)>>>>>>> adopted now\n", module.read_text(), re.DOTALL
        )
        assert found
        assert '"broken"' in found[1]
        assert '"lost"' in found[2]

    @pytest.mark.parametrize("committed", [True, False])
    def test_an_adoption_that_kept_no_texts(
        self, project: Path, shop: pd.DataFrame, capsys: pytest.CaptureFixture[str], committed: bool
    ) -> None:
        """As before 0.6.0: git's history may hold what was written, and else nobody knows."""
        adopt(shop, "total")
        manifest = Path(adoption.MANIFEST)
        written = json.loads(manifest.read_text(encoding="utf-8"))
        manifest.write_text(json.dumps({"files": written["files"]}), encoding="utf-8")
        if committed:
            commit()
        conf = Path("confs/data.yaml")
        conf.write_text(conf.read_text().replace("folds: 4", "folds: 5"))
        if committed:
            commit()
        shop.drop(columns="zip").to_csv("table.csv", index=False)
        code = 0 if committed else 2
        run("adopt", "table.csv", "--target=total", "--no-prove", "--yes", code=code)
        assert "folds: 5" in conf.read_text()
        module = Path(f"src/{PACKAGE}/core/schemas.py").read_text()
        assert ("zip: Series" in module) != committed
        said = capsys.readouterr().err
        assert ("You have edited confs/data.yaml, which cannot be merged" in said) != committed

    def test_a_value_of_the_data_is_no_part_of_a_conf(
        self, project: Path, shop: pd.DataFrame
    ) -> None:
        labels = ["${HOME}", "\\${data.training}"]
        shop["answer"] = [labels[number % 2] for number in range(ROWS)]
        adopt(shop.rename(columns={"shop": "${shop}"}), "answer", group="${shop}")
        job = importlib.import_module(f"{PACKAGE}.settings").load(["confs/training.yaml"]).job
        assert job.metrics[0].positive in labels
        assert job.splitter.by == "${shop}"

    def test_an_identifier_goes_before_a_number_without_a_name(
        self, project: Path, shop: pd.DataFrame
    ) -> None:
        shop.to_csv("table.csv")
        with adoption.prepare(planning.Options("table.csv", "total"), PACKAGE) as prepared:
            assert prepared.plan.index.name == "order"

    def test_undo(self, project: Path, shop: pd.DataFrame) -> None:
        """Of two adoptions that are not committed; what else is not is named."""
        Path("data/training.csv").touch()
        manifest = json.loads(Path(adoption.MANIFEST).read_text())
        manifest["files"]["data/training.csv"] = adoption.digest(Path("data/training.csv"))
        Path(adoption.MANIFEST).write_text(json.dumps(manifest))
        commit()
        before = tree()
        adopt(shop, "total")
        assert not Path("data/training.csv").exists()
        shop.to_csv("table.csv", index=False)
        with adoption.prepare(planning.Options("table.csv", "returned"), PACKAGE) as prepared:
            assert prepared.undo().startswith("To undo it:\n")
        Path("README.md").write_text("Mine.\n" + Path("README.md").read_text())
        with adoption.prepare(planning.Options("table.csv", "returned"), PACKAGE) as prepared:
            [said, undo] = prepared.undo().splitlines()
            prepared.apply()
        assert said == "To undo it, and what is not committed in README.md:"
        subprocess.run(undo, shell=True, check=True)  # noqa: S602
        assert tree() == before

    def test_a_failure_leaves_all_as_it_was(self, project: Path, shop: pd.DataFrame) -> None:
        adopt(shop, "total")
        before = tree()
        shop.tail(90).to_csv("table.csv", index=False)
        options = planning.Options("table.csv", "returned")
        with adoption.prepare(options, PACKAGE) as prepared:
            prepared.written.append("table.csv/part.txt")
            (prepared.folder / "table.csv").mkdir()
            (prepared.folder / "table.csv" / "part.txt").touch()
            with pytest.raises(FileExistsError):
                prepared.apply()
        assert tree() == before

    @pytest.mark.parametrize(
        ("target", "changes", "options", "sentence", "code"),
        [
            ("totl", {}, {}, "no column 'totl'. Did you mean 'total'", 2),
            ("total", {}, {"drop": ["total"]}, "'total' is asked for twice", 2),
            ("total", {}, {"time": "day", "group": "shop"}, "--time and --group", 2),
            ("total", {}, {"problem": "ranking"}, "not ranking", 2),
            ("total", {}, {"time": "class"}, "'class' holds no dates", 3),
            ("total", {}, {"index": "class"}, "'class' does not identify a row", 3),
            ("total", {}, {"group": "class"}, "makes 2 groups", 3),
            ("remark", {}, {}, "The target 'remark' is empty", 3),
            ("country", {}, {}, "always 'DE'", 3),
            ("total", {}, {"problem": "classification"}, "it is a regression", 3),
            ("class", {}, {"problem": "regression"}, "--problem classification", 3),
            ("day", {}, {}, "holds dates", 3),
            ("order", {}, {}, "has 120 values in 120 rows", 3),
            ("c", {"c": ["a"] * 115 + ["b"] * 5}, {}, "'b' of the target 'c' has 5 rows", 3),
            ("y", {"y": [1.5] * 20 + [None] * 100}, {}, "There are 20 rows with a target", 3),
        ],
    )
    def test_refused(
        self,
        target: str,
        changes: dict[str, Any],
        options: dict[str, Any],
        sentence: str,
        code: int,
        project: Path,
        shop: pd.DataFrame,
    ) -> None:
        before = tree()
        with pytest.raises(AdoptionError, match=sentence) as error:
            adopt(shop.assign(**changes), target, **options)
        assert error.value.exit_code == code
        assert tree() == before

    def test_what_the_project_came_with_is_known(self) -> None:
        """Only until somebody edits or adopts: then the list is theirs."""
        listed = json.loads((ROOT / adoption.MANIFEST).read_text(encoding="utf-8"))["files"]
        assert {"src/*/core/schemas.py", "data/README.md"} <= set(listed)

    def test_says_what_it_did(self, project: Path, shop: pd.DataFrame) -> None:
        shop["gross"] = shop["total"] * 1.19
        shop.to_csv("table.csv", index=False)
        options = planning.Options("table.csv", "total", drop=["zip"])
        with adoption.prepare(options, PACKAGE) as prepared:
            lines = list(proof.tell(prepared.plan))
            readme = (prepared.folder / "data/README.md").read_text(encoding="utf-8")
        assert any(line.startswith("possible leakage: gross alone") for line in lines)
        assert "uv run inv data.adopt --path table.csv --target total --drop zip" in readme
        assert "possible leakage" in readme


class TestVerdict:
    def test_interval(self) -> None:
        """Models that differ by chance are as good as each other; one that is better is so."""
        random = np.random.default_rng(0)
        truth = pd.Series(random.normal(size=200))
        noise = [pd.DataFrame({"prediction": truth + random.normal(size=200)}) for _ in range(2)]
        exact = pd.DataFrame({"prediction": truth})
        metrics = importlib.import_module(f"{PACKAGE}.core.metrics")
        metric = metrics.RegressionMetric(name="r2")
        low, high = proof.find_interval(metric, truth, *noise)
        assert low < 0 < high
        assert "are as good as each other" in proof.say_ahead(low, high)
        low, high = proof.find_interval(metric, truth, exact, noise[0])
        assert 0.5 < low < high
        said = proof.say_ahead(low, high)
        assert said.startswith("The champion is better than skrub's pipeline, by ")
        said = proof.say_ahead(-high, -low)
        assert said.startswith("skrub's pipeline is better than the champion, by ")

    def test_rows_of_one_label(self) -> None:
        truth = pd.Series(["a"] * 49 + ["b"])
        said = pd.DataFrame({"prediction": truth, "probability_a": 0.9, "probability_b": 0.1})
        metrics = importlib.import_module(f"{PACKAGE}.core.metrics")
        for metric in (
            metrics.BinaryMetric(name="roc_auc", positive="b"),
            metrics.MulticlassMetric(name="balanced_accuracy"),
        ):
            assert proof.find_interval(metric, truth, said, said) == (0, 0)

    def test_one_column_gives_it_away(self) -> None:
        said = proof.say_giveaway(0.9991, {"a": 0.01, "code, long": 0.8, "b": -0.002})
        assert said.startswith("possible leakage: the champion's score of 0.9991 is nearly perfect")
        assert said.endswith("""99% of it is due to code, long. If that is not known when the model\
 must predict, adopt again with --drop '"code, long"'.""")
        assert not proof.say_giveaway(0.9991, {"a": 0.4, "b": 0.5})
