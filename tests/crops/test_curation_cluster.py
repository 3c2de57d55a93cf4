"""Curation over a real Dask cluster on this machine."""

import os
import signal

import pytest

from clusters import local_cluster
from siamfc.crops.curation import curate
from siamfc.crops.store import Store
from siamfc.datasets.readers import open_dataset
from siamfc.workers import WorkerError, Workers
from stores import content, curate_vid
from vid_tree import write_vid

pytest.importorskip("distributed", reason="needs the cluster extra")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("vid")
    write_vid(root, videos=8, frames=40)
    curate_vid(root, root / "whole")
    return root


@pytest.fixture
def cluster(tmp_path):
    with local_cluster(tmp_path / "dask") as started:
        yield started


def test_a_cluster_gives_the_same_content_as_one_process(tree, cluster, tmp_path):
    with Workers(cluster=cluster.scheduler_address) as workers:
        curate_vid(tree, tmp_path / "store", workers=workers)
    assert content(tmp_path / "store") == content(tree / "whole")


def test_a_worker_that_is_killed_loses_nothing(tree, cluster, tmp_path):
    from distributed import Client

    killed = []

    def kill_one(images: int, _videos: int) -> None:
        if images and not killed:
            with Client(cluster) as client:
                killed.append(next(iter(client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    with Workers(cluster=cluster.scheduler_address) as workers:
        videos = open_dataset("vid", tree)
        curate(
            videos, tmp_path / "store", root=tree, source="vid", workers=workers, on_chunk=kill_one
        )
    assert killed
    assert content(tmp_path / "store") == content(tree / "whole")


def test_a_lost_cluster_is_one_line(tree, cluster, tmp_path, monkeypatch):
    monkeypatch.setattr("siamfc.workers._CONNECT_SECONDS", 2)

    def close(images: int, _videos: int) -> None:
        if images:
            cluster.close()

    with (
        Workers(cluster=cluster.scheduler_address) as workers,
        pytest.raises(WorkerError, match="what is done is kept: run again"),
    ):
        curate(
            open_dataset("vid", tree), tmp_path / "store", root=tree, source="vid",
            workers=workers, on_chunk=close,
        )  # fmt: skip


def test_a_killed_process_is_one_line_and_the_next_run_continues(tree, tmp_path):
    killed = []

    def kill_one(images: int, _videos: int) -> None:
        if images and not killed:
            killed.append(next(iter(workers._executor._processes)))
            os.kill(killed[0], signal.SIGKILL)

    videos = open_dataset("vid", tree)
    with (
        Workers(2) as workers,
        pytest.raises(WorkerError, match="a worker process was killed; what is done is kept"),
    ):
        curate(
            videos, tmp_path / "store", root=tree, source="vid", workers=workers, on_chunk=kill_one
        )
    curate_vid(tree, tmp_path / "store")
    assert content(tmp_path / "store") == content(tree / "whole")
    with Store(tmp_path / "store") as store:
        store.verify()


def test_a_scheduler_that_does_not_answer_is_one_line(monkeypatch):
    monkeypatch.setattr("siamfc.workers._CONNECT_SECONDS", 0.5)
    with (
        pytest.raises(WorkerError, match=r"no Dask scheduler answers at 'tcp://127.0.0.1:9'"),
        Workers(cluster="tcp://127.0.0.1:9"),
    ):
        pass
