"""Procedural videos with exact ground truth: smooth paths through the space that pairs sample.

No frame is ever drawn completely: `ProceduralVideos.crops` draws the squares that a tracker
requests, for many videos at once, so that a tracker's accuracy can be measured in seconds while a
network trains.
"""

import math
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

import torch
from torch import Tensor

from siamfc.checks import check_number
from siamfc.procedural.draws import UniformDraws
from siamfc.procedural.frame_geometry import (
    draw_part_boxes,
    follow_boxes,
    follow_piece,
    ground_truth_box,
    source_size,
    whole_frame,
)
from siamfc.procedural.render import CAMERA_DRAWS, draw_camera
from siamfc.procedural.renderer import Renderer, renderer_for
from siamfc.procedural.sampling import OCCLUDER_AWAY
from siamfc.procedural.scene import (
    SCENE_DRAWS,
    TARGET,
    VIEW_DRAWS,
    SceneSettings,
    View,
    draw_scene,
    draw_view,
)

_WAVES = 3
_PATH_DRAWS = 5
_REST_DRAWS = 16


@dataclass(frozen=True, kw_only=True)
class VideoSettings:
    """Content of the videos; the defaults mix everything."""

    scene: SceneSettings = field(default_factory=SceneSettings)
    """Frequencies of difficulties in the scene."""
    piece_share: float = 0.2
    """Fraction of targets without an outline, pieces of the background."""
    part_share: float = 0.0
    """Fraction of outlined targets of which only a part is boxed, like a face on a head."""
    exact_pieces: bool = False
    """Let the boxes of background pieces turn and stretch with them; otherwise they follow the
    camera."""
    relit_share: float = 0.0
    """Fraction of videos whose brightness oscillates between a fifth and 1.5 times its value."""
    occluded_share: float = 0.35
    """Fraction of videos in which an occluder may cover the target after the first frames."""
    grey_share: float = 0.25
    """Fraction of grey videos."""
    zooming: float = 0.3
    """Largest standard deviation of the logarithm of the camera's zoom in a video."""

    def __post_init__(self) -> None:
        for name in (item.name for item in fields(self) if item.name.endswith("_share")):
            check_number(name, getattr(self, name), 0, 1)
        check_number("zooming", self.zooming, 0, 1)


VIDEO_KINDS = {
    "mixed": VideoSettings(),
    "turning": VideoSettings(scene=SceneSettings(turning_share=1.0), piece_share=0.0),
    "growing": VideoSettings(zooming=0.6),
    "twins": VideoSettings(scene=SceneSettings(twin_share=1.0), piece_share=0.0),
    "occluded": VideoSettings(occluded_share=1.0),
    "parts": VideoSettings(part_share=1.0, piece_share=0.0),
    "relit": VideoSettings(relit_share=1.0),
}
"""Video kinds, and what each adds to `mixed`: targets that turn, change in size, have a twin, may
be hidden, are parts of something larger, or whose lighting changes.
"""


class _Moment(NamedTuple):
    """View and camera of every video at one moment: frame = world · zoom + pan."""

    view: View
    zoom: Tensor
    pan: Tensor


class ProceduralVideos:
    """A set of videos, each of one scene, seen by a moving, zooming camera.

    Args:
        count: number of videos.
        frames: number of frames of each.
        bank: textures, from `draw_textures`.
        seed: seed of everything except the textures.
        settings: content of the videos.
        renderer: functions that draw; None: the fastest for the bank's device.
    """

    def __init__(
        self,
        *,
        count: int,
        frames: int,
        bank: Tensor,
        seed: int,
        settings: VideoSettings | None = None,
        renderer: Renderer | None = None,
    ) -> None:
        device = bank.device
        settings = settings or VideoSettings()
        self.frames = frames
        self._bank = bank
        self._generator = torch.Generator(device)
        self._generator.manual_seed(seed)
        draw: dict[str, Any] = {"generator": self._generator, "device": device}
        scenes = torch.rand((count, SCENE_DRAWS), **draw)
        self._scene = draw_scene(scenes, len(bank), settings.scene, settings.piece_share)
        paths = VIEW_DRAWS + _PATH_DRAWS
        # Each number of a view follows its own smooth path: a sum of waves, normal at any time.
        self._phase = torch.rand((count, paths, _WAVES), **draw) * 2 * math.pi
        liveliest = torch.rand((count, 1, 1), **draw) * 2.5 + 0.5
        self._frequency = torch.rand((count, paths, _WAVES), **draw) * liveliest
        draws = UniformDraws(torch.rand((count, _REST_DRAWS), **draw))
        self._camera = torch.rand((count, CAMERA_DRAWS), **draw)
        self._grey = draws.chance(settings.grey_share)
        self._occluded = draws.chance(settings.occluded_share)
        self._resolution = draws.log_uniform(0.2, 1.3)
        self._roaming = draws.log_uniform(30.0, 400.0)
        self._shaking = draws.uniform(0.0, 8.0) * draws.chance(0.3)
        self._zooming = draws.uniform(0.0, settings.zooming)
        self._renderer = renderer or renderer_for(device)
        self._relit = draws.chance(settings.relit_share)
        self._swing = torch.stack([draws.uniform(0.2, 1.5), draws.unit()], -1)
        first, origin = self._moment(0).view, torch.zeros((count, 2), device=device)
        part = None
        if settings.part_share > 0:
            part = draw_part_boxes(
                draws, ground_truth_box(self._renderer, self._scene, first, origin)
            )
            is_part = (draws.chance(settings.part_share) & ~self._scene.on_background)[:, None]

        def box(moment: _Moment) -> Tensor:
            """Return the target's box at a moment, (count, 4) frame pixels."""
            piece = None
            if settings.exact_pieces:
                piece = follow_piece(self._scene, origin, first, moment.view)
            seen = ground_truth_box(self._renderer, self._scene, moment.view, origin, piece)
            if part is not None:
                seen = torch.where(
                    is_part, follow_boxes(part, TARGET.start, first, moment.view), seen
                )
            zoom = moment.zoom[:, None]
            return torch.cat([seen[:, :2] * zoom + moment.pan, seen[:, 2:] * zoom], -1)

        self.boxes = torch.stack([box(self._moment(frame)) for frame in range(frames)], 1)
        """Ground truth: (count, frames, 4) frame pixels x, y, w, h; hidden targets have boxes
        too."""

    def _moment(self, frame: int) -> _Moment:
        time = frame / 100.0
        waves = torch.sin(2 * math.pi * self._frequency * time + self._phase)
        path = waves.sum(-1) * math.sqrt(2 / _WAVES)
        uniforms = 0.5 * (1 + torch.erf(path[:, :VIEW_DRAWS] / math.sqrt(2)))
        way = path[:, VIEW_DRAWS:]
        hidden = torch.where(self._occluded, OCCLUDER_AWAY * math.exp(-frame / 4), OCCLUDER_AWAY)
        view = draw_view(self._scene, uniforms, torch.zeros_like(way[:, :2]), hidden)
        brightness = torch.sin(2 * math.pi * (self._swing[:, 0] * time + self._swing[:, 1]))
        gain = torch.where(self._relit, torch.exp(brightness - 0.6), 1.0)
        view = view._replace(exposure=view.exposure * gain[:, None])
        zoom = self._resolution * torch.exp(self._zooming * way[:, 2])
        shake = torch.sin(way[:, 3:5] * 40) * self._shaking[:, None]
        pan = (way[:, :2] * self._roaming[:, None] + shake) * self._resolution[:, None]
        return _Moment(view, zoom, pan)

    def crops(self, frame: int, center: Tensor, sides: Tensor, size: int) -> Tensor:
        """Draw squares of a frame: (count, S, size, size, 3) uint8.

        `center` (count, 2) and `sides` (count, S) are in frame pixels. The camera's noise is new in
        each call, and the frames have no border.
        """
        moment = self._moment(frame)
        zoom = moment.zoom
        middle = (center - moment.pan) / zoom[:, None]
        lengths = sides / zoom[:, None]
        largest = lengths.amax(-1)
        pitch = torch.maximum(1 / zoom, largest / size)
        spread = source_size(size)
        # The source is aligned with the frame's pixels: it begins at the nearest of them.
        corner = middle - (spread - 1) / 2 * pitch[:, None]
        phase = (moment.pan / zoom[:, None]) / pitch[:, None]
        corner = (torch.round(corner / pitch[:, None] + phase) - phase) * pitch[:, None]
        camera = draw_camera(self._camera, self._grey)
        renderer = self._renderer
        source = renderer.render_source(
            moment.view, self._bank, camera, corner, pitch, spread, self._generator, None
        )
        bounds, fill = whole_frame(center), renderer.mean_color(source)
        crops = [
            renderer.crop(source, corner, pitch, middle, lengths[:, scale], size, bounds, fill)
            for scale in range(sides.shape[1])
        ]
        return torch.stack(crops, 1)
