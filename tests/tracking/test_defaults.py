"""Default settings for each network."""

from dataclasses import replace

import pytest

from network.network_samples import make_light_checkpoint
from siamfc.errors import CheckpointError, InputError
from siamfc.network import export_weights
from siamfc.tracking import (
    LightSettings,
    SiamFCSettings,
    Tracker,
    five_scales,
    settings_for,
    settings_for_weights,
)
from siamfc.tracking.exemplar_update import UpdateSettings, update_by_name


@pytest.fixture(scope="module")
def light(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights") / "light"
    export_weights(make_light_checkpoint(), folder)
    return folder


def test_siamfc_has_its_settings():
    assert settings_for_weights("siamfc") == SiamFCSettings()
    assert settings_for_weights("siamfc", 5) == five_scales()
    assert settings_for_weights("siamfc", update="sure", search_again=True) == settings_for(
        update="sure", search_again=True
    )
    with pytest.raises(InputError, match="expected a whole number from 1 to 99, got 0"):
        settings_for_weights("siamfc", 0)


def test_a_network_that_predicts_boxes_has_its_own(light):
    assert settings_for_weights() == settings_for_weights(light) == LightSettings()
    assert settings_for_weights(light) == settings_for_weights(light, 1) == LightSettings()
    assert settings_for_weights(light / "model.safetensors") == LightSettings()
    assert settings_for_weights(light, search_again=True) == LightSettings()
    assert 0 < LightSettings().lost.windows < settings_for(search_again=True).lost.windows
    staying = settings_for_weights(light, search_again=False).lost
    assert staying == replace(LightSettings().lost, windows=0)
    assert settings_for_weights("siamfc").lost.windows == 0


def test_the_exemplar_update_is_the_networks_default_or_the_users(light):
    recent = update_by_name("recent")
    assert settings_for_weights(light).update == recent == LightSettings().update
    assert settings_for_weights("siamfc").update == UpdateSettings()
    for weights in (light, "siamfc"):
        for name in ("none", "sure", "recent"):
            assert settings_for_weights(weights, update=name).update == update_by_name(name)


def test_options_that_a_network_lacks_are_refused(light):
    with pytest.raises(InputError, match=r"scales: expected 1, or none given, for .*light.* got 5"):
        settings_for_weights(light, 5)


def test_unknown_weights_are_named():
    with pytest.raises(CheckpointError, match="no weights named 'defualt'"):
        settings_for_weights("defualt")


def test_a_tracker_from_weights_has_fitting_settings(light):
    tracker = Tracker.from_pretrained(light, device="cpu")
    assert tracker.settings == LightSettings()
    with pytest.raises(InputError, match="expected LightSettings"):
        Tracker.from_pretrained(light, device="cpu", settings=SiamFCSettings())
