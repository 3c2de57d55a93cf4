"""The thesis's three experiments, each from nothing to a page with its tables beside ours."""
