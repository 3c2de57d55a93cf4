"""Procedural image pairs and videos with exact truth, made on the device that trains."""
