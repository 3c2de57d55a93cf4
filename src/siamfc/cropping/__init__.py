"""Crops: squares of a frame resampled to a fixed size, sub-pixel exact. The only copy.

Coordinates and conventions are those of `siamfc.geometry`, which is where to import this from.
"""

from siamfc.cropping.arrays import as_image as as_image
from siamfc.cropping.arrays import crop as crop
from siamfc.cropping.arrays import crop_scales as crop_scales
from siamfc.cropping.arrays import mean_color as mean_color
from siamfc.cropping.pictures import PictureCropper as PictureCropper
from siamfc.cropping.pictures import mean_picture_color as mean_picture_color
from siamfc.cropping.resampling import cell_size as cell_size
