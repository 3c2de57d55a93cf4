"""A small data set and its store, which tests only read."""

import pytest

from siamfc.crops.store import Store
from stores import curate_vid
from vid_tree import write_vid


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("vid")
    write_vid(root)
    return root


@pytest.fixture(scope="session")
def store(tree, tmp_path_factory):
    place = tmp_path_factory.mktemp("stores") / "store"
    curate_vid(tree, place)
    with Store(place) as opened:
        yield opened
