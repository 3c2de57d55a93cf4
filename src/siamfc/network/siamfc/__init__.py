"""SiamFC: one backbone for both images, compared by correlation (Bertinetto et al. 2016)."""
