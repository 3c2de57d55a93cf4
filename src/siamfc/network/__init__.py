"""Backbone, correlation, checkpoints, runtimes and the weights that ship."""
