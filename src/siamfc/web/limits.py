"""Limits on what the page's server accepts."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds that keep one upload, stream or request from taking the machine."""

    upload_bytes: int = 8_000_000_000
    """Largest upload, all its files together."""
    upload_files: int = 50_000
    """Images of one folder."""
    uploads: int = 4
    """Uploads that may be under way at once."""
    jobs: int = 32
    """Videos that may be open at once."""
    free_bytes: int = 500_000_000
    """Bytes to leave free on the disk; an upload that would need them is refused."""
    pixels: int = 8192 * 4320
    """Most pixels of a frame."""
    seconds: float = 12 * 3600.0
    """Longest video."""
    recording_bytes: int = 4_000_000_000
    """Largest recording of a camera or stream; beyond it the oldest frames are deleted."""
    stall_seconds: float = 30.0
    """Longest time in which `stall_bytes` of an upload must arrive; a slower one is cancelled."""
    stall_bytes: int = 1 << 18
    """Bytes that must arrive in `stall_seconds`, and that are written at once."""
    message_bytes: int = 4_000_000
    """Largest picture of the browser's camera."""
    json_bytes: int = 100_000
    """Largest request that is not an upload."""
    import_bytes: int = 50_000_000
    """Largest file of boxes."""
    targets: int = 32
    """Most targets in a video."""
