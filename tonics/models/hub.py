"""Hugging Face's hub, or what it has left on disk where it cannot be reached."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from urllib.request import getproxies

from huggingface_hub import constants

TIMEOUT = 3.0
"""Seconds to wait for an answer."""


@contextmanager
def hub() -> Iterator[None]:
    """Inside the block the hub is asked only if it answers at all.

    Its client otherwise tries six times for each file, half a minute of warnings, before it looks
    into its cache or gives up.
    """
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or not reachable(constants.ENDPOINT)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def reachable(url: str) -> bool:
    """Whether something listens there; taken for granted behind a proxy, which answers itself."""
    parts = urlsplit(url)
    if parts.scheme in getproxies():
        return True
    port = parts.port or {"http": 80}.get(parts.scheme, 443)
    try:
        socket.create_connection((parts.hostname or "", port), TIMEOUT).close()
    except OSError:
        return False
    return True
