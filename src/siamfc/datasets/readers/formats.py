"""Every readable data set format."""

from collections.abc import Mapping
from pathlib import Path

from siamfc.datasets.readers.coco import COCO
from siamfc.datasets.readers.cocovid import COCOVID
from siamfc.datasets.readers.cvat import CVAT
from siamfc.datasets.readers.davis import DAVIS
from siamfc.datasets.readers.dtb70 import DTB70
from siamfc.datasets.readers.got10k import GOT10K
from siamfc.datasets.readers.labelme import LABELME
from siamfc.datasets.readers.lasot import LASOT
from siamfc.datasets.readers.layout import Format
from siamfc.datasets.readers.mot import MOT
from siamfc.datasets.readers.nfs import NFS
from siamfc.datasets.readers.otb import OTB, SYNTHETIC
from siamfc.datasets.readers.plain import FRAMES, VIDEO
from siamfc.datasets.readers.tcolor128 import TCOLOR128
from siamfc.datasets.readers.trackingnet import TRACKINGNET
from siamfc.datasets.readers.uav123 import UAV20L, UAV123, UAV123_10FPS
from siamfc.datasets.readers.vid import VID
from siamfc.datasets.readers.vot import VOT
from siamfc.datasets.sequences import Video
from siamfc.errors import DatasetError, suggest

_ALL = (
    VID,
    GOT10K,
    LASOT,
    TRACKINGNET,
    OTB,
    VOT,
    UAV123,
    UAV20L,
    UAV123_10FPS,
    NFS,
    TCOLOR128,
    DTB70,
    DAVIS,
    COCO,
    SYNTHETIC,
    FRAMES,
    VIDEO,
    MOT,
    CVAT,
    LABELME,
    COCOVID,
)

FORMATS: Mapping[str, Format] = {one.name: one for one in _ALL}
"""Every format by its name on the command line."""


def find_format(name: str) -> Format:
    """Return a format by its name.

    Raises:
        DatasetError: no format has this name; the message gives the nearest.
    """
    if name in FORMATS:
        return FORMATS[name]
    raise DatasetError(f"unknown format {name!r}: {suggest(name, FORMATS)}")


def open_dataset(name: str, root: str | Path, *, split: str | None = None) -> list[Video]:
    """List the videos of a data set in the format `name` under `root`.

    Raises:
        DatasetError: there is no such format, or no such data set at the root; see `Format.open`.
    """
    return find_format(name).open(root, split=split)
