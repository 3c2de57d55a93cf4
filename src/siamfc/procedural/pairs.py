"""Training pairs: two views of a procedural scene, cropped like the tracker's images.

`PairGenerator` is deterministic in (seed, step): earlier calls have no influence.
"""

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from siamfc.procedural.frame_geometry import source_size
from siamfc.procedural.pair_settings import PairSettings
from siamfc.procedural.renderer import Renderer, renderer_for
from siamfc.procedural.sampling import Shot, Truth, sample_pairs
from siamfc.procedural.textures import TextureSettings, draw_textures

_PLANNED_BATCHES = 8
"""Number of batches sampled at once: sampling takes many small steps for any number of pairs."""


class Pairs(NamedTuple):
    """A batch of B pairs with their ground truth."""

    exemplars: Tensor
    """(B, 127, 127, 3) uint8 RGB."""
    searches: Tensor
    """(B, 255, 255, 3) uint8 RGB."""
    offsets: Tensor
    """Target's centre minus the search image's, in its pixels, (B, 2) float32 x, y."""
    log_scales: Tensor
    """Logarithm of the whole target's size divided by its size in the exemplar, (B,) float32."""
    visible: Tensor
    """Fraction of the target that is visible in the search image, (B,) float32."""
    boxes: Tensor
    """Target's ground truth box in the search image, in its pixels, (B, 4) float32 x, y, w, h.

    It bounds the whole target, hidden or not; `PairSettings.leaving_share` explains the exception
    for targets that the frame cuts.
    """
    exemplar_sizes: Tensor
    """Width and height of the target's box in the exemplar image, in its pixels, (B, 2) float32."""
    recent_sizes: Tensor
    """The same in the recent exemplar image; (B, 0) if there is none."""
    recent: Tensor
    """(B, 127, 127, 3) uint8 RGB: the target at a moment close to the search image's; (B, 0) if
    there is none."""


def render_pairs(
    renderer: Renderer,
    shots: tuple[Shot, ...],
    bank: Tensor,
    settings: PairSettings,
    generator: torch.Generator,
) -> list[Tensor]:
    """Draw each shot's image, uint8, with the camera's noise from `generator`."""
    sizes = (settings.exemplar_size, settings.search_size, settings.exemplar_size)
    # The exemplar's source is needed completely: its mean fills the area outside the frame.
    windows = (None, shots[1].window, None)
    sources = [
        renderer.render_source(
            shot.view,
            bank,
            shot.camera,
            shot.origin,
            shot.pitch,
            source_size(size),
            generator,
            window,
        )
        for shot, size, window in zip(shots, sizes, windows, strict=False)
    ]
    fill = renderer.mean_color(sources[0])
    return [
        renderer.crop(
            source, shot.origin, shot.pitch, shot.center, shot.side, size, shot.frame, fill
        )
        for source, shot, size in zip(sources, shots, sizes, strict=False)
    ]


def _rows(value: Any, rows: slice) -> Any:
    """Take the same rows of every tensor in nested tuples and dictionaries."""
    if isinstance(value, Tensor):
        return value[rows]
    if isinstance(value, dict):
        return {name: _rows(entry, rows) for name, entry in value.items()}
    return type(value)(*(_rows(entry, rows) for entry in value))


Result = TypeVar("Result")


class RecordedFunction(Generic[Result]):
    """A function of one CUDA tensor of fixed shape, recorded as a CUDA graph on its first call.

    The function must neither synchronise with the device nor draw random numbers. The next call
    overwrites what a call returned.
    """

    def __init__(self, function: Callable[[Tensor], Result]) -> None:
        self._function = function
        self._recorded: tuple[torch.cuda.CUDAGraph, Tensor, Result] | None = None

    def __call__(self, argument: Tensor) -> Result:
        """Return the function's result for the argument."""
        if self._recorded is None:
            self._recorded = self._record(argument)
        graph, place, result = self._recorded
        place.copy_(argument)
        graph.replay()
        return result

    def _record(self, argument: Tensor) -> tuple[torch.cuda.CUDAGraph, Tensor, Result]:
        with torch.cuda.device(argument.device):
            place = argument.clone()
            self._function(place)  # compiles and loads kernels, which recording forbids
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                result = self._function(place)
        return graph, place, result


_Plan = Callable[[Tensor], tuple[tuple[Shot, ...], Truth]]


class PairGenerator:
    """Draws batches of pairs on one device.

    Args:
        batch: number of pairs per batch.
        seed: seed of the bank and of every batch.
        device: device that draws the pairs.
        settings: settings of the crops.
        textures: settings of the texture bank.
        renderer: functions that draw; None: the fastest for the device.
    """

    def __init__(
        self,
        *,
        batch: int,
        seed: int,
        device: torch.device | str = "cpu",
        settings: PairSettings | None = None,
        textures: TextureSettings | None = None,
        renderer: Renderer | None = None,
    ) -> None:
        self.settings = settings or PairSettings()
        self._batch = batch
        self._seed = seed
        self._generator = torch.Generator(device)
        self._textures = textures or TextureSettings()
        self._renderer = renderer or renderer_for(self._generator.device)
        self.renew(0)
        on_gpu = self._generator.device.type == "cuda"
        self._plan: _Plan = RecordedFunction(self._decide) if on_gpu else self._decide
        self._planned: tuple[int, tuple[Shot, ...], Truth] | None = None

    def __call__(self, step: int) -> Pairs:
        """Return the batch of a step, which depends on the seed and the step only."""
        group, place = divmod(step, _PLANNED_BATCHES)
        if self._planned is None or self._planned[0] != group:
            count = self._batch * _PLANNED_BATCHES
            uniforms = torch.rand((count, self.settings.uniforms), **self._stream(group, salt=1))
            planned, truth = self._plan(uniforms)
            # The caller keeps the truth, which must outlive the next plan.
            self._planned = (group, planned, Truth(*(part.clone() for part in truth)))
        rows = slice(place * self._batch, (place + 1) * self._batch)
        shots = tuple(_rows(shot, rows) for shot in self._planned[1])
        images = render_pairs(
            self._renderer,
            shots,
            self.bank,
            self.settings,
            self._stream(step, salt=2)["generator"],
        )
        exemplars, searches = images[:2]
        recent = images[2] if self.settings.recent else exemplars.new_empty((self._batch, 0))
        known: Truth = _rows(self._planned[2], rows)
        return Pairs(exemplars=exemplars, searches=searches, recent=recent, **known._asdict())

    def _decide(self, uniforms: Tensor) -> tuple[tuple[Shot, ...], Truth]:
        return sample_pairs(uniforms, self._textures.count, self.settings, self._renderer)

    def renew(self, number: int) -> None:
        """Draw new textures: a different bank for each number."""
        generator = self._stream(number, salt=3)["generator"]
        self.bank = draw_textures(self._textures, generator, renderer=self._renderer)

    def _stream(self, number: int, salt: int) -> dict[str, Any]:
        """Return keywords that draw from a separate stream for each seed, number and salt."""
        key = np.random.SeedSequence((self._seed, salt, number)).generate_state(2, np.uint32)
        self._generator.manual_seed(int(key[0]) << 31 | int(key[1]) >> 1)
        return {"generator": self._generator, "device": self._generator.device}
