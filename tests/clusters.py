"""A Dask cluster on this machine."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def local_cluster(folder: Path) -> Iterator[Any]:
    """Two workers of one thread each, whose files lie in `folder`.

    Every port is a free one, so that tests that run side by side don't take each other's.
    """
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address="127.0.0.1:0",
        local_directory=str(folder),
        silence_logs=logging.CRITICAL,
    ) as started:
        yield started
