"""The thesis's three experiments, each a page that compares its tables with ours."""
