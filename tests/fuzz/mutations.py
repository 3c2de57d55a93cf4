"""Damage, drawn from a seeded generator: bytes, lines, numbers, structure."""

import json
import re
from random import Random
from typing import Any

ODD_NUMBERS = (
    "0",
    "-1",
    "1e400",
    "-inf",
    "nan",
    "9" * 5000,
    "1" + "0" * 400,
    "99999999999",
    "2147483648",
    "-9223372036854775809",
    "1e-320",
    "0.5",
    "0x10",
    "1_000",
    "١٢",
    "²",
    "",
    "two",
    "true",
    "None",
    "1,2",
    "1.5.2",
)
ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    [],
    {},
    "",
    "two",
    "\0",
    -1,
    0.5,
    10**12,
    10**400,
    float("inf"),
    float("nan"),
    [[[[]]]],
    {"a": {"b": 1}},
    "../../etc/passwd",
)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def damage_bytes(content: bytes, random: Random) -> bytes:
    """Flip, overwrite, cut, repeat or remove parts."""
    data = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 5, 20))):
        if not data:
            data += random.randbytes(16)
        start = random.choice((random.randrange(len(data)), random.randrange(min(len(data), 512))))
        end = min(len(data), start + random.choice((1, 2, 4, 64, 4096)))
        part = data[start:end]
        match random.randrange(8):
            case 0:
                data[start] ^= 1 << random.randrange(8)
            case 1:
                data[start:end] = random.randbytes(len(part))
            case 2:
                data[start:end] = random.choice((b"\0", b"\xff", b"\x7f", b"\x80")) * len(part)
            case 3:
                del data[start:end]
            case 4:
                data[start:start] = part * random.choice((1, 2, 50))
            case 5:
                del data[start:]
            case 6:
                value = random.choice((0, 1, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1))
                data[start : start + 4] = value.to_bytes(4, random.choice(("big", "little")))
            case _:
                other = random.randrange(len(data))
                data[start:end] = data[other : other + len(part)]
    return bytes(data)


def damage_text(text: str, random: Random) -> str:
    """Change numbers, lines, separators and brackets, or make it deep, long or empty."""
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        lines = text.split("\n")
        place = random.randrange(len(lines))
        match random.randrange(12):
            case 0 | 1 | 2 | 3:
                text = _change_number(text, random)
                continue
            case 4:
                lines.insert(place, random.choice(("", "   ", "\t", "#", "\x0c", "\u2028")))
            case 5:
                del lines[place]
            case 6:
                lines.insert(place, lines[place])
            case 7:
                lines[place] = lines[place].replace(",", random.choice((";", ",,", " ", "\t", "")))
            case 8:
                lines[place] = lines[place][: random.randrange(len(lines[place]) + 1)]
            case 9:
                opening = random.choice(("[", "{", "(", "<a>", '{"a":', "a."))
                lines[place] += opening * random.choice((1, 200, 100_000))
            case 10:
                lines[place] = lines[place].translate(
                    {ord(random.choice("<>[]{}\"':=/,")): random.choice(("", "[", '"', ">"))}
                )
            case _:
                del lines[place:]
        text = "\n".join(lines)
    return text


def damage_json(text: str, random: Random) -> str:
    """Change one value of the structure, or the text where it has none."""
    try:
        content = json.loads(text)
    except ValueError:
        return damage_text(text, random)
    places = [(content, key) for key in _keys(content)]
    for container, key in places:  # grows while it is walked
        places += [(container[key], inner) for inner in _keys(container[key])]
    if not places or random.random() < 0.2:
        return damage_text(text, random)
    container, key = random.choice(places)
    match random.randrange(5):
        case 0:
            del container[key]
        case 1 if isinstance(container, list):
            container.append(container[key])
        case _:
            container[key] = random.choice(ODD_VALUES)
    return json.dumps(content)


def damage(name: str, content: bytes, random: Random) -> bytes:
    """Damage a file by what its name says that it holds; now and then as bytes, whatever it is."""
    suffix = name.rpartition(".")[2].lower()
    if suffix in ("txt", "json", "jsonl", "csv", "xml", "ini", "label", "toml", "tag", "yaml"):
        if random.random() < 0.1:
            return damage_bytes(content, random)
        if random.random() < 0.05:
            return content.decode().encode(random.choice(("utf-16", "utf-16-le", "utf-8-sig")))
        mutate = damage_json if suffix == "json" else damage_text
        return mutate(content.decode(), random).encode(errors="surrogatepass")
    return damage_bytes(content, random)


def _change_number(text: str, random: Random) -> str:
    found = list(_NUMBER.finditer(text))
    if not found:
        return text + random.choice(ODD_NUMBERS)
    one = random.choice(found)
    return text[: one.start()] + random.choice(ODD_NUMBERS) + text[one.end() :]


def _keys(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value)
    return list(range(len(value))) if isinstance(value, list) else []
