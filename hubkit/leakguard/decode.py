"""What a text says once its escapes, entities, codes and packed parts are undone.

Every pattern is linear in the text: a card of one megabyte is read within a second, whatever it holds. Bounds such as
{1,64} and the lookbehinds that let a run be tried at its beginning alone are there for that.
"""

from __future__ import annotations

import base64
import html
import re
import unicodedata
import urllib.parse
import zlib
from collections.abc import Iterator

from hubkit.leakguard.ngrams import INVISIBLE

LATEX = (
    r"extbf|extit|exttt|extsc|extsf|extrm|extsl|ext|egin|enewcommand|ewcommand|oindent|ewline|ewpage|ef|m|t|f"
    r"|ibitem|ibliography|ar|ig|ootnote|box|rac|u|v"
)
"""Ends of commands of LaTeX whose first letter would make an escape of them: \\textbf is not a tab and `extbf`."""

ESCAPE = re.compile(
    r"(?<!\\)\\++(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|u\{([0-9a-fA-F]{1,6})\}|x([0-9a-fA-F]{2})|N\{([A-Z -]{1,90})\}"
    r"|(?:0?33|e)(?=\[)"  # the escape of a terminal, as shells write it
    rf"|[abfnrtv](?!(?:{LATEX})\*?\{{))"
)
BYTES = re.compile(
    r"(?:(?<!\\)\\{1,2}x[89a-fA-F][0-9a-fA-F]){2,16}|(?:\\[23][0-7]{2}){2,16}|(?:=[89A-F][0-9A-F]){2,16}"
)
"""Bytes of UTF-8 that are written out: \\xc3\\xa9 in Python, \\303\\251 in C, =C3=A9 in mails."""

WINDOWS_PATH = re.compile(
    r"(?<!\w)[A-Za-z]:(?:\\\\[\w.$-]+){2,}"  # D:\\models\\name, as JSON and Python write it
    r"|(?<!\w)[A-Za-z]:(?=[\w.$\\-]*\\[^\W\dabfnrtvuxNU])(?:\\[\w.$-]+){2,}"  # D:\models\name, of which \m is no escape
    r"|(?<![^\s\"'`=(\[{,;:|>])(?P<sign>\\{1,2})(?P=sign)[\w.-]{2,}(?P=sign)[\w.$-]+"  # \\server\share, in both ways
)
LONG_ENTITY = re.compile(r"&#(?:\d{8,}|[xX][0-9a-fA-F]{8,});?")
"""No character: Python refuses to read numbers of thousands of figures."""

ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
SIGNS = re.compile(r"((?:(?!\w)[^\x00-\x7f]){32})(?:(?!\w)[^\x00-\x7f])+")
"""More signs and accents than any text has in a row: putting n of them in order takes Unicode n squared steps."""

SMUGGLED = re.compile("[\U000e0020-\U000e007e]+")
"""ASCII in a block of Unicode that no program shows."""

BASE64 = re.compile(
    r"(?<![A-Za-z0-9+_-])(?=[A-Za-z0-9+/_-]{11})(?:[A-Za-z0-9+/_-]{40,}+\s{1,2})*+(?:[A-Za-z0-9+/_-]{11,}+={0,2})?"
)
HEX_BYTES = re.compile(r"(?<![0-9A-Za-z])(?:(?:0x)?[0-9a-fA-F]{2}[\s:,]{0,2}){8,}(?![0-9A-Za-z])")

PACKED = (b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf", b"Rar!", b"%PDF-", b"{\\rtf")
"""How files begin that hold text in a form which the guard does not read."""

PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")

INFLATED = 8 << 20
"""Bytes that the packed parts of one text may come to. Cards hold a picture or two, and no bomb."""

DEPTH = 3
"""How often base64 within base64 is undone."""


class Unreadable(Exception):
    """A part of a text, or a file, is packed in a way that the guard does not read."""


def unescaped(line: str) -> str:
    """A line as it reads: programs write letters as escapes, HTML as entities, addresses in percent."""
    if "\\" in line:
        line = WINDOWS_PATH.sub(_address, line)
    if "\\" in line or "=" in line:
        line = ESCAPE.sub(_character, BYTES.sub(_utf8, line))
    if "&" in line:
        # Twice, since an entity may be written as one: &amp;eacute;
        line = html.unescape(html.unescape(LONG_ENTITY.sub(" ", line)))
    if "%" in line:
        line = urllib.parse.unquote(urllib.parse.unquote(line))
    if "\x1b" in line:
        line = ANSI.sub("", line)
    if not line.isascii():
        line = _composed(line)
    return " ".join(line.splitlines())


def packed(text: str, depth: int = DEPTH) -> Iterator[tuple[int, str | None]]:
    """Yield (place, text) of what a text holds in base64 or hexadecimal; None where that cannot be read."""
    left = INFLATED
    for pattern, undo in ((BASE64, _from_base64), (HEX_BYTES, _from_hex)):
        for found in pattern.finditer(text):
            data = undo(found[0]) if found[0] else b""
            if not data:
                continue
            try:
                inside = _content(data, left)
            except Unreadable:
                yield found.start(), None
                continue
            if inside is None:
                continue
            left -= len(inside)
            inside = unescaped(" ".join(inside.splitlines()))
            yield found.start(), inside
            if depth > 1:
                yield from ((found.start(), within) for _, within in packed(inside, depth - 1))


def readable(raw: bytes) -> str | None:
    """The text that these bytes are, in UTF-8 or UTF-16; None where they are none."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff") or (len(raw) > 3 and not any(raw[1:64:2])):
        encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-16-le"
        text = raw[: len(raw) // 2 * 2].decode(encoding, errors="replace")
        return None if "\0" in text or "\ufffd" in text else text
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _content(data: bytes, most: int) -> str | None:
    """The text of bytes that were written in base64 or hexadecimal; None where they are a key or a digest."""
    if data.startswith(PICTURES):
        from hubkit.leakguard.pictures import picture_text

        try:
            return "\n".join(picture_text(data))
        except Exception as error:
            raise Unreadable from error
    if data.startswith(PACKED):
        raise Unreadable
    inflated = _inflated(data, most)
    text = readable(data if inflated is None else inflated)
    if text is None and inflated is None:
        # The end of a text that was cut may lie within a letter.
        text = next(filter(None, (readable(data[:-cut]) for cut in (1, 2, 3))), None)
    if text is None and inflated:
        raise Unreadable
    return text if text is None or _is_text(text) else None


def _is_text(text: str) -> bool:
    printable = sum(letter.isprintable() or letter.isspace() for letter in text)
    return printable * 10 >= len(text) * 9


def _inflated(data: bytes, most: int) -> bytes | None:
    """What gzip or zlib packed; None where neither did."""
    if data[:2] != b"\x1f\x8b" and (data[0] != 0x78 or int.from_bytes(data[:2], "big") % 31):
        return None
    unpacker = zlib.decompressobj(wbits=47)
    try:
        content = unpacker.decompress(data, max(1, most))
    except zlib.error:
        return None
    if unpacker.unconsumed_tail:
        raise Unreadable
    return content


def _from_base64(found: str) -> bytes:
    letters = "".join(found.split()).rstrip("=").replace("-", "+").replace("_", "/")
    # One letter alone is no byte.
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    return base64.b64decode(letters + "=" * (-len(letters) % 4))


def _from_hex(found: str) -> bytes:
    return bytes.fromhex(re.sub(r"0x|[\s:,]", "", found))


def _composed(line: str) -> str:
    if re.search("[\ud800-\udfff]", line):
        # Halves of characters beyond the first plane, as JSON writes them; alone they are none.
        line = line.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    hidden = ["".join(chr(ord(letter) - 0xE0000) for letter in run) for run in SMUGGLED.findall(line)]
    line = INVISIBLE.sub("", unicodedata.normalize("NFC", SIGNS.sub(r"\1", line)))
    return " ".join([line, *hidden])


def _address(path: re.Match[str]) -> str:
    # As an address, of which no part looks like an escape: \models\new has a break in it for Python.
    return f"file://{path[0]}".replace("\\", "/")


def _utf8(found: re.Match[str]) -> str:
    text = found[0]
    if text[0] == "=":
        codes = bytes.fromhex(text.replace("=", ""))
    elif "x" in text:
        codes = bytes.fromhex(text.replace("\\", "").replace("x", ""))
    else:
        codes = bytes(int(code, 8) for code in text.split("\\")[1:])
    try:
        return codes.decode("utf-8")
    except UnicodeDecodeError:
        return text


def _character(escape: re.Match[str]) -> str:
    *codes, name = escape.groups()
    try:
        if escape[0].lstrip("\\") in ("e", "33", "033"):
            return "\x1b"
        return unicodedata.lookup(name) if name else chr(int(next(filter(None, codes)), 16))
    except (StopIteration, KeyError, ValueError, OverflowError):
        # A break or a tab, or no character at all.
        return " "
