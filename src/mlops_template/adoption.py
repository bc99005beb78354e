"""Make the project one for other data: all is prepared first, and then put in place."""

import contextlib
import difflib
import hashlib
import json
import logging
import re
import runpy
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pydantic
import yaml

from . import copies, leakage, merging, placing, splits, texts
from .columns import read_columns
from .errors import AdoptionError
from .files import hide_secrets
from .plan import Plan
from .planning import Options, decide
from .project import modules
from .schemas import write_schemas
from .sources import Spool, drop_option, spool

MANIFEST = "data/adoption.json"
TUNED = "outputs/tuning.yaml"
"""What tuning found, for other data."""
README = "README.md"
CHECKED_ROWS = 5_000
"""Of how many rows the jobs are to find what adoption has found."""
SHARED = ("inputs", "targets", "splitter", "folds", "metric", "metrics", "thresholds")
"""What the confs of jobs name in data.yaml."""
SECTION = re.compile(r"(?<=^## Data\n\n).*?(?=\n\n## )", re.MULTILINE | re.DOTALL)


@dataclass
class Adoption:
    """All that is to be written."""

    plan: Plan
    folder: Path
    """Where the files are that wait to be put in place, by the same paths."""
    written: list[str]
    removed: list[str]
    conflicts: list[str] = field(default_factory=list)
    """Where people have to choose between what they edited and what was found now."""

    def edited(self) -> list[str]:
        """List what would be overwritten or removed, and is not what was written there last."""
        known = read_manifest()["files"]
        return [
            path
            for path in [*self.written, *self.removed]
            if Path(path).is_file()
            and path != MANIFEST
            and (found := digest(Path(path))) != known.get(key(path))
            and not (path in self.written and found == digest(self.folder / path))
        ]

    def keep_edits(self) -> None:
        """Merge what people have edited into what is written; what would go stays.

        Raises:
            AdoptionError: It is no text, or nobody knows what it was before.
        """
        for path in self.edited():
            if path in self.removed:
                self.removed.remove(path)
                continue
            before = None if _is_data(path) else find_base(path)
            if before is None:
                raise AdoptionError(
                    f"You have edited {path}, which cannot be merged with what is adopted, and"
                    " nothing is changed: --discard-edits overwrites it.",
                    option=True,
                )
            if re.search(rf"^<<<<<<< {merging.LABELS[0]}$", _comparable(Path(path)), re.MULTILINE):
                raise AdoptionError(
                    f"{path} is in conflict since the adoption before, and nothing is changed:"
                    " resolve that first, or --discard-edits overwrites it.",
                    option=True,
                )
            new = self.folder / path
            merged = merging.merge(_comparable(Path(path)), before, _comparable(new))
            whole = new.read_text(encoding="utf-8").replace(_comparable(new), merged.text)
            new.write_text(whole, encoding="utf-8")
            if merged.conflicts:
                self.conflicts.append(path)

    def diff(self, path: str) -> str:
        """Show what would change in a file."""
        if _is_data(path):
            return f"{path}: not text\n"
        if path not in [*self.written, *self.removed]:
            return f"{path}: stays, though nothing names it any more\n"
        old = _comparable(Path(path)).splitlines(keepends=True)
        new = _comparable(self.folder / path) if path in self.written else ""
        lines = difflib.unified_diff(old, new.splitlines(keepends=True), path, path)
        return "".join(lines)

    def undo(self) -> str:
        """Say how git goes back to the last commit, in these files only; ask before applying."""
        kept = set(_git("ls-tree", "-r", "--name-only", "HEAD"))
        if not kept:
            return "There is no commit to go back to."
        # What an adoption removed that is not committed is to come back, too.
        listed = json.loads("\n".join(_git("show", f"HEAD:./{MANIFEST}")) or '{"files": {}}')[
            "files"
        ]
        old = sorted(kept & {*self.written, *self.removed, *listed})
        new = sorted({*self.written} - kept)
        commands = [f"git checkout HEAD -- {shlex.join(old)}"] * bool(old)
        commands += [f"rm {shlex.join(new)}"] * bool(new)
        known = read_manifest()["files"]
        lost = [
            path
            for path in _git("diff", "--name-only", "--relative", "--diff-filter=d", "HEAD")
            if path in old
            and path != MANIFEST
            and (digest(Path(path)) != known.get(key(path)) or _differs_outside(path))
        ]
        also = f", and what is not committed in {', '.join(lost)}" if lost else ""
        return f"To undo it{also}:\n  {' && '.join(commands)}"

    def apply(self) -> None:
        """Put everything in place, or nothing; what tuning found before is of no use any more."""
        placing.put(self.folder.parent, self.written, [*self.removed, TUNED])


def _differs_outside(path: str) -> bool:
    """Say whether README.md has changes that are not committed beside what it says of the data."""
    if path != README:
        return False
    texts = ("\n".join(_git("show", f"HEAD:./{README}")), Path(README).read_text(encoding="utf-8"))
    before, now = (SECTION.sub("", text).rstrip() for text in texts)
    return before != now


def _git(*arguments: str) -> list[str]:
    """Ask git for lines; there are none where there is no commit."""
    command = ["git", "-c", "core.quotePath=off", *arguments]
    said = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    return said.stdout.splitlines() if said.returncode == 0 else []


def key(path: str) -> str:
    """Name a file in the manifest, so that the package may be renamed."""
    return re.sub(r"^src/[^/]+/", "src/*/", path)


def read_manifest() -> dict[str, dict[str, str]]:
    """Read what was written last, by path: the digests of all files, and the texts."""
    path = Path(MANIFEST)
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {"files": {}, "texts": {}, **found}


def find_base(path: str) -> str | None:
    """Find the text that an adoption wrote last, where it or git's history holds it."""
    known = read_manifest()
    if (text := known["texts"].get(key(path))) is not None:
        return text
    for commit in _git("log", "--format=%H", "--", path):
        text = _cut(path, "\n".join([*_git("show", f"{commit}:./{path}"), ""]))
        if _digest(text) == known["files"].get(key(path)):
            return text
    return None


def digest(path: Path) -> str:
    """Digest a file, or of README.md what it says of the data; line ends do not count."""
    if _is_data(str(path)):
        content = path.read_bytes()
        binary = path.suffix == ".parquet"
        return hashlib.sha256(content if binary else content.replace(b"\r\n", b"\n")).hexdigest()
    return _digest(_comparable(path))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _is_data(path: str) -> bool:
    return not path.endswith((".md", ".py", ".yaml"))


def _comparable(path: Path) -> str:
    return _cut(path.as_posix(), path.read_text(encoding="utf-8"))


def _cut(path: str, text: str) -> str:
    """Take of README.md what it says of the data, and all other texts as they are."""
    name = PurePosixPath(path)
    if name.name == README and name.parent.name != "data" and (section := SECTION.search(text)):
        return section[0]
    return text


def look(options: Options, folder: Path) -> tuple[Spool, Spool, Plan]:
    """Read the data, and decide what each column is.

    Args:
        options: what the command was given.
        folder: where to keep the rows.

    Returns:
        The rows as they were read, their values, and what was decided.

    Raises:
        AdoptionError: The data will not do.
    """
    options.check()
    given, path = options.given, folder / "rows.arrow"
    cells = spool(options.path, options.query, options.drop, options.roles, path, given)
    columns = read_columns(cells, options.target, folder / "values.arrow")
    source = cells._replace(path=folder / "values.arrow")
    return cells, source, decide(options, source, columns)


@contextlib.contextmanager
def prepare(options: Options, package: str) -> Iterator[Adoption]:
    """Read the data, and write all files into a folder beside their places.

    Args:
        options: what the command was given.
        package: the name of the package.

    Yields:
        What waits to be applied; it is gone after the block.

    Raises:
        AdoptionError: The data will not do.
    """
    with placing.scratch() as scratch:
        folder = scratch / placing.NEW
        folder.mkdir()
        cells, source, plan = look(options, scratch)
        names = splits.name_rows(plan, cells, options.path, package)
        rows = splits.split(plan, source, names, package)
        _keep_table(plan, cells, rows, folder)
        frame = splits.write(plan, source, rows, names, folder)
        plan.notes += leakage.find_repeats(frame, [*plan.inputs, plan.target])
        plan.leaks += leakage.find(
            frame,
            plan.target.name,
            plan.problem,
            plan.time,
            [column for column in plan.inputs if column.name != plan.group],
        )
        _write_texts(plan, folder, package)
        _check_reading(plan, options, source, names, folder, package)
        written = sorted(
            path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
        )
        digests = {key(path): digest(folder / path) for path in written}
        kept = {key(path): _comparable(folder / path) for path in written if not _is_data(path)}
        manifest = {"files": digests, "texts": kept}
        text = json.dumps(manifest, indent=2, ensure_ascii=False)
        (folder / MANIFEST).write_text(f"{text}\n", encoding="utf-8")
        # Before 0.6.0, adoption wrote all confs.
        removed = [
            path
            for path in read_manifest()["files"]
            if path not in map(key, written) and not path.startswith("confs/")
        ]
        yield Adoption(plan, folder, [*written, MANIFEST], removed)


def find_own() -> Iterator[str]:
    """Say which confs have values of their own for what data.yaml says, and keep them."""
    for path in sorted(Path("confs").glob("*.yaml")):
        conf = None
        with contextlib.suppress(yaml.YAMLError):
            conf = yaml.safe_load(path.read_text(encoding="utf-8"))
        job = conf.get("job") if isinstance(conf, dict) else None
        if isinstance(job, dict):
            own = [key for key in SHARED if key in job and "${data." not in str(job[key])]
            if own:
                yield f"{path} keeps its own {', '.join(own)}: is that right for this data?"


def _write_texts(plan: Plan, folder: Path, package: str) -> None:
    """Write the schemas, formatted, the conf and the descriptions."""
    schemas = f"src/{package}/core/schemas.py"
    contents = {
        schemas: _format(write_schemas(plan), schemas),
        "confs/data.yaml": texts.write_data(plan),
        "data/README.md": texts.write_readme(plan, package),
    }
    readme = Path(README)
    if readme.is_file() and SECTION.search(text := readme.read_text(encoding="utf-8")):
        contents[README] = SECTION.sub(lambda _: texts.write_section(plan), text)
    for path, text in contents.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def _format(text: str, path: str) -> str:
    """Format a module as the project does; long and foreign words are what they are."""
    ruff = [shutil.which("ruff") or "ruff"]
    stdin = f"--stdin-filename={path}"
    shaped = subprocess.run(
        [*ruff, "format", stdin, "-"], input=text, capture_output=True, encoding="utf-8", check=True
    ).stdout
    looks = [
        *ruff,
        "check",
        "--quiet",
        "--select=E501,RUF001,RUF002,RUF003",
        "--output-format=concise",
    ]
    said = subprocess.run(
        [*looks, stdin, "-"], input=shaped, capture_output=True, encoding="utf-8", check=False
    ).stdout
    codes = sorted(set(re.findall(r"E501|RUF00[123]", said)))
    return f"# ruff: noqa: {', '.join(codes)}\n{shaped}" if codes else shaped


def _check_reading(
    plan: Plan, options: Options, source: Spool, names: pa.Array | None, folder: Path, package: str
) -> None:
    """Read the first rows as the jobs will, who must find what was found here.

    Raises:
        AdoptionError: They would not.
    """
    written = runpy.run_path(str(folder / f"src/{package}/core/schemas.py"))  # leaves no bytecode
    datasets, kinds, errors = map(modules(package), ("io.datasets", "io.kinds", "core.errors"))
    conf = {**plan.reader, "limit": CHECKED_ROWS}
    if plan.table:
        conf["path"] = str(folder / plan.table) if plan.is_copy else plan.table
    else:
        conf |= {"url": options.path, "query": options.query}
    reader = pydantic.TypeAdapter(kinds.ReaderKind).validate_python(conf)
    table = pa.Table.from_batches(source.batches()).slice(0, CHECKED_ROWS)
    if names is not None:
        table = table.append_column(plan.index.name, names[:CHECKED_ROWS])
    found = folder.parent / "found.parquet"
    pq.write_table(table, found)
    known = folder.parent / "known.parquet"
    pq.write_table(table.filter(pc.is_valid(table[plan.target.name])), known)
    logging.disable()  # what is unlike anything seen is no news here
    try:
        ours = datasets.ParquetReader(path=str(found)).read(written["Inputs"])
        datasets.ParquetReader(path=str(known)).read(written["Targets"])
        theirs = reader.read(written["Inputs"])
    except errors.DataError as error:
        raise AdoptionError(f"The rows do not keep to what was seen of them: {error}") from error
    finally:
        logging.disable(logging.NOTSET)
    alike = ours.index.intersection(theirs.index)
    for column in ours:
        mine, other = ours.loc[alike, column], theirs.loc[alike, column]
        if not mine.equals(other):
            differs = ~((mine == other) | (mine.isna() & other.isna())).fillna(False)
            row = alike[differs.to_numpy()][0]
            raise AdoptionError(
                f"The column '{column}' is not read as it was understood: in the row {row!r},"
                f" {other[row]!r} is taken for {mine[row]!r}. Say by --reader how it is written,"
                f" or leave it out: {drop_option(str(column))}."
            )


def _keep_table(plan: Plan, cells: Spool, rows: pd.DataFrame, folder: Path) -> None:
    """Copy a small table as it is, and cut rows out of it that inference predicts.

    Raises:
        AdoptionError: A table that stays where it is has a secret in its address.
    """
    if name := copies.name_copy(cells.found):
        copies.copy(cells.found, folder / name)
        plan.table = plan.sample = name
        plan.is_copy = True
    elif re.search(r"://[^/]*@|^https?://.*\?", plan.table):
        raise AdoptionError(
            f"The address of {hide_secrets(plan.table)} holds what may be a secret, and would stand"
            " in confs/data.yaml: give it without, and the secret in the environment.",
            option=True,
        )
    if plan.table and not plan.grows:
        path = f"data/held-out{copies.SUFFIXES[plan.reader['KIND']]}"
        places = set(np.flatnonzero(rows[splits.INFERENCE]).tolist())
        if copies.cut(cells, places, plan.target.name, folder / path):
            plan.sample = path
