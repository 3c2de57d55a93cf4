"""Procedural image pairs and videos with exact ground truth, drawn on the device that trains."""
