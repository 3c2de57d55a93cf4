"""How a store lies in LMDB: its keys, and the records of its index.

| key | value |
|---|---|
| `settings` | JSON: format, version, curation settings, source, encoder |
| `state` | JSON: where curation is, counts, and at the end the index's digest |
| `root` | the data set's folder, the only entry that is not content |
| `t` track | JSON: sequence, video, split, label, count of frames |
| `r` track, first frame | `RECORD` array: a part of the track's frames |
| `i` first image | JSON: names of a part of the images |
| `c` track, frame | a crop, JPEG |

Numbers in keys are 32-bit, big-endian, so that LMDB's order is that of the numbers, and the crops
of a track lie together.
"""

import hashlib
import struct
from collections.abc import Iterable

import numpy as np

FORMAT_NAME = "siamfc store"
FORMAT_VERSION = 1
DATA_NAME = "data.mdb"

SETTINGS_KEY, STATE_KEY, ROOT_KEY = b"settings", b"state", b"root"
TRACK_PREFIX, RECORD_PREFIX, IMAGE_PREFIX, CROP_PREFIX = b"t", b"r", b"i", b"c"

RECORD = np.dtype(
    [
        ("frame", "<u4"),  # position in the track, from 0
        ("image", "<u4"),  # number of the source image in the store
        ("outcome", "u1"),  # an `Outcome`
        ("occluded", "?"),  # where the data set says that some of the target is hidden
        ("visibility", "<f4"),  # share that can be seen, NaN where unknown
        ("box", "<f8", (4,)),  # x, y, w, h in pixels of the source image
        ("digest", "<u8"),  # of the crop's bytes; 0 where there is none
    ]
)
"""One target in one frame, as the index has it."""

Record = tuple[int, int, int, bool, float, tuple[float, float, float, float], int]
"""A row of `RECORD`."""

_NUMBERS = struct.Struct(">II")
_NUMBER = struct.Struct(">I")


def track_key(track: int) -> bytes:
    """Key of a track's facts."""
    return TRACK_PREFIX + _NUMBER.pack(track)


def record_key(track: int, first_frame: int) -> bytes:
    """Key of a part of a track's records."""
    return RECORD_PREFIX + _NUMBERS.pack(track, first_frame)


def image_key(first_image: int) -> bytes:
    """Key of a part of the images' names."""
    return IMAGE_PREFIX + _NUMBER.pack(first_image)


def crop_key(track: int, frame: int) -> bytes:
    """Key of a crop."""
    return CROP_PREFIX + _NUMBERS.pack(track, frame)


def track_of(key: bytes) -> int:
    """Track of a track's, record's or crop's key."""
    return int(_NUMBER.unpack_from(key, 1)[0])


def crop_digest(encoded: bytes) -> int:
    """64 bits of BLAKE2 over a crop's bytes, which ties the crop to its record."""
    return int.from_bytes(hashlib.blake2b(encoded, digest_size=8).digest(), "little")


def index_digest(entries: Iterable[tuple[bytes, bytes]]) -> str:
    """SHA-256 over entries in order: stores with the same digest hold the same.

    Over a store's settings, tracks, records and image names it covers the crops as well, whose
    own digests are in the records.
    """
    digest = hashlib.sha256()
    for key, value in entries:
        digest.update(struct.pack(">QQ", len(key), len(value)))
        digest.update(key)
        digest.update(value)
    return digest.hexdigest()
