"""What the bytes of a report say: its encoding, its line ends and its control characters."""

from __future__ import annotations

_UNDEFINED = bytes.maketrans(bytes((0x81, 0x8D, 0x8F, 0x90, 0x9D)), b" " * 5)
"""The bytes that Windows-1252 gives no meaning to."""

_CONTROLS = {code: " " for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}


def decode(data: bytes) -> tuple[str, tuple[str, ...]]:
    """Decode a report, and say what was odd about it.

    It is UTF-8, else Windows-1252: what people call Latin-1, with the dashes and quotes of Windows. Every kind of line
    end becomes a line feed, as in Python's text mode, in which MIMIC-CXR's own parser reads. Each control character
    becomes a space.
    """
    reasons = []
    try:
        raw = data.decode("utf-8")
    except UnicodeDecodeError:
        reasons.append("latin1")
        defined = data.translate(_UNDEFINED)
        if defined != data:
            reasons.append("control_characters")
        raw = defined.decode("cp1252")
    raw = raw.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    text = raw.translate(_CONTROLS)
    if text != raw and "control_characters" not in reasons:
        reasons.append("control_characters")
    return text, tuple(reasons)
