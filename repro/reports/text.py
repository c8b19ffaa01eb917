"""Words that more than one kind of report needs."""

from __future__ import annotations

import re

ILLEGAL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def legal(text: str) -> str:
    """Put U+FFFD for the control characters and lone surrogates that XML and HTML cannot hold."""
    return ILLEGAL.sub("\ufffd", text)
