"""The report's page and other files."""

import csv
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from report_samples import make_results, make_sequence

from siamfc.charts.chart import Chart, ticks
from siamfc.charts.colors import DARK, LIGHT, contrast, series_color
from siamfc.datasets.sequences import FrameFiles, Sequence
from siamfc.errors import InputError, MissingDependencyError, OutputError
from siamfc.frames.draw import PALETTE
from siamfc.report import ReportSettings, Study, make_study, write_report
from siamfc.report.figures import error_chart, overlap_chart
from siamfc.report.page import render_page
from siamfc.report.writer import latex

HOSTILE = "<script>alert(1)</script>\"'&{{ 7 * 7 }}"


class Elements(HTMLParser):
    """All elements of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def test_a_report_is_a_page_tables_and_plots(study: Study, tmp_path: Path) -> None:
    page = write_report(study, tmp_path / "report")
    assert page == tmp_path / "report" / "index.html"
    assert sorted(path.name for path in page.parent.iterdir()) == [
        "attributes.csv",
        "attributes.svg",
        "attributes.tex",
        "differences.csv",
        "differences.tex",
        "index.html",
        "normalized_precision.svg",
        "offset_x.svg",
        "offset_y.svg",
        "precision.svg",
        "sequences.csv",
        "sequences.tex",
        "success.svg",
        "summary.csv",
        "summary.tex",
    ]
    for path in page.parent.glob("*.svg"):
        drawn = ET.parse(path)
        texts = {one.text for one in drawn.iter("{http://www.w3.org/2000/svg}text")}
        assert {name for text in texts for name in ("near", "right") if str(text).startswith(name)}
        styled = drawn.find("{http://www.w3.org/2000/svg}style")
        assert styled is not None, "a file that stands alone has its own colours"


def test_tables_hold_the_scores(study: Study, tmp_path: Path) -> None:
    folder = write_report(study, tmp_path / "report").parent
    with (folder / "summary.csv").open() as file:
        rows = {row["tracker"]: row for row in csv.DictReader(file)}
    assert float(rows["near"]["auc"]) == study.entries[0].scores["auc"]
    with (folder / "differences.csv").open() as file:
        first = next(csv.DictReader(file))
    assert (first["score"], first["of"], first["minus"]) == ("auc", "near", "right")
    assert float(first["mean"]) < 0
    assert r"right & \textbf{0.952}" in (folder / "summary.tex").read_text()
    assert "Slow & 8 & lost & 0.119 & 0.125 & " in (folder / "sequences.tex").read_text()
    for path in folder.glob("*.tex"):
        rows = [line for line in path.read_text().splitlines() if line.endswith(r" \\")]
        assert len({line.count(" & ") for line in rows}) == 1


def test_the_page_needs_no_network(study: Study) -> None:
    elements = Elements(render_page(study))
    addresses = [
        value
        for _, attributes in elements.found
        for name, value in attributes.items()
        if name in ("src", "href", "srcset", "action", "data") and value
    ]
    assert addresses
    assert all(value.startswith(("data:", "#")) for value in addresses)
    assert "url(" not in render_page(study)
    (policy,) = [one["content"] for one in elements.all("meta") if one.get("http-equiv")]
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_names_from_files_are_escaped(tmp_path: Path) -> None:
    bad = [make_sequence(tmp_path / "a", HOSTILE, 1, (HOSTILE,))]
    trackers = [make_results(HOSTILE, bad, (1, 0)), make_results(f"{HOSTILE}2", bad, (0, 0))]
    study = make_study(trackers, bad, title=HOSTILE)
    elements = Elements(render_page(study))
    assert len(elements.all("script")) == 1
    assert HOSTILE in elements.text
    assert "49" not in elements.text.split("Tracking report", 2)[1]
    assert not [name for _, attributes in elements.found for name in attributes if "alert" in name]
    folder = write_report(study, tmp_path / "report").parent
    with (folder / "summary.csv").open() as file:
        assert next(csv.DictReader(file))["tracker"] == HOSTILE


def test_latex_takes_no_sign_for_a_command() -> None:
    assert latex("a_b\\input{x}%\n$") == r"a\_b\textbackslash{}input\{x\}\% \$"


def test_plots_are_well_formed_whatever_a_tracker_is_called(
    sequences: list[Sequence], tmp_path: Path
) -> None:
    names = ["<svg onload='x'>", "a & b", "tab\there", "null\0"]
    trackers = [make_results(name, sequences, (0, 0)) for name in names]
    write_report(make_study(trackers, sequences, title="x"), tmp_path / "report")
    drawn = ET.parse(tmp_path / "report" / "success.svg")
    texts = {one.text for one in drawn.iter("{http://www.w3.org/2000/svg}text")}
    assert {str(text).partition(" [")[0] for text in texts} >= {names[0], names[1], "tab?here"}


def test_film_strips_show_the_frames(study: Study) -> None:
    images = Elements(render_page(study, snapshots=3)).all("img")
    assert len(images) == 2 * 3
    assert {image["alt"] for image in images} >= {
        "Frame 0 with the boxes",
        "Frame 7 with the boxes",
    }
    assert not Elements(render_page(study, snapshots=0)).all("img")
    assert len(Elements(render_page(study, snapshots=3, strips=1)).all("img")) == 3


def test_a_report_does_not_depend_on_the_frames(study: Study, tmp_path: Path) -> None:
    (tmp_path / "data" / "b" / "0.png").unlink()
    (tmp_path / "data" / "a" / "7.png").write_bytes(b"no picture")
    assert not Elements(render_page(study)).all("img")


def test_the_table_of_sequences_can_be_sorted_by_keyboard(study: Study) -> None:
    elements = Elements(render_page(study))
    heads = [one for one in elements.all("th") if "data-column" in one]
    assert len(heads) == len(elements.all("button")) == 2 + 3
    assert [one.get("aria-sort") for one in heads] == [None, None, "ascending", None, None]
    cells = [one for one in elements.all("td") if "data-auc" in one]
    assert len(cells) == 2 * 3
    assert cells[0]["data-center-error"] == "3.15486|3.2"


def test_what_scrolls_can_be_reached_and_what_shows_has_a_name(study: Study) -> None:
    elements = Elements(render_page(study))
    for one in elements.all("div"):
        if one.get("class") in ("scroll", "strip"):
            assert one["tabindex"] == "0"
            assert one["aria-label"]
    for one in elements.all("svg"):
        assert one.get("aria-label") or one.get("aria-hidden") == "true"
    ids = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    for one in elements.all("a"):
        assert str(one["href"])[1:] in ids


def test_one_tracker_alone_has_no_differences(sequences: list[Sequence], tmp_path: Path) -> None:
    study = make_study([make_results("one", sequences, (0, 0))], sequences, title="x")
    assert "Differences" not in render_page(study)
    assert not (write_report(study, tmp_path / "report").parent / "differences.csv").exists()


def test_a_tracker_that_loses_all_has_numbers_too(sequences: list[Sequence]) -> None:
    results = make_results("none", sequences, (0, 0))
    for track in results.tracks.values():
        track.boxes[:] = np.nan
        track.seconds[:] = np.nan
    study = make_study([results], sequences, title="x")
    text = Elements(render_page(study).partition("<script>")[0]).text
    assert "∞" in text
    assert not re.search(r"\bnan\b", text)


@pytest.mark.parametrize("index", range(len(PALETTE)))
@pytest.mark.parametrize("ground", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_stand_out_and_are_those_of_the_films(
    index: int, ground: tuple[int, int, int]
) -> None:
    color = series_color(index, ground)
    assert contrast(color, ground) >= 3
    if contrast(PALETTE[index], ground) >= 3:
        assert color == PALETTE[index]


def test_lines_have_gaps_where_values_are_missing_and_stay_in_the_chart() -> None:
    chart = Chart("x", (0, 4), (0, 1))
    chart.line(range(5), [0, np.nan, 0.5, np.inf, 1], 0)
    (path,) = re.findall(r' d="(M[^"]*L[^"]*)"', chart.render())
    assert path.count("M") == 2
    assert "nan" not in path
    assert "inf" not in path


def test_a_long_sequence_annotated_now_and_then_has_a_line_over_time() -> None:
    """Several frames share a point of the chart, and most of them have no ground truth."""
    boxes = np.full((3000, 4), np.nan)
    boxes[::10] = [5, 10, 12, 12]
    frames = FrameFiles(Path("nowhere"), [f"{frame}.png" for frame in range(3000)])
    sequence = Sequence(name="long", frames=frames, boxes=boxes, size=(64, 48))
    results = make_results("moved", [sequence], (6, 0))
    study = make_study([results], [sequence], title="x")
    for chart in (overlap_chart(study, sequence), error_chart(study, sequence)):
        (line,) = re.findall(r'class="line s0" d="([^"]*)"', chart.render())
        assert line.count("L") == 299


@pytest.mark.parametrize(
    ("low", "high", "texts", "reason"),
    [
        (0, 1, ["0", "0.2", "0.4", "0.6", "0.8", "1"], "tenths without rounding errors"),
        (-20, 20, ["−20", "−10", "0", "10", "20"], "a true minus sign"),
        (3, 3, ["3"], "no range"),
    ],
)
def test_ticks_are_round(low: float, high: float, texts: list[str], reason: str) -> None:
    assert [text for _, text in ticks(low, high)] == texts, reason


def test_only_an_earlier_report_is_overwritten(study: Study, tmp_path: Path) -> None:
    settings = ReportSettings(snapshots=0)
    out = tmp_path / "report"
    write_report(study, out, settings)
    with pytest.raises(OutputError, match="exists: choose another folder, or allow"):
        write_report(study, out, settings)
    write_report(study, out, settings, overwrite=True)
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").touch()
    with pytest.raises(OutputError, match="other is not empty"):
        write_report(study, other, settings, overwrite=True)
    (other / "index.html").touch()  # a site of the user's
    with pytest.raises(OutputError, match=r"also holds thesis\.txt, which would be lost"):
        write_report(study, other, settings, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "other", "report"]


@pytest.mark.parametrize("package", ["jinja2"])
def test_a_package_that_is_not_there_is_named(
    study: Study, tmp_path: Path, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, package, None)
    name = package.partition(".")[0]
    with pytest.raises(MissingDependencyError, match=rf"needs {name}.*pip install '\.\[eval\]'"):
        write_report(study, tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_settings_are_checked() -> None:
    with pytest.raises(InputError, match="snapshots: expected 0 or more, got -1"):
        ReportSettings(snapshots=-1)


@pytest.mark.parametrize(
    ("count", "verdict"),
    [
        pytest.param(5, "too few sequences to tell", id="the same sign by chance in 1 of 16"),
        pytest.param(6, "better", id="in 1 of 32"),
    ],
)
def test_a_verdict_needs_six_sequences(tmp_path: Path, count: int, verdict: str) -> None:
    rows = [make_sequence(tmp_path / f"{one}", f"{one}", 1.0, ()) for one in range(count)]
    runs = [make_results("good", rows, (0.0, 0.0)), make_results("bad", rows, (9.0, 0.0))]
    text = Elements(render_page(make_study(runs, rows, title="x"))).text
    assert f"{verdict}; greater in {count}" in re.sub(r"\s+", " ", text)
