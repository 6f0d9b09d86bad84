"""Measurements of the product against plain SQL, plain pandas and itself. `python -m benchmarks.run --help`."""
