"""Builds an engine for y = x + x on the GPU, and checks what it says of itself."""

import os

import tensorrt as trt

wanted = os.environ["TENSORRT_VERSION"]
assert trt.__version__.split(".")[:3] == wanted.split(".")[:3], f"TensorRT {trt.__version__}, not {wanted}"

logger = trt.Logger(trt.Logger.ERROR)
builder = trt.Builder(logger)
network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH))
x = network.add_input("x", trt.float32, (2, 3))
layer = network.add_elementwise(x, x, trt.ElementWiseOperation.SUM)
layer.get_output(0).name = "y"
network.mark_output(layer.get_output(0))

plan = builder.build_serialized_network(network, builder.create_builder_config())
assert plan is not None, "no engine was built"
engine = trt.Runtime(logger).deserialize_cuda_engine(plan)
names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
assert names == ["x", "y"], names
assert tuple(engine.get_tensor_shape("y")) == (2, 3)
print(f"tensorrt: {trt.__version__}")
