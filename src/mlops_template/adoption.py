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
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import yaml

from . import leakage, merging, placing, splits, texts
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
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    return _digest(_comparable(path))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _is_data(path: str) -> bool:
    return path.endswith(".parquet")


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
