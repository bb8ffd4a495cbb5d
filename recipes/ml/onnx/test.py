"""Makes a model, checks and stores it, infers a shape, and evaluates it on numbers computed by hand."""

import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, checker, helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

weight = np.array([[1, -1], [2, 0.5], [-3, 4]], np.float32)
bias = np.array([0.5, -10], np.float32)
graph = helper.make_graph(
    [
        helper.make_node("MatMul", ["x", "w"], ["product"]),
        helper.make_node("Add", ["product", "b"], ["sum"]),
        helper.make_node("Relu", ["sum"], ["y"]),
    ],
    "test",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 2])],
    [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(bias, "b")],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
checker.check_model(model, full_check=True)

inferred = {value.name: value for value in shape_inference.infer_shapes(model).graph.value_info}
assert [size.dim_value for size in inferred["product"].type.tensor_type.shape.dim] == [2, 2]

with tempfile.TemporaryDirectory() as folder:
    path = str(Path(folder, "model.onnx"))
    onnx.save(model, path)
    again = onnx.load(path)
assert again == model

x = np.array([[1, 2, 3], [4, 5, -6]], np.float32)
(y,) = ReferenceEvaluator(again).run(None, {"x": x})
assert np.allclose(y, [[0, 2], [32.5, 0]]), y

model.graph.node[2].op_type = "NoSuchOperator"
try:
    checker.check_model(model)
except checker.ValidationError:
    pass
else:
    raise AssertionError("the checker took an operator that does not exist")
print(f"onnx: {onnx.__version__}")
