"""Tracking with the `light` network: settings, targets, one step."""
