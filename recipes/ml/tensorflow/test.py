"""Takes a gradient, fits a line and runs a compiled function, with known results; on a GPU, if there is one."""

from pathlib import Path

import numpy as np
import tensorflow as tf

gpu = any(Path("/dev", device).exists() for device in ("nvidia0", "nvhost-gpu", "nvgpu"))
if gpu and tf.test.is_built_with_cuda():
    assert tf.config.list_physical_devices("GPU"), "there is a GPU, and TensorFlow does not see it"

x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
w = tf.Variable([[0.5], [-1.0]])
with tf.GradientTape() as tape:
    loss = tf.reduce_sum((x @ w) ** 2)
assert np.isclose(loss, 8.5, atol=1e-3), loss  # (-1.5)² + (-2.5)²
gradient = tape.gradient(loss, w)
assert np.allclose(gradient, [[-18.0], [-26.0]], atol=1e-2), gradient  # 2 xᵀ (x w)


@tf.function
def power(base, exponent):
    result = tf.constant(1)
    for _ in tf.range(exponent):
        result *= base
    return result


assert int(power(tf.constant(3), tf.constant(10))) == 59049

inputs = tf.linspace([-1.0], [1.0], 64)
slope, offset = tf.Variable(0.0), tf.Variable(0.0)
for _ in range(100):
    with tf.GradientTape() as tape:
        error = tf.reduce_mean((slope * inputs + offset - (3 * inputs - 2)) ** 2)
    for variable, step in zip((slope, offset), tape.gradient(error, (slope, offset))):
        variable.assign_sub(0.3 * step)
assert np.isclose(slope, 3, atol=1e-2), slope
assert np.isclose(offset, -2, atol=1e-2), offset

# A Keras layer: a 2 x 2 sum over an image.
image = tf.reshape(tf.range(9, dtype=tf.float32), (1, 3, 3, 1))
layer = tf.keras.layers.Conv2D(1, 2, kernel_initializer="ones")
assert np.allclose(tf.squeeze(layer(image)), [[8, 12], [20, 24]]), layer(image)
print(f"tensorflow: {tf.__version__} on {'GPU' if tf.config.list_physical_devices('GPU') else 'CPU'}")
