"""Solves a system of equations, and multiplies matrices with a known product."""

import numpy as np

solution = np.linalg.solve(np.array([[4.0, 1.0], [2.0, 3.0]]), np.array([1.0, 2.0]))
assert np.allclose(solution, [0.1, 0.6]), solution

# The powers of [[1, 1], [1, 0]] hold the Fibonacci numbers.
power = np.linalg.matrix_power(np.array([[1, 1], [1, 0]], dtype=np.int64), 50)
assert power[0, 1] == 12586269025, power

spectrum = np.abs(np.fft.rfft(np.sin(2 * np.pi * 5 * np.arange(64) / 64)))
assert spectrum.argmax() == 5, spectrum
assert np.isclose(spectrum[5], 32.0), spectrum
print(f"numpy: {np.__version__}")
