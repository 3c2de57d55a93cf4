"""A small data set and its store, which tests read and leave as they are."""

import pytest
from stores import curate_vid
from vid_tree import write_vid

from siamfc.data.store import Store


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
