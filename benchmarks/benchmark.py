"""Measure what a rendered project costs beside plain scripts of the same work, in the same run.

``uv run benchmarks/benchmark.py`` prints a table; ``adoption`` after it measures that part alone.
CPU-seconds count the children of a process;
each figure is the least of several runs, taken in turn with what it is compared with.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[1]
PLAIN: Final = ROOT / "benchmarks" / "plain"
TINY: Final = 200
"""So few rows that what a command costs is its own start."""
MILLION: Final = 1_000_000
JOBS: Final = (
    "tuning",
    "training",
    "evaluations",
    "promotion",
    "inference",
    "explanations",
    "monitoring",
)
PYTHON: Final = (".venv/bin/python",)
COMMAND: Final = ".venv/bin/my_project"


class Cost(NamedTuple):
    """What a process and its children cost."""

    cpu: float
    """Seconds."""
    wall: float
    """Seconds."""
    memory: float
    """Megabytes (10^6), at its peak."""


def run(command: list[str], folder: Path, *, codes: tuple[int, ...] = (0,)) -> tuple[Cost, str]:
    """Run a command, and say what it cost and what it printed.

    Raises:
        RuntimeError: It exited with another code than those expected.
    """
    environment = os.environ | {"OMP_WAIT_POLICY": "passive", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    for name in ("PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV"):
        environment.pop(name, None)
    with tempfile.TemporaryFile("w+") as output:
        start = time.monotonic()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - start
        output.seek(0)
        text = output.read()
    if process.returncode not in codes:
        raise RuntimeError(f"{' '.join(command)} exited with {process.returncode}:\n{text}")
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * 1024 / 1e6), text


def least(commands: list[list[str]], folder: Path, runs: int) -> list[Cost]:
    """Run commands in turn, several times, and take the least of each cost."""
    costs: list[list[Cost]] = [[] for _ in commands]
    for _ in range(runs):
        for place, command in enumerate(commands):
            costs[place].append(run(command, folder)[0])
    return [Cost(*map(min, zip(*each, strict=True))) for each in costs]


def show(what: str, figure: str, limit: str) -> None:
    """Print a line of the table."""
    print(f"| {what} | {figure} | {limit} |", flush=True)


def reader(data: Path) -> str:
    """Write the reader of a Parquet file as an override."""
    return f"{{KIND: ParquetReader, path: {data}}}"


def measure_first_command(clone: Path) -> Path:
    """Time the first command of the README, and say where the project is."""
    block = (clone / "README.md").read_text("utf-8").split("```bash\n")[1].split("```")[0]
    cost, _ = run(["bash", "-euo", "pipefail", "-c", block], clone)
    show("first command of the README, uv's cache warm", f"{cost.wall:.0f} s", "60 s")
    return clone.parent / "my-project"


def measure_rendering(clone: Path, scratch: Path) -> None:
    """Compare the rendering with that of an empty template, and of one of the same empty files."""
    (scratch / "renders").mkdir()
    figures = [
        float(
            run([sys.executable, str(PLAIN / "render.py"), str(clone), f"r{n}"], scratch)[
                1
            ].split()[-1]
        )
        for n in range(5)
    ]
    show("render in-process", f"{min(figures):.2f} CPU-s", "0.5 CPU-s")
    project = scratch / "r0"
    project.joinpath(".copier-answers.yml").unlink()  # an empty one would be wrong
    paths = [path.relative_to(project) for path in project.rglob("*") if path.is_file()]
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org"]
    for name, files in (("empty", [Path("README.md")]), ("paths", paths)):
        template = scratch / name
        for path in files:
            template.joinpath(path).parent.mkdir(parents=True, exist_ok=True)
            template.joinpath(path).touch()
        (template / "copier.yml").write_text("project_name: {type: str}\n", "utf-8")
        for command in (
            ["init", "--quiet"],
            ["add", "--all", "--force"],
            ["commit", "--quiet", "--message=A"],
        ):
            run([*git, *command], template)
    copy = [sys.executable, "-m", "copier", "copy", "-q", "-f", "-d", "project_name=My Project"]
    sources = (scratch / "empty", scratch / "paths", clone)
    commands = [[*copy, str(each), str(scratch / "renders" / each.name)] for each in sources]
    empty, alike, ours = (cost.cpu for cost in least(commands, scratch, runs=5))
    show("`copier copy` / of an empty template", f"{ours / empty:.2f} ({ours:.2f} CPU-s)", "1.2")
    what = "the same / of an empty file at each of its paths"
    show(what, f"{ours / alike:.2f} ({alike:.2f} CPU-s)", "")


def measure_start(project: Path, tiny: Path) -> None:
    """Measure what the command and each job cost before there is any work."""
    for option, limit in (("--help", "0.1 CPU-s"), ("--schema", "0.3 CPU-s")):
        [cost] = least([[COMMAND, option]], project, runs=7)
        show(f"`{option}`", f"{cost.cpu:.3f} CPU-s", limit)
    for job in JOBS:
        command = [COMMAND, f"confs/{job}.yaml"]
        overrides = {
            "tuning": ["job.searcher.space={max_iter: [1]}", *pair(tiny)],
            "training": ["job.model.max_iter=1", *pair(tiny)],
            "evaluations": pair(tiny),
            "inference": [f"job.inputs={reader(tiny)}"],
            # Version 2 is the first that was trained on these rows; SHAP would be numba's start.
            "explanations": [
                "job.version=2",
                "job.explainers=[{KIND: PermutationExplainer}]",
                *pair(tiny),
            ],
            "monitoring": [f"job.inputs={reader(tiny)}"],
        }.get(job, [])
        if overrides:
            command += ["-e", *overrides]
        # A promotion of what is no better is refused, which costs the same.
        costs = [run(command, project, codes=(0, 5))[0].cpu for _ in range(3)]
        show(f"start of {job}", f"{min(costs):.2f} CPU-s", "4 CPU-s")


def measure_registry(project: Path, tiny: Path) -> None:
    """Compare what asks the registry when it has known 3 champions and when it has known 300."""
    costs: dict[str, list[float]] = {}
    for size in (3, 300):
        _, said = run([*PYTHON, str(PLAIN / "champions.py"), "my_project", str(size)], project)
        evaluated, *former = said.splitlines()[-1].split()
        overrides = {
            "promotion": [f"job.version={evaluated}"] * 5,
            "rollback": [f"job.version={former[n % 2]}" for n in range(5)],
            "inference": [f"job.inputs={reader(tiny)}"] * 5,
        }
        for job, each in overrides.items():
            commands = [[COMMAND, f"confs/{job}.yaml", "-e", override] for override in each]
            # A promotion of what is no better is refused, which costs the same.
            least_cost = min(run(command, project, codes=(0, 5))[0].cpu for command in commands)
            costs.setdefault(job, []).append(least_cost)
    for job, (few, many) in costs.items():
        figure = f"{many / few:.2f} ({many:.2f} / {few:.2f} CPU-s)"
        show(f"{job} after 300 champions / after 3", figure, "")


def pair(data: Path) -> list[str]:
    """Write the overrides for inputs and targets from one file."""
    return [f"job.inputs={reader(data)}", f"job.targets={reader(data)}"]


def measure_data(project: Path, data: dict[int, Path], model: Path) -> None:
    """Compare what each row costs, beyond the start, with the plain scripts."""
    output = str(project / "outputs" / "plain.parquet")
    plain = {
        "training": [[*PYTHON, str(PLAIN / "training.py"), str(data[n]), str(model)] for n in data],
        "inference": [
            [*PYTHON, str(PLAIN / "inference.py"), str(data[n]), str(model), output] for n in data
        ],
    }
    ours = {
        "training": [[COMMAND, "confs/training.yaml", "-e", *pair(data[n])] for n in data],
        "inference": [
            [COMMAND, "confs/inference.yaml", "-e", f"job.inputs={reader(data[n])}"] for n in data
        ],
    }
    for job in plain:
        commands = [each for both in zip(plain[job], ours[job], strict=True) for each in both]
        costs = least(commands, project, runs=5)
        start_plain, start_ours = costs[0].cpu, costs[1].cpu
        for place, (n, limit) in enumerate(zip(list(data)[1:], ("1.2", "1.05"), strict=True), 1):
            work_plain = costs[2 * place].cpu - start_plain
            work_ours = costs[2 * place + 1].cpu - start_ours
            show(
                f"{job}, {n:,} rows / plain",
                f"{work_ours / work_plain:.2f} ({work_ours:.2f} / {work_plain:.2f} CPU-s)",
                limit,
            )


def measure_stream(project: Path, large: Path, model: Path) -> None:
    """Compare the streamed inference of ten million rows with the plain script."""
    output = str(project / "outputs" / "plain.parquet")
    plain, ours = least(
        [
            [*PYTHON, str(PLAIN / "inference.py"), str(large), str(model), output],
            [COMMAND, "confs/inference.yaml", "-e", f"job.inputs={reader(large)}"],
        ],
        project,
        runs=1,
    )
    show(
        "inference, 10,000,000 rows / plain, CPU",
        f"{ours.cpu / plain.cpu:.2f} ({ours.cpu:.0f} / {plain.cpu:.0f} CPU-s)",
        "1",
    )
    show("the same, memory", f"{ours.memory:.0f} MB (plain {plain.memory:.0f} MB)", "500 MB")


def measure_adoption(project: Path, scratch: Path) -> None:
    """Compare the adoption of a million rows with reading them; it changes the project."""
    tables = {n: scratch / f"table-{n}.csv" for n in (TINY, MILLION)}
    for n, path in tables.items():
        run([*PYTHON, str(PLAIN / "table.py"), str(n), str(path)], project)
    commands = [
        [".venv/bin/inv", "data.adopt", f"--path={path}", "--target=y", "--no-prove", "--yes"]
        for path in tables.values()
    ]
    reading = [*PYTHON, str(PLAIN / "reading.py"), str(tables[MILLION])]
    plain, start, ours = least([reading, *commands], project, runs=5)
    show("start of an adoption", f"{start.cpu:.2f} CPU-s", "")
    for what, cpu in (("", ours.cpu), (", without the start", ours.cpu - start.cpu)):
        show(
            f"adopting a CSV file of {MILLION:,} rows / pandas reads it, CPU{what}",
            f"{cpu / plain.cpu:.2f} ({cpu:.1f} / {plain.cpu:.1f} CPU-s)",
            "3",
        )
    show("the same, memory", f"{ours.memory:.0f} MB (plain {plain.memory:.0f} MB)", "2000 MB")


def main(*, adoption_only: bool) -> None:
    """Measure everything, or the adoption alone, in a scratch folder."""
    print("| what | figure | at most |\n|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        clone = scratch / "template"
        # With tags, the newest release would be rendered.
        run(["git", "clone", "--quiet", "--no-tags", str(ROOT), str(clone)], scratch)
        project = measure_first_command(clone)
        if adoption_only:
            measure_adoption(project, scratch)
            return
        measure_rendering(clone, scratch)
        cost, _ = run(["uv", "run", "pytest", "--quiet", "--numprocesses=auto"], project)
        figure = f"{cost.wall:.0f} s ({cost.cpu:.0f} CPU-s)"
        show("the rendered project's own tests, 2 cores", figure, "60 s")
        package = project / "src" / "my_project"
        shutil.copy(ROOT / "benchmarks" / "schemas.py", package / "core" / "schemas.py")
        for name in ("mlflow.db", "mlruns", "outputs"):
            target = project / name
            shutil.rmtree(target) if target.is_dir() else target.unlink()
        data = {n: scratch / f"{n}.parquet" for n in (TINY, 100_000, MILLION, 10_000_000)}
        for n, path in data.items():
            run([*PYTHON, str(PLAIN / "data.py"), str(n), str(path)], project)
        model = scratch / "model.skops"
        [large, million] = [data.pop(10_000_000), data[MILLION]]
        # A champion to start with, as a project has that is at work.
        run([COMMAND, "confs/training.yaml", "-e", *pair(million)], project)
        run([COMMAND, "confs/evaluations.yaml", "-e", *pair(million)], project)
        run([COMMAND, "confs/promotion.yaml"], project)
        run([COMMAND, "confs/inference.yaml", "-e", f"job.inputs={reader(data[TINY])}"], project)
        measure_start(project, data[TINY])
        measure_registry(project, data[TINY])
        measure_data(project, data, model)
        measure_stream(project, large, model)
        measure_adoption(project, scratch)


if __name__ == "__main__":
    main(adoption_only=sys.argv[1:] == ["adoption"])
