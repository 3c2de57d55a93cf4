"""Output of `siamfc synth`: the thesis's synthetic images and videos, in OTB's layout."""

from siamfc.datasets.readers.layout import Format
from siamfc.datasets.readers.otb import list_videos

SYNTHETIC = Format(
    name="synthetic",
    title="siamfc's synthetic data set or videos",
    tree=(
        "<folder>/img/0001.png …",
        "<folder>/groundtruth_rect.txt (lines of x,y,w,h)",
        "<folder>/visibility.txt (lines of 0 to 1; videos only)",
    ),
    boxes="x, y, w, h separated by commas, 1-based as in OTB: 1 is subtracted from x and y",
    missing="there is none: a hidden target has a box, and less than 1 in visibility.txt",
    source="thesis, 4.1.4 and 4.1.5",
    homepage="siamfc synth dataset OUT, siamfc synth video OUT",
    read=list_videos,
)
