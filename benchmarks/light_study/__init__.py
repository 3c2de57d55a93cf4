"""A study of the light network: how many pairs, which ingredients, which seeds."""
