"""Curated stores of crops, and training pairs from them."""
