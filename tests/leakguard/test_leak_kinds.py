"""Every row of the table in docs/packaging.md: what the leak guard sees, refuses, and misses on purpose."""

from __future__ import annotations

import base64
import codecs
import gzip
import html
import io
import json
import re
import urllib.parse
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hubkit.errors import HubkitError
from hubkit.leakguard.credentials import Secret
from hubkit.leakguard.guard import Machine, leaks
from hubkit.leakguard.known_corpus import KnownCorpus

TEXT = "Uma sonda azul atravessa o terço inferior, sem lesão."
WORDS = TEXT.split()
STUDY, SUBJECT = 50_000_701, 10_999_999
DICOM = "0a1b2c3d-0a1b2c3d-0a1b2c3d-0a1b2c3d-0a1b2c3e"
CORPUS = KnownCorpus(frozenset({STUDY, SUBJECT}), [(1, TEXT)], frozenset({DICOM.replace("-", "")}))
MACHINE = Machine(
    secrets=(
        Secret("PHYSIONET_USERNAME", "central"),
        Secret("PHYSIONET_PASSWORD", "right"),
        Secret("HF_TOKEN", "hf_x&y z%20"),
    )
)
RUN, ID, IMAGE = "a run of 6 words of fewer than 20 subjects' reports", "a subject or study id", "an image id"
TOKEN, ADDRESS, PACKED = "a token", "a user and password in an address", "something packed that the guard cannot read"
USER, PASSWORD = (f"a secret of this machine, the value of PHYSIONET_{name}" for name in ("USERNAME", "PASSWORD"))

File = tuple[str, bytes]


def text(content: str, name: str = "README.md", encoding: str = "utf-8") -> File:
    return name, content.encode(encoding)


def in_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def png(write: Callable[[PngInfo], object], **options: object) -> File:
    note, stored = PngInfo(), io.BytesIO()
    write(note)
    Image.new("L", (4, 4)).save(stored, "PNG", pnginfo=note, **options)
    return "plot.png", stored.getvalue()


def twice(note: PngInfo) -> None:
    for said in (TEXT, "Nothing."):
        note.add_text("a", said, zip=True)


def jpeg(**options: object) -> File:
    stored = io.BytesIO()
    Image.new("L", (4, 4)).save(stored, "JPEG", **options)
    return "plot.jpg", stored.getvalue()


def exif(tag: int, value: object, ifd: int | None = 0x8769) -> bytes:
    found = Image.Exif()
    (found.get_ifd(ifd) if ifd else found)[tag] = value
    return found.tobytes()


def zipped(name: str) -> bytes:
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, TEXT)
    return stored.getvalue()


def array() -> bytes:
    stored = io.BytesIO()
    np.savez_compressed(stored, text=np.array([TEXT]))
    return stored.getvalue()


COMMENTED = png(lambda note: note.add_text("a", TEXT))
SQUEEZED = in_base64(gzip.compress(TEXT.encode(), mtime=0))
WRAPPED = "\n".join(re.findall(".{1,40}", in_base64(TEXT.encode() * 2)))
TAGGED = [{"token": word, "tag": "O" if number % 2 else "B-ANAT"} for number, word in enumerate(WORDS)]
OTHERS = ["the", "other", "column", "has", "words", "of", "its", "own", "here"]
SIDE_BY_SIDE = "\n".join(f"{a:<12}{b}" for a, b in zip(WORDS, OTHERS, strict=True))
NOTEBOOK = {"cells": [{"source": [f"# {word}\n" for word in WORDS], "outputs": []}]}

SEEN: dict[str, list[tuple[File, str]]] = {
    "markup between and within words": [
        (text(TEXT.replace("azul", "a**zu**l").replace("sonda", "[sonda](https://a.example/b)")), RUN),
        (text(TEXT.replace("azul", "a<b>zu</b>l")), RUN),
        (text(TEXT.replace("azul", "a\x1b[1mzu\x1b[0ml")), RUN),
        (text(TEXT.replace("azul", r"a\033[1mzu\033[0ml")), RUN),
        (text(json.dumps(TEXT.replace("azul", "a\x1b[1mzu\x1b[0ml"))), RUN),
        (text("<text>" + "</text><text>".join(WORDS) + "</text>", "plot.svg"), RUN),
        (text(json.dumps(NOTEBOOK), "example.ipynb"), RUN),
    ],
    "LaTeX": [
        (text(r"Uma \textbf{sonda} azul atravessa o ter\c{c}o inferior, sem les\~ao."), RUN),
        (text(r"{\bf Uma} sonda azul atra\-vessa o ter\c co\\ \textit{inferior}, sem les\~{a}o."), RUN),
    ],
    "escapes of JSON, Python, C, HTML, URLs and mails": [
        (text(json.dumps(TEXT)), RUN),
        (text(str(TEXT.encode())), RUN),
        (text(TEXT.replace("ç", r"\303\247").replace("ã", r"\303\243")), RUN),
        (text(html.escape(TEXT.replace(" ", "&nbsp;"))), RUN),
        (text(urllib.parse.quote(urllib.parse.quote(TEXT))), RUN),
        (text(TEXT.replace("ç", "=C3=A7").replace("ã", "=C3=A3")), RUN),
    ],
    "accents, signs without width, ligatures, letters that look alike": [
        (text(TEXT.replace("sonda", "son\u00ad\u200bda").replace("inferior", "in\u2060ferior")), RUN),
        (text(TEXT.replace("inferior", "inﬁerior").replace("inﬁ", "in\ufb01").replace("\ufb01e", "fe")), RUN),
        (text(TEXT.replace("o", "\u043e").replace("a", "\u0430")), RUN),
        (text("".join(chr(0xE0000 + ord(letter)) for letter in "Uma sonda azul atravessa o terco inferior")), RUN),
        (
            text(json.dumps("".join(chr(0x1D5BA + ord(c) - 97) if c.isascii() and c.islower() else c for c in TEXT))),
            RUN,
        ),
    ],
    "a word divided at the end of a line": [(text(TEXT.replace("atravessa", "atra-\n  vessa")), RUN)],
    "a word in each line, with tags": [
        (text("\n".join(f"| {word} | {tag} |" for word, tag in zip(WORDS, "OBIOOBIOO", strict=True))), RUN),
        (
            text("\n".join(f"{word} NN {tag}" for word, tag in zip(WORDS, "OBIOOBIOO", strict=True)), "a.conll"),
            RUN,
        ),
        (text("\n".join(f"{n}\t{word}\t_\tX" + "\t_" * (n % 3) for n, word in enumerate(WORDS)), "a.conllu"), RUN),
        (text("\n".join(f"{n},{word},O" for n, word in enumerate(WORDS)), "a.csv"), RUN),
        (text(json.dumps(TAGGED), "a.json"), RUN),
        (text("\n".join(map(json.dumps, TAGGED)), "a.jsonl"), RUN),
        (text(json.dumps([[word, "O"] for word in WORDS])), RUN),
        (text(" ".join(f"{word}/NN" for word in WORDS)), RUN),
        (text("<table><tr>" + "</tr><tr>".join(f"<td>{word}</td><td>x</td>\\n" for word in WORDS) + "</table>"), RUN),
        (text("".join(f"<w pos='N{n}' form='{word}'/>" for n, word in enumerate(WORDS)), "a.xml"), RUN),
    ],
    "columns side by side": [(text(SIDE_BY_SIDE), RUN), (text(SIDE_BY_SIDE.replace("  ", "\t")), RUN)],
    "UTF-16": [(text(TEXT, encoding="utf-16"), RUN), (text(TEXT.replace("ç", "c"), encoding="utf-16-le"), RUN)],
    "base64 and hexadecimal, packed with gzip or zlib as well": [
        (text(f"data:text/plain;base64,{in_base64(TEXT.encode())}"), RUN),
        (text(f"first\n{WRAPPED}\n"), RUN),
        (text(in_base64(TEXT.encode("utf-16-le"))), RUN),
        (text(base64.urlsafe_b64encode((TEXT + "?>~").encode()).decode()), RUN),
        (text(in_base64(in_base64(TEXT.encode()).encode())), RUN),
        (text(SQUEEZED), RUN),
        (text(in_base64(zlib.compress(TEXT.encode()))), RUN),
        (text(TEXT.encode().hex()), RUN),
        (text(TEXT.encode().hex(" ")), RUN),
        (text(", ".join(map(hex, TEXT.encode()))), RUN),
        (text(in_base64(str(STUDY).encode())), ID),
        (
            text(f'<image href="data:image/png;base64,{in_base64(png(lambda note: note.add_text("a", TEXT))[1])}"/>'),
            RUN,
        ),
    ],
    "comments, Exif, XMP and IPTC of pictures": [
        (png(lambda note: note.add_text("Comment", TEXT)), RUN),
        (png(twice), RUN),
        (png(lambda note: note.add_itxt("XML:com.adobe.xmp", f"<x><b>{TEXT}</b></x>", zip=True)), RUN),
        (png(lambda note: note.add_text("Raw profile type exif", TEXT.encode().hex(), zip=True)), RUN),
        (png(lambda note: None, exif=exif(0x9286, b"UNICODE\0" + TEXT.encode("utf-16-le"))), RUN),
        (jpeg(exif=exif(0x9286, b"UNICODE\0" + TEXT.encode("utf-16-be"))), RUN),
        (jpeg(exif=exif(0x9C9C, TEXT.encode("utf-16-le"), None)), RUN),
        (jpeg(exif=exif(0x001C, TEXT.encode("utf-16-le"), 0x8825)), RUN),
        (jpeg(comment=TEXT.encode("latin-1")), RUN),
        (jpeg(xmp=f"<x:xmpmeta><b>{TEXT}</b></x:xmpmeta>".encode()), RUN),
    ],
    "ids in words, as floats, in groups and in pieces": [
        *((text(f"see {way} here"), ID) for way in (f"{STUDY}.0", "5.0000701e7", "5.0000701E+07", "5,0000701e7")),
        *((text(f"see {way} here"), ID) for way in ("1099**9999**", "<b>1099</b>9999", "1099\\\n9999", "`1099`9999")),
        *((text(f"see {way} here"), ID) for way in ("10,999,999", "10.999.999", "10_999_999", hex(SUBJECT))),
        (text("see ⁵⁰⁰⁰⁰⁷⁰¹ here"), ID),
        (text(f"num_bytes: {STUDY}"), ID),
    ],
    "image ids, with any mark or none": [
        *((text(f"see {DICOM.replace('-', mark)}.dcm"), IMAGE) for mark in ("-", "_", ".", " ", "", ", ")),
        (text(DICOM.replace("-", "").upper()), IMAGE),
    ],
    "tokens of the usual hosts, and keys by their name": [
        (text(token), TOKEN)
        for token in (
            *("hf_" + "aB3" * 10, "ghp_" + "a1" * 12, "github_pat_" + "a1" * 12, "glpat-" + "a1" * 12),
            *("AKIA" + "A1" * 8, "ASIA" + "A1" * 8, "AIza" + "a1-_x" * 7, "ya29." + "a1" * 12, "GOCSPX-" + "a1" * 12),
            *("AccountKey=" + "a1+/" * 20 + "==", "https://a.example/b?sv=1&sig=" + "a1%2B" * 16, "abc8Q~" + "a1" * 16),
            *("sk-proj-" + "a1" * 12, "sk-ant-api03-" + "a1" * 12, "xoxb-" + "1a" * 12, "npm_" + "a1" * 18),
            *("pypi-AgE" + "a1" * 24, "hooks.slack.com/services/T0A1/B0A1/a1", "123456789:AA" + "a1x" * 11),
            "aws_secret_access_key = " + "a1B/" * 10,
            '{"api_key": "' + "0a" * 20 + '"}',
            "Authorization: Basic " + in_base64(b"someone:s3cret-word"),
        )
    ],
    "a user and password in an address": [
        (text("git clone https://user:password@host/x"), ADDRESS),
        (text("postgres://u:p%40ss@db.example:5432/x"), ADDRESS),
    ],
    "a user or password that is a word, where a user or password stands": [
        *(
            (text(line), USER)
            for line in ("user=central", "PHYSIONET_USERNAME=central", "machine a.example login central")
        ),
        *((text(line), PASSWORD) for line in ("password: right", '{"password": "right"}', "password:\n  right")),
        *((text(line), PASSWORD) for line in ("| password | right |", "<password>right</password>", "senha: right")),
        *((text(line), PASSWORD) for line in ("login somebody\npassword right", "curl -u somebody:right a.example")),
        *((text(line), PASSWORD) for line in ("https://x:right@a.example", "wget --password right --x")),
    ],
    "a secret with signs that programs escape": [
        (text(line), "a secret of this machine, the value of HF_TOKEN")
        for line in ("hf_x&y z%20", html.escape("hf_x&y z%20"), urllib.parse.quote("hf_x&y z%20"))
    ],
}

METADATA_ALONE = ("png", "jpg", "parquet", "safetensors")
REFUSED: dict[str, list[File]] = {
    "archives and documents": [
        ("a.zip", zipped("a.txt")),
        ("a.docx", zipped("word/document.xml")),
        ("a.npz", array()),
        ("a.txt.gz", gzip.compress(TEXT.encode())),
        ("a.pdf", b"%PDF-1.4\n(" + TEXT.encode("ascii", "replace") + b")"),
        ("a.rtf", rb"{\rtf1 Uma sonda}"),
    ],
    "other binary files": [("a.gif", b"GIF89a\x01\0"), ("a.pkl", b"\x80\x04\x95\0"), ("a.npy", b"\x93NUMPY\x01\0")],
    "text in other encodings": [text(TEXT, encoding="latin-1"), text(TEXT, encoding="utf-32")],
    "files that are not what their name says": [
        *(
            (f"a.{kind}", content)
            for kind in ("png", "jpg", "parquet", "safetensors")
            for content in (b"", b"none", b"\x89PNG\r\n\x1a\n")
        ),
        ("a.safetensors", (1 << 62).to_bytes(8, "little") + b"{}"),
        ("a.safetensors", (100).to_bytes(8, "little") + b"{}"),
        ("a.safetensors", (9000).to_bytes(8, "little") + b"[" * 9000),
        ("a.parquet", b"PAR1" + b"\0" * 40 + b"PAR1"),
    ],
}
PACKED_IN_TEXT = [
    text(in_base64(zipped("a.txt"))),
    text(in_base64(b"%PDF-1.4 " + b"x" * 40)),
    text(in_base64(zlib.compress(bytes(64 << 20), 9))),
]

MISSED: dict[str, list[File]] = {
    "words in another order or language, or with others between them": [
        text(" ".join(reversed(WORDS))),
        text(" ".join(word + " other" * (number % 4) for number, word in enumerate(WORDS))),
    ],
    "letters in another order, apart or without spaces, and ciphers": [
        text(TEXT[::-1]),
        text(" ".join(TEXT.replace(" ", ""))),
        text(TEXT.replace(" ", "").lower()),
        text(codecs.encode(TEXT, "rot13")),
        text(TEXT.encode("utf-7").decode().replace(" ", "+ACA-")),
    ],
    "codes of letters in decimal, base85 and the like": [
        text(", ".join(map(str, TEXT.encode()))),
        text(base64.b85encode(TEXT.encode()).decode()),
    ],
    "ids in other groups or in words, and sizes of the release": [
        text("50 00 07 01"),
        text("five zero zero zero zero seven zero one"),
    ],
    "a user or password that is a word, in prose and in vocabularies": [
        text("A central line. Get the password right: the right lung; user guide, right."),
        text(json.dumps({"central": 1, "right": 2, "password": 3}), "tokenizer.json"),
    ],
    "text within the pixels, cells of Parquet, numbers of the weights": [
        ("a.png", png(lambda note: None)[1]),
    ],
}  # fmt: skip


def found(folder: Path, file: File) -> set[str]:
    name, content = file
    (folder / name).write_bytes(content)
    return {leak.kind for leak in leaks(folder, CORPUS, MACHINE)}


def cases(table: dict[str, list[object]]) -> list[object]:
    return [pytest.param(case, id=f"{kind} {n}") for kind, of_kind in table.items() for n, case in enumerate(of_kind)]


@pytest.mark.parametrize("case", cases(SEEN))  # type: ignore[arg-type]
def test_what_is_seen(tmp_path: Path, case: tuple[File, str]) -> None:
    file, kind = case
    assert kind in found(tmp_path, file)


@pytest.mark.parametrize("file", cases(REFUSED))  # type: ignore[arg-type]
def test_what_is_refused(tmp_path: Path, file: File) -> None:
    with pytest.raises(HubkitError, match=re.escape(file[0])):
        found(tmp_path, file)


@pytest.mark.parametrize("file", PACKED_IN_TEXT, ids=["zip", "PDF", "bomb"])
def test_what_is_packed_within_a_text_and_cannot_be_read_is_refused(tmp_path: Path, file: File) -> None:
    assert found(tmp_path, file) == {PACKED}


@pytest.mark.parametrize("file", cases(MISSED))  # type: ignore[arg-type]
def test_what_is_missed_on_purpose(tmp_path: Path, file: File) -> None:
    assert found(tmp_path, file) == set()


def test_the_guide_has_these_kinds_and_no_others() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "packaging.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (seen|refused|missed) \| ([^|]+?) \|", guide, re.MULTILINE)
    refused = [*REFUSED, "archives and documents in base64, and more than 8 MB of packed text"]
    expected = [("seen", kind) for kind in SEEN] + [("refused", kind) for kind in refused]
    assert rows == expected + [("missed", kind) for kind in MISSED]


@pytest.mark.parametrize(
    ("comment", "leaks"),
    [
        (r"}t¼ \\7mn\6uvÌ", False),
        (r"}t¼ \\server\share\modelsÌ", True),
        (r"}t¼ D:\models\alice\baseÌ", True),
        ("}t¼ file:///home/alice/baseÌ", True),
        ("}t¼ /home/alice/baseÌ", True),
    ],
)
def test_bytes_of_a_picture_are_no_path_by_chance(tmp_path: Path, comment: str, leaks: bool) -> None:
    said = found(tmp_path, png(lambda note: note.add_text("a", comment)))
    assert ("a path of this machine" in said) is leaks
