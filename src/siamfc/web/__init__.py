"""The page to draw boxes, track, correct and export, and its server."""
