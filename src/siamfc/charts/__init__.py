"""Charts as SVG, for the pages of reports and experiments and as separate files."""
