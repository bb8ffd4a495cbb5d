"""Differentiates, compiles, maps and loops, with results computed by hand; on a GPU, if there is one."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

if Path("/dev/nvidia0").exists():
    assert jax.default_backend() == "gpu", f"there is a GPU, and JAX uses {jax.default_backend()}"

x = jnp.array([[1.0, 2.0], [3.0, 4.0]])
w = jnp.array([[0.5], [-1.0]])


@jax.jit
def loss(w):
    return jnp.sum((x @ w) ** 2)


value, gradient = jax.value_and_grad(loss)(w)
assert np.isclose(value, 8.5, atol=1e-3), value  # (-1.5)² + (-2.5)²
assert np.allclose(gradient, [[-18.0], [-26.0]], atol=1e-2), gradient  # 2 xᵀ (x w)

second = jax.vmap(jax.grad(jax.grad(lambda t: t**3)))(jnp.array([1.0, 2.0, -1.0]))
assert np.allclose(second, [6, 12, -6], atol=1e-3), second

fibonacci, _ = jax.lax.fori_loop(0, 30, lambda _, pair: (pair[1], pair[0] + pair[1]), (0, 1))
assert int(fibonacci) == 832040, fibonacci
print(f"jax: {jax.__version__} on {jax.devices()[0]}")
