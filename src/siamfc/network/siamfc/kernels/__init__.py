"""Fused training kernels of SiamFC, for a GPU with Triton; `embedding` is the entry point."""
