"""Cost of procedural pairs: `python benchmarks/pairs.py` prints pairs/s, start-up and stages.

Two generators with the same seed take turns: one draws by torch's functions (compiled with
`--compile`), the other by the kernels where they run. Their pairs are compared first: the same
scenes and boxes, and images that differ by the camera's noise alone. The stages of the kernels'
generator are then timed one by one, each with the device to itself.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from siamfc.procedural.frame_geometry import source_size
from siamfc.procedural.pair_settings import PAIR_UNIFORMS, PairSettings
from siamfc.procedural.pairs import PairGenerator, Pairs, RecordedFunction
from siamfc.procedural.render import apply_camera
from siamfc.procedural.renderer import TORCH, Renderer, renderer_for
from siamfc.procedural.sampling import sample_pairs
from siamfc.procedural.textures import TextureSettings, draw_textures
from siamfc.system import commit, machine

PLANNED = 8
"""Batches that the generator plans at once."""


def wait(device: torch.device) -> None:
    """Wait until the device has finished."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def timed(device: torch.device, function: Callable[[], Any], repeats: int) -> float:
    """Median seconds of a call, after one that does not count."""
    function()
    seconds = []
    for _ in range(repeats):
        wait(device)
        start = time.perf_counter()
        function()
        wait(device)
        seconds.append(time.perf_counter() - start)
    return median(seconds)


def compiled_torch() -> Renderer:
    """Torch's functions, each compiled; the noise is drawn outside."""
    compiled = torch.compile(apply_camera, dynamic=False)

    def render_source(view: Any, bank: Any, camera: Any, *rest: Any) -> Tensor:
        origin, pitch, size, generator, _ = rest
        noise = torch.randn((len(pitch), size, size, 4), generator=generator, device=bank.device)
        return compiled(view, bank, camera, origin, pitch, noise)

    return replace(
        TORCH, render_source=render_source, crop=torch.compile(TORCH.crop, dynamic=False)
    )


class Contender:
    """One generator, its start-up time and its rates."""

    def __init__(
        self, renderer: Renderer, options: argparse.Namespace, device: torch.device
    ) -> None:
        start = time.perf_counter()
        self.generator = PairGenerator(
            batch=options.batch,
            seed=options.seed,
            device=device,
            textures=TextureSettings(count=options.textures, size=options.texture_size),
            renderer=renderer,
        )
        wait(device)
        self.bank_seconds = time.perf_counter() - start
        self.first = self.generator(0)
        wait(device)
        self.start_seconds = time.perf_counter() - start
        self.step = 0
        self.rates: list[float] = []

    def round(self, steps: int, device: torch.device) -> None:
        """Draw batches and keep the rate."""
        wait(device)
        start = time.perf_counter()
        for _ in range(steps):
            self.step += 1
            self.generator(self.step)
        wait(device)
        self.rates.append(steps * len(self.first.visible) / (time.perf_counter() - start))


def difference(first: Pairs, second: Pairs) -> dict[str, float]:
    """Return the differences of two batches: truth in pixels, images in levels."""

    def apart(one: Tensor, other: Tensor) -> Tensor:
        return (one.float() - other.float()).abs()

    return {
        "boxes_px": apart(first.boxes, second.boxes).max().item(),
        "visible": apart(first.visible, second.visible).max().item(),
        "exemplars_median_levels": apart(first.exemplars, second.exemplars).median().item(),
        "exemplars_mean_levels": apart(first.exemplars, second.exemplars).mean().item(),
        "searches_median_levels": apart(first.searches[::8], second.searches[::8]).median().item(),
        "searches_mean_levels": apart(first.searches, second.searches).mean().item(),
    }


def stages(
    renderer: Renderer, options: argparse.Namespace, bank: Tensor, device: torch.device
) -> dict[str, float]:
    """Milliseconds of each stage for one batch, the device being idle before and after."""
    settings = PairSettings()
    generator = torch.Generator(device).manual_seed(options.seed)
    uniforms = torch.rand(
        (options.batch * PLANNED, PAIR_UNIFORMS), generator=generator, device=device
    )
    whole, part = uniforms, uniforms[: options.batch]
    shots = sample_pairs(part, len(bank), settings, renderer)[0]
    taken: dict[str, Tensor] = {}

    def take(number: int) -> None:
        shot, size = shots[number], (settings.exemplar_size, settings.search_size)[number]
        window = (None, shot.window)[number]
        taken[str(number)] = renderer.render_source(
            shot.view,
            bank,
            shot.camera,
            shot.origin,
            shot.pitch,
            source_size(size),
            generator,
            window,
        )

    def cut(number: int) -> None:
        shot, size = shots[number], (settings.exemplar_size, settings.search_size)[number]
        source, fill = taken[str(number)], renderer.mean_color(taken["0"])
        renderer.crop(
            source, shot.origin, shot.pitch, shot.center, shot.side, size, shot.frame, fill
        )

    def plan() -> None:
        sample_pairs(whole, len(bank), settings, renderer)

    few = TextureSettings(count=min(128, len(bank)), size=bank.shape[-1])
    names: dict[str, tuple[Callable[[], Any], float]] = {
        "plan, a batch's fraction of eight": (plan, 1 / PLANNED),
        "render_source exemplars": (lambda: take(0), 1),
        "render_source searches": (lambda: take(1), 1),
        "mean colour": (lambda: renderer.mean_color(taken["0"]), 1),
        "mean colour and crop exemplars": (lambda: cut(0), 1),
        "mean colour and crop searches": (lambda: cut(1), 1),
        f"{few.count} textures": (lambda: draw_textures(few, generator, renderer=renderer), 1),
    }
    if device.type == "cuda":
        recorded = RecordedFunction(
            lambda numbers: sample_pairs(numbers, len(bank), settings, renderer)
        )
        names["plan, recorded"] = (lambda: recorded(whole), 1 / PLANNED)
    repeats = options.repeats
    return {
        name: 1e3 * share * timed(device, function, repeats)
        for name, (function, share) in names.items()
    }


def kernel_times(generator: PairGenerator, steps: int) -> str:
    """The device's own account of some steps."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        for step in range(1000, 1000 + steps):
            generator(step)
        torch.cuda.synchronize()
    return profile.key_averages().table(
        sort_by="cuda_time_total", row_limit=14, max_name_column_width=60
    )


def sheet(path: Path, rows: list[Pairs], columns: int) -> None:
    """Pairs of each contender one above the other, the target's true box drawn."""
    exemplar, search = rows[0].exemplars.shape[1], rows[0].searches.shape[1]
    columns = min(columns, len(rows[0].visible))
    canvas = Image.new("RGB", (columns * (search + 4), len(rows) * (exemplar + search + 8)))
    draw = ImageDraw.Draw(canvas)
    for line, pairs in enumerate(rows):
        for column in range(columns):
            left, top = column * (search + 4), line * (exemplar + search + 8)
            small, large = (
                Image.fromarray(images[column].cpu().numpy())
                for images in (pairs.exemplars, pairs.searches)
            )
            canvas.paste(small, (left, top))
            canvas.paste(large, (left, top + exemplar + 2))
            x, y, width, height = pairs.boxes[column].tolist()
            corner = (left + x, top + exemplar + 2 + y)
            box = (*corner, corner[0] + width, corner[1] + height)
            draw.rectangle(box, outline=(255, 255, 0))
    canvas.save(path)


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    cuda = torch.cuda.is_available()
    parser.add_argument("--device", default="cuda" if cuda else "cpu")
    parser.add_argument("--batch", type=int, default=256 if cuda else 4)
    parser.add_argument("--textures", type=int, default=4096 if cuda else 4)
    parser.add_argument("--texture-size", type=int, default=512 if cuda else 64)
    parser.add_argument("--steps", type=int, default=32 if cuda else 1, help="steps a round")
    parser.add_argument("--rounds", type=int, default=5 if cuda else 1)
    parser.add_argument("--repeats", type=int, default=9 if cuda else 1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compile", action="store_true", help="compile torch's functions")
    parser.add_argument("--kernels-only", action="store_true", help="leave torch's functions out")
    parser.add_argument("--profile", action="store_true", help="list the device's kernels")
    parser.add_argument("--sheet", type=Path, help="write pairs of both as a picture")
    return parser.parse_args(arguments)


def main() -> None:
    """Measure and print."""
    options = options_of()
    device = torch.device(options.device)
    torch.zeros(1, device=device)
    wait(device)
    renderers = {"kernels": renderer_for(device)}
    if renderers["kernels"] is TORCH:
        print("the kernels do not run here: torch's functions alone")
        renderers = {"torch": TORCH}
    elif not options.kernels_only:
        renderers["torch"] = compiled_torch() if options.compile else TORCH
    contenders = {name: Contender(draw, options, device) for name, draw in renderers.items()}
    for name, contender in contenders.items():
        print(
            f"{name}: started in {contender.start_seconds:.1f} s, "
            f"of which the bank {contender.bank_seconds:.1f} s"
        )
    if len(contenders) > 1:
        # The same bank, so that the images can be compared.
        contenders["torch"].generator.bank = contenders["kernels"].generator.bank
        pairs = [contender.generator(0) for contender in contenders.values()]
        print(json.dumps(difference(*pairs)))
    if options.sheet:
        sheet(options.sheet, [contender.generator(0) for contender in contenders.values()], 8)
    for _ in range(options.rounds):
        for contender in contenders.values():
            contender.round(options.steps, device)
    for name, contender in contenders.items():
        rate = median(contender.rates)
        print(f"{name}: {rate:.0f} pairs/s, {1e3 * options.batch / rate:.2f} ms a batch")
    for name, renderer in renderers.items():
        times = stages(renderer, options, contenders[name].generator.bank, device)
        print(f"{name}, milliseconds: " + json.dumps({k: round(v, 3) for k, v in times.items()}))
    if options.profile and device.type == "cuda":
        print(kernel_times(next(iter(contenders.values())).generator, 8))
    print(f"{machine()}, commit {commit()}")


if __name__ == "__main__":
    main()
