"""Stores for tests: curated from a tree, and compared entry by entry."""

from pathlib import Path

import lmdb

from siamfc.crops.curation import curate
from siamfc.crops.curation_settings import CurationSettings
from siamfc.crops.store_format import ROOT_KEY
from siamfc.crops.store_lmdb import open_for_reading
from siamfc.crops.store_writer import State
from siamfc.datasets.readers import open_dataset
from siamfc.workers import Workers


def curate_vid(
    root: Path,
    store: Path,
    settings: CurationSettings | None = None,
    workers: Workers | None = None,
) -> State:
    """Curate a tree in the layout of VID."""
    videos = open_dataset("vid", root)
    return curate(videos, store, settings, root=root, source="vid", workers=workers)


def content(store: Path) -> dict[bytes, bytes]:
    """Every entry of a store, finished or not, but the data set's folder."""
    with open_for_reading(store).begin() as transaction:
        return {key: value for key, value in transaction.cursor() if key != ROOT_KEY}


def change(store: Path, key: bytes, value: bytes | None) -> None:
    """Replace an entry, or delete it."""
    with lmdb.open(str(store)) as environment, environment.begin(write=True) as transaction:
        if value is None:
            assert transaction.delete(key)
        else:
            transaction.put(key, value)
