"""Data sets as lists of sequences: a reader for each layout, and checks of their content."""
