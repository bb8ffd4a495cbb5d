"""Fits a known plane, groups points that lie apart, and classifies the flowers that come with the package."""

import numpy as np
import sklearn
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import StandardScaler

generator = np.random.RandomState(0)
x = generator.rand(50, 2)
plane = LinearRegression().fit(x, 3 * x[:, 0] - 2 * x[:, 1] + 1)
assert np.allclose(plane.coef_, [3, -2]), plane.coef_
assert np.isclose(plane.intercept_, 1), plane.intercept_

points = np.concatenate([generator.rand(20, 2), generator.rand(20, 2) + 10])
labels = KMeans(n_clusters=2, n_init=3, random_state=0).fit(points).labels_
assert len(set(labels[:20])) == len(set(labels[20:])) == 1, labels
assert labels[0] != labels[20], labels

scaled = StandardScaler().fit_transform([[1.0], [2.0], [3.0]])
assert np.allclose(scaled.ravel(), [-np.sqrt(1.5), 0, np.sqrt(1.5)]), scaled

flowers = load_iris()
scores = cross_val_score(RandomForestClassifier(20, random_state=0), flowers.data, flowers.target, cv=3)
assert scores.mean() > 0.9, scores
print(f"scikit-learn: {sklearn.__version__}")
