"""Sources of the light network's accuracy: pairs, ingredients of the data, and chance.

    python -m benchmarks.light_study --out STUDY --device cuda --pairs 0.25 0.5 1 2 4 9
    python -m benchmarks.light_study --out STUDY --device cuda --pairs 1 --variants every
    python -m benchmarks.light_study --out STUDY --plot

Trains the recipe `light` for each variant (`variants.py`), number of pairs in millions
and seed, and tracks procedural videos that are the same for all; with `--sequences FOLDER` also
real ones in the layout of OTB. What is there is not made again, and a training that `--limit`
stopped goes on. Processes that are given the same folder share the work: start one for each GPU.
All trainings of a process share one compilation.

`--plot`, for which torch is not needed, makes of the results `pairs.png`, `ingredients.png`,
`kinds.png`, `reliability.png` and `study.md`. `--bases VARIANT=BASE` compares a variant with
another one than the recipe; `--repeats STUDY` takes how far apart two seeds are from another study.
`--seconds S` in place of `--pairs` means as many pairs as S seconds allow; the rate is measured
once for a folder.
"""

import argparse
import os
import sys
import time
from itertools import product
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

from benchmarks.light_study.folder import RESULT, Job
from benchmarks.light_study.variants import BASE, VARIANTS

from siamfc.errors import InputError, SiamFCError, suggest

EVERY = "every"
PAIRS = (0.25, 0.5, 1.0, 2.0, 4.0, 9.0)
"""Millions."""


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.light_study",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the study")
    parser.add_argument(
        "--variants", nargs="+", default=[BASE], metavar="NAME", help=f"names, or {EVERY}"
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--pairs", nargs="+", type=float, default=PAIRS, help="millions")
    length.add_argument("--seconds", type=float, help="of training, in place of --pairs")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--limit", type=float, default=float("inf"), help="seconds of training")
    parser.add_argument("--sequences", type=Path, help="real sequences in the layout of OTB")
    parser.add_argument("--tracking-device", default="cpu", help="of the real sequences")
    parser.add_argument("--workers", type=int, default=1, help="that track the real sequences")
    parser.add_argument("--videos", type=int, default=64, help="procedural ones of each kind")
    parser.add_argument("--frames", type=int, default=70, help="of each procedural video")
    parser.add_argument("--textures", type=int, default=256, help="of the procedural videos")
    parser.add_argument(
        "--set", action="append", default=[], help="NAME=VALUE of the recipe, for every variant"
    )
    parser.add_argument("--list", action="store_true", help="say what there is to do, do nothing")
    parser.add_argument("--plot", action="store_true", help="plots and tables of what there is")
    parser.add_argument(
        "--bases",
        nargs="+",
        default=[],
        metavar="VARIANT=BASE",
        help="of a plot, if not the recipe",
    )
    parser.add_argument("--repeats", type=Path, help="study whose seeds show chance in a plot")
    return parser.parse_args()


def find_variants(names: list[str]) -> list[str]:
    """Names of variants; InputError names the nearest."""
    if names == [EVERY]:
        return list(VARIANTS)
    for name in names:
        if name not in VARIANTS:
            raise InputError(f"no variant named {name!r}: {suggest(name, VARIANTS)}")
    return names


def find_bases(words: list[str], variants: set[str]) -> dict[str, str]:
    """Parse words `VARIANT=BASE`; InputError names the nearest variant."""
    bases = {}
    for word in words:
        variant, _, base = word.partition("=")
        for name in (variant, base):
            if name not in variants:
                raise InputError(
                    f"--bases {word}: expected VARIANT=BASE, found no results of a variant "
                    f"named {name!r}: {suggest(name, variants)}"
                )
        bases[variant] = base
    return bases


def plot(arguments: argparse.Namespace) -> None:
    """Write plots and tables of what there is, and print their paths."""
    from benchmarks.light_study.plots import save_report
    from benchmarks.light_study.results import load_results

    results = load_results(arguments.out)
    bases = find_bases(arguments.bases, {result.variant for result in results})
    repeats = None if arguments.repeats is None else load_results(arguments.repeats)
    for path in save_report(results, arguments.out, bases, repeats):
        print(path)


def study(arguments: argparse.Namespace) -> None:
    """Train and track what is not there yet, the longest trainings first."""
    import torch
    from benchmarks.light_study.runs import attempt, pairs_in, recipe_of
    from benchmarks.light_study.scores import JudgingSettings, track_sequences

    from siamfc.overrides import read_assignments

    end = time.monotonic() + arguments.limit
    variants = find_variants(arguments.variants)
    device = torch.device(arguments.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InputError("device 'cuda': torch finds no GPU that it can use; use --device cpu")
    overrides = read_assignments(arguments.set)
    sizes = [round(millions * 1e6) for millions in arguments.pairs]
    if arguments.seconds is not None:
        rate = arguments.out / "rate.json"
        sizes = [pairs_in(arguments.seconds, rate, overrides, device)]
    chosen = [Job(*one) for one in product(variants, sizes, arguments.seeds)]
    jobs = sorted(chosen, key=lambda job: -job.pairs)
    recipes = [recipe_of(job, overrides) for job in jobs]  # bad settings fail before the work
    folders = [arguments.out / job.name for job in jobs]
    videos = JudgingSettings(
        videos=arguments.videos, frames=arguments.frames, textures=arguments.textures
    )
    for job, recipe, folder in zip(jobs, recipes, folders, strict=True):
        if arguments.list:
            state = "done" if (folder / RESULT).exists() else "to do"
            print(f"{job.name:32s} {recipe.steps:6d} steps  {state}")
        elif time.monotonic() < end:
            attempt(job, recipe, folder, device, videos, end)
    if arguments.list:
        return
    if arguments.sequences is not None:
        track_sequences(folders, arguments.sequences, arguments.tracking_device, arguments.workers)
    left = [folder.name for folder in folders if not (folder / RESULT).exists()]
    if left:
        print(f"not done: {', '.join(left)}; the same command goes on", file=sys.stderr)


def main() -> None:
    """Train, track and keep; or plot."""
    arguments = parse()
    try:
        if arguments.plot:
            plot(arguments)
        else:
            study(arguments)
    except SiamFCError as error:
        sys.exit(f"light_study: {error}")


if __name__ == "__main__":
    main()
