"""Predict the whole Parquet file DATA with MODEL, and write OUTPUT: a plain script."""

import sys

import pandas as pd
import skops.io

data, model, output = sys.argv[1:]
inputs = pd.read_parquet(data).set_index("id").drop(columns="y")
trusted = ["sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"]
pipeline = skops.io.load(model, trusted=trusted)
outputs = pd.DataFrame({"prediction": pipeline.predict(inputs)}, index=inputs.index)
outputs.reset_index().to_parquet(output, index=False)
