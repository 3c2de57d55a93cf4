"""Crops: squares of a frame resampled to a fixed size with sub-pixel accuracy.

This is the only implementation; `cuda` repeats it on a GPU, to within one level. A frame of a video
is averaged as the planes to which it was decoded, see `planes`. Coordinates and conventions are
those of `siamfc.geometry`, from which these names should be imported.
"""

from siamfc.cropping.arrays import as_image as as_image
from siamfc.cropping.arrays import crop as crop
from siamfc.cropping.arrays import crop_scales as crop_scales
from siamfc.cropping.arrays import mean_color as mean_color
from siamfc.cropping.pictures import PictureCropper as PictureCropper
from siamfc.cropping.pictures import mean_picture_color as mean_picture_color
from siamfc.cropping.planes import Planes as Planes
from siamfc.cropping.planes import rgb_matrix as rgb_matrix
from siamfc.cropping.resampling import cell_size as cell_size
