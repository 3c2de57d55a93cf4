"""Trackers to evaluate: ours, third-party ones, those of OpenCV and of TraX."""
