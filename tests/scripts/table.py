"""Write the table that a job reads, as Parquet: run in a project, with a conf and a place."""

import importlib
import sys

_, package, conf, place = sys.argv
schemas = importlib.import_module(f"{package}.core.schemas")
records = importlib.import_module(f"{package}.jobs.records")
job = importlib.import_module(f"{package}.settings").load([f"confs/{conf}.yaml"]).job
if conf == "training":
    inputs, target = records.read_pair(job.inputs, job.targets)
    table = inputs.join(target)
else:
    table = job.inputs.read(schemas.Inputs)
table.reset_index().to_parquet(place, index=False)
