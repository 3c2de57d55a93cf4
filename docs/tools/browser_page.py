"""The page that tracks in the browser, put together from its parts.

    npm ci --prefix js --ignore-scripts
    python docs/tools/browser_page.py build/page

The program and the style are the repository's; the weights are exported and a sample video is
made here; the runtime is onnxruntime-web's, which npm installs. A static host of any kind can
serve the result. MkDocs makes it part of the documentation: see `generated_pages`.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from siamfc.frames import open_writer
from siamfc.network import DEFAULT_WEIGHTS, export_weights, load_checkpoint
from siamfc.synthetic.clip import ClipSettings, ProceduralClip

ROOT = Path(__file__).parents[2]
JS = ROOT / "js"
STATIC = ROOT / "src" / "siamfc" / "web" / "static"
RUNTIME = (
    "ort.wasm.bundle.min.mjs",
    "ort-wasm-simd-threaded.wasm",
    "ort.webgpu.bundle.min.mjs",
    "ort-wasm-simd-threaded.asyncify.wasm",
)
SAMPLE = ClipSettings(frames=120, seed=2)


def assemble(folder: Path, modules: Path = JS / "node_modules") -> bool:
    """Write the page into a folder, which is made if needed.

    Args:
        folder: of the page.
        modules: where npm has installed onnxruntime-web.

    Returns:
        Whether the runtime was there; without it the page can be looked at, but not track.
    """
    package = folder / "siamfc-web"
    shutil.copytree(JS / "page", folder, dirs_exist_ok=True)
    shutil.copytree(JS / "src", package / "src", dirs_exist_ok=True)
    shutil.copy(JS / "package.json", package)
    for name in ("style.css", "icon.svg"):
        shutil.copy(STATIC / name, folder)
    (package / "weights").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as exported:
        export_weights(load_checkpoint(DEFAULT_WEIGHTS), exported)
        for name in ("exemplar.onnx", "track.onnx"):
            shutil.copy(Path(exported, name), package / "weights")
    with open_writer(folder / "sample.mp4", frame_rate=25, overwrite=True) as writer:
        for index, image in enumerate(ProceduralClip(SAMPLE)):
            writer.write(image, index / 25)
    source = modules / "onnxruntime-web"
    if not source.is_dir():
        return False
    for name in RUNTIME:
        shutil.copy(source / "dist" / name, folder / "runtime")
    return True


if __name__ == "__main__":
    if not assemble(Path(sys.argv[1])):
        sys.exit("expected onnxruntime-web in js/node_modules: npm ci --prefix js --ignore-scripts")
