"""An experiment's folder keeps finished steps and rejects other content."""

import pytest

from siamfc.errors import DatasetError, OutputError
from siamfc.experiments.folder import ExperimentFolder


def test_a_product_is_made_once(tmp_path):
    calls = []

    def make():
        calls.append(1)
        return {"value": 3}

    for _ in range(2):
        folder = ExperimentFolder(tmp_path / "out", {"experiment": 1, "size": "tiny"})
        with folder.opened():
            assert folder.load_or_make("thing", make) == {"value": 3}
    assert calls == [1]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"experiment": 1, "size": "gpu"}, "holds an experiment with size 'tiny', asked for 'gpu'"),
        ({"experiment": 2, "size": "tiny"}, "holds an experiment with experiment 1, asked for 2"),
        ({"experiment": 1, "size": "tiny", "vid": "/v"}, "vid None, asked for '/v'"),
    ],
)
def test_other_inputs_are_refused(tmp_path, inputs, message):
    with ExperimentFolder(tmp_path / "out", {"experiment": 1, "size": "tiny"}).opened():
        pass
    with (
        pytest.raises(OutputError, match=message),
        ExperimentFolder(tmp_path / "out", inputs).opened(),
    ):
        pass


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.pdf").write_text("dear")
    with (
        pytest.raises(OutputError, match="expected an empty folder"),
        ExperimentFolder(tmp_path, {}).opened(),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.pdf"]


def test_a_file_in_the_folders_place_is_named(tmp_path):
    (tmp_path / "out").write_text("")
    folder = ExperimentFolder(tmp_path / "out", {})
    with pytest.raises(OutputError, match="expected a folder, found a file"), folder.opened():
        pass


@pytest.mark.parametrize("content", ["{", "[1]"])
def test_a_damaged_product_is_named(tmp_path, content):
    folder = ExperimentFolder(tmp_path, {})
    (tmp_path / "thing.json").write_text(content)
    with pytest.raises(DatasetError, match=r"thing\.json.*delete it"):
        folder.load_or_make("thing", dict)


def test_two_processes_do_not_work_in_one_folder(tmp_path):
    first, second = (ExperimentFolder(tmp_path, {"experiment": 1}) for _ in range(2))
    with first.opened(), pytest.raises(OutputError, match="another process"), second.opened():
        pass
