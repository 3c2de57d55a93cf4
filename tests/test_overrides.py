"""Changed fields: typed, by dotted name, the nearest name in the error."""

import pytest

from siamfc.errors import InputError
from siamfc.overrides import change, change_by_file, read_assignments, read_toml
from siamfc.training.recipes import RECIPES, find_recipe, procedural, thesis, tiny, with_stores


def test_fields_of_every_kind_can_be_changed():
    changed = change(
        procedural(),
        read_assignments([
            "batch=64",
            "optimiser.learning_rate=1",  # a whole number is a number
            "optimiser.schedule=step",
            "optimiser.clip_norm=none",
            "labels.soft=true",
            "data.textures.count=16",
            "normalisation.mean=[0, 0.5, 1]",
            "name=mine",
        ]),
    )  # fmt: skip
    assert (changed.batch, changed.name, changed.labels.soft) == (64, "mine", True)
    assert changed.optimiser.learning_rate == 1.0
    assert isinstance(changed.optimiser.learning_rate, float)
    assert (changed.optimiser.schedule, changed.optimiser.clip_norm) == ("step", None)
    assert changed.data.textures.count == 16
    assert changed.normalisation.mean == (0.0, 0.5, 1.0)
    assert changed.optimiser.weight_decay == procedural().optimiser.weight_decay


def test_fields_that_only_fit_together_may_come_in_any_order():
    names = ["optimiser.learning_rate=1e-6", "optimiser.final_learning_rate=1e-7"]
    for texts in (names, names[::-1]):
        assert change(tiny(), read_assignments(texts)).optimiser.learning_rate == 1e-6


def test_a_toml_file_changes_fields_by_its_tables(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text('epochs = 3\n[optimiser]\nkind = "adamw"\n[data.augmentation]\nmax_shift = 2\n')
    changed = change(thesis(), read_toml(path))
    assert (changed.epochs, changed.optimiser.kind) == (3, "adamw")
    assert changed.data.augmentation.max_shift == 2.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bach=8", "no setting named 'bach': did you mean 'batch'"),
        ("optimiser.lerning_rate=1", "did you mean 'optimiser.learning_rate'"),
        ("learning_rate=1", "did you mean 'optimiser.learning_rate'"),  # the last name alone
        (
            "qqqq=1",
            r"no setting named 'qqqq': expected one such as \S+, \S+, \S+$",
        ),
        ("optimiser=1", "optimiser: expected one of its fields, such as optimiser.kind"),
        ("batch=8.5", "batch: expected a whole number, got 8.5"),
        ("batch=true", "batch: expected a whole number, got True"),
        ("labels.soft=1", "labels.soft: expected true or false, got 1"),
        ("optimiser.momentum=high", "optimiser.momentum: expected a number, got 'high'"),
        ("optimiser.schedule=linear", "optimiser.schedule: expected one of constant, step"),
        ("normalisation.mean=[1, 2]", r"normalisation.mean: expected \[3 numbers\], got \[1, 2\]"),
        ("optimiser.momentum=2", "optimiser: momentum: expected a number from 0 to 1, got 2.0"),
        ("epochs=0", "recipe: epochs: expected a whole number of at least 1, got 0"),
        ("batch", "expected NAME=VALUE, got 'batch'"),
    ],
)
def test_what_is_wrong_is_said(text, message):
    with pytest.raises(InputError, match=message):
        change(tiny(), read_assignments([text]))


def test_a_file_that_is_none_is_said(tmp_path):
    with pytest.raises(InputError, match="expected a file of settings in TOML; No such file"):
        read_toml(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("a = = 1")
    with pytest.raises(InputError, match="expected TOML; Invalid value"):
        read_toml(tmp_path / "bad.toml")
    (tmp_path / "typo.toml").write_text("[optimiser]\nlerning_rate = 1")
    with pytest.raises(InputError, match=r"typo.toml: no setting named 'optimiser.lerning_rate'"):
        change_by_file(tiny(), tmp_path / "typo.toml")


def test_recipes_are_found_by_name_and_know_theirs():
    assert [find_recipe(name).name for name in RECIPES] == list(RECIPES)
    with pytest.raises(InputError, match="no recipe named 'procedual': did you mean 'procedural'"):
        find_recipe("procedual")
    with pytest.raises(InputError, match="expected one of thesis, paper, procedural, light"):
        find_recipe("qqqq")


def test_recipes_are_what_their_sources_say():
    of_thesis = thesis()
    assert (of_thesis.batch, of_thesis.epochs, of_thesis.labels.radius) == (8, 50, 16.0)
    assert of_thesis.data.sizes == (127, 255)
    assert of_thesis.data.validation_share == 0.1
    assert of_thesis.optimiser.learning_rate_at(0, 100) == 1e-2
    assert of_thesis.optimiser.learning_rate_at(99, 100) == 1e-2
    shipped = procedural()
    assert shipped.steps == 9_928
    assert shipped.steps * shipped.batch == 5_083_136
    assert with_stores(shipped).data.sizes == (127, 255)
