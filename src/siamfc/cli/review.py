"""`siamfc review`."""

from dataclasses import asdict
from pathlib import Path

from siamfc.cli.console import counted, print_json, print_table
from siamfc.cli.parameters import Json, Whole
from siamfc.cli.usage import UsageError
from siamfc.tracking import Doubt, read_results, time_code
from siamfc.tracking import review as find_doubts


def review(results: Path, /, *, limit: Whole = 20, json: Json = False) -> None:
    """List the frames of a track that deserve a look.

    A stretch is listed if the object was lost in it, if its score was low, if its box jumped or
    grew suddenly, or if forward and backward tracking disagreed; the most doubtful first. If the
    box is wrong in the suggested frame, give the right one to `siamfc track` with another --box.

    Parameters
    ----------
    results
        A file of `siamfc track --results`, .csv or .jsonl. A .txt file has no scores, so only jumps
        are found in it.
    limit
        Maximum number of listed stretches; --json lists all.
    """
    if limit < 1:
        raise UsageError(f"--limit: expected at least 1, got {limit}")
    read = read_results(results)
    doubts = find_doubts(read)
    if json:
        print_json({"results": str(results), "frames": len(read), "stretches": _records(doubts)})
        return
    if not doubts:
        print(f"nothing to review in {counted(len(read), 'frame')}")
        return
    header = ["look at", "time", "frames", "object", "doubt", "reasons"]
    print_table(header, [_row(doubt) for doubt in doubts[:limit]])
    listed = sum(doubt.end - doubt.start + 1 for doubt in doubts)
    more = f", the first {limit} shown" if len(doubts) > limit else ""
    stretches, frames = counted(len(doubts), "stretch", "es"), counted(listed, "frame")
    print(f"\n{stretches}, {frames} of {len(read)}{more}")


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
