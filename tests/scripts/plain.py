"""What the chain does, in plain scikit-learn: run in a rendered project, without its package."""

import json
import sys

import numpy as np
import pandas as pd
import yaml
from sklearn import ensemble, metrics, model_selection

_, problem = sys.argv
with open("confs/tuning.yaml", encoding="utf-8") as file:  # noqa: PTH123
    space = yaml.safe_load(file)["job"]["searcher"]["space"]
table = pd.read_csv("data/training.csv", index_col="id")
live = pd.read_csv("data/inference.csv", index_col="id")
target = table.pop(table.columns[-1])

if problem == "regression":
    model = ensemble.HistGradientBoostingRegressor(random_state=0)
    folds = model_selection.KFold(4, shuffle=True, random_state=0)
    scoring = "r2"
else:
    model = ensemble.HistGradientBoostingClassifier(random_state=0)
    folds = model_selection.StratifiedKFold(4, shuffle=True, random_state=0)
    scoring = "roc_auc"

# A row is held out by the hash of its identifier, whatever other rows there are: here with seed 0.
# Each label has rows enough for both sides.
hashes = pd.util.hash_pandas_object(table.index, index=False).to_numpy()
hashes = pd.util.hash_array(hashes + np.uint64(0x9E3779B97F4A7C15))
test = hashes < 0.2 * 2**64
search = model_selection.GridSearchCV(model, space, scoring=scoring, cv=folds)
search.fit(table[~test], target[~test])
inputs, truth = table[test], target[test]
predictions = search.predict(inputs)

if problem == "regression":
    scores = {
        "r2": metrics.r2_score(truth, predictions),
        "mean_absolute_error": metrics.mean_absolute_error(truth, predictions),
        "root_mean_squared_error": metrics.root_mean_squared_error(truth, predictions),
    }
else:
    label = "malignant"
    probabilities = search.predict_proba(inputs)[:, list(search.classes_).index(label)]
    scores = {
        "roc_auc": metrics.roc_auc_score(truth == label, probabilities),
        "recall": metrics.recall_score(truth, predictions, pos_label=label),
        "precision": metrics.precision_score(truth, predictions, pos_label=label),
        "log_loss": metrics.log_loss(truth == label, probabilities),
    }

result = {
    "best_score": float(search.best_score_),
    "best_parameters": search.best_params_,
    "scores": {name: float(score) for name, score in scores.items()},
    "held_out": inputs.index.tolist(),
    "predictions": dict(zip(live.index.astype(str), search.predict(live).tolist(), strict=True)),
}
print(json.dumps(result))
