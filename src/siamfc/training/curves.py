"""A run's curves as a picture, from its log."""

import io
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_curves(log: Iterable[Mapping[str, Any]], title: str) -> bytes:
    """Draw the losses by epoch and the other scores below, as a PNG.

    The epoch of the best validation loss is marked, as in the thesis's figure 11.

    Raises:
        ImportError: matplotlib isn't installed.
    """
    from matplotlib.figure import Figure

    records = list(log)
    epochs = [record for record in records if record["kind"] == "epoch"]
    steps = [record for record in records if record["kind"] == "step"]
    fixed = {"kind", "epoch", "step", "training_loss", "validation_loss", "best"}
    scores = [name for name in (epochs[-1] if epochs else {}) if name not in fixed]
    figure = Figure(figsize=(7, 3 + 1.6 * len(scores)), layout="constrained")
    shares = [2.5] + [1.0] * len(scores)
    axes = figure.subplots(1 + len(scores), 1, sharex=True, squeeze=False, height_ratios=shares)
    _draw_losses(axes[0, 0], steps, epochs)
    axes[0, 0].set_title(title)
    for axis, name in zip(axes[1:, 0], scores, strict=True):
        axis.plot([r["epoch"] for r in epochs], [r[name] for r in epochs], ".-", color="tab:green")
        axis.set_ylabel(name.replace("_", " "), fontsize="small")
    axes[-1, 0].set_xlabel("epoch")
    for axis in axes[:, 0]:
        axis.grid(alpha=0.3)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()


def _draw_losses(
    axis: "Axes", steps: list[Mapping[str, Any]], epochs: list[Mapping[str, Any]]
) -> None:
    # The log says the step; where in an epoch it lies follows from the ends of the epochs.
    per_epoch = epochs[0]["step"] if epochs else max([r["step"] for r in steps], default=1)
    axis.plot(
        [r["step"] / per_epoch for r in steps], [r["loss"] for r in steps],
        color="tab:blue", alpha=0.3, linewidth=0.8,
    )  # fmt: skip
    for name, color in (("training_loss", "tab:blue"), ("validation_loss", "tab:orange")):
        points = [(r["epoch"], r[name]) for r in epochs if name in r]
        if points:
            axis.plot(*zip(*points, strict=True), ".-", color=color, label=name.replace("_", " "))
    best = [r for r in epochs if r.get("best")]
    if best:
        epoch, loss = best[-1]["epoch"], best[-1]["validation_loss"]
        axis.plot(epoch, loss, "o", mfc="none", color="tab:red", label=f"best: epoch {epoch}")
    axis.set_ylabel("loss")
    if epochs:
        axis.legend()
