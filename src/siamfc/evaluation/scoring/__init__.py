"""Metrics, protocols and schemes that score tracks."""
