"""Write a table of ROWS rows, 19 columns of every kind and a target, to the CSV file PATH."""

import sys

import numpy as np
import pandas as pd

rows, path = int(sys.argv[1]), sys.argv[2]
random = np.random.default_rng(0)
columns = {f"float_{place}": random.normal(size=rows).round(6) for place in range(7)}
columns |= {f"whole_{place}": random.integers(0, 10**place, rows) for place in (1, 2, 4)}
for place, count in enumerate((2, 8, 50, 500)):
    labels = np.array([f"label {label}" for label in range(count)])
    columns[f"text_{place}"] = labels[random.integers(0, count, rows)]
columns |= {f"flag_{place}": random.random(rows) < 0.3 for place in range(2)}
days = pd.to_timedelta(random.integers(0, 3650, rows), unit="D")
columns["day"] = pd.Timestamp("2016-01-01") + days
columns["moment"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(rows), unit="s")
columns["constant"] = np.ones(rows, dtype="int64")
frame = pd.DataFrame(columns)
effects = pd.factorize(frame["text_1"])[0] + 3 * frame["flag_0"] + np.sin(frame["float_1"])
noise = random.normal(size=rows)
frame["y"] = (2 * frame["float_0"] + effects + noise).round(4)
for place, name in enumerate(("float_2", "float_3", "whole_4", "text_2", "day")):
    frame[name] = frame[name].mask(random.random(rows) < 0.05 * (place + 1))
assert frame.shape == (rows, 20)
frame.to_csv(path, index=False)
