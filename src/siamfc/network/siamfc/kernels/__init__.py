"""Fused training kernels of SiamFC for a GPU; `training_pass` is their only user."""
