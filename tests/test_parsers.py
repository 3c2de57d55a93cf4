"""Any content of a file ends in a value or in a one-line error."""

from pathlib import Path

import pytest

from siamfc.errors import DatasetError, InputError
from siamfc.parsers import (
    parse_csv,
    parse_frame,
    parse_json,
    parse_number,
    parse_numbers,
    parse_toml,
    parse_whole,
    read_text,
    read_xml,
    split_lines,
)

DIGITS = "9" * 5000


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (10**400, "no float holds it"),
        ("12_5", "a slip of the pen for 12.5, which Python reads as 125"),
        pytest.param(10**5000, "Python doesn't even write it out", id="digits"),
        ("1e400", "read as infinite"),
        ("-inf", "infinite"),
        (float("inf"), "JSON's 1e400"),
        pytest.param(DIGITS, "too many digits", id="text of digits"),
        (1e12, "no picture is so large"),
        ("two", "a word"),
        ("", "nothing"),
        ("0x10", "another notation"),
        (True, "a flag is no number"),
        (None, "nothing"),
        ([1], "a list"),
        ({"a": 1}, "an object"),
    ],
)
def test_no_number_that_cannot_be_meant(value: object, reason: str) -> None:
    for parse in (parse_number, parse_whole, parse_frame):
        with pytest.raises(ValueError, match=r"^expected a") as caught:
            parse(value)
        assert len(str(caught.value)) < 200, reason


@pytest.mark.parametrize("value", ["1.5", "nan", -1, float("nan"), 2_000_001])
def test_frames_are_whole_and_finite_in_number(value: object) -> None:
    with pytest.raises(ValueError, match="expected a whole number from 0 to 2000000"):
        parse_frame(value)


@pytest.mark.parametrize("line", ["1,,2", ",1", "1,2,,", "1;;2", "1, ,2"])
def test_an_empty_field_is_not_skipped(line: str) -> None:
    with pytest.raises(ValueError, match="expected a number, got ''"):
        parse_numbers(line)


@pytest.mark.parametrize("line", ["1,2,3", "1 2 3", "1\t2\t3", "1; 2; 3", " 1 , 2 ,3, ", "1,2 3,"])
def test_numbers_may_be_separated_in_several_ways(line: str) -> None:
    assert parse_numbers(line) == [1, 2, 3]


def test_only_line_ends_end_lines() -> None:
    assert split_lines("a\x0cb\x1cc\u2028d\re") == ["a\x0cb\x1cc\u2028d", "e"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, "deeper than Python's stack"),
        ('{"a":' * 100_000, "objects too"),
        ("[" * 200 + "]" * 200, "whole, but deeper than any file of this kind"),
        (f"[{DIGITS}]", "more digits than Python reads"),
        ('{"a": ', "cut off"),
        ("", "empty"),
    ],
)
def test_json_that_cannot_be_read_ends_in_one_line(text: str, reason: str) -> None:
    with pytest.raises(DatasetError, match=r"^here: expected JSON; ") as caught:
        parse_json(text, where="here")
    assert len(str(caught.value)) < 200, reason
    assert "set_int_max_str_digits" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a = " + "[" * 100_000, id="lists"),
        pytest.param("a = " + "{a=" * 100_000, id="tables"),
        pytest.param(".".join("a" * 9000) + "=1", id="a name of many parts"),
        pytest.param(f"a = {DIGITS}", id="digits"),
    ],
)
def test_toml_that_cannot_be_read_ends_in_one_line(text: str) -> None:
    with pytest.raises(InputError, match=r"^here: expected TOML; ") as caught:
        parse_toml(text, where="here", error=InputError)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("line", ["a" * 200_000, '"a"b,c', '"a'])
def test_rows_that_cannot_be_read_end_in_one_line(line: str) -> None:
    with pytest.raises(DatasetError, match=r"^here: expected comma-separated values; "):
        parse_csv(["x,y", line], where="here")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<a><b></a>", "elements that cross"),
        (b'<?xml version="1.0" encoding="none"?><a/>', "an encoding that there is none of"),
        (b"", "empty"),
        (
            b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
            + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10))
            + b"]><a>&a9;</a>",
            "entities that multiply",
        ),
    ],
)
def test_xml_that_cannot_be_read_ends_in_one_line(
    content: bytes, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "a.xml").write_bytes(content)
    with pytest.raises(DatasetError, match=r"a\.xml: expected marks; ") as caught:
        read_xml(tmp_path / "a.xml", expected="marks")
    assert "\n" not in str(caught.value), reason


def test_deep_xml_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<a>" * 50_000 + "</a>" * 50_000)
    assert read_xml(tmp_path / "a.xml", expected="marks").tag == "a"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xd8\xff\xe0", "in UTF-8, got other bytes"),
        (b"1,2\x003", "got null bytes"),
        ("1,2".encode("utf-16-le"), "UTF-16 without its mark"),
    ],
)
def test_bytes_that_are_no_text_are_named(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        read_text(tmp_path / "a.txt")


def test_a_folder_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="expected a text file; Is a directory"):
        read_text(tmp_path)
