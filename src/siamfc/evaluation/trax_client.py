"""A program that speaks TraX, as a tracker."""

import shlex
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from siamfc.data.sequences import FloatArray
from siamfc.errors import InputError
from siamfc.evaluation.runs import TrackerError
from siamfc.evaluation.trax_regions import box_of, import_trax, region_of

_PATIENCE_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class TraxProgram:
    """Starts a program that speaks TraX on its standard input and output."""

    command: str
    """As typed in a shell, without a shell's own signs."""

    def __call__(self) -> "TraxTracker":
        """Start the program.

        Raises:
            MissingDependencyError: vot-trax isn't installed.
            InputError: there is no such program, or it doesn't speak TraX.
        """
        return TraxTracker(self.command)

    def record(self) -> dict[str, Any]:
        """The command."""
        import_trax()
        return {"name": f"trax:{self.command}"}


class TraxTracker:
    """A program that speaks TraX behind `init` and `update`.

    Frames go to it as raw pixels if it takes them, otherwise as a file that is written anew for
    each. Regions are 0-based, as the protocol has them.

    Args:
        command: starts the program.
    """

    def __init__(self, command: str) -> None:
        self._trax = import_trax()
        self._folder = tempfile.TemporaryDirectory(prefix="siamfc-trax-")
        try:
            self._process = subprocess.Popen(
                shlex.split(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
            )
        except (OSError, ValueError) as error:
            self._folder.cleanup()
            raise InputError(f"trax:{command}: it cannot be started: {error}") from None
        self.seconds = float("nan")
        """From asking to the answer of the last frame."""
        self.score = float("nan")
        """The program's own `confidence`; NaN if it has none."""
        self._frame = 0
        try:
            pipes = (self._fileno(self._process.stdin), self._fileno(self._process.stdout))
            self._client = self._trax.client.Client(stream=pipes)
        except self._trax.TraxException as error:
            self.close()
            raise InputError(f"trax:{command}: it doesn't speak TraX ({error})") from None

    def init(self, image: NDArray[np.uint8], box: FloatArray) -> None:
        """Tell the target.

        Raises:
            TrackerError: the program broke off.
        """
        formats = self._client.region_formats
        polygon = self._trax.Region.RECTANGLE not in formats
        region = region_of(box, index_base=0.0, polygon=polygon)
        self._ask(self._client.initialize, self._images(image), [(region, {})], {})

    def update(self, image: NDArray[np.uint8]) -> ArrayLike:
        """Ask for the target.

        Raises:
            TrackerError: the program broke off, or gave no target.
        """
        return self._ask(self._client.frame, self._images(image), {}, [])

    def close(self) -> None:
        """End the program."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def _ask(self, function: Any, *arguments: Any) -> ArrayLike:
        try:
            objects, self.seconds = function(*arguments)
        except self._trax.TraxException as error:
            raise TrackerError(f"the TraX program broke off: {error}") from None
        if not objects:
            raise TrackerError("expected a region from the TraX program, got none")
        region, properties = objects[0]
        try:
            self.score = float(properties.get("confidence", "nan"))
        except ValueError:
            self.score = float("nan")
        return box_of(region, index_base=0.0)

    def _images(self, image: NDArray[np.uint8]) -> dict[str, Any]:
        trax = self._trax
        if trax.Image.MEMORY in self._client.image_formats:
            return {"color": trax.MemoryImage.create(image)}
        before = Path(self._folder.name, f"{self._frame}.png")
        self._frame += 1
        path = Path(self._folder.name, f"{self._frame}.png")
        Image.fromarray(image).save(path, compress_level=1)
        before.unlink(missing_ok=True)
        return {"color": trax.FileImage.create(str(path))}

    @staticmethod
    def _fileno(pipe: Any) -> int:
        number: int = pipe.fileno()
        return number
