"""Compiles a function, differentiates it, and maps it over a batch."""

import jax
import jax.numpy as jnp


def energy(x):
    return jnp.sum(x**3)


x = jnp.array([1.0, 2.0, 3.0])
assert float(jax.jit(energy)(x)) == 36.0
assert jax.grad(energy)(x).tolist() == [3.0, 12.0, 27.0]
batch = jnp.stack([x, 2 * x])
assert jax.vmap(energy)(batch).tolist() == [36.0, 288.0]
print(f"jax: {jax.__version__} on {jax.devices()[0].platform}")
