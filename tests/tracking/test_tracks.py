"""A track: tracked once, iterated repeatedly, and converted to tables, files and videos."""

import math
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import numpy as np
import pytest

from fakes import IdealMatcher
from siamfc.errors import InputError, MissingDependencyError, OutputError, SiamFCError, SourceError
from siamfc.frames import open_source, open_writer
from siamfc.frames.conversion import RgbConverter
from siamfc.tracking import FrameResult, read_results, track
from siamfc.tracking.results import COLUMNS

BOX = (30, 40, 20, 20)
STEP = 8


def picture(shift=0, *, height=120):
    """Return a black square on white, moved to the right."""
    image = np.full((height, 160, 3), 255, np.uint8)
    x, y, w, h = BOX
    image[y : y + h, x + shift : x + shift + w] = 0
    return image


def video(count=5):
    return [picture(STEP * index) for index in range(count)]


class CountingMatcher(IdealMatcher):
    """Counts the frames that were tracked."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def respond(self, exemplars, searches):
        self.count += 1
        return super().respond(exemplars, searches)


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.mp4"
    with open_writer(path, frame_rate=10) as writer:
        for index, image in enumerate(video()):
            writer.write(image, index / 10)
    return path


def test_a_video_is_tracked_without_converting_whole_pictures(clip, monkeypatch):
    def refuse(*_):
        raise AssertionError("a whole picture was converted")

    monkeypatch.setattr(RgbConverter, "__call__", refuse)
    results = list(track(clip, BOX, matcher=IdealMatcher()))
    assert len(results) == len(video())
    assert abs(results[-1].box[0] - BOX[0] - STEP * 4) < 1


class TestArguments:
    def test_one_or_several_boxes_are_accepted_in_any_form(self):
        def last(*arguments, **keywords):
            *_, result = track(video(), *arguments, **keywords, matcher=IdealMatcher())
            return result.boxes

        one = last(box=BOX)
        assert one.shape == (1, 4)
        for several in (last(boxes=[BOX]), last([BOX]), last(BOX), last(box=np.array(BOX))):
            np.testing.assert_array_equal(several, one)
        np.testing.assert_array_equal(last(boxes=[BOX, BOX]), np.concatenate([one, one]))

    @pytest.mark.parametrize(
        ("keywords", "part"),
        [
            ({}, "got neither"),
            ({"box": BOX, "boxes": [BOX]}, "got both"),
            ({"box": [BOX, BOX]}, r"shape \(2, 4\)"),
            ({"box": (1, 2, 3)}, "got 3 numbers"),
        ],
    )
    def test_invalid_boxes_are_refused_at_once(self, keywords, part):
        with pytest.raises(InputError, match=part):
            track("missing.mp4", **keywords)

    def test_an_invalid_source_is_refused_at_once(self):
        with pytest.raises(InputError, match="a source is a file, folder"):
            track(1.5, box=BOX)

    def test_pictures_may_be_a_list_a_stack_or_a_generator(self):
        matcher = IdealMatcher()
        tracks = [
            track(source, box=BOX, matcher=matcher).to_rows()
            for source in (video(), np.stack(video()), iter(video()), open_source(video()))
        ]
        for other in tracks[1:]:
            assert str(other) == str(tracks[0])  # as text, for NaN is not itself


class TestLoops:
    def test_each_loop_starts_at_the_first_frame_and_tracks_no_frame_twice(self):
        matcher = CountingMatcher()
        found = track(iter(video()), box=BOX, matcher=matcher)
        for result in found:
            if result.index == 2:
                break
        assert matcher.count == 2
        assert [result.index for result in found.results] == [0, 1, 2]
        assert [result.index for result in found] == [0, 1, 2, 3, 4]
        assert [result.index for result in found] == [0, 1, 2, 3, 4]
        assert matcher.count == 4

    def test_two_loops_at_once_see_the_same(self):
        found = track(video(), box=BOX, matcher=IdealMatcher())
        assert all(one is other for one, other in zip(found, found, strict=True))

    def test_several_threads_see_the_same_and_track_no_frame_twice(self):
        matcher = CountingMatcher()
        found = track(video(12), box=BOX, matcher=matcher)
        together = Barrier(4)

        def read(with_frames):
            together.wait()
            if not with_frames:
                return list(found)
            return [result for _, result in found.frames()]

        with ThreadPoolExecutor(4) as pool:
            lists = list(pool.map(read, [False, True, False, True]))
        assert all(one == found.results for one in lists)
        assert [result.index for result in found.results] == list(range(12))
        assert matcher.count == 11

    def test_threads_that_begin_together_open_the_source_once(self, clip, tmp_path, monkeypatch):
        found = track(clip, box=BOX, matcher=IdealMatcher())
        together, second, opened = Barrier(2), Event(), []

        def open_slowly(source, **options):
            opened.append(source)
            if len(opened) > 1:
                second.set()
            second.wait(0.2)  # only a thread that does not wait for this one can end it early
            return open_source(source, **options)

        monkeypatch.setattr("siamfc.frames.open_source", open_slowly)

        def begin(work):
            together.wait()
            work()

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(begin, [lambda: list(found), lambda: found.save(tmp_path / "boxes.csv")]))
        assert len(opened) == 1

    @pytest.mark.parametrize("tracked", [0, 2, 5])
    def test_frames_come_with_their_results_whatever_was_tracked_before(self, clip, tracked):
        found = track(clip, box=BOX, matcher=IdealMatcher())
        for _, _ in zip(range(tracked), found, strict=False):
            pass
        pairs = list(found.frames())
        assert [frame.index for frame, _ in pairs] == [0, 1, 2, 3, 4]
        assert [result.index for _, result in pairs] == [0, 1, 2, 3, 4]
        for (frame, result), image in zip(pairs, video(), strict=True):
            assert np.abs(frame.image.astype(int) - image).mean() < 3
            assert result.time == pytest.approx(frame.time)

    def test_a_loop_over_frames_stays_in_step_when_another_overtakes_it(self, clip):
        found = track(clip, box=BOX, matcher=IdealMatcher())
        pairs = found.frames()
        next(pairs)
        assert len(list(found)) == 5
        assert [(frame.index, result.index) for frame, result in pairs] == [
            (1, 1), (2, 2), (3, 3), (4, 4),
        ]  # fmt: skip

    def test_frames_of_a_generator_cannot_be_read_again(self):
        found = track(iter(video()), box=BOX, matcher=IdealMatcher())
        assert len(list(found)) == 5
        with pytest.raises(SourceError, match="only once, forwards: ask for its frames"):
            list(found.frames())

    def test_a_failed_track_is_never_mistaken_for_a_whole_one(self):
        found = track([*video(3), picture(height=90)], box=BOX, matcher=IdealMatcher())
        for _ in range(2):
            with pytest.raises(SourceError, match="frame 3"):
                found.to_rows()
        assert len(found.results) == 3

    def test_an_interrupted_track_does_not_silently_end(self):
        def frames():
            yield from video(3)
            raise KeyboardInterrupt

        found = track(frames(), box=BOX, matcher=IdealMatcher())
        with pytest.raises(KeyboardInterrupt):
            list(found)
        with pytest.raises(SiamFCError, match="interrupted after 3 frames"):
            found.to_rows()
        assert len(found.results) == 3

    def test_a_closed_track_keeps_its_results(self):
        found = track(video(), box=BOX, matcher=IdealMatcher())
        next(iter(found))
        found.close()
        assert [result.index for result in found] == [0]


class TestPickles:
    @pytest.mark.parametrize("source", ["file", "pictures"])
    def test_a_pickle_has_all_results_and_needs_no_network(self, clip, tmp_path, source):
        found = track(clip if source == "file" else video(), BOX, matcher=IdealMatcher())
        next(iter(found))
        kept = pickle.loads(pickle.dumps(found))
        assert [result.to_dict() for result in kept] == found.to_dicts()
        assert len(kept.results) == len(video())
        assert [frame.index for frame, _ in kept.frames()] == list(range(len(video())))
        kept.save(tmp_path / "run.csv")
        assert len(read_results(tmp_path / "run.csv")) == len(video())
        assert repr(kept) == repr(found)
        kept.close()

    def test_a_track_of_an_open_source_says_what_to_pickle_instead(self, clip):
        with (
            open_source(clip) as source,
            pytest.raises(InputError, match=r"clip\.mp4: .* or pickle list\(track\)"),
        ):
            pickle.dumps(track(source, BOX, matcher=IdealMatcher()))
        made = track(iter(video()), BOX, matcher=IdealMatcher())
        with pytest.raises(InputError, match="open source cannot be pickled"):
            pickle.dumps(made)


class TestTables:
    def test_rows_match_a_csv_file(self, tmp_path):
        found = track(video(), boxes=[BOX, BOX], matcher=IdealMatcher())
        rows = found.to_rows()
        assert len(rows) == 10
        assert [tuple(row) for row in rows] == [COLUMNS] * 10
        assert [row["target"] for row in rows[:4]] == [1, 2, 1, 2]
        (path,) = found.save(tmp_path / "boxes.csv")
        assert path.read_text().splitlines()[0] == ",".join(COLUMNS)

    def test_dicts_are_json_with_none_for_unknown_values(self):
        found = track(video(2), box=BOX, matcher=IdealMatcher())
        first, _ = found.to_dicts()
        assert first["frame"] == 0
        assert first["time"] is None
        assert first["boxes"] == [[30.0, 40.0, 20.0, 20.0]]
        assert first["scores"] == [1.0]

    def test_pandas_gets_numbers_and_flags(self):
        pytest.importorskip("pandas")
        with open_source(video(), frame_rate=10) as source:
            table = track(source, box=BOX, matcher=IdealMatcher()).to_pandas()
        assert tuple(table.columns) == COLUMNS
        numbers = table.drop(columns=["status", "name"])
        assert {str(kind) for kind in numbers.dtypes} == {"int64", "float64", "bool"}
        assert table["status"].tolist() == ["keyframe", *["tracked"] * 4]
        assert table["time"].tolist() == [0.0, 0.1, 0.2, 0.3, 0.4]
        np.testing.assert_allclose(table["x"], [30, 38, 46, 54, 62], atol=0.3)

    def test_without_pandas_the_error_says_how_to_install_it(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "pandas", None)
        found = track(video(), box=BOX, matcher=IdealMatcher())
        with pytest.raises(MissingDependencyError, match="pip install pandas"):
            found.to_pandas()
        assert found.results == []  # told before the work

    def test_a_result_draws_itself(self):
        result = FrameResult(0, math.nan, np.array([BOX], float), np.array([0.5]))
        blank = picture()
        drawn = result.draw(blank)
        assert drawn.shape == blank.shape
        assert (drawn[40, 30:50] != blank[40, 30:50]).any(axis=-1).all()  # along the upper edge
        np.testing.assert_array_equal(drawn[70:, 60:], blank[70:, 60:])


class TestFiles:
    @pytest.mark.parametrize("name", ["boxes.csv", "boxes.jsonl", "boxes.txt"])
    def test_the_suffix_selects_the_format(self, tmp_path, name):
        found = track(video(), box=BOX, matcher=IdealMatcher())
        assert found.save(tmp_path / name) == [tmp_path / name]
        for one, other in zip(read_results(tmp_path / name), found, strict=True):
            np.testing.assert_allclose(one.boxes, other.boxes, atol=5.1e-3)

    def test_several_targets_get_a_txt_each(self, tmp_path):
        found = track(video(), boxes=[BOX, BOX], matcher=IdealMatcher())
        paths = found.save(tmp_path / "boxes.txt")
        assert [path.name for path in paths] == ["boxes_1.txt", "boxes_2.txt"]

    @pytest.mark.parametrize("name", ["tracked.mp4", "tracked.webm", "pictures"])
    @pytest.mark.parametrize("before", [False, True])
    def test_the_video_shows_the_boxes(self, clip, tmp_path, name, before):
        found = track(clip, box=BOX, matcher=IdealMatcher())
        if before:
            assert len(list(found)) == 5
        assert found.save(tmp_path / name) == [tmp_path / name]
        with open_source(clip) as plain, open_source(tmp_path / name) as drawn:
            for one, other, result in zip(plain, drawn, found, strict=True):
                left, middle = round(result.boxes[0, 0]), round(result.boxes[0, 1] + 10)
                difference = np.abs(one.image.astype(int) - other.image).max(axis=-1)
                assert difference[middle - 4 : middle + 4, left - 1 : left + 1].min() > 40
                assert difference[100:, :20].max() < 40

    def test_the_video_keeps_the_sources_times(self, clip, tmp_path):
        track(clip, box=BOX, matcher=IdealMatcher()).save(tmp_path / "a.mp4")
        with open_source(tmp_path / "a.mp4") as source:
            assert [frame.time for frame in source] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])

    @pytest.mark.parametrize("name", ["boxes.csv", "boxes.xml", "tracked.mp4"])
    def test_nothing_is_overwritten_unless_asked(self, tmp_path, name):
        path = tmp_path / name
        path.write_text("mine")
        matcher = CountingMatcher()
        found = track(video(), box=BOX, matcher=matcher)
        with pytest.raises(OutputError, match="exists"):
            found.save(path)
        assert path.read_text() == "mine"
        assert matcher.count == 0  # known before the work
        found.save(path, overwrite=True)
        assert path.stat().st_size > 100

    def test_the_source_is_never_replaced(self, clip):
        before = clip.read_bytes()
        with pytest.raises(OutputError, match="the source itself"):
            track(clip, box=BOX, matcher=IdealMatcher()).save(clip, overwrite=True)
        assert clip.read_bytes() == before

    @pytest.mark.parametrize("name", ["boxes.csv", "tracked.mp4"])
    def test_a_failure_leaves_no_file(self, tmp_path, name):
        found = track([*video(3), picture(height=90)], box=BOX, matcher=IdealMatcher())
        with pytest.raises(SourceError):
            found.save(tmp_path / name)
        assert list(tmp_path.iterdir()) == []

    def test_another_suffix_is_refused_with_a_list_of_the_known_ones(self, tmp_path):
        found = track(video(), box=BOX, matcher=IdealMatcher())
        with pytest.raises(InputError, match=r"\.csv, \.jsonl.*\.mp4.*got .*run\.avi"):
            found.save(tmp_path / "run.avi")


class TestDisplay:
    def test_the_representation_tracks_nothing(self, clip):
        found = track(clip, box=BOX, matcher=IdealMatcher())
        assert repr(found) == f"<Track of {clip}: nothing tracked yet>"
        assert "<img" not in found._repr_html_()
        next(iter(found))
        assert repr(found) == "<Track of clip.mp4: 1 object, 1 frame so far>"
        assert len(found.results) == 1

    def test_a_notebook_shows_the_last_frame_with_its_boxes(self):
        found = track(video(), boxes=[BOX, BOX], matcher=IdealMatcher())
        assert len(list(found)) == 5
        page = found._repr_html_()
        assert "<b>Track of arrays</b>: 2 objects, 5 frames so far" in page
        assert page.count('src="data:image/jpeg;base64,') == 1

    def test_names_are_escaped(self):
        assert "<script>" not in track("<script>.mp4", box=BOX)._repr_html_()
