"""Files written whole or not at all."""

from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write a text file under a temporary name beside `path`, then rename it."""
    temporary = path.with_name(f".{path.name}.partial")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
