"""The three experiments: complete runs, resumed ones, and invalid input."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from siamfc.cli import main
from siamfc.crops.augment import AugmentSettings
from siamfc.errors import CheckpointError, DatasetError, InputError, OutputError
from siamfc.experiments.as_published import terms
from siamfc.experiments.first import (
    SHIPPED,
    SHIPPED_CENTRED,
    SQUARES,
    SQUARES_CENTRED,
    UNTRAINED,
    run_first,
)
from siamfc.experiments.second import PROCEDURAL, VID, Source, run_second
from siamfc.experiments.sizes import (
    EXTENTS,
    Extent,
    procedural_recipe,
    real_recipe,
    square_recipe,
)
from siamfc.experiments.steps import Options
from siamfc.experiments.third import NamedWeights, RealVideos, find_weights, run_third
from siamfc.experiments.videos import square_video, video_name
from siamfc.synthetic import write_otb
from siamfc.training.data_settings import SquareData, StoreData
from vid_tree import write_vid

pytestmark = pytest.mark.filterwarnings("ignore:.*TensorBoard.*")

SHORT = Extent(video_frames=6, loss_steps=2, term_frames=3)


def quick(recipe):
    """Two epochs of two steps of two pairs."""
    return replace(
        recipe,
        name="quick",
        epochs=2,
        pairs_per_epoch=4,
        batch=2,
        validation_pairs=2,
        validation_batch=2,
    )


def options(recipe=None, **changes):
    chosen = None if recipe is None else quick(recipe)
    return Options(size="tiny", device="cpu", recipe=chosen, lengths=SHORT, **changes)


def stamps(folder, pattern):
    return {path: path.stat().st_mtime_ns for path in folder.rglob(pattern)}


def check_page(path, *claims):
    """Check that a page needs no network and contains all claims."""
    page = path.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", page)
    for claim in claims:
        assert claim in page, claim


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A quick run of experiment 1."""
    out = tmp_path_factory.mktemp("first") / "out"
    return out, run_first(out, options(square_recipe("tiny")))


def test_the_first_experiment_has_the_thesis_s_tables_beside_ours(first):
    out, results = first
    assert json.loads((out / "results.json").read_text()) == json.loads(json.dumps(results))
    names = {SQUARES, SQUARES_CENTRED, SHIPPED, SHIPPED_CENTRED, UNTRAINED}
    assert set(results["videos"]) == names
    for videos in results["videos"].values():
        assert list(videos) == [video_name(step) for step in (4, 16, 32)]
    assert all(set(one) == {term.title for term in terms()} for one in results["terms"].values())
    check_page(
        out / "index.html",
        *("1.70", "3.95", "4.18", "4.34", "NaN", "table 7", "figure 10", "figure 11", "figure 12"),
        "as published",
    )


def test_a_rerun_does_nothing_again_but_the_page(first):
    out, results = first
    patterns = ("training/*.safetensors", "*.csv", "*.png", "terms.json", "loss_forms.json")
    before = [stamps(out, pattern) for pattern in patterns]
    assert all(before)
    (out / "index.html").unlink()
    told = []
    again = run_first(out, options(square_recipe("tiny"), on_message=told.append))
    assert again["videos"] == results["videos"]
    assert [stamps(out, pattern) for pattern in patterns] == before
    assert (out / "index.html").exists()
    assert not any("epoch" in line for line in told)


def test_what_is_missing_is_made_again(first):
    out, results = first
    track = next(out.glob("tracks/squares/*4 px.csv"))
    content = track.read_text().splitlines()[1:]
    track.unlink()
    (out / "terms.json").unlink()
    again = run_first(out, options(square_recipe("tiny")))
    assert again["terms"] == results["terms"]
    boxes = [line.split(",")[:5] for line in track.read_text().splitlines()[1:]]
    assert boxes == [line.split(",")[:5] for line in content]


def test_another_size_is_refused_in_the_same_folder(first):
    out, _ = first
    with pytest.raises(OutputError, match="holds an experiment with size 'tiny', asked for 'gpu'"):
        run_first(out, replace(options(square_recipe("tiny")), size="gpu"))


def test_the_second_experiment_goes_from_a_vid_tree_to_its_page(tmp_path):
    write_vid(tmp_path / "vid", videos=3, frames=6)
    recipe = replace(
        real_recipe("tiny"),
        data=StoreData(
            augmentation=AugmentSettings(search_size=159), validation_share=0.34, workers=0
        ),
    )
    out, source = tmp_path / "out", Source(vid=tmp_path / "vid")
    results = run_second(out, options(recipe), source)
    assert results["source"] == VID
    assert results["stores"][0]["videos"] == 3
    assert results["stores"][0]["crops"] == 3 * (6 + 4)  # a track is absent from every third frame
    assert list(results["videos"]) == [VID]
    check_page(out / "index.html", "4.19", "table 8", "4,417", "figure 14")
    before = stamps(out, "training/*.safetensors") | stamps(out / "store", "*")
    assert run_second(out, options(recipe), source)["videos"] == results["videos"]
    after = stamps(out, "training/*.safetensors") | stamps(out / "store", "*")
    assert {p: t for p, t in after.items() if p.suffix == ".safetensors"} == {
        p: t for p, t in before.items() if p.suffix == ".safetensors"
    }


def test_without_a_data_set_it_trains_on_procedural_pairs(tmp_path):
    results = run_second(tmp_path / "out", options(procedural_recipe("tiny")))
    assert list(results["videos"]) == [PROCEDURAL]
    check_page(tmp_path / "out" / "index.html", "without any photograph")


def test_the_third_experiment_compares_weights_on_synthetic_and_real_videos(tmp_path, first):
    for name in "abc":
        write_otb(tmp_path / "otb" / name, square_video(4, 8))
    trained = find_weights(f"squares={first[0]}")
    real = RealVideos(layout="otb", root=tmp_path / "otb", names=("c", "a"), frames=4)
    shipped = NamedWeights(name="shipped", weights="siamfc")
    chosen = [trained, shipped, NamedWeights(name="light", weights="light")]
    out = tmp_path / "out"
    results = run_third(out, options(), weights=chosen, real=real)
    assert list(results["videos"]) == ["squares", "shipped", "light"]
    assert list(results["videos"]["shipped"]) == [*map(video_name, (4, 16, 32)), "c", "a"]
    assert all(np.isfinite(one["center_error"]) for one in results["videos"]["shipped"].values())
    check_page(out / "index.html", "253.90", "41.45", "264", "table 9", "table 10", "Video 5: a")
    before = stamps(out / "tracks", "*.csv")
    assert len(before) == 3 * 5
    run_third(out, options(), weights=chosen, real=real)
    assert stamps(out / "tracks", "*.csv") == before


def test_a_folder_of_an_unfinished_experiment_is_no_weights(tmp_path):
    (tmp_path / "experiment.json").write_text("{}")
    with pytest.raises(DatasetError, match="expected an experiment with a finished training"):
        find_weights(str(tmp_path))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda _: Options(size="huge"), InputError, "size: expected one of full, gpu, tiny"),
        (lambda p: Source(vid=p, stores=[p]), InputError, "got both"),
        (lambda _: find_weights("defualt"), CheckpointError, "did you mean 'default'"),
        (
            lambda p: run_second(p / "out", options(), Source(vid=p)),
            DatasetError,
            "expected ImageNet|expected ILSVRC",
        ),
        (
            lambda p: run_second(p / "out", options(), Source(stores=[p / "nope"])),
            DatasetError,
            "nope: expected a store made by `siamfc curate`, found none",
        ),
        (
            lambda p: run_third(
                p / "out", options(), weights=[NamedWeights(name="a", weights="siamfc")] * 2
            ),
            InputError,
            "weights: expected a name for each, got a, a",
        ),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(tmp_path, call, error, message):
    with pytest.raises(error, match=message):
        call(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["4"], "expected experiment 1, 2 or 3, got 4"),
        (["1", "--vid", "x"], "--vid: only for experiment 2, not experiment 1"),
        (["1", "--workers", "2"], "--workers: only for experiment 2, not experiment 1"),
        (["2", "--weights", "x"], "--weights: only for experiment 3, not experiment 2"),
        (["3", "--frames", "9"], "expected --videos FORMAT ROOT with them"),
        (["1", "--size", "huge"], "huge"),
        (["3", "--videos", "otb"], "videos"),
    ],
)
def test_the_verb_refuses_what_it_cannot_use_in_one_line(tmp_path, capsys, arguments, message):
    assert main(["experiment", *arguments, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_verb_prints_one_object(tmp_path, capsys):
    out = str(tmp_path / "out")
    missing = str(tmp_path / "nothing")
    assert main(["experiment", "3", "--out", out, "--weights", missing, "--json"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "\nerror: weights: no such file or folder" in captured.err


def test_every_size_has_its_trainings():
    for size in EXTENTS:
        assert isinstance(square_recipe(size).data, SquareData)
        assert isinstance(real_recipe(size).data, StoreData)
        for recipe in (square_recipe(size), real_recipe(size), procedural_recipe(size)):
            assert recipe.steps > 0
    full = square_recipe("full")
    assert (full.epochs, full.batch, full.pairs_per_epoch) == (50, 8, 53_200)  # table 6


@pytest.mark.slow
def test_a_tiny_training_finds_the_square_to_within_a_pixel(tmp_path, capsys):
    """Run from the command line; 960 pairs are enough."""
    out = tmp_path / "out"
    assert main(["experiment", "1", "--out", str(out), "--size", "tiny", "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    bounds = {SQUARES: 0.5, SQUARES_CENTRED: 0.1, SHIPPED: 0.5, SHIPPED_CENTRED: 0.15}
    for name, bound in bounds.items():
        for step in (4, 16, 32):
            scores = results["videos"][name][video_name(step)]
            assert scores["center_error"] < 1.0, (name, step)
            assert abs(scores["offset_x"]) < bound, (name, step)
            assert abs(scores["offset_y"]) < bound, (name, step)
    ideal = results["terms"]["an ideal matcher"]
    assert ideal["exact geometry"]["center_error"] < 0.2
    assert np.abs(ideal["exact geometry"]["offset"]).max() < 0.05
    assert max(ideal["as published"]["published_displacement"]) < -0.5
    assert results["epochs"][-1]["training_loss"] < results["epochs"][0]["training_loss"]
