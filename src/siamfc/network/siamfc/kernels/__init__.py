"""SiamFC's fused training kernels, for a GPU with Triton; `embedding` is the entry point."""
