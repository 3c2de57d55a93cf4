"""Mutates videos, images, annotation, results, weights, arguments and requests, and looks on.

`python -m tests.fuzz --seconds 60 --seed 1`. Every command must end by itself with one clean line
where something is wrong: no traceback, no signal, no hang, no 1 GiB more of memory, nothing left
behind. A case depends on the seed and its number alone: `--first 17 --cases 1` repeats case 17.
Needs Linux.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

from .child import Ending, run_child
from .mutations import ODD_NUMBERS, damage
from .page import Page
from .seeds import (
    BOX,
    DATA_SETS,
    Files,
    evaluated_files,
    image_files,
    numbered,
    result_files,
    video_files,
)

Made = tuple[list[str], Files]
"""A command line, and the files of its folder."""
BOX_TEXT = ",".join(map(str, BOX))
_TRACK = ["--box", BOX_TEXT, "--results", "r.csv", "--overwrite"]


class Cases:
    """Makes mutated cases of good input, which is made once."""

    def __init__(self, folder: Path) -> None:
        self.videos = _in_child(folder, "videos", lambda _: video_files())
        self.images = _in_child(folder, "images", lambda _: image_files())
        self.results = _in_child(folder, "results", result_files)
        self.evaluated = _in_child(folder, "evaluated", evaluated_files)
        self.frames = numbered("f", "%04d.png")
        self.data_sets = {name: make() for name, make in DATA_SETS.items()}
        from siamfc.network.loader import find_weights

        self.weights = {path.name: path.read_bytes() for path in find_weights("light").iterdir()}

    def video(self, random: Random) -> Made:
        """A damaged video is tracked."""
        name = random.choice(list(self.videos))
        return ["track", name, *_TRACK], {name: damage("a.bin", self.videos[name], random)}

    def image(self, random: Random) -> Made:
        """A folder with a damaged image, or a damaged moving image, is tracked."""
        name = random.choice(list(self.images))
        content = damage("a.bin", self.images[name], random)
        if name.startswith(("moving", "pages")) and random.random() < 0.5:
            return ["track", name, *_TRACK], {name: content}
        suffix = Path(name).suffix
        files = {f"v/0{number}{suffix}": self.images[name] for number in (1, 3)}
        return ["track", "v", *_TRACK], {**files, f"v/02{suffix}": content}

    def annotation(self, random: Random) -> Made:
        """A data set with a damaged file is checked, evaluated or curated."""
        name = random.choice(list(self.data_sets))
        files = dict(self.data_sets[name])
        texts = [path for path in files if not path.endswith((".png", ".jpg", ".JPEG"))]
        path = random.choice(texts if random.random() < 0.85 else list(files))
        if random.random() < 0.05:
            del files[path]
        else:
            files[path] = damage(path, files[path], random)
        verb = random.choice(
            (["curate", "--check", name, "."], ["evaluate", name, "."], ["curate", name, ".", "s"])
        )
        return verb, files

    def result(self, random: Random) -> Made:
        """A damaged file of boxes is reviewed, or steers an edit of the video."""
        name = random.choice(list(self.results))
        files = {**self.frames, name: damage(name, self.results[name], random)}
        edit = random.choice(("redact", "reframe", "stabilise", "crop"))
        if random.random() < 0.5 and name not in ("a.json", "a.xml"):
            return ["review", name], files
        return [edit, "f", "--results", name, "-o", "out.mp4"], files

    def evaluation(self, random: Random) -> Made:
        """A folder of results is reported, or gone on with."""
        files = dict(self.data_sets["otb"])
        files["results/v.csv"] = damage("v.csv", self.evaluated["v.csv"], random)
        if random.random() < 0.7:
            out = ["--data", ".", "--format", "otb", "--out", "report", "--snapshots", "0"]
            return ["report", "results", *out], files
        return ["evaluate", "otb", ".", "--out", "results"], files

    def weights_file(self, random: Random) -> Made:
        """Damaged weights are loaded."""
        name = random.choice(list(self.weights))
        content = self.weights[name]
        if name.endswith("json") or random.random() < 0.3:
            content = damage(name, content, random)
        else:  # most of it are numbers, and any will do
            content = damage("a.bin", content[:4096], random) + content[4096:]
        files = {**self.frames, **self.weights, name: content}
        return ["track", "f", *_TRACK, "--weights", "model.safetensors"], files

    def arguments(self, random: Random) -> Made:
        """A number of the command line is odd."""
        odd = random.choice(ODD_NUMBERS)
        numbers = list(map(str, BOX))
        numbers[random.randrange(4)] = odd
        track = ["track", "f", "--box", BOX_TEXT]
        verbs = (
            ["track", "f", f"--box={','.join(numbers)}"],
            ["track", "f", "--box", *numbers],
            [*track, f"--scales={odd}", "--weights", "siamfc"],
            [*track, f"--set=window_influence={odd}"],
            [*track, f"--set=lost.lost_threshold={random.choice(('[' * 5000, odd))}"],
            [*track, f"--threads={odd}"],
            ["demo", "-o", "o.mp4", f"--frames={odd}"],
            ["synth", "video", "o", f"--frames={odd}", "--size=64"],
            ["synth", "video", "o", "--frames=2", f"--size={odd}"],
            ["synth", "dataset", "o", "--images=2", "--folders=1", f"--seed={odd}"],
            ["curate", "--check", "otb", ".", f"--workers={odd}"],
            ["curate", "otb", ".", "s", f"--max-shift={odd}"],
            ["evaluate", "otb", ".", f"--repeat={odd}"],
            ["evaluate", "otb", ".", f"--time-limit={odd}"],
            ["review", "f", f"--limit={odd}"],
            ["crop", "f", "--box", BOX_TEXT, "-o", "c.mp4", f"--size={odd}x{odd}"],
            ["reframe", "f", "--box", BOX_TEXT, "-o", "c.mp4", f"--aspect={odd}:9"],
            ["redact", "f", "--box", BOX_TEXT, "-o", "c.mp4", f"--margin={odd}"],
        )
        arguments = random.choice(verbs)
        needs_data = arguments[0] in ("curate", "evaluate")
        return arguments, self.data_sets["otb"] if needs_data else self.frames


def main() -> int:
    """Run cases until the time is up; 1 if one was wrong."""
    options = _options()
    made = Path(tempfile.mkdtemp(prefix="siamfc-fuzz-"))
    _load_packages()
    cases = Cases(made)
    makers: dict[str, Callable[[Random], Made]] = {
        "video": cases.video,
        "image": cases.image,
        "annotation": cases.annotation,
        "boxes": cases.result,
        "results": cases.evaluation,
        "weights": cases.weights_file,
        "arguments": cases.arguments,
    }
    kinds = [*makers, "page"] if options.kind is None else [options.kind]
    base = run_child(_fresh(made / "w"), lambda: 0).peak
    library = _fresh(made / "library")
    (library / "a.mp4").write_bytes(cases.videos["a.mp4"])
    page = Page(library)
    counts: Counter[tuple[str, str]] = Counter()
    faults = 0
    started, number = time.monotonic(), options.first
    while time.monotonic() - started < options.seconds:
        if options.cases is not None and number >= options.first + options.cases:
            break
        random = Random(f"{options.seed} {number}")
        kind = random.choice(kinds)
        if kind == "page":
            request, fault = page.ask(random)
            shown, ending = repr(request[:300]), None
        else:
            arguments, files = makers[kind](random)
            work = _fresh(made / "w", files)
            ending = run_child(work, partial(_run, arguments))
            fault = ending.fault(arguments, base, work)
            shown = " ".join(arguments)[:300]
        counts[kind, _outcome(ending, fault)] += 1
        if fault:
            faults += 1
            print(f"case {number}: {kind}: {fault}: {shown}", flush=True)
            _keep(options.keep, number, made / "w", ending, shown)
        number += 1
    page.close()
    shutil.rmtree(made, ignore_errors=True)
    _print_table(counts, kinds, options.seed, time.monotonic() - started)
    return int(faults > 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--cases", type=int, help="at most so many")
    parser.add_argument("--kind", help="only this kind of input")
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"), help="for what is wrong")
    return parser.parse_args()


def _load_packages() -> None:
    """Import what the children need, before numpy's threads are anybody's."""
    from siamfc.system import limit_blas_threads

    limit_blas_threads()
    import siamfc.cli.evaluate
    import siamfc.cli.report
    import siamfc.cli.track
    import siamfc.datasets.readers
    import siamfc.evaluation.formats
    import siamfc.tracking  # noqa: F401


def _run(arguments: list[str]) -> int:
    from siamfc.cli.app import main as run

    return run(arguments)


def _in_child(folder: Path, name: str, make: Callable[[Path], Files]) -> Files:
    """Files that a child makes, so that its threads are none of this process."""
    out, work = _fresh(folder / name), _fresh(folder / f"{name}-work")

    def write() -> int:
        for path, content in make(work).items():
            (out / path).write_bytes(content)
        return 0

    ending = run_child(work, write)
    assert ending.status == 0, ending.errors
    return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


def _fresh(folder: Path, files: Files | None = None) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in (files or {}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def _outcome(ending: Ending | None, fault: str | None) -> str:
    if fault:
        return "wrong"
    if ending is None:
        return "answered"
    return "done" if ending.status == 0 else "refused"


def _keep(place: Path, number: int, work: Path, ending: Ending | None, shown: str) -> None:
    """Keep the input of a case, and what was said of it."""
    folder = place / str(number)
    shutil.rmtree(folder, ignore_errors=True)
    if ending is None:
        folder.mkdir(parents=True)
    else:
        shutil.copytree(work, folder, symlinks=True)
    said = "" if ending is None else f"{ending.output[-4000:]}\n{ending.errors[-8000:]}"
    (folder / "case.txt").write_text(f"{shown}\n{said}\n", errors="replace")


def _print_table(
    counts: Counter[tuple[str, str]], kinds: list[str], seed: str, seconds: float
) -> None:
    outcomes = ("done", "refused", "answered", "wrong")
    print(f"{'input':12}{'cases':>8}" + "".join(f"{name:>10}" for name in outcomes))
    for kind in kinds:
        row = [counts[kind, outcome] for outcome in outcomes]
        print(f"{kind:12}{sum(row):8}" + "".join(f"{count:10}" for count in row))
    print(f"seed {seed}: {counts.total()} cases in {seconds:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
