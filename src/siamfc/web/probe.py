"""Check a file before it is decoded: a video or images, and not too large.

Names are ignored. Formats that refer to other files or addresses (playlists, lists of parts) are
not tried.
"""

from collections.abc import Sequence
from pathlib import Path

import av

from siamfc.errors import SourceError
from siamfc.frames.decoder import FOREIGN_TAGS
from siamfc.frames.images import open_image
from siamfc.web.limits import Limits

_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,ogg,flv,asf,gif,ivf,mxf,nut,rm,dv,"
    "yuv4mpegpipe,apng,mjpeg,m4v,h264,hevc,obu,av1,mpegvideo,wtv,png_pipe,jpeg_pipe,webp_pipe,"
    "bmp_pipe,tiff_pipe"
)
"""FFmpeg's names of formats that are whole in themselves."""


def check_video(path: Path, name: str, limits: Limits) -> None:
    """Check a file that is to be opened as a video, without decoding a frame of it.

    Raises:
        SourceError: no video, or one beyond the limits.
    """
    try:
        with av.open(
            str(path.absolute()),
            options={"format_whitelist": _FORMATS, "protocol_whitelist": "file"},
            **FOREIGN_TAGS,
        ) as container:
            streams = container.streams.video
            if not streams:
                raise SourceError(f"{name} contains no video")
            context = streams[0].codec_context
            size = (0, 0) if context is None else (context.width, context.height)
            seconds = container.duration / av.time_base if container.duration else 0.0
    except (av.FFmpegError, OSError):
        raise SourceError(f"{name} is not a video of a known format, or it is damaged") from None
    _check_size(name, size, limits)
    if seconds > limits.seconds:
        raise SourceError(
            f"{name} lasts {seconds / 3600:.1f} hours; the limit is {limits.seconds / 3600:g}"
        )


def check_images(paths: Sequence[Path], names: Sequence[str], limits: Limits) -> None:
    """Check files that are to be opened as images, by their headers.

    Raises:
        SourceError: one that is no image, or too large.
    """
    for path, name in zip(paths, names, strict=True):
        try:
            with open_image(path) as image:
                size = image.size
        except SourceError:
            raise SourceError(
                f"{name} is not an image of a known format, or it is damaged"
            ) from None
        _check_size(name, size, limits)


def _check_size(name: str, size: tuple[int, int], limits: Limits) -> None:
    width, height = size
    if width * height > limits.pixels:
        raise SourceError(
            f"{name} has frames of {width}×{height}; at most {limits.pixels / 1e6:.0f} million "
            "pixels are taken"
        )
