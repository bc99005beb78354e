"""A project whose schemas and code change under its champion: before, during and after a promotion.

Run in a rendered project of regression, in a folder with its confs and data: `python changes.py
PACKAGE COUNT`, where COUNT is how many changes to try. Version 1 is a poor champion. Then, for
each change that a team makes, the champion must predict what it predicted when it was judged, a
better version must win against it by scores, a rollback must bring it back as it was, and
monitoring must know its tables.
"""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

package, count, *steps = sys.argv[1:]
POOR = "job.model={KIND: GradientBoostingModel, max_iter: 2}"
ANY = "job.thresholds=[{metric: r2, at_least: -9}]"
CHALLENGE = ["training", f"evaluations {ANY}"]
LATER = ["inference", "monitoring"]


def act(steps: list[str]) -> None:
    """Run jobs in this process, and print what each returned, or why it was refused."""
    settings, errors = (
        importlib.import_module(f"{package}.{name}") for name in ("settings", "core.errors")
    )
    for step in steps:
        conf, _, extra = step.partition(" ")
        try:
            with settings.load([f"confs/{conf}.yaml"], [extra] if extra else []).job as runner:
                print(runner.run().model_dump_json())
        except errors.UserError as error:
            print(json.dumps({"exit": error.exit_code, "said": str(error)}))


def run(*steps: str) -> list[Any]:
    """Run jobs in a process of their own, which sees the code as it is now."""
    said = subprocess.run(
        [sys.executable, __file__, package, count, *steps],
        env={**os.environ, "PYTHONPATH": str(Path("src").resolve())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    return [json.loads(line) for line in said.stdout.splitlines() if line.startswith("{")]


def read() -> str:
    """Read the predictions, as the bytes of a table that nothing but their values changes."""
    import pandas as pd

    return str(pd.read_parquet("outputs/predictions.parquet").to_csv())


def edit(module: str, old: str, new: str) -> None:
    """Replace a text in the package, which must be there."""
    path = Path("src", package, f"{module}.py")
    text, count = re.subn(old, new, path.read_text(encoding="utf-8"))
    assert count, f"{old} is not in {module}.py"
    path.write_text(text, encoding="utf-8")


def rename_model() -> None:
    edit("core/models", "GradientBoostingModel", "BoostingModel")
    for conf in ("training", "tuning"):
        path = Path("confs", f"{conf}.yaml")
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("GradientBoostingModel", "BoostingModel"), encoding="utf-8")


STATE = ("src", "confs", "data", "mlruns", "outputs")
AGE = "    age: Series"
CHANGES: dict[str, Callable[[], None]] = {
    "a column is added": lambda: edit(
        "core/schemas", AGE, "    glucose: Series[float] = pa.Field(ge=0, le=500)\n" + AGE
    ),
    "an encoder says something else": lambda: edit(
        "core/encoders", r"numbers = table.to_numpy\(dtype=\"float64\"\)", r"\g<0>[:, ::-1].copy()"
    ),
    "a column is dropped": lambda: edit("core/schemas", "    ldl: .*\n", ""),
    "a column has another type": lambda: edit(
        "core/schemas",
        r"sex: Series\[int\] = pa.Field\(isin=\[1, 2\], ",
        "sex: Series[str] = pa.Field(",
    ),
    "a bound is wider": lambda: edit("core/schemas", "ge=10, le=80", "ge=10, le=99"),
    "a class of models has another name": rename_model,
    "a line is added to a module": lambda: edit("core/frames", '"""\n\nfrom', '"""\n\n\nfrom'),
}


def restore(to: str) -> None:
    """Go back to how the project was."""
    for name in STATE:
        shutil.rmtree(name, ignore_errors=True)
        shutil.copytree(Path(to, name), name)
    shutil.copy(Path(to, "mlflow.db"), "mlflow.db")


def live_through(change: Callable[[], None], expected: str) -> None:
    """Change the project, and look at its champion before, during and after a promotion."""
    change()
    before, drift = run(*LATER)
    assert before["version"] == drift["version"] == 1, before
    assert read() == expected, "the champion predicts something else"
    _, evaluation, promotion, after, _ = run(*CHALLENGE, "promotion", *LATER)
    assert evaluation["champion_metrics"] is not None, "not compared"
    assert promotion["version"] == after["version"] == 2, promotion
    assert read() != expected
    rollback, back, drift = run("rollback", *LATER)
    assert rollback["version"] == back["version"] == drift["version"] == 1, rollback
    assert read() == expected, "the champion that came back predicts something else"


def rename_column() -> None:
    """A table that lacks what the champion needs cannot be compared; everything says so."""
    edit("core/schemas", "    bmi: ", "    body_mass_index: ")
    for name in ("training", "inference"):
        path = Path("data", f"{name}.csv")
        text = path.read_text(encoding="utf-8")
        path.unlink()
        path.write_text(text.replace("bmi", "body_mass_index", 1), encoding="utf-8")
    before, _, evaluation, promotion = run("inference", *CHALLENGE, "promotion")
    assert before["exit"] == 3, before
    assert "Inputs of version 1" in before["said"]
    assert evaluation["champion_metrics"] is None
    assert promotion["exit"] == 5, promotion
    promotion, after, rollback, back = run(
        "promotion job.replace_incomparable=true", "inference", "rollback", "inference"
    )
    assert promotion["version"] == after["version"] == 2, promotion
    assert rollback["version"] == 1
    assert back["exit"] == 3, back


def main() -> None:
    module = importlib.import_module(package)
    shutil.copytree(Path(str(module.__file__)).parent, Path("src", package))
    for name in ("confs", "data"):
        real = Path(name).resolve()
        Path(name).unlink()
        shutil.copytree(real, name)
    edit("core/schemas", "    glucose: .*\n", "")
    promotion, *_ = run(f"training {POOR}", f"evaluations {ANY}", "promotion", "inference")[2:]
    assert promotion["version"] == 1, promotion
    expected = read()
    for name in STATE:
        shutil.copytree(name, Path("start", name))
    shutil.copy("mlflow.db", "start/mlflow.db")
    restore("start")
    rename_column()
    names = list(CHANGES)[: int(count)]
    for name in names:
        restore("start")
        print(name, flush=True)
        live_through(CHANGES[name], expected)
    print(f"the champion went on through {len(names)} changes")


if steps:
    act(steps)
else:
    main()
