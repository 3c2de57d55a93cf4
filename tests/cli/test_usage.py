import pytest

from siamfc.cli.usage import UsageError, parse_box


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("1,2,3,4", (1.0, 2.0, 3.0, 4.0)),
        ("1.5, 2, 3, 4e1", (1.5, 2.0, 3.0, 40.0)),  # spaces, as copied from elsewhere
        ("1 2 3 4", (1.0, 2.0, 3.0, 4.0)),
        ("-5,-2,30,40", (-5.0, -2.0, 30.0, 40.0)),  # partly outside is allowed
    ],
)
def test_boxes_as_people_type_them(text: str, box: tuple[float, ...]) -> None:
    assert parse_box(text) == box


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2,3", "expected 4 numbers X,Y,W,H, got 3 in '1,2,3'"),
        ("1,2,3,4,5", "got 5 in"),
        ("", "got 0 in ''"),
        ("a,b,c,d", "expected 4 numbers X,Y,W,H, got 'a,b,c,d'"),
        ("nan,2,3,4", "expected 4 finite numbers"),
        ("1,2,inf,4", "expected 4 finite numbers"),
        ("1,2,0,4", "expected a width and height above 0"),
        ("1,2,3,-4", "expected a width and height above 0"),
    ],
)
def test_what_is_no_box_is_refused_with_what_came(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_box(text)
