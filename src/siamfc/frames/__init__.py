"""Frames of videos, folders, cameras, streams and arrays; writing and drawing of videos."""

from siamfc.frames.arrays import ArraySource
from siamfc.frames.draw import draw_boxes
from siamfc.frames.encoder import VIDEO_SUFFIXES
from siamfc.frames.folder import ImageFiles
from siamfc.frames.frame import Frame, FrameSource, Image, IndexedSource
from siamfc.frames.images import check_image, read_image
from siamfc.frames.live import LiveSource
from siamfc.frames.paged_image import PagedImage
from siamfc.frames.sources import open_source
from siamfc.frames.trail import Trail
from siamfc.frames.video import VideoFile
from siamfc.frames.writer import FrameWriter, open_writer

__all__ = [
    "VIDEO_SUFFIXES",
    "ArraySource",
    "Frame",
    "FrameSource",
    "FrameWriter",
    "Image",
    "ImageFiles",
    "IndexedSource",
    "LiveSource",
    "PagedImage",
    "Trail",
    "VideoFile",
    "check_image",
    "draw_boxes",
    "open_source",
    "open_writer",
    "read_image",
]
