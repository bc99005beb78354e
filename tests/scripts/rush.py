"""Six promotions of three versions that start together, on an embedded store without a champion.

Run in a rendered project: `python rush.py PACKAGE`. Then six processes take the lock in turns.
"""

import importlib
import json
import subprocess
import sys
from typing import Any

from mlflow import MlflowClient

package = sys.argv[1]
settings = importlib.import_module(f"{package}.settings")


def job(conf: str, *extras: str) -> Any:
    with settings.load([f"confs/{conf}.yaml"], extras).job as runner:
        return runner.run()


for trees in (5, 20, 60):
    version = job("training", f"job.model.max_iter={trees}").version
    job("evaluations", f"job.version={version}", "job.thresholds=[{metric: r2, at_least: -9}]")
rush = [
    subprocess.Popen(
        [
            sys.executable, "-m", package, "confs/promotion.yaml",
            "-e", f"job.version={1 + number % 3}",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for number in range(6)
]  # fmt: skip
ends = [(process.communicate(), process.returncode) for process in rush]
for (_, said), code in ends:
    assert code in {0, 5}, said
    assert "Traceback" not in said, said
won = [json.loads(out)["version"] for (out, _), code in ends if code == 0]
model = MlflowClient("sqlite:///mlflow.db").get_registered_model(package)
assert [int(model.aliases["champion"])] == won
assert [name for name in model.tags if name.startswith("champion.")] == ["champion.00001"]
assert len(MlflowClient("sqlite:///mlflow.db").search_registered_models()) == 1

TAKE = f"""
import os
import mlflow
from {package}.io import champions

mlflow.set_registry_uri("sqlite:///mlflow.db")
for _ in range(15):
    with champions.lock("{package}"):
        os.close(os.open("held", os.O_CREAT | os.O_EXCL))
        os.unlink("held")
"""
takers = [
    subprocess.Popen([sys.executable, "-c", TAKE], stderr=subprocess.PIPE, text=True)
    for _ in range(6)
]
for taker in takers:
    said = taker.communicate()[1]
    assert taker.returncode == 0, said
print(f"{len(won)} promoted, {len(ends) - len(won)} refused")
