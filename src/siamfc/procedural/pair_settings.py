"""Settings of procedural pairs, and the uniform draws that a pair takes."""

from dataclasses import dataclass, field, fields
from itertools import accumulate
from typing import NamedTuple, Self

from torch import Tensor

from siamfc.checks import check_number
from siamfc.errors import InputError
from siamfc.procedural.draws import UniformDraws
from siamfc.procedural.figures import FIGURE_DRAWS
from siamfc.procedural.render import CAMERA_DRAWS
from siamfc.procedural.scene import SCENE_DRAWS, VIEW_DRAWS, SceneSettings

_COMMON_DRAWS = 24
_OWN_DRAWS = 24
"""Number of draws for optional features; switching one off leaves all else unchanged."""
PAIR_UNIFORMS = SCENE_DRAWS + 2 * VIEW_DRAWS + 2 * CAMERA_DRAWS + _COMMON_DRAWS + _OWN_DRAWS
_LATE_DRAWS = 40
"""Number of draws for later additions: absent targets, rough boxes, and the recent exemplar."""
LATE_UNIFORMS = VIEW_DRAWS + CAMERA_DRAWS + _LATE_DRAWS + 3 * FIGURE_DRAWS


@dataclass(frozen=True, kw_only=True)
class PairSettings:
    """Settings of the crops of pairs; `scene` and `render` determine their content."""

    exemplar_size: int = 127
    """Side of the exemplar image, pixels."""
    search_size: int = 255
    """Side of the search image, pixels."""
    far_share: float = 0.35
    """Fraction of pairs whose target lies anywhere in the response's reach; otherwise it is
    near."""
    near_deviation: float = 14.0
    """Standard deviation of a near target's position, pixels of the search image."""
    reach: float = 60.0
    """Largest distance of the target from the centre per axis, pixels of the search image."""
    scale_deviation: float = 0.06
    """Standard deviation of the logarithm of the search side over its true value."""
    box_noise: float = 0.04
    """Standard deviation of the exemplar box's position and log sides, relative to its size.

    Nobody draws the tightest box. The ground truth box in the search image has the same error,
    because the tracker follows what was drawn.
    """
    piece_share: float = 0.2
    """Fraction of targets without an outline: boxed pieces of the background."""
    occluded_share: float = 0.25
    """Fraction of search images in which the occluder may cover the target."""
    grey_share: float = 0.25
    """Fraction of grey pairs (thesis 4.1.6's source code, Bertinetto et al.)."""
    border_share: float = 0.15
    """Fraction of search images that extend beyond the frame's border."""
    coarse_share: float = 0.4
    """Fraction of pairs whose frames are coarser than the crop, which then enlarges."""
    coarsest: float = 5.0
    """Largest enlargement of a crop."""
    neighbour_share: float = 0.3
    """Fraction of pairs whose two views are as similar as consecutive frames."""

    scene: SceneSettings = field(default_factory=SceneSettings)
    """Frequencies of difficulties in the scene."""
    exemplar_occluded_share: float = 0.0
    """Fraction of exemplar images in which the occluder may cover up to half of the target."""
    wide_scale_share: float = 0.0
    """Fraction of pairs whose scale errs by `wide_scale_deviation`: targets that grew or shrank."""
    wide_scale_deviation: float = 0.4
    """Standard deviation of the logarithm of the search side over its true value in these pairs."""
    leaving_share: float = 0.0
    """Fraction of search images whose frame ends inside the target.

    If it is above 0, all boxes end at the frame's border, as annotators draw them, and parts beyond
    it count as hidden. If it is 0, boxes that `border_share` cuts by chance stay whole.
    """
    relit_share: float = 0.0
    """Fraction of pairs with independent lighting."""
    part_share: float = 0.0
    """Fraction of outlined targets of which only a part is boxed, like a face on a head."""
    exact_pieces: bool = False
    """Let the box of a background piece turn and stretch with it, and occluders hide it. Otherwise
    its box in the search image is the exemplar's, and it counts as visible."""
    recent: bool = False
    """Add a third image: an exemplar from a moment close to the search image's, cropped around a
    box with a tracker's error."""
    recent_noise: float = 0.06
    """Standard deviation of that box's position and of its sides' logarithm, relative to its
    size."""
    drifted_share: float = 0.1
    """Fraction of these boxes with four times that error."""
    absent_share: float = 0.0
    """Fraction of search images of the same scene without the target: either it is removed, or the
    crop lies elsewhere."""
    rough_share: float = 0.0
    """Fraction of whole outlined targets whose exemplar box is rough: moved by up to a tenth of its
    size, its sides up to 15 % off. The ground truth is exact, because a rough box means the
    object."""

    def __post_init__(self) -> None:
        if not 0 < self.exemplar_size <= self.search_size:
            raise InputError(f"expected 0 < exemplar_size <= search_size, got {self}")
        for name in (item.name for item in fields(self) if item.name.endswith("_share")):
            check_number(name, getattr(self, name), 0, 1)
        for name in ("near_deviation", "reach", "scale_deviation", "box_noise", "recent_noise"):
            check_number(name, getattr(self, name), 0)
        check_number("wide_scale_deviation", self.wide_scale_deviation, 0, 1)
        check_number("coarsest", self.coarsest, 1)

    @property
    def uniforms(self) -> int:
        """Number of uniform draws per pair."""
        shares = self.absent_share, self.rough_share, self.scene.figure_share
        return PAIR_UNIFORMS + (LATE_UNIFORMS if self.recent or any(shares) else 0)


class PairDraws(NamedTuple):
    """Uniform numbers of pairs, divided by use."""

    scene: Tensor
    views: tuple[Tensor, ...]
    """Draws for the views of the exemplar, the search image and the recent exemplar."""
    cameras: tuple[Tensor, ...]
    """Draws for their cameras."""
    figures: Tensor
    common: UniformDraws
    own: UniformDraws
    """Draws for optional features; switching one off leaves all else unchanged."""
    late: UniformDraws
    """Draws for later additions: absent targets, rough boxes, and the recent exemplar."""

    @classmethod
    def divide(cls, uniforms: Tensor) -> Self:
        """Divide uniform numbers, (B, `PairSettings.uniforms`)."""
        widths = [SCENE_DRAWS, VIEW_DRAWS, VIEW_DRAWS, CAMERA_DRAWS, CAMERA_DRAWS, _COMMON_DRAWS]
        widths += [_OWN_DRAWS, VIEW_DRAWS, CAMERA_DRAWS, _LATE_DRAWS]
        scene, first, second, camera_a, camera_b, common, own, third, camera_c, late, figures = (
            uniforms.tensor_split(tuple(accumulate(widths)), dim=1)
        )
        return cls(
            scene=scene,
            views=(first, second, third),
            cameras=(camera_a, camera_b, camera_c),
            figures=figures,
            common=UniformDraws(common),
            own=UniformDraws(own),
            late=UniformDraws(late),
        )
