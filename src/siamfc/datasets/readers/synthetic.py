"""What `siamfc synth` writes: the thesis's synthetic images and videos, in the layout of OTB."""

from siamfc.datasets.readers.layout import Format
from siamfc.datasets.readers.otb import list_videos

SYNTHETIC = Format(
    name="synthetic",
    title="siamfc's synthetic data set or videos",
    tree=(
        "<folder>/img/0001.png …",
        "<folder>/groundtruth_rect.txt (x,y,w,h a line)",
        "<folder>/visibility.txt (0 to 1 a line; videos only)",
    ),
    boxes="x, y, w, h apart by commas, 1-based as in OTB: 1 is taken off x and y",
    missing="there is none: a hidden target has a box, and less than 1 in visibility.txt",
    source="thesis, 4.1.4 and 4.1.5",
    homepage="siamfc synth dataset OUT, siamfc synth video OUT",
    read=list_videos,
)
