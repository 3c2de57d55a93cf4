"""Third-party graphs run only if they differ from those of `siamfc export` in weights alone."""

import numpy as np
import onnx
import pytest
from network_samples import make_checkpoint, make_light_checkpoint
from onnx import TensorProto, helper, numpy_helper

from siamfc.errors import CheckpointError
from siamfc.network import export_weights, load_matcher, onnx_runtime
from siamfc.network.protobuf import decode


def add_loop(model):
    body = helper.make_graph(
        [helper.make_node("Identity", ["on"], ["still_on"])],
        "body",
        [
            helper.make_tensor_value_info("number", TensorProto.INT64, []),
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("still_on", TensorProto.BOOL, [])],
    )
    model.graph.node.append(helper.make_node("Loop", ["", "yes"], [], body=body))


def add_giant_constant(model):
    add_constant(model, "giant", np.array([2**40], np.int64))
    model.graph.node.append(helper.make_node("ConstantOfShape", ["giant"], ["zeros"]))


def double_its_features(model):
    node = next(node for node in model.graph.node if node.op_type == "Relu")
    model.graph.node.append(helper.make_node("Concat", [node.output[0]] * 99, ["x"], axis=1))


def pad_without_bounds(model):
    node = next(node for node in model.graph.node if node.op_type == "Conv")
    del node.attribute[:]
    node.attribute.append(helper.make_attribute("pads", [2**30] * 4))


def enlarge_a_reshape(model):
    sizes = next((c for c in model.graph.initializer if c.data_type == TensorProto.INT64), None)
    if sizes is None:  # SiamFC's exemplar graph has none
        return enlarge_a_weight(model)
    values = numpy_helper.to_array(sizes) * 2
    return sizes.CopyFrom(numpy_helper.from_array(values, sizes.name))


def read_another_file(model):
    constant = model.graph.initializer[0]
    constant.ClearField("raw_data")
    constant.data_location = TensorProto.EXTERNAL
    entry = constant.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"


def call_a_function(model):
    model.functions.append(
        helper.make_function("own", "Twice", ["x"], ["y"], [], [helper.make_opsetid("", 17)])
    )


def enlarge_a_weight(model):
    weight = next(c for c in model.graph.initializer if len(c.dims) == 4)
    values = numpy_helper.to_array(weight).repeat(2, 0)
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))


def have_a_weight_without_value(model):
    weight = next(c for c in model.graph.initializer if len(c.dims) == 4)
    values = np.full_like(numpy_helper.to_array(weight), np.nan)
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))


def take_another_opset(model):
    model.opset_import[0].version = 9


def add_constant(model, name, value):
    model.graph.initializer.append(numpy_helper.from_array(value, name))


CHANGES = [
    (add_loop, "only the operators that `siamfc export` writes, got 'Loop'"),
    (add_giant_constant, "got 'ConstantOfShape'"),
    (double_its_features, "got 'Concat'"),
    (pad_without_bounds, "got 'Conv'"),
    (enlarge_a_reshape, "expected the graph that"),
    (read_another_file, "expected the graph that"),
    (call_a_function, "expected the graph that"),
    (enlarge_a_weight, "expected the graph that"),
    (have_a_weight_without_value, "NaN or infinity among its values"),
    (take_another_opset, "expected the graph that"),
]


@pytest.fixture(scope="module", params=[make_checkpoint, make_light_checkpoint])
def folder(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    export_weights(request.param(), folder)
    return folder


@pytest.fixture
def unrun(monkeypatch):
    """Fail if a graph reaches ONNX Runtime."""

    def fail(*_):
        raise AssertionError("it was loaded")

    monkeypatch.setattr(onnx_runtime, "_open", fail)


@pytest.mark.usefixtures("unrun")
@pytest.mark.parametrize("name", ["exemplar.onnx", "search.onnx"])
@pytest.mark.parametrize(
    ("change", "message"), [pytest.param(*row, id=row[0].__name__) for row in CHANGES]
)
def test_another_graph_is_refused_before_it_is_loaded(change, message, name, folder):
    path = folder / name
    content = path.read_bytes()
    model = onnx.load_from_string(content)
    change(model)
    path.write_bytes(model.SerializeToString())
    try:
        with pytest.raises(CheckpointError, match=message) as caught:
            load_matcher(folder, device="cpu", threads=1)
    finally:
        path.write_bytes(content)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("unrun")
@pytest.mark.parametrize("name", ["exemplar.onnx", "search.onnx"])
def test_a_damaged_file_is_refused_in_one_line(name, folder):
    path = folder / name
    content = path.read_bytes()
    random = np.random.default_rng(1)
    damaged = [content[: len(content) // 2], b"", b"\xff" * 40, content + b"\x0a"]
    for _ in range(20):  # in its nodes; a bit of a weight may be anything
        changed = bytearray(content)
        changed[int(random.integers(12, 400))] ^= 1 << int(random.integers(8))
        damaged.append(bytes(changed))
    try:
        for each in damaged:
            path.write_bytes(each)
            with pytest.raises(CheckpointError) as caught:
                load_matcher(folder, device="cpu", threads=1)
            assert "\n" not in str(caught.value)
    finally:
        path.write_bytes(content)


def test_runtime_errors_are_checkpoint_errors(folder):
    matcher = load_matcher(folder, device="cpu", threads=1)
    with pytest.raises(CheckpointError, match=r"ONNX Runtime cannot run these weights: .*nothing"):
        onnx_runtime._run(matcher._search_session, {"nothing": np.zeros(1)})


@pytest.mark.parametrize("message", [b"\x80" * 11, b"\x0a\x05ab", b"\x0b", b"\x08"])
def test_invalid_protobuf_is_refused(message):
    with pytest.raises(ValueError, match="invalid protobuf"):
        list(decode(message))
