"""Write a table with columns of every kind, with missing values, over the samples."""

import numpy as np
import pandas as pd

ROWS = 600
random = np.random.default_rng(0)
table = pd.DataFrame(
    {
        "moment": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(ROWS), unit="h"),
        "price": random.uniform(1, 100, ROWS).round(2),
        "discount": random.choice([0.0, 0.1, 0.5, np.nan], ROWS),
        "pieces": random.integers(1, 10, ROWS),
        "stock": pd.array(random.integers(0, 50, ROWS), dtype="Int64"),
        "weekend": random.random(ROWS) < 0.3,
        "member": pd.array(random.random(ROWS) < 0.5, dtype="boolean"),
        "size": random.choice(["S", "M", "L"], ROWS),
        "zip_code": random.choice(["01067", "NA", "00501", None], ROWS),
        "shop": random.choice(["north", "south"], ROWS),
    },
    index=pd.Index([f"{row:04}" for row in range(ROWS)], name="id"),
)
table.loc[random.random(ROWS) < 0.1, ["stock", "member"]] = pd.NA
turnover = table["price"] * table["pieces"] * (1 - table["discount"].fillna(0))
turnover = turnover * table["size"].map({"S": 1.0, "M": 1.5, "L": 2.0}) + random.normal(0, 5, ROWS)
# The live rows are later, as they always are, and nothing else about them is new.
table.assign(turnover=turnover.astype(float)).iloc[:500].to_csv("data/training.csv")
table.iloc[500:].to_csv("data/inference.csv")
