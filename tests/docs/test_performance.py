"""The page on performance: what its program writes, from figures of which the answers are known."""

import importlib
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def page():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS.parent / "benchmarks"))
        yield importlib.import_module("performance_page")


def figures(page, **known):
    names = ("many", "threads", "videos", "ages", "starts")
    return page.Figures(**{"sizes": sizes(page), **{name: {} for name in names}, **known})


def sizes(page):
    ours, theirs = [200.0, 210.0, 190.0], [100.0, 70.0, 95.0]
    return {size: {"light": ours, "KCF": theirs} for size in page.SIZES}


def test_a_ratio_is_taken_round_by_round_before_its_median(page):
    row = page.size_table(sizes(page)).splitlines()[-1]
    assert row.startswith("| KCF | 95 (70–100) |")
    assert row.endswith("| 2 (2–3) |"), "200/100, 210/70, 190/95"


def test_the_page_has_a_row_for_each_figure_and_names_the_machine(page):
    cost = page.loop.Cost(decoding=6, reading=1, network=2, tracking=1)
    known = figures(
        page,
        many={1000: {"milliseconds": 2.5, "megabytes": 398.4}},
        threads={2: 300.0},
        videos={720: cost},
        ages={4: {"median": 20.4, "99th": 40, "maximum": 50, "tracked": 0.5}},
        starts={"help": (0.04, 0.05)},
    )
    text = page.render_page(known)
    for row in (
        "| 1,000 | 400 | 2.50 | 398 |",
        "| 2 | 300 |",
        "| 720 | 6.0 | 2.0 | 1.0 | 1.0 | 10.0 | 20% |",
        "| 4 | 20 | 40 | 50 | 50% |",
        "| help | 0.04 | 0.05 |",
    ):
        assert row in text
    assert page.machine()["processor"] in text


def test_the_page_in_the_documentation_is_of_the_program_as_it_is(page):
    written = (DOCS / "performance.md").read_text(encoding="utf-8")
    for paragraph in (page.SIZES_TEXT, page.TARGETS_TEXT, page.VIDEOS_TEXT, page.AGES_TEXT):
        assert paragraph in written


def test_figures_elsewhere_are_found_with_their_program_and_commit(page):
    rows = {link: (programs, commits) for link, programs, commits in page.measured_elsewhere()}
    programs, commits = rows["[Reframe, stabilise, crop: Speed](reframe.md#speed)"]
    assert "`benchmarks/edits`" in programs
    assert commits


def test_the_picture_has_a_line_for_each_tracker_in_both_charts(page):
    many = {1: {"milliseconds": 2.5}, 16: {"milliseconds": 2.0}}
    drawn = page.draw_picture(figures(page, many=many, threads={1: 200.0, 2: 250.0}))
    assert drawn.count('class="line s1"') == 3, "sizes, targets, and the legend"
    assert drawn.count('class="line s0"') == 4, "threads too"
