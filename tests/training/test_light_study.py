"""The study of the light network: what each variant changes, that work is shared, what is drawn."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from siamfc.errors import DatasetError, InputError, OutputError
from siamfc.network.checkpoint import Checkpoint
from siamfc.procedural.videos import VIDEO_KINDS
from siamfc.synthetic import SquareVideo, SquareVideoSettings, write_otb
from siamfc.training.recipes import light

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.light_study import __main__ as study_program  # noqa: E402
from benchmarks.light_study import runs  # noqa: E402
from benchmarks.light_study.folder import RESULT, SEQUENCES, STATE, WEIGHTS, Job, claim  # noqa: E402
from benchmarks.light_study.results import (  # noqa: E402
    PROCEDURAL,
    REAL,
    chance,
    compared_pairs,
    curve,
    effects,
    load_results,
    reliability,
)
from benchmarks.light_study.scores import JudgingSettings, track_sequences  # noqa: E402
from benchmarks.light_study.table import table  # noqa: E402
from benchmarks.light_study.variants import BASE, VARIANTS  # noqa: E402

CPU = torch.device("cpu")
SMALL = {
    "batch": 2,
    "log_every": 1,
    "validation_pairs": 2,
    "validation_batch": 2,
    "data.textures.count": 4,
    "data.textures.size": 32,
    "data.textures.leaves": 4,
}
VIDEOS = JudgingSettings(videos=1, frames=2, textures=2)


def _recipe(job):
    return runs.recipe_of(job, SMALL)


def _pairs(name, batch=2):
    recipe = runs.recipe_of(Job(name, batch, 0), {**SMALL, "batch": batch})
    return runs.pair_source(recipe, name, CPU)(0)


def _attempt(job, out, end=float("inf")):
    runs.attempt(job, _recipe(job), out / job.name, CPU, VIDEOS, end)
    return out / job.name


@pytest.fixture(scope="module")
def base():
    return _pairs(BASE)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The base and a variant, two steps each."""
    out = tmp_path_factory.mktemp("study")
    for name in (BASE, "no-pieces"):
        _attempt(Job(name, 4, 0), out)
    return out


@pytest.mark.parametrize("name", [name for name in VARIANTS if name != BASE])
def test_every_variant_changes_what_is_learned(name):
    variant = VARIANTS[name]
    recipes = [runs.recipe_of(Job(one, 10**6, 0), {}) for one in (BASE, name)]
    assert bool(variant.overrides) == (recipes[0] != recipes[1])
    assert variant.overrides or variant.leave_out or variant.change_pairs


def test_a_short_run_has_the_whole_schedule():
    recipe = runs.recipe_of(Job(BASE, 250_000, 1), {})
    assert (recipe.steps, recipe.optimiser.warm_up_steps, recipe.seed) == (488, 48, 1)
    long = runs.recipe_of(Job(BASE, 9_000_000, 1), {})
    assert long.optimiser.warm_up_steps == light().optimiser.warm_up_steps == 500


@pytest.mark.parametrize("name", ["no-distractors", "no-waves", "no-light", "no-blur", "no-noise"])
def test_what_is_left_out_is_gone_from_the_pictures(base, name):
    pairs = _pairs(name)
    assert not torch.equal(pairs.searches, base.searches)
    # Of all that is left out while drawing, only bending and perspective move the target's outline.
    assert torch.equal(pairs.boxes, base.boxes) == (name != "no-waves")


def test_without_blur_edges_are_steeper_and_without_noise_planes_are_flatter():
    # Of four pairs, as compression flattens what noise has roughened.
    plain, blurred, sharp = (
        _pairs(name, batch=4).searches.float().diff(dim=2).abs().mean()
        for name in ("no-noise", BASE, "no-blur")
    )
    assert plain < blurred < sharp


def test_sizes_that_are_not_told_are_other_pairs(base):
    pairs = _pairs("no-size")
    assert torch.equal(pairs.exemplar_sizes, base.exemplar_sizes.flip(0))
    assert torch.equal(pairs.searches, base.searches)
    assert torch.equal(pairs.boxes, base.boxes)


def test_a_result_says_how_it_came_about(study):
    result = json.loads((study / "no-pieces-4-0" / RESULT).read_text())
    assert (result["variant"], result["pairs"], result["seed"]) == ("no-pieces", 4, 0)
    assert result["settings"]["data"]["pairs"]["piece_share"] == 0
    assert result["seconds"] == pytest.approx(4 / result["pairs_per_second"])
    assert result["auc"] == pytest.approx(np.mean(list(result["auc_by_video"].values())))
    assert {"device", "commit", "torch", "date", "videos"} <= result.keys()
    card = Checkpoint.load(study / "no-pieces-4-0" / WEIGHTS).metadata.card
    assert card["variant"] == "no-pieces"


def test_what_is_done_is_not_done_again(study):
    before = (study / "all-4-0" / RESULT).stat().st_mtime_ns
    _attempt(Job(BASE, 4, 0), study)
    assert (study / "all-4-0" / RESULT).stat().st_mtime_ns == before


def test_a_folder_of_other_settings_is_refused(study):
    job = Job(BASE, 4, 0)
    recipe = runs.recipe_of(job, {**SMALL, "boxes.box_weight": 1.0})
    with pytest.raises(OutputError, match="expected the settings of this job, found others"):
        runs.attempt(job, recipe, study / job.name, CPU, VIDEOS, float("inf"))


def test_a_stopped_training_goes_on_as_if_it_had_not_been(study, tmp_path):
    job = Job(BASE, 4, 0)
    folder = _attempt(job, tmp_path, end=time.monotonic())
    assert (folder / STATE).exists()
    assert not (folder / RESULT).exists()
    _attempt(job, tmp_path)
    assert not (folder / STATE).exists()
    digests = [
        Checkpoint.load(place / job.name / WEIGHTS).metadata.digest for place in (study, tmp_path)
    ]
    assert digests[0] == digests[1]


def test_a_folder_at_which_somebody_works_is_left_alone(tmp_path):
    folder = tmp_path / "all-4-0"
    with claim(folder) as mine, claim(folder) as theirs:
        assert (mine, theirs) == (True, False)
        _attempt(Job(BASE, 4, 0), tmp_path)
    assert [path.name for path in folder.iterdir()] == [".lock"]


def test_seconds_mean_the_same_pairs_to_all_processes(tmp_path):
    path = tmp_path / "rate.json"
    path.write_text('{"pairs_per_second": 15124.0}')
    assert runs.pairs_in(60, path, SMALL, CPU) == 910_000


def test_the_rate_is_measured_once(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "_UNTIMED", 1)
    monkeypatch.setattr(runs, "_TIMED", 1)
    path = tmp_path / "rate.json"
    pairs = runs.pairs_in(1000, path, SMALL, CPU)
    monkeypatch.setattr(runs, "measure_rate", None)
    assert runs.pairs_in(1000, path, SMALL, CPU) == pairs > 0


def test_real_sequences_are_tracked_with_all_weights(study, tmp_path):
    root = tmp_path / "otb"
    write_otb(root / "square", SquareVideo(SquareVideoSettings(frames=2, seed=1)))
    track_sequences([study / "all-4-0", study / "not-there-4-0"], root, "cpu", 1)
    kinds = {result.variant: set(result.auc) for result in load_results(study)}
    assert kinds[BASE] - kinds["no-pieces"] == {REAL}
    assert kinds["no-pieces"] == {PROCEDURAL, *VIDEO_KINDS}


def test_weights_trained_elsewhere_join_in_with_real_sequences(tmp_path):
    _write(tmp_path, BASE, 0, [0.5, 0.7])
    _write(tmp_path, "no-blur", 0, [0.5, 0.5])
    for name, auc in (("all-1000-0", 0.4), ("all-9000-0", 0.6), ("no-blur-9000-0", 0.5)):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / SEQUENCES).write_text(json.dumps({"sequences": {"car": {"auc": auc}}}))
    results = load_results(tmp_path)
    assert curve(results, REAL) == {1000: {0: 0.4}, 9000: {0: 0.6}}
    assert curve(results, PROCEDURAL) == {1000: {0: pytest.approx(0.6)}}
    assert compared_pairs(results) == 1000  # of the procedural videos
    assert "2 trainings" in table(results)
    assert "| 0.009 | 1 |  | 0.600 (0.600 … 0.600) |" in table(results)


def test_a_folder_that_is_no_jobs_is_named(tmp_path):
    _write(tmp_path, BASE, 0, [0.5, 0.7])
    (tmp_path / "long").mkdir()
    (tmp_path / "long" / SEQUENCES).write_text('{"sequences": {}}')
    with pytest.raises(DatasetError, match=r"sequences\.json: expected scores of a job's weights"):
        load_results(tmp_path)


def test_plots_need_no_torch(study):
    code = (
        "import sys; sys.modules['torch'] = None; "
        "from benchmarks.light_study.__main__ import main; main()"
    )
    command = [sys.executable, "-c", code, "--out", study, "--plot", "--repeats", study]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.split():
        assert Path(line).stat().st_size > 0
    names = {Path(line).name for line in done.stdout.split()}
    assert names == {
        "study.md",
        *(f"{n}.png" for n in ("pairs", "ingredients", "kinds", "reliability")),
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--variants", "no-peices"], "no variant named 'no-peices': did you mean 'no-pieces'?"),
        (["--set", "bach=2"], "no setting named 'bach': did you mean 'batch'?"),
        (["--plot"], "expected results of trainings, found no */result.json"),
        (["--plot", "--repeats", "nowhere"], "expected results of trainings"),
    ],
)
def test_bad_input_is_one_line(tmp_path, monkeypatch, words, message):
    monkeypatch.setattr(sys, "argv", ["light_study", "--out", str(tmp_path / "study"), *words])
    with pytest.raises(SystemExit) as caught:
        study_program.main()
    assert str(caught.value).startswith("light_study: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "study").exists()


def _write(out, variant, seed, auc, pairs=1000, videos=2):
    folder = out / Job(variant, pairs, seed).name
    folder.mkdir(parents=True)
    record = {
        "variant": variant,
        "title": VARIANTS[variant].title,
        "pairs": pairs,
        "seed": seed,
        "seconds": 60.0,
        "device": "a GPU",
        "torch": "2",
        "commit": "abc",
        "auc_by_video": {"mixed": auc[:1], "twins": auc[1:]},
        "videos": {"videos": videos, "frames": 70},
    }
    (folder / RESULT).write_text(json.dumps(record))


def test_effects_pair_videos_and_seeds(tmp_path):
    _write(tmp_path, BASE, 0, [0.5, 0.7])
    _write(tmp_path, BASE, 1, [0.6, 0.8])
    _write(tmp_path, BASE, 0, [0.9, 0.9], pairs=2000)
    _write(tmp_path, "no-blur", 0, [0.4, 0.6])
    _write(tmp_path, "no-blur", 1, [0.6, 0.6])
    _write(tmp_path, "no-grey", 1, [0.7, 0.8])
    _write(tmp_path, "no-grey", 2, [0.0, 0.0])  # a seed that the base lacks
    results = load_results(tmp_path)
    assert compared_pairs(results) == 1000
    blur, grey = effects(results, 1000, PROCEDURAL)
    assert (blur.base, grey.base) == (BASE, BASE)
    assert blur.auc == pytest.approx(0.55)
    assert blur.difference.mean == pytest.approx(-0.1)
    assert blur.seeds == pytest.approx({0: -0.1, 1: -0.1})
    assert blur.is_certain
    assert grey.seeds == pytest.approx({1: 0.05})
    assert not grey.is_certain  # one of two videos is the same, and there is one seed
    assert curve(results, PROCEDURAL) == {
        1000: pytest.approx({0: 0.6, 1: 0.7}),
        2000: pytest.approx({0: 0.9}),
    }
    assert "| `no-blur` | no blur | `all` | 0.550 | -0.100 |" in table(results)
    assert [one.difference.mean for one in effects(results, 1000, "twins")] == pytest.approx(
        [-0.15, 0.0]
    )
    assert "| `no-blur` | **-0.050** | **-0.150** |" not in table(results)  # of one video each
    assert "| `no-blur` | -0.050 | -0.150 |" in table(results)
    assert "| 0.001 | 2 | 0.650 (0.600 … 0.700) |" in table(results)


def test_one_seed_is_never_certain(tmp_path):
    _write(tmp_path, BASE, 0, [0.5, 0.7])
    _write(tmp_path, "no-blur", 0, [0.4, 0.6])
    (blur,) = effects(load_results(tmp_path), 1000, PROCEDURAL)
    assert blur.difference.is_certain
    assert not blur.is_certain


def test_a_variant_can_be_compared_with_another(tmp_path):
    _write(tmp_path, BASE, 0, [0.5, 0.7])
    _write(tmp_path, "no-blur", 0, [0.4, 0.6])
    _write(tmp_path, "no-grey", 0, [0.6, 0.9])
    bases = study_program.find_bases(["no-grey=no-blur"], {BASE, "no-blur", "no-grey"})
    found = effects(load_results(tmp_path), 1000, PROCEDURAL, bases)
    assert [(one.variant, one.base) for one in found] == [("no-blur", BASE), ("no-grey", "no-blur")]
    assert [one.difference.mean for one in found] == pytest.approx([-0.1, 0.25])


@pytest.mark.parametrize("word", ["no-grey", "no-grey=", "=all", "no-gray=all"])
def test_a_base_that_is_not_there_is_named(word):
    with pytest.raises(InputError, match=f"--bases {word}: expected VARIANT=BASE"):
        study_program.find_bases([word], {BASE, "no-grey"})


def test_chance_is_how_far_two_seeds_of_the_base_are_apart(tmp_path):
    for seed, auc in enumerate((0.5, 0.53, 0.51)):
        _write(tmp_path, BASE, seed, [auc, auc + 0.2])
    _write(tmp_path, BASE, 0, [0.9, 0.9], pairs=2000)
    _write(tmp_path, "no-blur", 1, [0.1, 0.1])
    results = load_results(tmp_path)
    assert chance(results, 1000, PROCEDURAL) == pytest.approx(0.03)
    assert chance(results, 2000, PROCEDURAL) is None
    assert chance(results, 1000, REAL) is None
    assert "Two seeds of the same recipe are 0.030 apart at most." in table(results)


def test_results_of_other_videos_are_not_compared(tmp_path):
    _write(tmp_path, BASE, 0, [0.5, 0.5])
    _write(tmp_path, BASE, 1, [0.5, 0.5], videos=3)
    with pytest.raises(DatasetError, match="expected the same videos for all"):
        load_results(tmp_path)


def test_a_damaged_result_is_named(tmp_path):
    _write(tmp_path, BASE, 0, [0.5, 0.5])
    (tmp_path / "all-1000-0" / RESULT).write_text("{")
    with pytest.raises(DatasetError, match=r"result\.json: expected the result of a training"):
        load_results(tmp_path)


def test_reliability_by_hand():
    found = reliability(np.array([0.05, 0.95, 1.0, 0.97]), np.array([0.2, 0.9, 0.4, 0.8]))
    assert found.tenth == pytest.approx([0, 0.9])
    assert found.score == pytest.approx([0.05, 2.92 / 3])
    assert found.right == pytest.approx([0, 2 / 3])
    assert found.iou == pytest.approx([0.2, 0.7])
    assert found.share == pytest.approx([0.25, 0.75])
    assert found.error == pytest.approx(0.25 * 0.05 + 0.75 * (2.92 / 3 - 2 / 3))
