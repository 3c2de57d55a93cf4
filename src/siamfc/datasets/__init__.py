"""Data sets as lists of sequences: readers for each layout, and checks of what they hold."""
