"""Drafts of killed processes are removed by the next process; those of live ones stay."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from siamfc import drafts
from siamfc.errors import OutputError
from siamfc.files import StagedFile, StagedFolder, staged_folder, write_file

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")


@pytest.fixture(autouse=True)
def _new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the folders that this process has cleared."""
    monkeypatch.setattr(drafts, "_seen", set())


_DRAFTS = """
import sys, time
from pathlib import Path
from siamfc.files import StagedFile, StagedFolder, staged_folder
folder = Path(sys.argv[1])
file = StagedFile(folder / "out.mp4", overwrite=False)
file.path.write_bytes(b"half")
images = StagedFolder(folder / "images", overwrite=False)
(images.path / "000000.png").write_bytes(b"half")
with staged_folder(folder / "store") as store:
    (store / "index").write_bytes(b"half")
    print("ready", flush=True)
    time.sleep(3600)
"""


def _start(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _DRAFTS, folder], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def _hidden(folder: Path) -> int:
    return sum(path.name.startswith(".") for path in folder.iterdir())


def test_what_a_killed_process_left_goes_when_the_next_writes_there(tmp_path: Path) -> None:
    with _start(tmp_path) as process:
        process.kill()
    assert _hidden(tmp_path) == 3
    write_file(tmp_path / "other.csv", b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["other.csv"]


def test_what_a_living_process_writes_stays(tmp_path: Path) -> None:
    with _start(tmp_path) as process:
        write_file(tmp_path / "other.csv", b"whole")
        assert _hidden(tmp_path) == 3
        process.kill()


def test_hidden_files_of_others_stay(tmp_path: Path) -> None:
    names = [".notes-deadbeef.mp4", ".out-siamfc-.mp4", ".siamfc", ".out-siamfc-0000000g.mp4"]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / ".link-siamfc-00000000").symlink_to(tmp_path)
    write_file(tmp_path / "a.csv", b"")
    assert _hidden(tmp_path) == len(names) + 1


def test_a_draft_of_this_process_is_not_taken_for_dead(tmp_path: Path) -> None:
    file = StagedFile(tmp_path / "a.mp4", overwrite=False)
    folder = StagedFolder(tmp_path / "b", overwrite=False)
    drafts._seen.clear()
    with staged_folder(tmp_path / "c") as inner:
        (inner / "x").touch()
    file.commit()
    folder.commit()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "b", "c"]


def test_a_draft_that_is_taken_for_dead_before_it_is_locked_is_made_again(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(path: Path) -> None:
        made.append(path)
        path.touch()
        if len(made) == 1:
            path.unlink()

    draft = drafts.Draft(tmp_path / "a.csv", make)
    if len(made) == 1:  # nothing to lock: as on a disk without locks
        assert not draft.path.exists()
    draft.discard()
    assert list(tmp_path.iterdir()) == []


def test_replaced_folders_are_not_taken_for_leftovers(tmp_path: Path) -> None:
    """Between two renames the user's old folder has a hidden name."""
    name = ".store-replaced-0123abcd"
    (tmp_path / name).mkdir()
    time.sleep(0)
    write_file(tmp_path / "a.csv", b"")
    assert (tmp_path / name).is_dir()


def test_the_current_folder_is_never_put_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refusal = r"^\.: expected the name of a new folder, got the current one"
    with pytest.raises(OutputError, match=refusal):
        StagedFolder(Path(), overwrite=False)
    with pytest.raises(OutputError, match=refusal), staged_folder(Path()):
        raise AssertionError("the block was entered")
    assert list(tmp_path.iterdir()) == []


def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / "clip").mkdir()
    for name in ("clip", "boxes.csv", "set"):  # the last two lead to nothing yet
        (tmp_path / name).symlink_to(disk / name)
    folder = StagedFolder(tmp_path / "clip", overwrite=False)
    (folder.path / "000000.png").touch()
    folder.commit()
    write_file(tmp_path / "boxes.csv", b"new")
    with staged_folder(tmp_path / "set") as place:
        (place / "a.txt").touch()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["boxes.csv", "clip", "disk", "set"]
    assert all((tmp_path / name).is_symlink() for name in ("clip", "boxes.csv", "set"))
    assert (disk / "clip" / "000000.png").exists()
    assert (disk / "boxes.csv").read_bytes() == b"new"
    assert (disk / "set" / "a.txt").exists()
