"""Sources give the batch of a step whatever they gave before; videos are split whole."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small import FakeStore, small_recipe

from siamfc.crops.augment import AugmentSettings
from siamfc.errors import DatasetError, InputError
from siamfc.procedural.pair_settings import PairSettings
from siamfc.procedural.textures import TextureSettings
from siamfc.training.data_settings import ProceduralData, StoreData
from siamfc.training.process_group import ProcessRank
from siamfc.training.sources import training_source, validation_source

CPU = torch.device("cpu")
SOURCES = training_source, validation_source
PLAIN = AugmentSettings(
    exemplar_size=87, search_size=103, brightness=0, contrast=0, saturation=0, colour=0,
    blur_share=0,
)  # fmt: skip


def _recipe(kind):
    recipe = small_recipe()
    if kind == "procedural":
        data = ProceduralData(
            pairs=PairSettings(exemplar_size=87, search_size=103),
            textures=TextureSettings(count=3, size=16, leaves=2),
            renew_every=3,
            validation_textures=2,
        )
        return replace(recipe, data=data)
    if kind == "stores":
        return replace(recipe, data=StoreData(workers=0, augmentation=PLAIN))
    return recipe


def _source(kind, process=None, *, validation=False, **changes):
    recipe = replace(_recipe(kind), **changes)
    stores = [FakeStore()] if kind == "stores" else ()
    if validation:
        return validation_source(recipe, device=CPU, stores=stores)
    return training_source(recipe, device=CPU, process=process, stores=stores)


def _equal(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("kind", ["squares", "procedural", "stores"])
def test_a_step_has_its_batch_whatever_came_before(kind):
    source = _source(kind)
    in_order = [source(step) for step in range(7)]
    assert in_order[0].exemplars.shape == (2, 87, 87, 3)
    assert in_order[0].searches.shape == (2, 103, 103, 3)
    assert in_order[0].searches.dtype == torch.uint8
    assert not _equal(in_order[0], in_order[1])
    late = _source(kind)
    for step in (5, 6, 2, 3, 0):  # into another bank or epoch, and back
        assert _equal(late(step), in_order[step]), step


@pytest.mark.parametrize("kind", ["squares", "procedural", "stores"])
def test_another_seed_gives_other_pairs(kind):
    assert not _equal(_source(kind)(0), _source(kind, seed=1)(0))


def test_the_processes_share_each_batch_of_a_store():
    whole = _source("stores", batch=4)(1)
    parts = [_source("stores", ProcessRank(rank, 2), batch=4)(1) for rank in range(2)]
    for one, two, both in zip(*parts, whole, strict=True):
        torch.testing.assert_close(torch.cat([one, two]), both)


@pytest.mark.parametrize("kind", ["squares", "procedural"])
def test_the_processes_draw_pairs_of_their_own(kind):
    parts = [_source(kind, ProcessRank(rank, 2))(0) for rank in range(2)]
    assert len(parts[0].exemplars) == 1
    assert not _equal(*parts)


def test_whole_videos_are_kept_apart():
    def videos(source, steps):
        # An image is as grey as its row; three rows are a video.
        return {
            int(grey) // 3 for step in range(steps) for grey in source(step).searches[:, 51, 51, 0]
        }

    train = videos(_source("stores"), 60)
    apart = videos(_source("stores", validation=True, validation_pairs=20), 10)
    assert len(train) == 9
    assert len(apart) == 1
    assert not train & apart
    other = videos(_source("stores", validation=True, validation_pairs=20, seed=3), 10)
    assert other != apart


def test_a_store_may_have_all_its_videos_on_one_side():
    large, small = FakeStore(), FakeStore(videos=2)
    small.video_names = ["small 0", "small 1"]
    recipe = _recipe("stores")
    sources = [make(recipe, device=CPU, stores=[large, small]) for make in SOURCES]
    assert [source(0).searches.shape[1:] for source in sources] == [(103, 103, 3)] * 2


def test_validation_squares_have_colours_that_training_never_sees():
    def grounds(source, steps):
        corners = [source(step).searches[:, :20].double().mean((1, 2)) for step in range(steps)]
        return torch.cat(corners).numpy()

    quiet = replace(
        _recipe("squares").data,
        dataset=replace(
            _recipe("squares").data.dataset, gaussian=0, salt_and_pepper=0, speckle=0
        ),
        augmentation=replace(PLAIN, grey_share=0.0),
    )  # fmt: skip
    train = grounds(_source("squares", data=quiet), 40)
    apart = grounds(_source("squares", data=quiet, validation=True), 3)
    assert len(np.unique(train.round(3), axis=0)) == 9
    nearest = np.abs(apart[:, None] - train[None]).max(-1).min(1)
    assert (nearest > 1).all()


@pytest.mark.parametrize(
    ("stores", "world", "error", "message"),
    [
        ([], 1, InputError, "the recipe tiny needs pairs from a store: give --data STORE"),
        ([FakeStore(videos=1)], 1, DatasetError, "to keep 0.1 of them apart, got 1"),
        ([FakeStore(videos=0)], 1, DatasetError, "expected at least 2 videos.*, got 0"),
        ([FakeStore(context_amount=0.25)], 1, InputError, "--set spec.context_amount=0.25"),
        ([FakeStore()], 3, InputError, "batch: expected a multiple of the 3 processes, got 2"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_on_is_refused(stores, world, error, message):
    with pytest.raises(error, match=message):
        training_source(_recipe("stores"), device=CPU, process=ProcessRank(0, world), stores=stores)


@pytest.mark.parametrize("data", ["squares", "procedural"])
def test_generated_pairs_have_the_papers_margin(data):
    recipe = _recipe(data)
    wide = replace(recipe, spec=replace(recipe.spec, context_amount=0.25))
    with pytest.raises(InputError, match=r"expected the generated pairs' 0\.5, got 0\.25"):
        training_source(wide, device=CPU, process=ProcessRank(0, 1))


def test_an_exemplar_of_another_size_than_the_spec_s_is_refused():
    with pytest.raises(InputError, match="exemplar_size: expected the 87 pixels of spec, got 127"):
        replace(small_recipe(), data=StoreData())
