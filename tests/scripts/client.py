"""What a client of a registered model does: run where the project is not."""

import importlib.util
import json
import sys

import mlflow
import pandas as pd

_, uri, package, data = sys.argv
assert importlib.util.find_spec(package) is None, "the package is installed here"
model = mlflow.pyfunc.load_model(uri)
rows = pd.read_csv(data, index_col="id")
outputs = model.predict(rows)


def refusal(bad: pd.DataFrame) -> str:
    """Return what the model says of inputs that it must refuse."""
    try:
        model.predict(bad)
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}"
    return "nothing"


first = rows.columns[0]
result = {
    "predictions": dict(zip(rows.index.astype(str), outputs["prediction"], strict=True)),
    "no_column": refusal(rows.drop(columns=first)),
    "impossible_value": refusal(rows.assign(**{first: -1.0})),
    "text_for_a_number": refusal(rows.assign(**{first: "a"})),
}
print(json.dumps(result))
