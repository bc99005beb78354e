"""Predict with the champion of adopted data: run where the project is not, beside its files."""

import importlib.util
import json
import sys

import mlflow
import pandas as pd

_, uri, package = sys.argv
assert importlib.util.find_spec(package) is None, "the package is installed here"
model = mlflow.pyfunc.load_model(uri)
expected = pd.read_parquet("predictions.parquet")
index = expected.columns[0]
rows = pd.read_parquet("inference.parquet")
if index in rows:
    rows = rows.set_index(index)
names = [column.name for column in model.metadata.get_input_schema()]
rows = rows.rename_axis(index)[names]
predictions = model.predict(rows)["prediction"]
try:
    model.predict(rows.drop(columns=rows.columns[0]))
except Exception as error:  # noqa: BLE001
    refusal = type(error).__name__
else:
    refusal = ""
same = predictions.tolist() == expected["prediction"].tolist()
print(json.dumps({"same": same, "missing_column": refusal}))
