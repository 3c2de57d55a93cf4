"""Layout of a store in LMDB: its keys, and the records of its index.

| key | value |
|---|---|
| `settings` | JSON: format, version, curation settings, source, encoder |
| `state` | JSON: position of the curation, counts, and finally the index's digest |
| `root` | the data set's folder, the only entry that is not content |
| `t` track | JSON: sequence, video, split, label, number of frames |
| `r` track, first frame | `RECORD` array: a part of the track's frames |
| `i` first image | JSON: names of a part of the images |
| `c` track, frame | a crop, JPEG |

Numbers in keys are 32-bit, big-endian, so that LMDB sorts them as numbers, and the crops of a track
are adjacent.
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
        ("occluded", "?"),  # True where the data set marks part of the target as hidden
        ("visibility", "<f4"),  # visible fraction, NaN where unknown
        ("box", "<f8", (4,)),  # x, y, w, h in pixels of the source image
        ("digest", "<u8"),  # digest of the crop's bytes; 0 without a crop
    ]
)
"""One target in one frame, as stored in the index."""

Record = tuple[int, int, int, bool, float, tuple[float, float, float, float], int]
"""A row of `RECORD`."""

_NUMBERS = struct.Struct(">II")
_NUMBER = struct.Struct(">I")


def track_key(track: int) -> bytes:
    """Return the key of a track's facts."""
    return TRACK_PREFIX + _NUMBER.pack(track)


def record_key(track: int, first_frame: int) -> bytes:
    """Return the key of a part of a track's records."""
    return RECORD_PREFIX + _NUMBERS.pack(track, first_frame)


def image_key(first_image: int) -> bytes:
    """Return the key of a part of the images' names."""
    return IMAGE_PREFIX + _NUMBER.pack(first_image)


def crop_key(track: int, frame: int) -> bytes:
    """Return the key of a crop."""
    return CROP_PREFIX + _NUMBERS.pack(track, frame)


def track_of(key: bytes) -> int:
    """Return the track from the key of a track, record or crop."""
    return int(_NUMBER.unpack_from(key, 1)[0])


def crop_digest(encoded: bytes) -> int:
    """Return 64 bits of BLAKE2 over a crop's bytes, which tie the crop to its record."""
    return int.from_bytes(hashlib.blake2b(encoded, digest_size=8).digest(), "little")


def index_digest(entries: Iterable[tuple[bytes, bytes]]) -> str:
    """Return SHA-256 over entries in order: stores with equal digests have equal content.

    Computed over a store's settings, tracks, records and image names, it also covers the crops,
    because the records contain their digests.
    """
    digest = hashlib.sha256()
    for key, value in entries:
        digest.update(struct.pack(">QQ", len(key), len(value)))
        digest.update(key)
        digest.update(value)
    return digest.hexdigest()
