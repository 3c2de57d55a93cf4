"""Formats of annotation as other packages read them; skipped where a package isn't installed."""

import json
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


def save_images(folder: Path) -> Path:
    """Save the images that belong to WRITTEN, which a reader opens, and return their folder."""
    folder.mkdir()
    for frame in range(3):
        Image.new("RGB", WRITTEN.size).save(folder / f"{frame:06d}.png")
    return folder


def test_supervision_reads_yolo(tmp_path: Path) -> None:
    supervision = pytest.importorskip("supervision", reason="supervision isn't installed")
    write_annotation(tmp_path / "boxes", WRITTEN, format="yolo")
    images = save_images(tmp_path / "boxes" / "images")
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


def test_supervision_reads_voc(tmp_path: Path) -> None:
    supervision = pytest.importorskip("supervision", reason="supervision isn't installed")
    write_annotation(tmp_path / "boxes", WRITTEN, format="voc")
    images = save_images(tmp_path / "boxes" / "JPEGImages")
    found = supervision.DetectionDataset.from_pascal_voc(
        str(images), str(tmp_path / "boxes" / "Annotations")
    )
    for path, detections in found.annotations.items():
        for corners, number in zip(detections.xyxy, detections.class_id, strict=True):
            target = WRITTEN.labels.index(found.classes[number])
            x, y, w, h = BOXES[int(Path(path).stem), target]
            np.testing.assert_allclose(corners, [x, y, x + w, y + h], atol=0.51)
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


def test_fiftyone_reads_coco(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its importer alone: a data set of it needs a database."""
    monkeypatch.setenv("FIFTYONE_DO_NOT_TRACK", "1")
    coco = pytest.importorskip("fiftyone.utils.coco", reason="fiftyone isn't installed")
    write_annotation(tmp_path / "labels.json", WRITTEN)
    (tmp_path / "data").mkdir()
    for frame in range(3):
        Image.new("RGB", (64, 48)).save(tmp_path / "data" / f"{frame:06d}.png")
    found = []
    with coco.COCODetectionDatasetImporter(dataset_dir=str(tmp_path)) as importer:
        for path, _, labels in importer:
            for one in labels["detections"].detections:
                found.append((int(Path(path).stem), one["track_id"] - 1, one.label))
                box = np.array(one.bounding_box) * [64, 48, 64, 48]
                np.testing.assert_allclose(box, BOXES[found[-1][:2]])
    assert sorted(found) == [(*at, WRITTEN.labels[at[1]]) for at in SEEN]


def test_trackeval_finds_no_fault_with_the_same_boxes(tmp_path: Path) -> None:
    trackeval = pytest.importorskip("trackeval", reason="trackeval isn't installed")
    people = VideoAnnotation(
        frames=WRITTEN.frames,
        boxes=BOXES,
        labels=("pedestrian", "pedestrian"),
        video="clip.mp4",
        size=(64, 48),
        frame_rate=25.0,
    )
    (tmp_path / "truth").mkdir()
    (tmp_path / "trackers" / "ours" / "data").mkdir(parents=True)
    write_annotation(tmp_path / "truth" / "clip", people, format="mot")
    write_annotation(tmp_path / "trackers/ours/data/clip.txt", people, format="mot")
    settings = {
        "GT_FOLDER": str(tmp_path / "truth"),
        "TRACKERS_FOLDER": str(tmp_path / "trackers"),
        "SEQ_INFO": {"clip": None},
        "SKIP_SPLIT_FOL": True,
        "PRINT_CONFIG": False,
    }
    data_set = trackeval.datasets.MotChallenge2DBox(settings)
    data = data_set.get_preprocessed_seq_data(
        data_set.get_raw_seq_data("ours", "clip"), "pedestrian"
    )
    assert (data["num_timesteps"], data["num_gt_dets"], data["num_gt_ids"]) == (3, len(SEEN), 2)
    scores = trackeval.metrics.HOTA().eval_sequence(data)
    np.testing.assert_allclose(scores["HOTA"], 1)
    np.testing.assert_allclose(scores["LocA"], 1)


LABELLING = """<View>
  <VideoRectangle name="box" toName="video"/>
  <Labels name="label" toName="video"><Label value="person"/><Label value="car"/></Labels>
  <Video name="video" value="$video"/>
</View>"""


def test_label_studio_reads_its_task(tmp_path: Path) -> None:
    interface = pytest.importorskip(
        "label_studio_sdk.label_interface", reason="label-studio-sdk isn't installed"
    )
    from label_studio_sdk._extensions.label_studio_tools.postprocessing import video

    write_annotation(tmp_path / "boxes.json", WRITTEN, format="label-studio")
    (task,) = json.loads((tmp_path / "boxes.json").read_text())
    (annotation,) = task["annotations"]
    regions = annotation["result"]
    assert interface.LabelInterface(LABELLING).validate_annotation(annotation)
    for target, region in enumerate(video.extract_key_frames(regions)):
        drawn = {one["frame"] - 1: one for one in region["value"]["sequence"]}
        assert sorted(drawn) == [frame for frame, seen in sorted(SEEN) if seen == target]
        for frame, one in drawn.items():
            box = [one[name] for name in ("x", "y", "width", "height")] * np.array([64, 48] * 2)
            np.testing.assert_allclose(box / 100, BOXES[frame, target], atol=1e-4)
