"""The page on which one draws a box and watches the track, and the server behind it."""
