"""Formats of annotation as other packages read them; skipped where a package isn't installed."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from siamfc.annotations import VideoAnnotation, write_annotation

GONE = [np.nan] * 4
BOXES = np.array(
    [
        [[10.25, 20, 8, 6], [40, 8.5, 12, 9]],
        [[11.5, 21, 8, 6.5], GONE],
        [GONE, [42, 9.75, 12, 9]],
    ]
)
WRITTEN = VideoAnnotation(
    frames=np.arange(3),
    boxes=BOXES,
    labels=("person", "car"),
    video="clip.mp4",
    size=(64, 48),
    frame_rate=25.0,
)
SEEN = [(0, 0), (0, 1), (1, 0), (2, 1)]
"""Frame and target of each box."""


def test_pycocotools_reads_coco(tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools isn't installed")
    write_annotation(tmp_path / "boxes.json", WRITTEN)
    content = coco.COCO(str(tmp_path / "boxes.json"))
    found = content.loadAnns(content.getAnnIds())
    assert [(one["image_id"] - 1, one["track_id"] - 1) for one in found] == SEEN
    np.testing.assert_allclose([one["bbox"] for one in found], [BOXES[at] for at in SEEN])
    assert [one["name"] for one in content.loadCats(content.getCatIds())] == ["person", "car"]


@pytest.mark.parametrize(
    ("file", "form"), [("boxes.txt", "mot15-2D"), ("boxes/gt/gt.txt", "mot16")]
)
def test_motmetrics_reads_mot(tmp_path: Path, file: str, form: str) -> None:
    motmetrics = pytest.importorskip("motmetrics", reason="motmetrics isn't installed")
    write_annotation(tmp_path / file.partition("/")[0], WRITTEN, format="mot")
    table = motmetrics.io.loadtxt(str(tmp_path / file), fmt=form).reset_index()
    found = table.sort_values(["FrameId", "Id"])
    assert list(zip(found.FrameId - 1, found.Id - 1, strict=True)) == SEEN
    boxes = found[["X", "Y", "Width", "Height"]].to_numpy()
    np.testing.assert_allclose(boxes, [BOXES[at] for at in SEEN], atol=0.0051)


def test_supervision_reads_yolo(tmp_path: Path) -> None:
    supervision = pytest.importorskip("supervision", reason="supervision isn't installed")
    write_annotation(tmp_path / "boxes", WRITTEN, format="yolo")
    images = tmp_path / "boxes" / "images"
    images.mkdir()
    for frame in range(3):
        Image.new("RGB", (64, 48)).save(images / f"{frame:06d}.png")
    found = supervision.DetectionDataset.from_yolo(
        str(images), str(tmp_path / "boxes" / "labels"), str(tmp_path / "boxes" / "data.yaml")
    )
    assert found.classes == ["person", "car"]
    for path, detections in found.annotations.items():
        frame = int(Path(path).stem)
        for corners, target in zip(detections.xyxy, detections.class_id, strict=True):
            x, y, w, h = BOXES[frame, target]
            np.testing.assert_allclose(corners, [x, y, x + w, y + h], atol=1e-3)
    assert sum(map(len, found.annotations.values())) == len(SEEN)


def test_datumaro_reads_cvat(tmp_path: Path) -> None:
    datumaro = pytest.importorskip("datumaro", reason="datumaro isn't installed")
    write_annotation(tmp_path / "boxes.xml", WRITTEN)
    found = [
        (int(item.attributes["frame"]), one.attributes["track_id"] - 1, one.get_bbox())
        for item in datumaro.Dataset.import_from(str(tmp_path / "boxes.xml"), "cvat")
        for one in item.annotations
        if not one.attributes["outside"]
    ]
    assert sorted(one[:2] for one in found) == SEEN
    for frame, target, box in found:
        np.testing.assert_allclose(box, BOXES[frame, target], atol=0.011)
