"""Train on the Parquet file DATA as the rendered project does, and write MODEL: a plain script."""

import sys

import pandas as pd
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

data, model = sys.argv[1:]
inputs = pd.read_parquet(data).set_index("id")
target = inputs.pop("y")
split = train_test_split(inputs, target, test_size=0.2, random_state=0)
train_inputs, test_inputs, train_target, test_target = split
columns = ColumnTransformer([("numbers", "passthrough", list(inputs))])
estimator = HistGradientBoostingRegressor(early_stopping=False, random_state=0)
pipeline = Pipeline([("columns", columns), ("model", estimator)]).fit(train_inputs, train_target)
print(r2_score(test_target, pipeline.predict(test_inputs)))
skops.io.dump(pipeline, model)
