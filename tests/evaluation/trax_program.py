"""TraX programs, each with one purpose: `python trax_program.py PURPOSE`."""

import sys
import time
from typing import Any

from trackers import Finds

from siamfc.evaluation.trackers.trax_protocol import Message, parse_image, read_message
from siamfc.evaluation.trackers.trax_server import TraxSettings, serve


def say(name: str, *arguments: str, **properties: str) -> None:
    facts = {key.replace("__", "."): value for key, value in properties.items()}
    sys.stdout.buffer.write(b"some other output\n" + Message(name, arguments, facts).line())
    sys.stdout.buffer.flush()


def hear() -> Any:
    return read_message(sys.stdin.buffer)


def ours(polygon: bool = False) -> None:
    """siamfc's server with a tracker that finds the target."""
    serve(Finds(), TraxSettings(polygon=polygon))


def version_1() -> None:
    """Accepts only paths, states no version, and always returns the first region."""
    say("hello")
    region = ""
    while (message := hear()).name != "quit":
        assert parse_image(message.arguments[0]).shape == (30, 40, 3)
        region = message.arguments[1] if message.name == "initialize" else region
        say("state", region, confidence="unsure")


def version_4() -> None:
    """Expects targets and images separately, as polygons; returns masks of the first frame."""
    say("hello", trax__version="4", trax__region="polygon;mask;", trax__image="memory;")
    targets: list[str] = []
    while (message := hear()).name != "quit":
        if message.name == "initialize":
            targets = [*targets, *message.arguments] if message.arguments else []
            continue
        assert len(targets) == 1, targets
        assert len(targets[0].split(",")) == 8
        assert parse_image(message.arguments[0]).shape == (30, 40, 3)
        say("state", "m3,5,8,8,0,64", confidence="0.5")


def dies() -> None:
    """Exits when it is asked."""
    say("hello")
    hear()
    sys.exit(3)


def gives_up() -> None:
    """Quits with a reason."""
    say("hello")
    hear()
    say("quit", trax__reason="out of memory")


def hangs() -> None:
    """Never answers."""
    say("hello")
    hear()
    time.sleep(600)


PURPOSES = {
    "ours": ours,
    "polygon": lambda: ours(polygon=True),
    "version 1": version_1,
    "version 4": version_4,
    "dies": dies,
    "gives up": gives_up,
    "hangs": hangs,
}

if __name__ == "__main__":
    PURPOSES[sys.argv[1]]()
