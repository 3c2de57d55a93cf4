"""Curation: the same store with any workers and after any interruption."""

import random
import shutil
from types import SimpleNamespace

import lmdb
import numpy as np
import pytest

from killing import after_progress, run
from siamfc.crops import curation_plan
from siamfc.crops.curation import curate
from siamfc.crops.curation_settings import CurationSettings
from siamfc.crops.store import Store
from siamfc.datasets.readers import open_dataset
from siamfc.errors import DatasetError, OutputError
from siamfc.folder_lock import lock_folder
from siamfc.workers import Workers
from stores import content, curate_vid
from vid_tree import write_vid


def test_any_number_of_workers_gives_the_same_content(tree, store, tmp_path):
    with Workers(2) as workers:
        curate_vid(tree, tmp_path / "store", workers=workers)
    assert content(tmp_path / "store") == content(store.path)


def test_the_data_sets_location_does_not_matter(store, tmp_path):
    write_vid(tmp_path / "elsewhere")
    curate_vid(tmp_path / "elsewhere", tmp_path / "store")
    assert content(tmp_path / "store") == content(store.path)


def test_a_long_video_is_cut_and_a_track_stays_together(tree, store, tmp_path, monkeypatch):
    monkeypatch.setattr(curation_plan, "CHUNK_IMAGES", 5)
    curate_vid(tree, tmp_path / "store")
    with Store(tmp_path / "store") as cut:
        assert cut.records.tobytes() == store.records.tobytes()
        assert cut.image_names == store.image_names
        assert [cut.jpeg(row) for row in cut.kept_rows(2)] == [
            store.jpeg(row) for row in store.kept_rows(2)
        ]


class _StoppedError(Exception):
    pass


@pytest.mark.parametrize("chunks", range(1, 8))
def test_a_run_that_fails_anywhere_continues_with_the_same_content(
    tree, tmp_path, monkeypatch, chunks
):
    """Chunks have five images, videos twelve, so most chunks end inside a video.

    All of them are finished within the time between two writes, so the error writes them.
    """
    monkeypatch.setattr(curation_plan, "CHUNK_IMAGES", 5)
    monkeypatch.setattr("siamfc.crops.store_writer._COMMIT_SECONDS", 600)
    videos = open_dataset("vid", tree)
    done = []

    def stop(images, finished):
        done.append((images, finished))
        if len(done) > chunks:
            raise _StoppedError

    place = tmp_path / "store"
    with pytest.raises(_StoppedError):
        curate(videos, place, root=tree, source="vid", on_chunk=stop)
    with pytest.raises(DatasetError, match="is unfinished; run the same `siamfc curate` again"):
        Store(place)
    progress = []
    curate(videos, place, root=tree, source="vid", on_chunk=lambda *two: progress.append(two))
    assert progress[0][0] == 5 * chunks
    assert np.sum(progress, axis=0).tolist() == [36, 3]
    curate_vid(tree, tmp_path / "whole")
    assert content(place) == content(tmp_path / "whole")


def test_a_run_that_is_killed_again_and_again_ends_with_the_same_content(tmp_path):
    root = tmp_path / "vid"
    write_vid(root, videos=8, frames=40)
    curate_vid(root, tmp_path / "whole")
    place = tmp_path / "killed"
    code = (
        "from pathlib import Path\n"
        "from siamfc.crops import store_writer\n"
        "from siamfc.crops.curation import curate\n"
        "from siamfc.datasets.readers import open_dataset\n"
        "from siamfc.workers import Workers\n"
        "if __name__ == '__main__':\n"
        "    store_writer._COMMIT_BYTES = 100_000\n"
        f"    root = Path({str(root)!r})\n"
        "    with Workers(2) as workers:\n"
        f"        curate(open_dataset('vid', root), Path({str(place)!r}), root=root,\n"
        "               source='vid', workers=workers)\n"
    )
    chance = random.Random(5)
    file = place / "data.mdb"

    def size() -> int:
        return file.stat().st_size if file.exists() else 0

    kills = 0
    while not run(
        code,
        kill=after_progress(size, least=chance.randrange(2_000_000), wait=chance.random() / 10),
    ):
        kills += 1
    assert kills >= 1
    assert content(place) == content(tmp_path / "whole")
    with Store(place) as store:
        assert store.verify() == len(store)


def test_a_complete_store_is_not_changed(tree, tmp_path):
    place = tmp_path / "store"
    first = curate_vid(tree, place)
    before = (place / "data.mdb").read_bytes()
    assert curate_vid(tree, place) == first
    assert (place / "data.mdb").read_bytes() == before


def _edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    "change",
    [
        lambda one: _edit(one / "000003.xml", "<xmin>26</xmin>", "<xmin>25</xmin>"),
        lambda one: _edit(one / "000003.xml", "<occluded>0", "<occluded>1"),
        lambda one: _edit(one / "000004.xml", "<trackid>1", "<trackid>7"),
        lambda one: (one / "000011.xml").write_text("<annotation></annotation>"),
        lambda one: (one / "000003.xml").write_text("<annotation>"),
    ],
    ids=["box", "occlusion", "another track", "boxes removed", "unreadable"],
)
def test_a_store_that_was_cut_from_another_annotation_is_refused(tree, tmp_path, change):
    root = shutil.copytree(tree, tmp_path / "vid")
    curate_vid(root, tmp_path / "store")
    before = content(tmp_path / "store")
    change(root / "Annotations/VID/train/set_0000/video_01")
    with pytest.raises(DatasetError, match=r"was cut from another annotation of .*video_01;"):
        curate_vid(root, tmp_path / "store")
    assert content(tmp_path / "store") == before


def test_a_later_repair_of_the_annotation_is_detected(tree, tmp_path):
    root = shutil.copytree(tree, tmp_path / "vid")
    last = root / "Annotations/VID/train/set_0000/video_02/000003.xml"
    whole = last.read_text()
    last.write_text("<annotation>")
    curate_vid(root, tmp_path / "store")
    last.write_text(whole)
    with pytest.raises(DatasetError, match=r"was cut from another annotation of .*video_02;"):
        curate_vid(root, tmp_path / "store")
    last.write_text("<annotation>")
    curate_vid(root, tmp_path / "store")  # as little as before


def test_an_unfinished_store_does_not_continue_with_another_annotation(tree, tmp_path, monkeypatch):
    """Five frames of the video in which it stopped are done."""
    monkeypatch.setattr(curation_plan, "CHUNK_IMAGES", 5)
    monkeypatch.setattr("siamfc.crops.store_writer._COMMIT_BYTES", 0)
    root = shutil.copytree(tree, tmp_path / "vid")

    def stop(images, _finished):
        if images:
            raise _StoppedError

    with pytest.raises(_StoppedError):
        curate(
            open_dataset("vid", root), tmp_path / "store", root=root, source="vid", on_chunk=stop
        )
    first = root / "Annotations/VID/train/set_0000/video_00"
    _edit(first / "000003.xml", "<xmin>26</xmin>", "<xmin>25</xmin>")
    with pytest.raises(DatasetError, match=r"was cut from another annotation of .*video_00;"):
        curate_vid(root, tmp_path / "store")
    _edit(first / "000003.xml", "<xmin>25</xmin>", "<xmin>26</xmin>")
    _edit(first / "000005.xml", "<xmin>30</xmin>", "<xmin>29</xmin>")
    curate_vid(root, tmp_path / "store")
    with Store(tmp_path / "store") as store:
        assert store.records["box"][5, 0] == 29


def test_two_curations_into_one_store_are_refused(tree, tmp_path):
    place = tmp_path / "store"
    place.mkdir()
    with lock_folder(place), pytest.raises(OutputError, match="is writing here"):
        curate_vid(tree, place)
    curate_vid(tree, place)


@pytest.mark.parametrize(
    ("begin", "message"),
    [
        (
            lambda tree, place: curate_vid(tree, place, CurationSettings(jpeg_quality=80)),
            "was started with jpeg_quality 80, got 90",
        ),
        (
            lambda tree, place: curate(
                open_dataset("vid", tree)[:2], place, root=tree, source="vid"
            ),
            "was started with videos '2, names ",
        ),
        (
            lambda tree, place: curate(open_dataset("vid", tree), place, root=tree, source="coco"),
            "was started with format 'coco', got 'vid'",
        ),
    ],
    ids=["settings", "videos", "format"],
)  # fmt: skip
def test_a_store_started_with_other_settings_is_refused(tree, tmp_path, begin, message):
    place = tmp_path / "store"
    begin(tree, place)
    before = content(place)
    with pytest.raises(DatasetError, match=message):
        curate_vid(tree, place)
    assert content(place) == before


def test_a_folder_with_other_content_is_refused(tree, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="expected a folder for the store, found a file"):
        curate_vid(tree, tmp_path / "file")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="expected a store or an empty folder, found other"):
        curate_vid(tree, tmp_path / "folder")
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["notes.txt"]


def test_a_folder_that_cannot_be_created_or_written_is_one_line(tree, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match=r"file/store: cannot be created: Not a directory"):
        curate_vid(tree, tmp_path / "file" / "store")
    (tmp_path / "folder" / ".lock").mkdir(parents=True)  # stands for a folder of somebody else's
    with pytest.raises(OutputError, match=r"folder: cannot be written: Is a directory"):
        curate_vid(tree, tmp_path / "folder")


def test_a_worker_of_another_version_is_refused(tree, tmp_path, monkeypatch):
    versions = iter(["Pillow 1", "Pillow 2", "Pillow 1"])
    monkeypatch.setattr("siamfc.crops.curation.encoder_version", lambda: next(versions))
    with pytest.raises(DatasetError, match=r"a worker has Pillow .*, this program Pillow 2"):
        curate_vid(tree, tmp_path / "store")


def test_a_full_disk_is_one_line_and_the_next_run_continues(tree, store, tmp_path):
    """A file size limit simulates the full disk."""
    place = tmp_path / "store"
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from siamfc.crops import curation_plan, store_writer\n"
        "from siamfc.crops.curation import curate\n"
        "from siamfc.datasets.readers import open_dataset\n"
        "from siamfc.errors import OutputError\n"
        "curation_plan.CHUNK_IMAGES, store_writer._COMMIT_BYTES = 5, 0\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))\n"
        f"root = Path({str(tree)!r})\n"
        "try:\n"
        f"    curate(open_dataset('vid', root), Path({str(place)!r}), root=root, source='vid')\n"
        "except OutputError as error:\n"
        "    sys.exit(0 if 'the disk is full' in str(error) else str(error))\n"
        "sys.exit('no error')\n"
    )
    assert run(code)
    begun = [key for key in content(place) if key.startswith(b"c")]
    assert 0 < len(begun) < 60
    curate_vid(tree, place)
    with Store(place) as finished:
        assert finished.verify() == 60
        assert finished.records.tobytes() == store.records.tobytes()


def test_a_disk_that_is_full_at_the_end_is_one_line(tree, tmp_path, monkeypatch):
    class FullDisk:
        def __init__(self, environment):
            self._environment = environment

        def __getattr__(self, name):
            return getattr(self._environment, name)

        def sync(self, _force):
            raise lmdb.DiskError("mdb_env_sync: No space left on device")

    library = SimpleNamespace(
        **{**vars(lmdb), "open": lambda *a, **k: FullDisk(lmdb.open(*a, **k))}
    )
    monkeypatch.setattr("siamfc.crops.store_writer.import_lmdb", lambda: library)
    with pytest.raises(OutputError, match=r"store: the disk is full or failing; free space"):
        curate_vid(tree, tmp_path / "store")


def test_lmdb_keeps_no_mapped_lock_file(store):
    assert {path.name for path in store.path.iterdir()} == {"data.mdb", ".lock"}
