"""Curated stores of crops, and training pairs drawn from them."""
