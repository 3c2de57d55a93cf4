"""Checkpoints: round trips, and refusal of everything that is none."""

import io
import json
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from network_samples import make_checkpoint
from safetensors.numpy import load, save

from siamfc.errors import CheckpointError, InputError, OutputError
from siamfc.network import Checkpoint, EmbeddingSpec, Metadata, Normalisation


@pytest.fixture(scope="module")
def content() -> bytes:
    return make_checkpoint().to_bytes()


def with_tensors(content: bytes, **changes: np.ndarray | None) -> bytes:
    """Return the checkpoint with tensors replaced, added or (None) removed; `__` means a dot."""
    changes = {name.replace("__", "."): value for name, value in changes.items()}
    tensors = {**load(content), **changes}
    kept = {name: tensor for name, tensor in tensors.items() if tensor is not None}
    return save(kept, metadata={"siamfc": json.dumps(metadata_of(content))})


def with_metadata(content: bytes, **changes: object) -> bytes:
    return save(load(content), metadata={"siamfc": json.dumps(metadata_of(content) | changes)})


def metadata_of(content: bytes) -> dict:
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return json.loads(header["__metadata__"]["siamfc"])


def with_header(content: bytes, text: bytes) -> bytes:
    size = int.from_bytes(content[:8], "little")
    return len(text).to_bytes(8, "little") + text + content[8 + size :]


def zipped(content: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("archive/data.pkl", content)
    return archive.getvalue()


class Trap:
    """Would create a folder if it were ever unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.mkdir, (self.path,)


def variance(value: float) -> np.ndarray:
    return np.full(96, value, np.float32)


SPEC = {"exemplar_size": 127, "search_size": 255, "response_size": 17, "stride": 8}

HOSTILE = [
    ("empty", lambda _: b"", "expected safetensors"),
    ("seven bytes", lambda c: c[:7], "expected safetensors"),
    ("text", lambda _: b"hello, world, this is no checkpoint", "expected safetensors"),
    ("pickle", lambda _: pickle.dumps(list(range(100))), "got a pickle"),
    ("torch file", lambda _: zipped(b"x" * 100), "got a zip archive"),
    ("truncated header", lambda c: c[:500], "expected safetensors"),
    ("truncated data", lambda c: c[:-1], "expected safetensors"),
    ("longer than it says", lambda c: c + b"\0", "expected safetensors"),
    ("absurd header size", lambda c: b"\xff" * 8 + c[8:], "expected safetensors"),
    ("header of 2 GiB", lambda c: (2**31).to_bytes(8, "little") + c[8:], "expected safetensors"),
    ("header no JSON", lambda c: with_header(c, b"{" * 64), "expected safetensors"),
    ("far too large", lambda c: c + bytes(2**26), "expected at most"),
    ("no metadata", lambda c: save(load(c)), "expected metadata under 'siamfc'"),
    ("wrong metadata", lambda c: save(load(c), metadata={"a": "b"}), "found ['a']"),
    ("other architecture", lambda c: with_metadata(c, architecture="resnet"), "got 'resnet'"),
    ("newer format", lambda c: with_metadata(c, format=2), "update siamfc"),
    ("other colour order", lambda c: with_metadata(c, pixels={"channels": "BGR"}), "pixels:"),
    ("no spec", lambda c: with_metadata(c, spec=None), "spec: expected a JSON object"),
    ("spec incomplete", lambda c: with_metadata(c, spec=SPEC), "context_amount"),
    (
        "spec of other types",
        lambda c: with_metadata(c, spec={**SPEC, "context_amount": "0.5"}),
        "context_amount: expected a number such as 0.5, got '0.5'",
    ),
    (
        "spec that does not fit itself",
        lambda c: with_metadata(c, spec={**SPEC, "response_size": 16, "context_amount": 0.5}),
        "expected a response of 17 cells",
    ),
    (
        "sizes without end",
        lambda c: with_metadata(c, spec={**SPEC, "search_size": 10**9, "context_amount": 0.5}),
        "expected at most 2047",
    ),
    (
        "normalisation that divides by zero",
        lambda c: with_metadata(c, normalisation={"scale": 1.0, "mean": [0] * 3, "std": [0] * 3}),
        "std above 0",
    ),
    (
        "normalisation of one channel",
        lambda c: with_metadata(c, normalisation={"scale": 1.0, "mean": [0], "std": [1]}),
        "mean: expected 3 numbers, got [0]",
    ),
    (
        "metadata of other weights",
        lambda c: with_tensors(c, bias=np.array(1, np.float32)),
        "expected the weights that the metadata describes",
    ),
    ("no bias", lambda c: with_tensors(c, bias=None), "expected a tensor bias"),
    (
        "a tensor too many",
        lambda c: with_tensors(c, extra=np.zeros(3, np.float32)),
        "expected no tensor 'extra'",
    ),
    (
        "a shape",
        lambda c: with_tensors(c, backbone__norm1__bias=np.zeros(95, np.float32)),
        "backbone.norm1.bias: expected the shape (96,), got (95,)",
    ),
    (
        "a type",
        lambda c: with_tensors(c, backbone__norm1__bias=np.zeros(96, np.float16)),
        "'backbone.norm1.bias': expected float32, got F16",
    ),
    (
        "NaN",
        lambda c: with_tensors(c, backbone__norm1__running_var=variance(np.nan)),
        "backbone.norm1.running_var: expected finite values",
    ),
    (
        "infinity",
        lambda c: with_tensors(c, backbone__norm1__running_var=variance(np.inf)),
        "expected finite values",
    ),
    (
        "variance below zero",
        lambda c: with_tensors(c, backbone__norm1__running_var=variance(-1)),
        "expected variances, found -1.0",
    ),
    (
        "gain beyond float32",
        lambda c: with_tensors(c, log_gain=np.array(90, np.float32)),
        "log_gain: expected a small number, got 90.0",
    ),
]


@pytest.mark.parametrize(
    ("spoil", "message"), [pytest.param(*row[1:], id=row[0]) for row in HOSTILE]
)
def test_an_invalid_checkpoint_is_refused_in_one_line(spoil, message, content, tmp_path):
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(spoil(content))
    with pytest.raises(CheckpointError) as caught:
        Checkpoint.load(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert message in text
    assert "\n" not in text
    assert len(text) < len(str(path)) + 300


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_is_unpickled(protocol, tmp_path):
    path, folder = tmp_path / "trap.safetensors", tmp_path / "sprung"
    path.write_bytes(pickle.dumps(Trap(folder), protocol=protocol))
    with pytest.raises(CheckpointError):
        Checkpoint.load(path)
    assert not folder.exists()
    pickle.loads(path.read_bytes())
    assert folder.exists(), "the trap does not work, so the test shows nothing"


@pytest.mark.parametrize("name", ["missing.safetensors", "."])
def test_a_path_that_cannot_be_read_is_named(name, tmp_path):
    with pytest.raises(CheckpointError, match="cannot be read"):
        Checkpoint.load(tmp_path / name)


def test_a_checkpoint_reads_back_unchanged(checkpoint, tmp_path):
    path = tmp_path / "runs" / "1" / "best.safetensors"
    checkpoint.save(path)
    found = Checkpoint.load(path)
    assert found.metadata == checkpoint.metadata
    for name, tensor in checkpoint.tensors.items():
        assert np.array_equal(found.tensors[name], tensor), name
        assert found.tensors[name].shape == tensor.shape
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_equal_checkpoints_give_equal_bytes():
    assert make_checkpoint().to_bytes() == make_checkpoint().to_bytes()


def test_an_existing_file_is_kept_unless_overwrite_is_set(checkpoint, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists"):
        checkpoint.save(path)
    assert path.read_bytes() == b"mine"
    checkpoint.save(path, overwrite=True)
    assert Checkpoint.load(path).metadata == checkpoint.metadata


def test_a_write_that_fails_leaves_nothing(checkpoint, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OutputError, match="No space left on device"):
        checkpoint.save(tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())


def test_the_digest_covers_the_weights_and_their_input(checkpoint):
    def digest(tensors=checkpoint.tensors, **changes):
        metadata = replace(checkpoint.metadata, digest="", **changes)
        return Checkpoint(tensors=tensors, metadata=metadata).metadata.digest

    original = checkpoint.metadata.digest
    assert len(original) == 64
    assert digest(card={"name": "other"}) == original
    assert digest(normalisation=Normalisation()) != original
    assert digest(spec=EmbeddingSpec(context_amount=0.25)) != original
    bias = checkpoint.tensors["bias"] + np.float32(1e-3)
    assert digest({**checkpoint.tensors, "bias": bias}) != original


@pytest.mark.parametrize("card", [{"loss": float("nan")}, {"when": object()}])
def test_a_card_that_json_cannot_hold_is_refused(card):
    with pytest.raises(InputError, match="card: expected what JSON can hold"):
        Metadata(card=card).to_json()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a JSON object"),
        ("[1]", "metadata: expected a JSON object, got"),
        ("[" * 100_000, "expected a JSON object"),
        ("NaN", "expected a JSON object"),
    ],
)
def test_invalid_metadata_is_refused(text, message):
    with pytest.raises(CheckpointError, match=message):
        Metadata.from_json(text)


def test_metadata_with_a_digest_of_another_type_is_refused(checkpoint):
    record = json.loads(checkpoint.metadata.to_json())
    with pytest.raises(CheckpointError, match="digest: expected a text, got 3"):
        Metadata.from_json(json.dumps(record | {"digest": 3}))
