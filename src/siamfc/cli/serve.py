"""`siamfc serve`, and the page that `siamfc track` opens if no box is given."""

import os
import sys
import webbrowser
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from siamfc.cli.parameters import Flag, Whole
from siamfc.cli.tracker_options import TrackerOptions
from siamfc.errors import InputError

if TYPE_CHECKING:
    from siamfc.tracking import KeyFrames

_NETWORK_MEANS = (
    "whoever can reach this machine and learns the address can see your videos and use its disk "
    "and processor, the connection is not encrypted, and browsers give their camera to no such page"
)

_TRACKER = TrackerOptions()


def serve(
    folder: Path = Path(),
    /,
    *,
    host: str = "127.0.0.1",
    port: Whole = 0,
    tracker: TrackerOptions = _TRACKER,
    allow_network: Flag = False,
    no_browser: Flag = False,
) -> int:
    """Open a page to draw boxes, track, correct and export.

    The page needs no network. Its address contains a secret, so only those who know it can open the
    page. Ctrl-C stops the server and removes uploaded files.

    Parameters
    ----------
    folder
        Folder of the videos and image folders that the page offers.
    host
        Name or address to listen on. Any but this machine's own also needs --allow-network.
    port
        Port to listen on. 0: a free one.
    tracker
        The tracker.
    allow_network
        Let other machines reach the page. Anyone who learns the address can then use it, and the
        connection is not encrypted.
    no_browser
        Only print the address.
    """
    if not folder.is_dir():
        raise InputError(f"expected a folder to serve, got {folder}")
    return open_page(
        tracker,
        root=folder,
        host=host,
        port=port,
        allow_network=allow_network,
        browser=not no_browser,
    )


def _missing_for_browser() -> str:
    named = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
    if not named and sys.platform not in ("darwin", "win32"):
        return "display"
    try:
        webbrowser.get()
    except webbrowser.Error:
        return "browser"
    return ""


def require_browser(flag: str) -> None:
    """Raise InputError unless a page that is opened here can be seen.

    The variable BROWSER counts as a display: it names a program that opens pages elsewhere, such as
    outside WSL.
    """
    wanted = _missing_for_browser()
    if wanted:
        raise InputError(
            f"{flag}: expected a {wanted}, found none: write a video with -o OUT.mp4 instead, or "
            "run `siamfc serve --no-browser` and open its address where there is one"
        )


def open_page(
    tracker: TrackerOptions,
    *,
    root: Path | None = None,
    source: str | None = None,
    boxes: "KeyFrames | None" = None,
    host: str = "127.0.0.1",
    port: int = 0,
    allow_network: bool = False,
    browser: bool = True,
) -> int:
    """Serve the page until Ctrl-C."""
    from siamfc.web.access import is_loopback
    from siamfc.web.server import serve as serve_page

    settings = tracker.settings
    if not is_loopback(host):
        if not allow_network:
            raise InputError(
                f"--host {host} opens the page to other machines: {_NETWORK_MEANS}; "
                "if you want that, add --allow-network"
            )
        print(f"warning: the page is open to other machines: {_NETWORK_MEANS}", file=sys.stderr)

    def announce(address: str, redirect: Path) -> None:
        print(f"open {address}", flush=True)
        print("Ctrl-C stops the server", file=sys.stderr, flush=True)
        if browser:  # in a thread, since a terminal browser would block
            Thread(target=webbrowser.open, args=(redirect.as_uri(),), daemon=True).start()

    matcher = tracker.load()
    try:
        serve_page(
            matcher,
            settings,
            host=host,
            port=port,
            root=root,
            source=source,
            boxes=boxes,
            on_ready=announce,
        )
    except KeyboardInterrupt:
        print("stopped by Ctrl-C", file=sys.stderr)
    return 0
