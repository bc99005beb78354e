"""Read adopted data as the jobs do: run in a project that adopted data.

Its source is read as well, and holds what was adopted, to the last bit. DATABASE_URL is the address
of one that is a database.
"""

import importlib
import sys
from collections import Counter
from pathlib import Path

import pandas as pd

_, package, source = sys.argv
settings = importlib.import_module(f"{package}.settings")
records = importlib.import_module(f"{package}.jobs.records")
job = settings.load(["confs/training.yaml"]).job
inputs, target = records.read_pair(job.inputs, job.targets)
[(train, test)] = job.splitter.splits(inputs, target)
assert len(train) > len(test) > 0
schemas = importlib.import_module(f"{package}.core.schemas")
conf = ["confs/inference.yaml"]
if list(Path("data").glob("held-out.*")):
    sample = settings.load(conf).job.inputs.read(schemas.Inputs)
    # By what they hold: rows that hold the same have other names among fewer.
    shown, held_out = (
        Counter(map(tuple, table.astype("str").to_numpy())) for table in (sample, inputs.iloc[test])
    )
    assert not shown - held_out, "some of the sample were learned from"
    pd.testing.assert_frame_equal(sample, inputs.loc[sample.index], check_exact=True)
later = settings.load(conf, [] if "://" in source else [f"job.inputs.path={source!r}"]).job
later.check()
read = pd.concat(list(later.inputs.batches(schemas.Inputs, 70)))
# Rows without a target were not adopted.
pd.testing.assert_frame_equal(read.loc[inputs.index], inputs, check_exact=True)
if len(read) == len(inputs):
    labels = later.inputs.read(schemas.Targets)
    pd.testing.assert_series_equal(labels[target.name].loc[inputs.index], target, check_exact=True)
