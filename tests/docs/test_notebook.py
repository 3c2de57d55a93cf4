"""The notebook runs from top to bottom, and is kept without results."""

import re
from pathlib import Path

import pytest
from snippets import DOCS

nbformat = pytest.importorskip("nbformat")

NOTEBOOK = DOCS / "notebooks" / "track_a_video.ipynb"


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of Jupyter's own
def test_the_notebook_runs(tmp_path: Path) -> None:
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace("FRAMES = 60", "FRAMES = 8")
    client = NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["boxes.csv", "tracked.mp4"]
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in shown) == 4
    printed = "".join(output.get("text", "") for output in shown)
    overlap = re.search(r"mean overlap ([\d.]+)", printed)
    assert overlap is not None
    assert float(overlap[1]) > 0.7


def test_the_notebook_is_kept_without_results() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) >= 5
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
