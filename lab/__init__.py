"""A real Kubernetes on one plain Linux machine, for demonstrations, tests and benchmarks.

`python -m lab up` starts it, `down` takes all of it away again; see `lab.__main__` for the commands and the
environment variables. Nothing in here is part of the product: no floor imports it.
"""
