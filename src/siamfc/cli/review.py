"""`siamfc review`."""

from dataclasses import asdict
from pathlib import Path

from siamfc.cli.console import print_json, print_table
from siamfc.cli.parameters import Json, Whole
from siamfc.cli.usage import UsageError
from siamfc.tracking import Doubt, read_results, time_code
from siamfc.tracking import review as find_doubts


def review(results: Path, /, *, limit: Whole = 20, json: Json = False) -> None:
    """List the frames of a track that deserve a look.

    A stretch is listed if the object was lost in it, if its score was low, if it jumped or grew
    suddenly, or if tracking it forwards and backwards led to different boxes; the most doubtful
    first. Where the box is wrong in the frame to look at, give it to `siamfc track` with another
    --box.

    Parameters
    ----------
    results
        What `siamfc track --results` wrote, .csv or .jsonl. A .txt file has no scores, so that
        nothing but jumps is found in it.
    limit
        Stretches to list at most; with --json all are.
    """
    if limit < 1:
        raise UsageError(f"--limit: expected at least 1, got {limit}")
    read = read_results(results)
    doubts = find_doubts(read)
    if json:
        print_json({"results": str(results), "frames": len(read), "stretches": _records(doubts)})
        return
    if not doubts:
        print(f"nothing to look at in {len(read)} frames")
        return
    header = ["look at", "time", "frames", "object", "doubt", "reasons"]
    print_table(header, [_row(doubt) for doubt in doubts[:limit]])
    listed = sum(doubt.end - doubt.start + 1 for doubt in doubts)
    more = f", the first {limit} shown" if len(doubts) > limit else ""
    print(f"\n{len(doubts)} stretches, {listed} frames of {len(read)}{more}")


def _records(doubts: list[Doubt]) -> list[dict[str, object]]:
    return [{**asdict(doubt), "reasons": list(doubt.reasons)} for doubt in doubts]


def _row(doubt: Doubt) -> list[str]:
    return [
        str(doubt.worst),
        "–".join(dict.fromkeys(map(time_code, (doubt.start_time, doubt.end_time)))),
        f"{doubt.start}–{doubt.end}" if doubt.end > doubt.start else str(doubt.start),
        doubt.name or str(doubt.target),
        f"{doubt.doubt:.2f}",
        ", ".join(doubt.reasons),
    ]
