"""Writes the commit into what is built, for `siamfc --version`; hatchling calls this."""

import runpy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_PLACES = {"sdist": "src/siamfc/commit.txt", "wheel": "siamfc/commit.txt"}


class CommitHook(BuildHookInterface):  # type: ignore[type-arg]  # its parameter is private
    """Adds `commit.txt` to a wheel or sdist that is built from a checkout.

    What is built from an sdist has the sdist's own; an editable installation asks git itself.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the file before the building."""
        self._folder = TemporaryDirectory()
        root = Path(self.root)
        system = runpy.run_path(str(root / "src" / "siamfc" / "system.py"))
        commit = system["commit_of_checkout"](root)
        if version != "editable" and commit is not None:
            file = Path(self._folder.name) / "commit.txt"
            file.write_text(f"{commit}\n")
            build_data["force_include"][str(file)] = _PLACES[self.target_name]

    def finalize(self, *_: object) -> None:
        """Remove it after the building."""
        self._folder.cleanup()
