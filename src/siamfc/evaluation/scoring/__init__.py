"""Metrics, protocols and schemes: what a track is worth."""
