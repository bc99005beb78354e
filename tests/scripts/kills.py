"""Jobs that are stopped or killed at random moments: `python kills.py PACKAGE SEED TIMES`.

Run in a rendered project that has a champion. What a job replaces is the old file or a whole new
one, and the next job leaves neither an open run nor a half-written file behind.
"""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
from mlflow import MlflowClient

package, seed, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
draw = random.Random(seed)  # noqa: S311
client = MlflowClient("sqlite:///mlflow.db")
predictions = Path("outputs/predictions.parquet")


def start(conf: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", package, f"confs/{conf}.yaml"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(conf: str) -> float:
    begun = time.monotonic()
    job = start(conf)
    said = job.communicate()[1]
    assert job.returncode == 0, said
    return time.monotonic() - begun


lengths = {conf: finish(conf) for conf in ("training", "inference")}
rows = len(pd.read_parquet(predictions))
stopped = 0
for _ in range(times):
    conf = draw.choice(list(lengths))
    number = draw.choice([signal.SIGTERM, signal.SIGKILL])
    job = start(conf)
    time.sleep(draw.uniform(0.2, 1) * lengths[conf])
    job.send_signal(number)
    said = job.communicate()[1]
    # Python itself ends by the signal until the job is there.
    assert job.returncode in {0, 143, -number}, (conf, number, job.returncode, said)
    stopped += job.returncode != 0
    assert "Traceback" not in said, said
    assert len(pd.read_parquet(predictions)) == rows
finish("inference")
experiment = client.get_experiment_by_name(package)
assert experiment is not None
runs = client.search_runs([experiment.experiment_id], max_results=1000)
states = [run.info.status for run in runs]
assert "RUNNING" not in states, states
assert not [*Path().glob(".writing.*"), *Path("outputs").glob(".writing.*")]
print(f"{stopped} of {times} stopped, nothing left behind")
