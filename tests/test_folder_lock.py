import subprocess
import sys

import pytest

from siamfc.errors import OutputError
from siamfc.folder_lock import HOLDER_NAME, LOCK_NAME, lock_folder

HOLD = (
    "import sys, pathlib\n"
    "from siamfc.folder_lock import lock_folder\n"
    "with lock_folder(pathlib.Path(sys.argv[1])):\n"
    "    print('held', flush=True)\n"
    "    sys.stdin.read()\n"
)


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock on `tmp_path`."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_process_is_told_which_one_writes(holder, tmp_path):
    with (
        pytest.raises(OutputError, match=rf"another process \({holder.pid} on .*\) is writing"),
        lock_folder(tmp_path),
    ):
        pass


def test_a_killed_process_locks_nobody_out(holder, tmp_path):
    holder.kill()
    holder.wait()
    assert (tmp_path / HOLDER_NAME).exists()
    with lock_folder(tmp_path):
        pass


def test_the_lock_is_free_afterwards_and_only_its_file_stays(tmp_path):
    for _ in range(2):
        with lock_folder(tmp_path):
            assert (tmp_path / HOLDER_NAME).exists()
    assert [path.name for path in tmp_path.iterdir()] == [LOCK_NAME]


def test_within_one_process_too_there_is_one_holder(tmp_path):
    with (
        lock_folder(tmp_path),
        pytest.raises(OutputError, match="is writing here"),
        lock_folder(tmp_path),
    ):
        pass


@pytest.mark.usefixtures("holder")
def test_a_damaged_note_is_no_hindrance(tmp_path):
    (tmp_path / HOLDER_NAME).write_text('{"process": ')
    with pytest.raises(OutputError, match="another process is writing"), lock_folder(tmp_path):
        pass


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    with (
        pytest.raises(OutputError, match="missing: cannot be written"),
        lock_folder(tmp_path / "missing"),
    ):
        pass
