"""Small good input of every kind, from which mutations are made."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

FRAMES, WIDTH, HEIGHT = 6, 64, 48
BOX = (10, 12, 20, 16)
BOXES = [(10 + 2 * frame, 12, 20, 16) for frame in range(FRAMES)]
LINES = "".join(f"{x + 1},{y + 1},{w},{h}\n" for x, y, w, h in BOXES)

Files = dict[str, bytes]
"""Content by path."""


def images() -> list[np.ndarray]:
    """A textured square that goes to the right."""
    random = np.random.default_rng(0)
    ground = random.integers(40, 90, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    square = random.integers(120, 255, (16, 20, 3), dtype=np.uint8)
    made = []
    for x, y, w, h in BOXES:
        image = ground.copy()
        image[y : y + h, x : x + w] = square
        made.append(image)
    return made


def image_file(kind: str, index: int = 0, **options: object) -> bytes:
    """One of them as a file."""
    buffer = io.BytesIO()
    Image.fromarray(images()[index]).save(buffer, kind, **options)
    return buffer.getvalue()


def numbered(folder: str, pattern: str, first: int = 1, kind: str = "PNG") -> Files:
    """All of them as files of a folder."""
    return {
        f"{folder}/{pattern % (first + index)}": image_file(kind, index) for index in range(FRAMES)
    }


def video_files() -> Files:
    """The frames in the containers and codecs that people have."""
    from fractions import Fraction

    import av

    files: Files = {}
    kinds = (
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mkv", "libx264", "yuv420p"),
        ("a.ts", "libx264", "yuv420p"),
        ("a.avi", "mjpeg", "yuvj420p"),
        ("a.mov", "mjpeg", "yuvj420p"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.gif", "gif", "rgb8"),
        ("a.y4m", "wrapped_avframe", "yuv420p"),
    )
    for name, codec, pixels in kinds:
        buffer = io.BytesIO()
        form = {"ts": "mpegts", "y4m": "yuv4mpegpipe", "mkv": "matroska"}
        suffix = name.rpartition(".")[2]
        with av.open(buffer, "w", format=form.get(suffix, suffix)) as out:
            stream = out.add_stream(codec, rate=Fraction(25))
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixels
            for index, image in enumerate(images()):
                frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pixels)
                frame.pts = index
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        files[name] = buffer.getvalue()
    return files


def image_files() -> Files:
    """One picture in every format, and moving ones."""
    kinds = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "TGA", "PPM", "JPEG2000")
    suffixes = {"JPEG": "jpg", "JPEG2000": "jp2", "TIFF": "tif"}
    files = {
        f"{kind.lower()}.{suffixes.get(kind, kind.lower())}": image_file(kind) for kind in kinds
    }
    pictures = [Image.fromarray(image) for image in images()]
    for name, kind in (("moving.webp", "WEBP"), ("moving.png", "PNG"), ("pages.tif", "TIFF")):
        buffer = io.BytesIO()
        pictures[0].save(buffer, kind, save_all=True, append_images=pictures[1:])
        files[name] = buffer.getvalue()
    deep = Image.fromarray(images()[0][..., 0].astype(np.uint16) * 257)
    for mode, name in (("P", "palette.png"), ("L", "grey.png"), ("RGBA", "alpha.png")):
        buffer = io.BytesIO()
        pictures[0].convert(mode).save(buffer, "PNG")
        files[name] = buffer.getvalue()
    buffer = io.BytesIO()
    deep.save(buffer, "PNG")
    return {**files, "deep.png": buffer.getvalue()}


def cvat(meta: str = "") -> bytes:
    """An annotation as CVAT exports it."""
    boxes = "".join(
        f'<box frame="{frame}" keyframe="1" outside="0" occluded="0" xtl="{x}" ytl="{y}" '
        f'xbr="{x + w}" ybr="{y + h}" rotation="10.0" z_order="0"></box>\n'
        for frame, (x, y, w, h) in enumerate(BOXES)
    )
    size = f"<original_size><width>{WIDTH}</width><height>{HEIGHT}</height></original_size>"
    head = f"<meta><task><size>{FRAMES}</size>{meta}{size}</task></meta>"
    polygon = '<polygon frame="0" outside="0" points="1,1;9,1;9,9" z_order="0"></polygon>'
    tracks = f'<track id="0" label="a">{boxes}</track><track id="1" label="b">{polygon}</track>'
    return f'<?xml version="1.0"?><annotations>\n{head}\n{tracks}</annotations>'.encode()


def cocovid() -> bytes:
    """An annotation of videos in COCO's form."""
    frames = range(FRAMES)
    content = {
        "categories": [{"id": 1, "name": "a"}],
        "videos": [{"id": 1, "name": "v"}],
        "images": [
            {"id": n + 1, "video_id": 1, "frame_id": n, "file_name": f"{n + 1:04d}.png"}
            | {"width": WIDTH, "height": HEIGHT}
            for n in frames
        ],
        "annotations": [
            {"id": n, "image_id": n + 1, "video_id": 1, "category_id": 1, "track_id": 1}
            | {"instance_id": 1, "bbox": list(BOXES[n]), "area": 320, "iscrowd": 0}
            for n in frames
        ],
    }
    return json.dumps(content).encode()


def _labelme() -> Files:
    files = numbered("v", "%04d.png")
    for index, (x, y, w, h) in enumerate(BOXES):
        one = {"label": "a", "points": [[x, y], [x + w, y + h]], "group_id": None}
        two = {"label": "b", "points": [[3, 3], [9, 9]], "group_id": 2, "shape_type": "circle"}
        shapes = [{**one, "shape_type": "rectangle", "flags": {}}, two]
        files[f"v/{index + 1:04d}.json"] = json.dumps({"shapes": shapes}).encode()
    return files


def _mot() -> Files:
    rows = [f"{n + 1},1,{x + 1},{y + 1},{w},{h},1,1,1\n" for n, (x, y, w, h) in enumerate(BOXES)]
    information = (
        f"[Sequence]\nname=v\nimDir=img1\nframeRate=25\nseqLength={FRAMES}\n"
        f"imWidth={WIDTH}\nimHeight={HEIGHT}\n"
    )
    text = {"v/gt/gt.txt": "".join(rows).encode(), "v/seqinfo.ini": information.encode()}
    return {**numbered("v/img1", "%06d.png"), **text}


def _vid() -> Files:
    files = numbered("Data/VID/val/v", "%06d.JPEG", 0, "JPEG")
    for n, (x, y, w, h) in enumerate(BOXES):
        edges = (("xmin", x), ("ymin", y), ("xmax", x + w), ("ymax", y + h))
        box = "".join(f"<{name}>{value}</{name}>" for name, value in edges)
        item = f"<trackid>0</trackid><name>n</name><occluded>0</occluded><bndbox>{box}</bndbox>"
        size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height></size>"
        text = f"<annotation>{size}\n<object>{item}</object></annotation>"
        files[f"Annotations/VID/val/v/{n:06d}.xml"] = text.encode()
    return files


def _davis() -> Files:
    files = numbered("JPEGImages/480p/v", "%05d.jpg", 0, "JPEG")
    for n, (x, y, w, h) in enumerate(BOXES):
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        mask[y : y + h, x : x + w] = 1
        buffer = io.BytesIO()
        Image.fromarray(mask).save(buffer, "PNG")
        files[f"Annotations/480p/v/{n:05d}.png"] = buffer.getvalue()
    return {**files, "ImageSets/2017/val.txt": b"v\n"}


def _coco() -> Files:
    annotation = {"image_id": 1, "bbox": list(BOX), "iscrowd": 0, "category_id": 1}
    image = {"id": 1, "file_name": "1.jpg", "width": WIDTH, "height": HEIGHT}
    content = {"images": [image], "annotations": [annotation]}
    return {
        "val2017/1.jpg": image_file("JPEG"),
        "annotations/instances_val2017.json": json.dumps(content).encode(),
    }


def _nfs() -> Files:
    rows = [f'0 {x} {y} {x + w} {y + h} {n} 0 0 1 "a"\n' for n, (x, y, w, h) in enumerate(BOXES)]
    return {**numbered("v/30/v", "%05d.png"), "v/30/v.txt": "".join(rows).encode()}


def _got10k() -> Files:
    flags = ("0\n" * FRAMES).encode()
    return {
        **numbered("val/v", "%08d.png"),
        "val/list.txt": b"v\n",
        "val/v/groundtruth.txt": LINES.encode(),
        "val/v/absence.label": flags,
        "val/v/cover.label": flags.replace(b"0", b"8"),
        "val/v/cut_by_image.label": flags,
    }


def _vot() -> Files:
    lines = LINES.splitlines()
    lines[1] = "12,13,32,13,32,29,12,29"
    lines[2] = "m2,3,4,3,1,2,1,3,1,4"
    flags = ("0\n" * FRAMES).encode()
    return {
        **numbered("v/color", "%08d.png"),
        "list.txt": b"v\n",
        "v/groundtruth.txt": "\n".join(lines).encode(),
        "v/occlusion.tag": flags,
    }


def _by_lines(images_in: str, pattern: str, annotation: str) -> Callable[[], Files]:
    return lambda: {**numbered(images_in, pattern), annotation: LINES.encode()}


DATA_SETS: dict[str, Callable[[], Files]] = {
    "otb": _by_lines("v/img", "%04d.png", "v/groundtruth_rect.txt"),
    "lasot": lambda: {
        **numbered("cat/cat-1/img", "%08d.png"),
        "cat/cat-1/groundtruth.txt": LINES.encode(),
        "cat/cat-1/full_occlusion.txt": b"0,0,0,0,0,1",
        "cat/cat-1/out_of_view.txt": b"0,0,0,0,0,0",
    },
    "got10k": _got10k,
    "trackingnet": lambda: {
        **numbered("TEST/frames/v", "%d.png", 0),
        "TEST/anno/v.txt": LINES.encode(),
    },
    "vot": _vot,
    "uav123": _by_lines("data_seq/UAV123/v", "%06d.png", "anno/UAV123/v.txt"),
    "nfs": _nfs,
    "tcolor128": lambda: {
        **numbered("v/img", "%04d.png"),
        "v/v_gt.txt": LINES.encode(),
        "v/v_frames.txt": f"1,{FRAMES}".encode(),
    },
    "dtb70": _by_lines("v/img", "%05d.png", "v/groundtruth_rect.txt"),
    "davis": _davis,
    "coco": _coco,
    "vid": _vid,
    "mot": _mot,
    "cvat": lambda: {
        **numbered("images", "frame_%06d.png", 0),
        "annotations.xml": cvat("<start_frame>0</start_frame>"),
    },
    "labelme": _labelme,
    "cocovid": lambda: {**numbered(".", "%04d.png"), "a.json": cocovid()},
    "frames": _by_lines("v", "%04d.png", "v/boxes.txt"),
}
"""A data set in each layout."""


def result_files(folder: Path) -> Files:
    """A track in every format that `siamfc track --results` writes."""
    from siamfc.cli.app import run

    source = folder / "frames"
    source.mkdir()
    for name, content in numbered("x", "%04d.png").items():
        (source / Path(name).name).write_bytes(content)
    command = ["track", str(source), "--box", ",".join(map(str, BOX)), "--json", "--results"]
    files: Files = {}
    for name in ("a.csv", "a.jsonl", "a.txt", "a.json", "a.xml"):
        assert run([*command, str(folder / name)]) == 0
        files[name] = (folder / name).read_bytes()
    return files


def evaluated_files(folder: Path) -> Files:
    """Write the results of `siamfc evaluate --out` on the data set in OTB's layout."""
    from siamfc.cli.app import run

    for name, content in DATA_SETS["otb"]().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    out = folder / "results"
    assert run(["evaluate", "otb", str(folder), "--out", str(out)]) == 0
    return {path.name: path.read_bytes() for path in out.iterdir()}
