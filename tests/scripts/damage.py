"""Files of a version that are gone, cut, swapped or noise: `python damage.py PACKAGE SEED TIMES`.

Run in a rendered project that has a champion and predictions. A job that needs such a file says
which one is damaged and ends with code 4 (3 where that is the data's); one that does not, runs.
"""

import importlib
import random
import sys
from pathlib import Path
from typing import Any

package, seed, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
draw = random.Random(seed)  # noqa: S311
settings = importlib.import_module(f"{package}.settings")
errors = importlib.import_module(f"{package}.core.errors")
registries = importlib.import_module(f"{package}.io.registries")

PYFUNC = "job.loader={KIND: PyfuncLoader}"
JOBS = [
    ("evaluations",),
    ("evaluations", PYFUNC),
    ("inference",),
    ("inference", PYFUNC),
    ("monitoring",),
    ("explanations", "job.explainers=[{KIND: PermutationExplainer, repeats: 1}]"),
]


def run(conf: str, *extras: str) -> Any:
    with settings.load([f"confs/{conf}.yaml"], extras).job as job:
        return job.run()


run("monitoring")
version = registries.get_version(package, 1)
homes = [*Path("mlruns").glob(f"*/{version.run_id}/artifacts")]
homes += [path.parents[1] for path in Path("mlruns").glob("*/models/*/artifacts/MLmodel")]
files = sorted(
    path
    for home in homes
    for path in home.rglob("*")
    if path.is_file() and path.suffix in {"", ".json", ".npy", ".parquet", ".skops", ".txt"}
)
assert len(files) >= 10, files
refused = 0
for _ in range(times):
    file = draw.choice(files)
    before = file.read_bytes()
    how = draw.choice(["gone", "empty", "cut", "noise", "swapped"])
    job = draw.choice(JOBS)
    match how:
        case "gone":
            file.unlink()
        case "empty":
            file.write_bytes(b"")
        case "cut":
            file.write_bytes(before[: len(before) // 2])
        case "noise":
            file.write_bytes(draw.randbytes(len(before)))
        case "swapped":
            file.write_bytes(draw.choice(files).read_bytes() if file.exists() else b"")
    code = 0
    try:
        run(*job)
    except errors.UserError as error:
        code = error.exit_code
    except Exception as error:
        raise AssertionError((file, how, job)) from error
    assert code in {0, 3, 4}, (file, how, job, code)
    refused += code > 0
    file.write_bytes(before)
run("monitoring")
assert refused
print(f"{refused} of {times} refused, each in a sentence")
