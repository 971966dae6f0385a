"""Figures by command: `python -m benchmarks` lists them, `python -m benchmarks NAME [ARGS] --json` prints them."""
