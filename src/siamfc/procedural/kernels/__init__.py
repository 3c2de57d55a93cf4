"""Triton kernels for the drawing in `render` and `leaves`: the same images, many times faster.

Importing this package does not import Triton; its modules do.
"""
