"""Default settings for each kind of network."""

from dataclasses import replace
from pathlib import Path

from siamfc.errors import InputError
from siamfc.network.architectures import find_architecture
from siamfc.network.matcher import Network, predicts_boxes
from siamfc.tracking.exemplar_update import UpdateName, update_by_name
from siamfc.tracking.light.settings import LightSettings
from siamfc.tracking.siamfc.settings import SiamFCSettings, settings_for

Settings = SiamFCSettings | LightSettings
"""Tracker settings for either kind of network."""


def fitting_settings(matcher: Network, settings: Settings | None = None) -> Settings:
    """Return the settings if they are for this kind of network, its defaults if None.

    Raises:
        InputError: settings for the other kind of network.
    """
    return light_settings(settings) if predicts_boxes(matcher) else siamfc_settings(settings)


def light_settings(settings: Settings | None = None) -> LightSettings:
    """Return the settings of a network that predicts boxes, the defaults if None.

    Raises:
        InputError: settings for the other kind of network.
    """
    if settings is None or isinstance(settings, LightSettings):
        return settings or LightSettings()
    raise _misfit("LightSettings for a network that predicts boxes", settings)


def siamfc_settings(settings: Settings | None = None) -> SiamFCSettings:
    """Return the settings of SiamFC, the defaults if None.

    Raises:
        InputError: settings for the other kind of network.
    """
    if settings is None or isinstance(settings, SiamFCSettings):
        return settings or SiamFCSettings()
    raise _misfit("SiamFCSettings for a network that searches scales", settings)


def settings_for_weights(
    weights: str | Path = "default",
    scales: int | None = None,
    *,
    update: UpdateName | None = None,
    search_again: bool | None = None,
) -> Settings:
    """Return settings for weights given by name (see `siamfc models`) or path; loads no network.

    Args:
        weights: as for `load_matcher`.
        scales: an odd number from 1 to 99; None: the network's default.
        update: how the exemplar follows later frames, see `exemplar_update`; None: the network's
            default, which is `none` for SiamFC and `recent` for a network that predicts boxes.
        search_again: search the whole frame for a lost target; None: only with a network that
            predicts boxes, whose score shows when the target is lost.

    Raises:
        CheckpointError: weights that are unknown or damaged.
        InputError: another number of scales, or an option that the network does not support.
    """
    from siamfc.network.loader import read_metadata

    if find_architecture(read_metadata(weights).architecture).layout is None:
        return settings_for(
            3 if scales is None else scales,
            update=update or "none",
            search_again=bool(search_again),
        )
    if scales not in (None, 1):
        raise InputError(
            f"scales: expected 1, or none given, for weights {str(weights)!r}, whose network gives "
            f"the size itself; got {scales}: weights 'siamfc' search scales"
        )
    settings = LightSettings()
    if update is not None:
        settings = replace(settings, update=update_by_name(update))
    if search_again is False:
        settings = replace(settings, lost=replace(settings.lost, windows=0))
    return settings


def _misfit(expected: str, settings: Settings) -> InputError:
    found = type(settings).__name__
    return InputError(
        f"settings: expected {expected}, got {found}: leave them out for the defaults"
    )
