"""Differentiates by a tape, and runs a compiled graph."""

import tensorflow as tf

x = tf.Variable([1.0, 2.0, 3.0])
with tf.GradientTape() as tape:
    y = tf.reduce_sum(x**3)
assert float(y) == 36.0
assert tape.gradient(y, x).numpy().tolist() == [3.0, 12.0, 27.0]


@tf.function
def product(a, b):
    return tf.linalg.matmul(a, b)


found = product(tf.constant([[1.0, 2.0], [3.0, 4.0]]), tf.constant([[0.0, 1.0], [1.0, 0.0]]))
assert found.numpy().tolist() == [[2.0, 1.0], [4.0, 3.0]], found
print(f"tensorflow: {tf.__version__}")
