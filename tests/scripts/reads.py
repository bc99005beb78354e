"""Read adopted data as the jobs do: run in a project that adopted data."""

import importlib
import sys

_, package = sys.argv
settings = importlib.import_module(f"{package}.settings")
records = importlib.import_module(f"{package}.jobs.records")
job = settings.load(["confs/training.yaml"]).job
inputs, target = records.read_pair(job.inputs, job.targets)
[(train, test)] = job.splitter.splits(inputs, target)
assert len(train) > len(test) > 0
held_out = job.inputs.model_copy(update={"path": "data/test.parquet"})
records.read_pair(held_out, held_out)
