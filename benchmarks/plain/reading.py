"""Read the CSV file DATA as pandas does it: a plain script."""

import sys

import pandas as pd

print(pd.read_csv(sys.argv[1]).shape)
