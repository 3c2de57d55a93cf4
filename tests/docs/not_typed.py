"""Parts of the documentation that a test cannot type, each with its reason, or types shorter."""

NOT_RUN = {
    "pip install": "changes the environment that the tests run in",
    "python3 -m venv": "takes minutes; .ci/run does it",
    "siamfc serve": "serves until it is stopped; tests/web does it",
    "siamfc track (without a box)": "opens the page; tests/web does it",
    "siamfc track 0": "needs a camera",
    "siamfc track rtsp:": "needs a stream",
    "siamfc train light": "needs a GPU",
    "siamfc curate vid /data/ILSVRC2015": "needs ILSVRC2015",
    "siamfc curate --check vid /data/ILSVRC2015": "needs ILSVRC2015",
    "siamfc curate --verify vid.store": "needs the store of the line above it",
    "siamfc report runs/ours published/KCF": "needs somebody's results; tests/report does it",
    "siamfc compare": "needs OpenCV; tests/cli/test_compare.py does it",
    "siamfc experiment": "takes hours; tests/experiments does it in little",
    "dask": "a scheduler and workers; tests/crops/test_curation_cluster.py has its own",
    "torchrun": "needs several GPUs; tests/training/test_process_group.py does it without",
    "vot": "needs the VOT toolkit",
    "python benchmarks/training.py": "needs a GPU; tests/training runs it in little",
    "python benchmarks/light.py": "needs OpenCV and somebody's sequences",
    "python benchmarks/report.py": "takes minutes; tests/docs/test_performance.py writes its parts",
    "python benchmarks/nanotrack_layers.py": "tests/network/test_nanotrack_layers.py does it",
    "python -m pytest": "these are the tests",
    "npm ci": "installs from the network; tests/js needs what it installs",
    "python docs/tools/browser_page.py": "needs what npm installs; tests/js does it",
    "c++": "test_deploy.py does it, where there is a compiler and the headers",
    "rustc": "test_deploy.py does it, where there is a compiler",
    "ffmpeg": "test_deploy.py writes the same file",
    "./track": "test_deploy.py does it",
    "python track_onnx.py": "test_deploy.py does it",
}
"""Beginnings of commands."""

NOT_RUN_PYTHON = {
    "from dask_jobqueue import SLURMCluster": "needs SLURM",
    "from got10k.experiments": "needs the toolkit and its data set",
    "siamfc.track(0, ": "needs a camera",
    'from_pretrained("hf://': "downloads; tests/network/test_hub.py does it with a fake",
    "import cv2": "needs OpenCV and a display; tests/evaluation has its colours",
    "import fiftyone as fo": "needs FiftyOne, which brings a database",
    "import supervision": "needs supervision; tests/evaluation/test_toolkits.py does it",
    'Store("vid.store")': "needs ILSVRC2015; tests/crops/test_store.py does it",
    'read_trackers("published", sequences)': "needs somebody's results; tests/report does it",
}
"""Parts of Python blocks."""

FEW_PAIRS = [
    *("--set", "pairs_per_epoch=4", "--set", "batch=2", "--set", "epochs=1"),
    *("--set", "validation_pairs=2", "--set", "validation_batch=2"),
]
SHORTER = {
    "siamfc demo": ["--frames", "6"],
    "siamfc synth clip video.mp4 --frames 40": ["--frames", "6"],
    "siamfc train tiny": FEW_PAIRS,
    "siamfc train finetune": [
        *FEW_PAIRS,
        *("--set", "data.workers=0", "--set", "data.procedural.textures.count=4"),
        *("--set", "calibration_pairs=2"),
    ],
}
"""Words that are typed in addition, or in place of the same flag; minutes become seconds."""
