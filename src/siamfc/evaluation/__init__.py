"""Evaluation: running trackers over data sets, metrics, protocols, result files."""
