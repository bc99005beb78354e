"""Write ROWS rows of twelve columns and a target to the Parquet file PATH."""

import sys

import numpy as np
import pandas as pd

rows, path = int(sys.argv[1]), sys.argv[2]
random = np.random.default_rng(0)
frame = pd.DataFrame({f"x{place:02d}": random.normal(size=rows) for place in range(12)})
noise = random.normal(size=rows)
frame["y"] = 2 * frame.x00 + 3 * np.sin(frame.x01) + frame.x02 * frame.x03 + noise
frame.rename_axis("id").reset_index().to_parquet(path, index=False)
