"""Ordinary priority for the threads of an encoder, also where the user is root."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_VERSION = 0x20080522
_SYS_NICE = 1 << 23
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


@contextmanager
def ordinary_threads() -> Iterator[None]:
    """Keep threads that start in the block from becoming real-time ones.

    As root, SVT-AV1 runs its threads with the highest real-time priority, which can stop the whole
    machine. Without the capability CAP_SYS_NICE (capabilities(7)) of the thread that starts them
    they keep their ordinary priority. Other systems than Linux have no such capability.
    """
    if _LIBC is None:
        yield
        return
    header, data = ctypes.byref(_Header(_VERSION, 0)), (ctypes.c_uint32 * 6)()
    had = _LIBC.capget(header, data) == 0 and bool(data[0] & _SYS_NICE)
    if had:
        data[0] &= ~_SYS_NICE
        _LIBC.capset(header, data)
    try:
        yield
    finally:
        if had:
            data[0] |= _SYS_NICE
            _LIBC.capset(header, data)
