"""The synthetic data set of the thesis (4.1.4): noisy images of a centred square.

Each folder represents a video: its square and its background have fixed random colours, which
always differ. Each image has its own kind and strength of noise. Every image is drawn from the
seed, its folder and its number only, independently of all others.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from siamfc.checks import check_number, check_whole
from siamfc.errors import InputError

NoiseKind = Literal["gaussian", "salt_and_pepper", "speckle"]
NOISE_KINDS: tuple[NoiseKind, ...] = get_args(NoiseKind)

_COLOURS, _IMAGE = 0, 1  # random streams of a folder


@dataclass(frozen=True, kw_only=True)
class SyntheticDatasetSettings:
    """Settings of the data set; the defaults are the thesis's where it names a number.

    Attributes:
        images: total number of images; if it does not divide, the first folders hold one more.
        folders: number of folders.
        size: side of an image in pixels.
        square: side of the square in pixels.
        contrast: minimum difference of the two colours in at least one channel, in levels.
        gaussian: largest standard deviation of additive noise, in levels of 255.
        salt_and_pepper: largest fraction of pixels turned black or white.
        speckle: largest standard deviation of multiplicative noise, relative to the pixel.
        seed: seed of colours and noise.
    """

    images: int = 500_000
    folders: int = 2_000
    size: int = 255
    square: int = 60
    contrast: int = 32
    gaussian: float = 50.0
    salt_and_pepper: float = 0.2
    speckle: float = 0.4
    seed: int = 0

    def __post_init__(self) -> None:
        check_whole("images", self.images, 1)
        check_whole("folders", self.folders, 1, 1_000_000)
        check_whole("size", self.size, 1, 4096)
        check_whole("square", self.square, 1)
        check_whole("contrast", self.contrast, 1, 128)
        check_number("gaussian", self.gaussian, 0, 255)
        check_number("salt_and_pepper", self.salt_and_pepper, 0, 1)
        check_number("speckle", self.speckle, 0, 10)
        check_whole("seed", self.seed, 0)
        if self.folders > self.images:
            raise InputError(
                f"folders: expected at most as many as images, {self.images}, got {self.folders}"
            )
        if self.square > self.size:
            raise InputError(
                f"square: expected at most the image's size of {self.size} pixels, "
                f"got {self.square}"
            )


@dataclass(frozen=True)
class Colours:
    """RGB of a folder's square and background, 0 to 255."""

    square: tuple[int, int, int]
    background: tuple[int, int, int]


@dataclass(frozen=True)
class Noise:
    """Noise of one image; the unit of `strength` is that of the setting named after the kind."""

    kind: NoiseKind
    strength: float


class SyntheticDataset:
    """Draws the data set's images on demand.

    Args:
        settings: number, size and seed; None: the thesis's.

    >>> dataset = SyntheticDataset(SyntheticDatasetSettings(images=7, folders=2, seed=3))
    >>> [dataset.folder_length(folder) for folder in range(2)]
    [4, 3]
    >>> dataset.draw(1, 2).shape, dataset.box.tolist()
    ((255, 255, 3), [97.5, 97.5, 60.0, 60.0])
    """

    def __init__(self, settings: SyntheticDatasetSettings | None = None) -> None:
        self.settings = settings or SyntheticDatasetSettings()
        self._coverage = _centred_coverage(self.settings.size, self.settings.square)

    def __len__(self) -> int:
        return self.settings.images

    @property
    def box(self) -> NDArray[np.float64]:
        """Box (4,) of the square in every image, with the image's centre.

        If the margin is not a whole number, like the thesis's 97.5, the square covers half of each
        pixel at its edges, which gets the mean of the two colours.
        """
        margin = (self.settings.size - self.settings.square) / 2
        return np.array([margin, margin, self.settings.square, self.settings.square])

    def folder_length(self, folder: int) -> int:
        """Return the number of images in a folder, whose number counts from 0."""
        self._check_folder(folder)
        each, rest = divmod(self.settings.images, self.settings.folders)
        return each + (folder < rest)

    def colours(self, folder: int) -> Colours:
        """Return a folder's colours: uniform in RGB, redrawn until they differ by the contrast."""
        self._check_folder(folder)
        generator = self._generator(_COLOURS, folder)
        while True:
            square, background = generator.integers(0, 256, size=(2, 3))
            if np.abs(square - background).max() >= self.settings.contrast:
                return Colours(tuple(square.tolist()), tuple(background.tolist()))

    def noise(self, folder: int, index: int) -> Noise:
        """Return an image's noise: one of the kinds, with a strength uniform up to its largest."""
        return self._draw_noise(self._image_generator(folder, index))

    def draw(self, folder: int, index: int) -> NDArray[np.uint8]:
        """Draw image `index` of a folder, both counted from 0: (size, size, 3) uint8 RGB."""
        generator = self._image_generator(folder, index)
        noise = self._draw_noise(generator)
        colours = self.colours(folder)
        square = np.array(colours.square, dtype=np.float32)
        background = np.array(colours.background, dtype=np.float32)
        clean = background + self._coverage * (square - background)
        return _add_noise(generator, clean, noise)

    def _draw_noise(self, generator: np.random.Generator) -> Noise:
        kind = NOISE_KINDS[int(generator.integers(len(NOISE_KINDS)))]
        largest = getattr(self.settings, kind)
        return Noise(kind, float(generator.random() * largest))

    def _image_generator(self, folder: int, index: int) -> np.random.Generator:
        length = self.folder_length(folder)
        if not 0 <= index < length:
            raise IndexError(f"expected an image from 0 to {length - 1}, got {index}")
        return self._generator(_IMAGE, folder, index)

    def _generator(self, *key: int) -> np.random.Generator:
        sequence = np.random.SeedSequence(self.settings.seed, spawn_key=key)
        return np.random.Generator(np.random.PCG64(sequence))

    def _check_folder(self, folder: int) -> None:
        if not 0 <= folder < self.settings.folders:
            raise IndexError(
                f"expected a folder from 0 to {self.settings.folders - 1}, got {folder}"
            )


def _centred_coverage(size: int, square: int) -> NDArray[np.float32]:
    """Return the fraction of each pixel that a centred square covers, (size, size, 1)."""
    low, high = (size - square) / 2, (size + square) / 2
    pixels = np.arange(size)
    line = np.clip(np.minimum(pixels + 1, high) - np.maximum(pixels, low), 0, 1)
    return np.outer(line, line)[..., None].astype(np.float32)


def _add_noise(
    generator: np.random.Generator, clean: NDArray[np.float32], noise: Noise
) -> NDArray[np.uint8]:
    """Return `clean` (H, W, 3), levels from 0 to 255, with noise, rounded to uint8."""
    if noise.kind == "salt_and_pepper":
        chance = generator.random(clean.shape[:2], dtype=np.float32)[..., None]
        half = np.float32(noise.strength / 2)
        noisy = np.where(chance < half, np.float32(0), clean)
        noisy = np.where(chance >= 1 - half, np.float32(255), noisy)
    else:
        deviation = generator.standard_normal(clean.shape, dtype=np.float32)
        deviation *= np.float32(noise.strength)
        noisy = clean + (deviation * clean if noise.kind == "speckle" else deviation)
    levels: NDArray[np.uint8] = np.rint(np.clip(noisy, 0, 255)).astype(np.uint8)
    return levels
