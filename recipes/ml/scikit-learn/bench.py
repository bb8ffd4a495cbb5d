"""Trains and asks a forest, and finds clusters, on data made here."""

import numpy as np
from edgebake_bench import measure
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier

random = np.random.RandomState(0)
rows = random.rand(2000, 16)
classes = (rows[:, 0] + rows[:, 1] > 1).astype(int)
forest = RandomForestClassifier(n_estimators=20, random_state=0).fit(rows, classes)

measure("forest of 20 trees trained on 2,000 rows", lambda: forest.fit(rows, classes), items=2000, unit="rows")
measure("forest asked for 2,000 rows", lambda: forest.predict(rows), items=2000, unit="rows")
measure("8 clusters in 2,000 rows", lambda: KMeans(8, n_init=1, random_state=0).fit(rows), unit="fits")
