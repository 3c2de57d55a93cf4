"""Feeds the program mutated files, arguments and requests: `python -m tests.fuzz`."""
