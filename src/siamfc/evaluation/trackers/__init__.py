"""Trackers to evaluate: siamfc's, third-party ones, OpenCV's and TraX programs."""
