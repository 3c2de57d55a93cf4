"""Result files: they read back, and are never partially written."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from siamfc.errors import DatasetError, InputError, OutputError
from siamfc.tracking import (
    FrameResult,
    Status,
    export_results,
    open_results,
    read_results,
    review,
    smooth_results,
    write_results,
)

NAN = math.nan


def results(targets=1, *, count=3, time=0.04):
    generator = np.random.default_rng(0)
    return [
        FrameResult(
            k,
            k * time,
            generator.uniform(0, 99, (targets, 4)),
            generator.random(targets),
            generator.random(targets) < 0.5,
            tuple(map(Status, generator.choice(list(Status), targets).tolist())),
            np.where(np.arange(targets) == 1, NAN, generator.random(targets)),
            tuple(f'no. {k}, "red"' for k in range(targets)),
        )
        for k in range(count)
    ]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


class TestRoundTrip:
    @pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
    @pytest.mark.parametrize("targets", [1, 3])
    @pytest.mark.parametrize("time", [0.04, NAN])
    def test_what_is_rounded_reads_back_to_the_last_bit(self, tmp_path, suffix, targets, time):
        written = results(targets, time=time)
        path = tmp_path / f"run{suffix}"
        assert write_results(path, written) == path
        for one, other in zip(read_results(path), [r.rounded() for r in written], strict=True):
            assert one.index == other.index
            np.testing.assert_array_equal(one.time, other.time)
            np.testing.assert_array_equal(one.boxes, other.boxes)
            np.testing.assert_array_equal(one.scores, other.scores)
            np.testing.assert_array_equal(one.lost_flags, other.lost_flags)
            assert one.lost_flags.dtype == np.bool_
            assert one.statuses == other.statuses
            np.testing.assert_array_equal(one.agreements, other.agreements)
            assert one.names == other.names

    @pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
    def test_what_was_read_is_written_as_it_was(self, tmp_path, suffix):
        first, second = tmp_path / f"first{suffix}", tmp_path / f"second{suffix}"
        write_results(first, results(2, count=20, time=1 / 29.97))
        write_results(second, read_results(first))
        assert first.read_bytes() == second.read_bytes()

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("a.csv", "1,0.033333,1,10.0,20.13,30.35,40.0,0.1235,,,0.6667,\n"),
            ("a.jsonl", '"time": 0.033333, "boxes": [[10.0, 20.13, 30.35, 40.0]]'),
        ],
    )
    def test_numbers_are_written_with_the_necessary_digits(self, tmp_path, name, text):
        box = np.array([[9.999, 20.125001, 30.3456, 40.001]])
        score, agreement = np.array([0.12345678]), np.array([2 / 3])
        found = FrameResult(1, 1 / 30, box, score, agreements=agreement)
        write_results(tmp_path / name, [found])
        assert text in (tmp_path / name).read_text()

    @pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
    def test_unknown_lost_flags_stay_unknown(self, tmp_path, suffix):
        silent = {"lost_flags": None, "statuses": (), "agreements": None, "names": ()}
        write_results(tmp_path / f"run{suffix}", [replace(one, **silent) for one in results(2)])
        for one in read_results(tmp_path / f"run{suffix}"):
            assert {name: getattr(one, name) for name in silent} == silent

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("a.csv", "frame,time,target,x,y,w,h,score\n0,,1,0.0,1.0,2.0,3.0,0.5\n"),
            ("a.jsonl", '{"frame": 0, "time": null, "boxes": [[0, 1, 2, 3]], "scores": [0.5]}\n'),
        ],
    )
    def test_older_files_without_lost_flags_are_read(self, tmp_path, name, text):
        (tmp_path / name).write_text(text)
        (got,) = read_results(tmp_path / name)
        assert got.lost is None
        assert got.status is None
        assert got.box.tolist() == [0, 1, 2, 3]
        assert got.score == 0.5

    @pytest.mark.parametrize(("text", "lost"), [("1", True), ("0", False), ("true", True)])
    def test_lost_may_be_a_digit_as_in_older_files(self, tmp_path, text, lost):
        header = "frame,time,target,x,y,w,h,score,lost"
        (tmp_path / "a.csv").write_text(f"{header}\n0,,1,0,1,2,3,0.5,{text}\n")
        assert read_results(tmp_path / "a.csv")[0].lost is lost

    def test_an_exported_txt_has_the_boxes_to_a_hundredth(self, tmp_path):
        written = results()
        export_results(tmp_path / "run.txt", written)
        for one, other in zip(read_results(tmp_path / "run.txt"), written, strict=True):
            assert one.index == other.index
            np.testing.assert_allclose(one.boxes, other.boxes, atol=5.1e-3)
            assert np.isnan(one.scores).all()
            assert math.isnan(one.time)

    @pytest.mark.parametrize("suffix", [".txt", ".csv", ".jsonl"])
    def test_an_absent_target_stays_absent(self, tmp_path, suffix):
        written = [FrameResult(0, 0.0, np.full((1, 4), NAN), np.array([NAN]))]
        export_results(tmp_path / f"run{suffix}", written)
        (got,) = read_results(tmp_path / f"run{suffix}")
        assert np.isnan(got.boxes).all()

    @pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
    def test_dropped_frames_leave_gaps(self, tmp_path, suffix):
        first, _, third = results()
        write_results(tmp_path / f"run{suffix}", [first, third])
        assert [result.index for result in read_results(tmp_path / f"run{suffix}")] == [0, 2]


class TestFormats:
    def test_otb_counts_pixels_from_one(self, tmp_path):
        (tmp_path / "run.txt").write_text("1,10.5,30,40\n")
        (got,) = read_results(tmp_path / "run.txt")
        assert got.box.tolist() == [0, 9.5, 30, 40]

    def test_several_targets_get_a_txt_each(self, tmp_path):
        written = results(2)
        paths = export_results(tmp_path / "run.txt", written)
        assert [path.name for path in paths] == ["run_1.txt", "run_2.txt"]
        for number, path in enumerate(paths):
            got = np.concatenate([result.boxes for result in read_results(path)])
            expected = [result.boxes[number] for result in written]
            np.testing.assert_allclose(got, expected, atol=5.1e-3)

    def test_csv_is_a_table(self, tmp_path):
        boxes = np.array([[0, 1, 2, 3], [4, 5.25, 6, 7]])
        found = FrameResult(7, NAN, boxes, np.array([1, 0.5]), np.array([False, True]))
        write_results(tmp_path / "a.csv", [found])
        assert (tmp_path / "a.csv").read_bytes() == (
            b"frame,time,target,x,y,w,h,score,lost,status,agreement,name\n"
            b"7,,1,0.0,1.0,2.0,3.0,1.0,false,,,\n"
            b"7,,2,4.0,5.25,6.0,7.0,0.5,true,,,\n"
        )

    def test_the_unknown_name_of_one_target_is_empty(self, tmp_path):
        boxes = '"boxes": [[0, 1, 2, 3], [4, 5, 6, 7]], "scores": [1, 1]'
        path = tmp_path / "a.jsonl"
        path.write_text(f'{{"frame": 0, "time": 0, {boxes}, "names": ["cat", null]}}\n')
        assert read_results(path)[0].names == ("cat", "")

    def test_a_flag_or_status_of_one_target_alone_is_unknown(self, tmp_path):
        boxes = '"boxes": [[0, 1, 2, 3], [4, 5, 6, 7]], "scores": [1, 1]'
        (tmp_path / "a.jsonl").write_text(
            f'{{"frame": 0, "time": 0, {boxes}, "lost": [true, null]}}'
        )
        (tmp_path / "a.csv").write_text(
            "frame,time,target,x,y,w,h,score,lost,status,name\n"
            "0,0,1,0,1,2,3,1,true,lost,cat\n0,0,2,4,5,6,7,1,,,\n"
        )
        (first,), (second,) = (read_results(tmp_path / name) for name in ("a.jsonl", "a.csv"))
        assert first.lost_flags is second.lost_flags is None
        assert (second.statuses, second.names) == ((), ("cat", ""))

    def test_jsonl_is_strict_json(self, tmp_path):
        write_results(tmp_path / "a.jsonl", results(2, time=NAN))
        lines = (tmp_path / "a.jsonl").read_text().splitlines()
        assert len(lines) == 3
        for line in lines:
            record = json.loads(line, parse_constant=pytest.fail)
            assert list(record) == [
                *("frame", "time", "boxes", "scores"),
                *("lost", "status", "agreement", "names"),
            ]
            assert record["time"] is None

    @pytest.mark.parametrize("name", ["run", "run.xml", "run.csv.gz", ""])
    def test_another_suffix_is_refused(self, tmp_path, name):
        with pytest.raises(InputError, match=r"expected a name in \.txt, \.csv or \.jsonl"):
            read_results(tmp_path / name)
        with pytest.raises(InputError, match=r"expected a name in \.csv or \.jsonl"):
            write_results(tmp_path / name, results())

    def test_suffixes_may_be_in_capitals(self, tmp_path):
        write_results(tmp_path / "RUN.CSV", results())
        assert len(read_results(tmp_path / "RUN.CSV")) == 3


class TestWriting:
    def test_nothing_is_overwritten_unless_asked(self, tmp_path):
        path = tmp_path / "run.csv"
        path.write_text("mine")
        with pytest.raises(OutputError, match="exists"):
            write_results(path, results())
        assert path.read_text() == "mine"
        write_results(path, results(), overwrite=True)
        assert len(read_results(path)) == 3

    def test_one_existing_file_prevents_all_from_being_written(self, tmp_path):
        (tmp_path / "run_2.txt").write_text("mine")
        with pytest.raises(OutputError, match=r"run_2\.txt exists"):
            export_results(tmp_path / "run.txt", results(2))
        assert names(tmp_path) == ["run_2.txt"]

    def test_an_existing_file_is_reported_before_the_work(self, tmp_path):
        (tmp_path / "run.csv").write_text("mine")
        with (
            pytest.raises(OutputError, match="exists"),
            open_results(tmp_path / "run.csv"),
        ):
            pytest.fail("the block was entered")

    def test_a_file_that_appears_meanwhile_is_not_overwritten(self, tmp_path):
        path = tmp_path / "run.csv"

        def results_during_which_a_file_appears():
            yield from results()
            path.write_text("mine")

        with pytest.raises(OutputError, match="exists"):
            write_results(path, results_during_which_a_file_appears())
        assert path.read_text() == "mine"
        assert names(tmp_path) == ["run.csv"]

    def test_an_error_leaves_no_file(self, tmp_path):
        def results_that_break_off():
            yield from results()
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            write_results(tmp_path / "a.csv", results_that_break_off())
        assert names(tmp_path) == []

    def test_folders_are_not_created(self, tmp_path):
        with pytest.raises(OutputError, match=r"there is no folder .*new"):
            write_results(tmp_path / "new" / "run.jsonl", results())
        assert names(tmp_path) == []

    @pytest.mark.parametrize("letter", ["b", "視"])
    def test_the_longest_names_are_written_and_longer_ones_refused_at_once(self, tmp_path, letter):
        stem = letter * (250 // len(letter.encode()))
        write_results(tmp_path / f"{stem}.csv", results())
        assert names(tmp_path) == [f"{stem}.csv"]
        with (
            pytest.raises(OutputError, match="name too long"),
            open_results(tmp_path / f"{stem}bbbbbb.csv"),
        ):
            pytest.fail("the block was entered")

    def test_a_folder_in_the_way_is_named(self, tmp_path):
        (tmp_path / "run.csv").mkdir()
        with pytest.raises(OutputError, match="is a folder: name a file"):
            write_results(tmp_path / "run.csv", results(), overwrite=True)
        (tmp_path / "file").write_text("")
        with pytest.raises(OutputError, match="cannot be written: not a directory"):
            write_results(tmp_path / "file" / "run.csv", results())

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
    def test_a_full_disk_is_one_clear_error(self, tmp_path):
        def results_while_the_disk_fills():
            yield from results()
            (hidden,) = tmp_path.iterdir()
            hidden.unlink()
            hidden.symlink_to("/dev/full")

        with pytest.raises(OutputError, match=r"run\.csv cannot be written: No space left"):
            write_results(tmp_path / "run.csv", results_while_the_disk_fills())
        assert names(tmp_path) == []

    def test_no_results_are_refused(self, tmp_path):
        with pytest.raises(InputError, match="at least one frame"):
            write_results(tmp_path / "run.csv", [])
        assert names(tmp_path) == []

    @pytest.mark.parametrize(
        "work",
        [
            lambda those, folder: write_results(folder / "a.csv", those),
            lambda those, folder: write_results(folder / "a.jsonl", those),
            lambda those, folder: export_results(folder / "a.json", those),
            lambda those, _: smooth_results(those),
            lambda those, _: review(those),
        ],
    )
    def test_what_is_not_one_track_is_refused(self, tmp_path, work):
        one, two = (FrameResult(k, 0.0, np.ones((1, 4)), np.ones(1)) for k in (0, 1))
        more = replace(two, boxes=np.ones((2, 4)), scores=np.ones(2))
        with pytest.raises(InputError, match="frames in order, got frame 0 after 1"):
            work([two, one], tmp_path)
        with pytest.raises(InputError, match="frames in order, got frame 0 after 0"):
            work([one, one, one], tmp_path)
        with pytest.raises(InputError, match=r"expected 1 targets in frame 1, .* got 2"):
            work([one, more], tmp_path)
        assert names(tmp_path) == []


class TestReading:
    @pytest.mark.parametrize(
        ("name", "text", "part"),
        [
            ("a.txt", "1,2,3,4\n1,2,3\n", "line 2: expected 4 numbers"),
            ("a.txt", "a,b,c,d\n", "line 1"),
            ("a.csv", "", "line 1: expected frame,time"),
            ("a.csv", "x,y,w,h\n1,2,3,4\n", "line 1: expected frame,time"),
            ("a.csv", "frame,time,target,x,y,w,h,score,x\n", "line 1: expected frame,time"),
            ("a.csv", "frame,time,target,x,y,w,h,score\n", "at least one frame, got none"),
            ("a.jsonl", "", "at least one frame, got none"),
            ("a.csv", "frame,time,target,x,y,w,h,score\n0,,1,2,3\n", "line 2"),
            ("a.csv", "frame,time,target,x,y,w,h,score\nzero,,1,2,3,4,5,6\n", "line 2"),
            (
                "a.csv",
                "frame,time,target,x,y,w,h,score\n0,,1,2,3,4,5\n",
                "line 2: .*; got 7 values",
            ),
            (
                "a.csv",
                "frame,time,target,x,y,w,h,score,lost\n0,,1,2,3,4,5,1,maybe\n",
                "expected true or false, got 'maybe'",
            ),
            (
                "a.csv",
                "frame,time,target,x,y,w,h,score\n0,,1,2,3,-4,5,1\n",
                r"line 2: .*a width and height of 0 or more, got the box \[2.0, 3.0, -4.0, 5.0\]",
            ),
            (
                "a.jsonl",
                '{"frame":0,"time":0,"boxes":[[1,2,3,-4]],"scores":[1]}\n',
                "line 1: .*a width and height of 0 or more",
            ),
            (
                "a.jsonl",
                '{"frame":0,"time":0,"boxes":[[1,2,3,4]],"scores":[1e999]}\n',
                "line 1: .*an infinite number",
            ),
            (
                "a.jsonl",
                '{"frame":0,"time":0,"boxes":[[1,2,3,4]],"scores":[1' + 400 * "0" + "]}\n",
                "line 1: .*an infinite number",
            ),
            (
                "a.jsonl",
                '{"frame":0,"time":0,"boxes":[[1,2,3,4]],"scores":[1],"status":["lost","lost"]}\n',
                "line 1: .*status: expected 1 elements",
            ),
            ("a.jsonl", "{}\n", "line 1: expected an object .*; no 'boxes'"),
            ("a.jsonl", "[1, 2]\n", r"line 1: expected an object .*; got \[1, 2\]"),
            ("a.jsonl", "not json\n", "line 1"),
            ("a.jsonl", '{"frame":0,"time":0,"boxes":[[1,2,3]],"scores":[1]}\n', "line 1"),
            ("a.jsonl", '{"frame":0,"time":0,"boxes":[[1,2,3,4]],"scores":[]}\n', "line 1"),
        ],
    )
    def test_a_damaged_file_is_named_with_the_line(self, tmp_path, name, text, part):
        (tmp_path / name).write_text(text)
        with pytest.raises(DatasetError) as caught:
            read_results(tmp_path / name)
        assert re.search(part, str(caught.value))
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(DatasetError, match=r"gone\.csv"):
            read_results(tmp_path / "gone.csv")

    def test_a_binary_file_is_refused(self, tmp_path):
        (tmp_path / "a.csv").write_bytes(b"\xff\xd8\xff\xe0")
        with pytest.raises(DatasetError, match="expected a file of results"):
            read_results(tmp_path / "a.csv")

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            (
                "0,0,1,1,1,4,4,1\n1,0,1,1,1,4,4,1\n1,0,1,2,2,4,4,1\n",
                "1 targets in frame 1",
            ),
            (
                "0,0,1,1,1,4,4,1\n0,0,2,1,1,4,4,1\n1,0,1,1,1,4,4,1\n",
                "2 targets in frame 1",
            ),
            ("1,0,1,1,1,4,4,1\n0,0,1,1,1,4,4,1\n", "frames in order, got frame 0 after 1"),
            ("0,0,1,1,1,4,4,1\n0,0,1,9,1,4,4,1\n", "and each once, got 1, 1"),
            ("0,0,1,1,1,4,4,1\n1,0,2,1,1,4,4,1\n", "targets 1 in frame 1, .* each once, got 2"),
            ("0,0,1,1,1,4,4,1\n1,0,1,1,1,4,4,1\n0,0,1,2,2,4,4,1\n", "got frame 0 after 1"),
        ],
    )
    def test_a_line_too_many_or_too_few_is_refused(self, tmp_path, rows, message):
        (tmp_path / "a.csv").write_text(f"frame,time,target,x,y,w,h,score\n{rows}")
        with pytest.raises(DatasetError, match=message):
            read_results(tmp_path / "a.csv")

    def test_a_table_that_a_spreadsheet_saved_is_the_same(self, tmp_path):
        (tmp_path / "a.csv").write_text(
            "frame,time,target,x,y,w,h,score,lost\n"
            "0,0,2,50,1,4,4,1,FALSE\n0,0,1,10,1,4,4,1,FALSE\n"  # sorted by another column
            "1,0,1,11,1,4,4,1,TRUE\n1,0,2,51,1,4,4,1,FALSE\n"
        )
        first, second = read_results(tmp_path / "a.csv")
        assert first.boxes[:, 0].tolist() == [10, 50]
        assert second.boxes[:, 0].tolist() == [11, 51]
        assert second.lost_flags.tolist() == [True, False]

    @pytest.mark.parametrize("text", ["1\t2\t3\t4\n", "1 2 3 4\n", "1, 2, 3, 4\n"])
    def test_third_party_otb_files_are_read_too(self, tmp_path, text):
        (tmp_path / "a.txt").write_text(text)
        assert read_results(tmp_path / "a.txt")[0].boxes.tolist() == [[0, 1, 3, 4]]


class TestSingular:
    def test_one_target_needs_no_array(self):
        box, score = np.array([[1.0, 2, 3, 4]]), np.array([0.5])
        found = FrameResult(0, 0.0, box, score, np.array([True]), (Status.LOST,))
        assert found.box.tolist() == [1, 2, 3, 4]
        assert (found.score, found.lost, found.status) == (0.5, True, "lost")

    @pytest.mark.parametrize("name", ["box", "score", "lost", "status"])
    @pytest.mark.parametrize("targets", [0, 2])
    def test_several_are_refused_with_the_plural(self, name, targets):
        found = FrameResult(0, 0.0, np.ones((targets, 4)), np.ones(targets))
        with pytest.raises(InputError, match=rf"^{name}: expected one target, got {targets}: use "):
            getattr(found, name)
