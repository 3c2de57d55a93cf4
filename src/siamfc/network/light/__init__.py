"""The `light` network: one scale, attention between both images, and a box for every cell."""
