"""The command line: one verb a file; each parses, calls the library and prints."""

from siamfc.cli.app import main

__all__ = ["main"]
