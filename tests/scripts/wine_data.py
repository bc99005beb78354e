"""Write scikit-learn's wine data over the samples."""

from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

bunch = load_wine(as_frame=True)
table = bunch.frame.rename_axis("id")
table["grower"] = bunch.target_names[table.pop("target")]
training, live = train_test_split(table, test_size=0.2, random_state=0)
training.to_csv("data/training.csv")
live.drop(columns="grower").to_csv("data/inference.csv")
