"""An experiment's folder: finished steps are kept, and the same command resumes the rest.

```
experiment.json     number, size and inputs; a rerun must have the same
training/           the run, see `siamfc.training.folder`
videos/             the synthetic videos, in OTB's layout
tracks/<tracker>/   a result file for each video, see `siamfc.evaluation.results`
*.json              products of single steps
results.json        all numbers of the page
index.html          the page
```
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from siamfc.errors import DatasetError, OutputError
from siamfc.files import check_folder_kind, make_folder, write_file
from siamfc.folder_lock import lock_folder

RECORD, PAGE, RESULTS = "experiment.json", "index.html", "results.json"


class ExperimentFolder:
    """The files of one experiment.

    Args:
        path: the folder.
        inputs: everything that determines its products; a rerun must have the same.
    """

    def __init__(self, path: Path, inputs: Mapping[str, Any]) -> None:
        self.path = path
        self._inputs = json.loads(json.dumps(inputs))

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Start or resume the experiment, with a lock against other processes.

        Raises:
            OutputError: the folder contains something else, or an experiment with other inputs; or
                another process is using it.
        """
        self._check()
        make_folder(self.path)
        with lock_folder(self.path):
            self.write(RECORD, self._inputs)
            yield

    def load_or_make(self, name: str, make: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        """Return the product of `make`, or its result in an earlier run's file `name`.json.

        Raises:
            DatasetError: the file is damaged.
        """
        path = self.path / f"{name}.json"
        if not path.exists():
            self.write(path.name, make())
        return read_json(path)

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a product as JSON; a partial file never appears."""
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
        write_file(self.path / name, f"{text}\n".encode(), overwrite=True)

    def finish(self, page: str, results: Mapping[str, Any]) -> None:
        """Write the page, as HTML, and its numbers."""
        write_file(self.path / PAGE, page.encode(), overwrite=True)
        self.write(RESULTS, results)

    def _check(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise OutputError(f"{self.path}: expected a folder, found a file; choose another name")
        record = self.path / RECORD
        if not record.exists():
            check_folder_kind(self.path, RECORD, "an experiment's")
            return
        there = read_json(record)
        for name in {**self._inputs, **there}:
            found, wanted = there.get(name), self._inputs.get(name)
            if found != wanted:
                raise OutputError(
                    f"{self.path}: holds an experiment with {name} {found!r}, asked for "
                    f"{wanted!r}; choose another folder or ask for the same"
                )


def read_json(path: Path) -> dict[str, Any]:
    """Read a product; DatasetError if it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("not an object")
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{path}: expected a product of an experiment ({error}); delete it to make it again"
        ) from None
    return content
