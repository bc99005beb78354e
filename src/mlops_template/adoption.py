"""Make the project one for other data: all is prepared first, and then put in place."""

import contextlib
import difflib
import hashlib
import json
import re
import runpy
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from . import leakage, splits, texts
from .columns import read_columns
from .errors import AdoptionError
from .plan import Plan
from .planning import Options, decide
from .project import modules
from .schemas import write_schemas
from .sources import Spool, spool

MANIFEST = "data/adoption.json"
TUNED = "outputs/tuning.yaml"
"""What tuning found, for other data."""
SOURCE = "data/source.yaml"
README = "README.md"
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

    @property
    def paths(self) -> list[str]:
        """All files that change."""
        return [*self.written, *self.removed]

    def edited(self) -> list[str]:
        """List what would be overwritten or removed, and is not what was written there last."""
        known = read_manifest()
        return [
            path
            for path in self.paths
            if Path(path).is_file()
            and path != MANIFEST
            and (found := digest(Path(path))) != known.get(key(path))
            and not (path in self.written and found == digest(self.folder / path))
        ]

    def diff(self, path: str) -> str:
        """Show what would change in a file."""
        try:
            old = _comparable(Path(path)).splitlines(keepends=True)
            new = _comparable(self.folder / path) if path in self.written else ""
        except UnicodeDecodeError:
            return f"{path}: not text\n"
        lines = difflib.unified_diff(old, new.splitlines(keepends=True), path, path)
        return "".join(lines)

    def undo(self) -> str:
        """Say how git goes back to the last commit, in these files only; ask before applying."""
        kept = set(_git("ls-tree -r --name-only HEAD"))
        if not kept:
            return "There is no commit to go back to."
        # What an adoption removed that is not committed is to come back, too.
        listed = json.loads("\n".join(_git(f"show HEAD:./{MANIFEST}")) or '{"files": {}}')["files"]
        old = sorted(kept & {*self.paths, *listed})
        new = sorted({*self.written} - kept)
        commands = [f"git checkout HEAD -- {shlex.join(old)}"] * bool(old)
        commands += [f"rm {shlex.join(new)}"] * bool(new)
        known = read_manifest()
        lost = [
            path
            for path in _git("diff --name-only --relative --diff-filter=d HEAD")
            if path in old
            and path != MANIFEST
            and (digest(Path(path)) != known.get(key(path)) or _differs_outside(path))
        ]
        also = f", and what is not committed in {', '.join(lost)}" if lost else ""
        return f"To undo it{also}:\n  {' && '.join(commands)}"

    def apply(self) -> None:
        """Put everything in place, or nothing; what tuning found before is of no use any more."""
        kept = self.folder / "before"
        touched: list[str] = []
        try:
            for path in self.paths:
                place = Path(path)
                if place.exists():
                    kept.joinpath(path).parent.mkdir(parents=True, exist_ok=True)
                    place.rename(kept / path)
                touched.append(path)
                if path in self.written:
                    place.parent.mkdir(parents=True, exist_ok=True)
                    self.folder.joinpath(path).rename(place)
        except BaseException:
            for path in touched:
                Path(path).unlink(missing_ok=True)
            for path in self.paths:
                if kept.joinpath(path).exists():
                    kept.joinpath(path).rename(path)
            raise
        Path(TUNED).unlink(missing_ok=True)


def _differs_outside(path: str) -> bool:
    """Say whether README.md has changes that are not committed beside what it says of the data."""
    if path != README:
        return False
    texts = ("\n".join(_git(f"show HEAD:./{README}")), Path(README).read_text(encoding="utf-8"))
    before, now = (SECTION.sub("", text).rstrip() for text in texts)
    return before != now


def _git(arguments: str) -> list[str]:
    """Ask git for lines; there are none where there is no commit."""
    command = ["git", "-c", "core.quotePath=off", *arguments.split()]
    said = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    return said.stdout.splitlines() if said.returncode == 0 else []


def key(path: str) -> str:
    """Name a file in the manifest, so that the package may be renamed."""
    return re.sub(r"^src/[^/]+/", "src/*/", path)


def read_manifest() -> dict[str, str]:
    """Read the digests of what was written last, by path."""
    path = Path(MANIFEST)
    if not path.is_file():
        return {}
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))["files"]
    return found


def digest(path: Path) -> str:
    """Digest a file, or of README.md what it says of the data; line ends do not count."""
    if path.suffix == ".parquet":
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    return hashlib.sha256(_comparable(path).encode()).hexdigest()


def _comparable(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if path.name == README and (section := SECTION.search(text)) and path.parent.name != "data":
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
    Path("outputs").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".adoption-", dir="outputs") as name:
        folder = Path(name)
        cells, source, plan = look(options, folder)
        names = splits.name_rows(plan, cells, options.path, package)
        cells.path.unlink()
        rows = splits.split(plan, source, names, package)
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
        source.path.unlink()
        written = sorted(
            path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
        )
        manifest = {key(path): digest(folder / path) for path in written}
        text = json.dumps({"files": manifest}, indent=2, ensure_ascii=False)
        (folder / MANIFEST).write_text(f"{text}\n", encoding="utf-8")
        # Before 0.6.0, adoption wrote all confs.
        removed = [
            path
            for path in read_manifest()
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
    """Write the schemas, formatted, the conf and the descriptions, and try the schemas."""
    schemas = f"src/{package}/core/schemas.py"
    contents = {
        schemas: _format(write_schemas(plan), schemas),
        "confs/data.yaml": texts.write_data(plan),
        "data/README.md": texts.write_readme(plan, package),
    }
    if not plan.stays:
        contents[SOURCE] = texts.write_source(plan)
    readme = Path(README)
    if readme.is_file() and SECTION.search(text := readme.read_text(encoding="utf-8")):
        contents[README] = SECTION.sub(lambda _: texts.write_section(plan), text)
    for path, text in contents.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    _check_schemas(folder, schemas, package)


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


def _check_schemas(folder: Path, schemas: str, package: str) -> None:
    """Hold some rows to the schemas, as the jobs will; what all rows hold was seen before."""
    module = runpy.run_path(str(folder / schemas))  # unlike an import, it leaves no bytecode
    datasets, errors = map(modules(package), ("io.datasets", "core.errors"))
    drawn = folder / "tests" / "data"
    path = (drawn if drawn.exists() else folder / "data") / f"{splits.TRAINING}.parquet"
    reader = datasets.ParquetReader(path=str(path))
    for schema in (module["Inputs"], module["Targets"]):
        try:
            reader.read(schema)
        except errors.DataError as error:
            raise AdoptionError(
                f"The rows do not keep to what was seen of them: {error}"
            ) from error
