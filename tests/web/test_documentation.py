"""Agreement of docs/page.md with the page's keys and the server's limits."""

import re
from pathlib import Path

from siamfc.web.limits import Limits
from siamfc.web.server import STATIC

TEXT = (Path(__file__).parents[2] / "docs" / "page.md").read_text(encoding="utf-8")


def test_the_table_of_keys_is_the_pages_own() -> None:
    source = (STATIC / "keys.js").read_text(encoding="utf-8")
    meanings = re.findall(r'^  \["[^"]+", "([^"]+)", ', source, re.MULTILINE)
    assert len(meanings) == 25
    for meaning in meanings:
        assert f"| {meaning.removeprefix('this ')} |" in TEXT


def test_the_limits_are_the_servers_own() -> None:
    limits = Limits()
    for said in (
        f"{limits.upload_bytes // 10**9} GB, {limits.upload_files:_} images".replace("_", " "),
        f"{limits.seconds / 3600:.0f} hours",
        f"{limits.recording_bytes // 10**9} GB; beyond",
        f"| open videos | {limits.jobs} |",
        f"| uploads at once | {limits.uploads} |",
        f"| left free on the disk | {limits.free_bytes // 10**6} MB |",
        f"stalls for {limits.stall_seconds:.0f} seconds",
    ):
        assert said in TEXT
    assert limits.pixels == 8192 * 4320


def test_the_page_asks_no_other_host() -> None:
    for path in STATIC.iterdir():
        found = re.findall(r"(?:https?|wss?):\\?//[^\s\"'`<>)]*", path.read_text(encoding="utf-8"))
        hosts = {address.split("//")[1].split("/")[0] for address in found}
        assert hosts <= {"www.w3.org", "${location.host}"}  # SVG's name, and this server
