"""Let a registry grow: `champions.py PACKAGE SIZE` makes copies of version 1 champions, in turn.

It prints the numbers of the newest version that was evaluated, and of two former champions.
"""

import importlib
import sys

import mlflow
from mlflow import MlflowClient

package, size = sys.argv[1], int(sys.argv[2])
champions = importlib.import_module(f"{package}.io.champions")
registries = importlib.import_module(f"{package}.io.registries")
mlflow.set_tracking_uri("sqlite:///mlflow.db")
client = MlflowClient()
first = registries.get_version(package, 1)
while len(changes := champions.read(package).record.changes) < size:
    version = client.create_model_version(package, first.source, first.run_id)
    with champions.lock(package) as standing:
        champions.change(standing, "promotion", registries.identify(version), "made to grow")
versions = client.search_model_versions(f"name = '{package}'", max_results=1000)
evaluated = max(int(each.version) for each in versions if "evaluation" in each.tags)
print(evaluated, changes[-2].champion.version, changes[-3].champion.version)
