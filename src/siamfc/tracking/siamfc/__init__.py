"""Tracking with SiamFC: settings, targets, one step."""
