"""Learns a step and an exclusive or, stores the model and reads it again; on a GPU, if there is one."""

import tempfile
from pathlib import Path

import numpy as np
import xgboost as xgb

built_for_gpu = xgb.build_info().get("USE_CUDA", False)
gpu = Path("/dev/nvidia0").exists() and built_for_gpu
parameters = {"device": "cuda" if gpu else "cpu", "tree_method": "hist", "eta": 1.0, "lambda": 0, "nthread": 1}

# One split at 5, with the mean of each side in its leaf.
x = np.arange(10, dtype=np.float32).reshape(-1, 1)
step = np.where(x[:, 0] < 5, 2.0, 7.0)
tree = xgb.train({**parameters, "max_depth": 1, "base_score": 0.0}, xgb.DMatrix(x, label=step), 1)
assert np.allclose(tree.predict(xgb.DMatrix(x)), step, atol=1e-4), tree.predict(xgb.DMatrix(x))

generator = np.random.RandomState(0)
points = generator.rand(400, 2).astype(np.float32)
label = ((points[:, 0] > 0.5) ^ (points[:, 1] > 0.5)).astype(int)
settings = {**parameters, "eta": 0.5, "max_depth": 4, "objective": "binary:logistic"}
model = xgb.train(settings, xgb.DMatrix(points[:300], label=label[:300]), 20)
held_back = xgb.DMatrix(points[300:])
right = ((model.predict(held_back) > 0.5) == label[300:]).mean()
assert right > 0.9, right

with tempfile.TemporaryDirectory() as folder:
    path = str(Path(folder, "model.json"))
    model.save_model(path)
    again = xgb.Booster(model_file=path)
assert np.allclose(again.predict(held_back), model.predict(held_back), atol=1e-5)
print(f"xgboost: {xgb.__version__} on {parameters['device']}")
