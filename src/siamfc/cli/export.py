"""`siamfc export`."""

from siamfc.cli.console import print_json
from siamfc.cli.parameters import Flag, Json, Out
from siamfc.network import DEFAULT_WEIGHTS, export_weights, load_checkpoint


def export(
    *,
    out: Out,
    weights: str = DEFAULT_WEIGHTS,
    overwrite: Flag = False,
    json: Json = False,
) -> int:
    """Write weights as ONNX graphs for deployment.

    The folder gets exemplar.onnx and search.onnx and, for weights that predict boxes, track.onnx,
    which also chooses a box; model.json, which describes them; and the checkpoint itself. `siamfc
    track --weights FOLDER` accepts it.

    Parameters
    ----------
    out
        The folder to write.
    weights
        A name that `siamfc models` lists, a checkpoint (.safetensors), or a folder of weights.
    overwrite
        Replace an existing folder.
    """
    checkpoint = load_checkpoint(weights)
    paths = export_weights(checkpoint, out, overwrite=overwrite)
    if json:
        digest = checkpoint.metadata.digest
        print_json({"digest": digest, "files": {str(path): path.stat().st_size for path in paths}})
    else:
        for path in paths:
            print(f"{path}  {path.stat().st_size / 1e6:.1f} MB")
    return 0
