"""Learns a step: below five it is ten, from there on twenty."""

import numpy as np
import xgboost

x = np.arange(10.0).reshape(-1, 1)
y = np.where(x.ravel() < 5, 10.0, 20.0)
model = xgboost.XGBRegressor(
    n_estimators=60, max_depth=1, learning_rate=0.5, reg_lambda=0, tree_method="hist", device="cpu"
)
model.fit(x, y)
found = model.predict(np.array([[2.0], [7.0]]))
assert np.allclose(found, [10, 20], atol=1e-3), found
print(f"xgboost: {xgboost.__version__}")
