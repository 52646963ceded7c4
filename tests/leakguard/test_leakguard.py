"""The leak guard finds what is planted, names file and line, and says nothing of the text."""

from __future__ import annotations

import io
import json
import struct
import time
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from invented_release import FIRST_STUDY, FIRST_SUBJECT, build_release, release_config
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hubkit.config import parse_config
from hubkit.errors import HubkitError
from hubkit.leakguard.guard import Leak, Machine, guard, leaks
from hubkit.leakguard.identifiers import machine_paths
from hubkit.leakguard.known_corpus import KnownCorpus, read_corpus
from hubkit.leakguard.ngrams import COMMON, RUN, PublicRuns, words
from hubkit.packaging.package import package
from hubkit.workspace import Workspace, read_table

SECRET = "Uma sonda azul atravessa o terceiro arco costal esquerdo."
RUN_KIND = f"a run of {RUN} words of fewer than {COMMON} subjects' reports"
ID_KIND, PATH_KIND, TOKEN_KIND = "a subject or study id", "a path of this machine", "a token"
FEW_SHOT_SCRIPT = f"""PROMPT = "Descreva"
EXAMPLE = (
    "Uma sonda azul "
    "atravessa o terceiro arco costal esquerdo."
)
ESCAPED = {json.dumps(SECRET.replace(" ", chr(10)))}
"""


def corpus(*texts: str, subjects: int = 1, ids: frozenset[int] = frozenset()) -> KnownCorpus:
    return KnownCorpus(ids, [(subject, text) for text in texts for subject in range(subjects)])


def found(
    tmp_path: Path, text: str, known: KnownCorpus, name: str = "README.md", machine: tuple[str, ...] = ()
) -> list[Leak]:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return leaks(tmp_path, known, Machine(machine))


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        SECRET.upper(),
        "**Uma** sonda, azul; atravessa o *terceiro* arco",
        "| Uma | sonda |\n| azul | atravessa |\n| o | terceiro |",
        "Uma sonda\\nazul atravessa\\to terceiro",
        "Uma sonda azul atravessa o terc&eacute;iro arco costal esquerdo",
        "<li>Uma sonda azul</li><li>atravessa o terceiro</li>",
        "Uma sonda azul atravessa o terc&#233;iro",
        "Uma sonda azul atravessa o terc&amp;eacute;iro",
        "Uma&#10;sonda&#x0a;azul&nbsp;atravessa&nbsp;o&nbsp;terceiro",
        r"Uma sonda azul atravessa o ter\u0063eiro",
        r"Uma sonda azul atravessa o ter\\u0063eiro",
        r"Uma sonda azul atravessa o ter\x63eiro",
        r"Uma sonda azul atravessa o ter\U00000063eiro",
        r"Uma sonda azul atravessa o ter\u{63}eiro",
        r"Uma sonda azul atravessa o ter\N{LATIN SMALL LETTER C}eiro",
        "?q=Uma%20sonda%20azul%20atravessa%20o%20ter%63eiro",
        "Uma sonda azul atravessa o terce\u0301iro",
        "Uma sonda azul atravessa o ter\u00adcei\u200bro",
        "Uma sonda azul atravessa o ter\u0327ceiro",
        "\uff35\uff4d\uff41 sonda azul atravessa o terceiro",
        "Uma sonda azul atravessa \U0001d5fc terceiro",
        "Um\u0430 s\u043end\u0430 \u0430zul \u0430tr\u0430vessa \u043e terceir\u043e",
        "Uma sonda azul atravessa o ter**cei**ro",
        "Uma [sonda](https://a.example/b) azul [atravessa][1] o terceiro",
        "Uma so<b>nda</b> az<span class='x'>ul</span> atravessa o terceiro",
        "Uma so<!-- nothing here to see -->nda azul atravessa o terceiro",
        "Uma <!-- one --> sonda <!-- two --> azul <!-- three --> atravessa o terceiro",
        "<!-- Uma sonda azul atravessa o terceiro -->",
        "Uma sonda azul atra-\nvessa o terceiro",
        "1. Uma sonda\n2. azul atravessa\n3. o terceiro",
        "text: >-\n  Uma sonda azul\n\n  atravessa\n  o terceiro",
        'text: "Uma sonda azul atra\\\n  vessa o terceiro"',
        "- Uma\n- sonda\n- azul\n- atravessa\n- o\n- terceiro",
        '["Uma", "sonda", "azul", "atravessa", "o", "terceiro"]',
        "A = 'Uma sonda azul atra' 'vessa o terceiro'",
        "A = 'Uma sonda azul atra' + \\\n    f'vessa o terceiro'",
        "+ Uma sonda azul\n+ atravessa o terceiro",
        "> Uma sonda azul\n> atravessa o terceiro",
        '<text\n x="1">Uma</text><text\n x="2">sonda</text>\n<path d="M\nL"/><text>azul atravessa o terceiro</text>',
        "<!-- Uma -->\n<g><path d='M 1\nL 2'/></g>\n<!-- sonda --><g/>\n<!-- azul atravessa o terceiro -->",
        '{"data": {"text/html": ["<td>Uma</td>\\n", "<td>sonda azul</td>\\n", "<td>atravessa o terceiro"]}}',
        '{"outputs": [{"text": ["Uma sonda azul\\n", "atravessa o terceiro\\n"]}]}',
    ],
)
def test_a_run_of_the_corpus_is_found_however_it_is_laid_out(tmp_path: Path, text: str) -> None:
    assert [(leak.file, leak.kind) for leak in found(tmp_path, text, corpus(SECRET))][:1] == [("README.md", RUN_KIND)]


@pytest.mark.parametrize(
    ("text", "subjects", "leaking"),
    [
        ("Uma sonda azul atravessa o quarto", 1, False),
        ("Uma sonda azul atravessa o terceiro", 1, True),
        (SECRET, COMMON - 1, True),
        (SECRET, COMMON, False),
    ],
)
def test_what_counts_is_six_words_and_twenty_subjects(tmp_path: Path, text: str, subjects: int, leaking: bool) -> None:
    assert bool(found(tmp_path, text, corpus(SECRET, subjects=subjects))) is leaking


def test_twenty_reports_of_one_subject_are_no_common_usage(tmp_path: Path) -> None:
    assert found(tmp_path, SECRET, KnownCorpus(frozenset(), [(1, SECRET)] * 50))


@pytest.mark.parametrize("text", ['"' + " " * 200_000, "[" * 50_000, "](" * 50_000, "`" * 200_000, "a-\n" * 50_000])
def test_the_time_for_odd_texts_grows_with_their_length(tmp_path: Path, text: str) -> None:
    """Eight times the text takes about eight times as long; where the time is quadratic, 64 times."""
    seconds: dict[int, list[float]] = {len(text) // 64: [], len(text) // 8: []}
    # Both lengths in turn, and the fastest of each: a busy machine slows both.
    for _ in range(3):
        for length, taken in seconds.items():
            started = time.process_time()
            assert found(tmp_path, text[:length], corpus(SECRET)) == []
            taken.append(time.process_time() - started)
    short, long = map(min, seconds.values())
    assert long < 24 * short


def test_it_names_file_and_line_and_not_the_text(tmp_path: Path) -> None:
    (tmp_path / "metric").mkdir()
    (tmp_path / "metric" / "app.py").write_text(FEW_SHOT_SCRIPT)
    assert leaks(tmp_path, corpus(SECRET)) == [
        Leak("metric/app.py", 3, RUN_KIND),
        Leak("metric/app.py", 4, RUN_KIND),
        Leak("metric/app.py", 6, RUN_KIND),
    ]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"study {FIRST_STUDY} shows", ID_KIND),
        (f"files/p10/p{FIRST_SUBJECT}/s1.txt", ID_KIND),
        (f"[{FIRST_SUBJECT}, 2]", ID_KIND),
        (f"STUDY = {FIRST_STUDY:_}", ID_KIND),
        (f"{FIRST_STUDY:,} is one", ID_KIND),
        (f"study{FIRST_STUDY}", ID_KIND),
        (f"plot.{FIRST_STUDY}.png", ID_KIND),
        ("".join(chr(0xFF10 + int(digit)) for digit in str(FIRST_STUDY)), ID_KIND),
        (f"{FIRST_STUDY // 1000}\u200b{FIRST_STUDY % 1000:03}", ID_KIND),
        ("s59999999 is of no study of this corpus, and called like one", ID_KIND),
        (f"{FIRST_STUDY}.0,{FIRST_SUBJECT}.0", ID_KIND),
        (f'{{"study": {FIRST_STUDY}.00}}', ID_KIND),
        (f"{FIRST_STUDY}. And so on.", ID_KIND),
        (f"0.{FIRST_STUDY} of them, {FIRST_STUDY}.5 seconds, {FIRST_STUDY}.05", None),
        ("0a1b2c3d-0a1b2c3d-0a1b2c3d-0a1b2c3d-0a1b2c3d.jpg", "an image id"),
        ("plot_0A1B2C3D_0A1B2C3D_0A1B2C3D_0A1B2C3D_0A1B2C3D", "an image id"),
        ("hf_" + "aBcDe" * 7, TOKEN_KIND),
        ("token: hf_" + "aB3-" * 8, TOKEN_KIND),
        ("from huggingface_hub import hf_hub_download_and_more_than_that", None),
        ("saved to /home/someone/model", PATH_KIND),
        ('{"base": "/scratch/models/base"}', PATH_KIND),
        ("under /odd/place/work", PATH_KIND),
        ("under ~/odd/placebo/work", None),
        (r"C:\\Users\\someone", PATH_KIND),
        ('"base_model_name_or_path": "/raid7/joe/models/medgemma"', PATH_KIND),
        ("base: /users/joe", PATH_KIND),
        ("MODELS=/ssd/joe", PATH_KIND),
        ("`/local/joe/adapter`", PATH_KIND),
        ("<code>/fs01/joe</code>", PATH_KIND),
        ("from /beegfs", PATH_KIND),
        ("from /lustre/joe and", PATH_KIND),
        ("(/gpfs/joe)", PATH_KIND),
        ("| /datasets/mimic-cxr |", PATH_KIND),
        ("next: %2Fraid%2Fjoe", PATH_KIND),
        (r"D:\models\joe", PATH_KIND),
        (r'{"base": "D:\\raid\\nas\\joe"}', PATH_KIND),
        ("D:/models/joe", PATH_KIND),
        (r"\\nas\share\joe", PATH_KIND),
        (r'{"base": "\\\\nas\\share\\joe"}', PATH_KIND),
        ("file://nas/share", PATH_KIND),
        (r'{"prompt": "Q:\nWhat?\nA:\nNo\n"}', None),
        (r'{"Regex": "[^\\r\\n\\p{L}]?\\p{L}+|\\s+"}', None),
        ("GET /api/datasets/lab/reports and /v1/chat/completions", None),
        ("https://host.example/?file=/raid/joe, hf://datasets/lab/reports", None),
        ("#!/usr/bin/env python, >/dev/null, /path/to/model, and/or/not, 31/12/2025", None),
        ("<b>one</b></td>, text/html, precision/recall/F1, -//W3C//DTD SVG 1.1//EN, data:;base64,/9j/4AAQ", None),
        (f"num_bytes: {FIRST_STUDY}", ID_KIND),
        (f"sha256 {FIRST_STUDY}abcdef", None),
        ("mimic_cxr=~/mimic-cxr, https://host.example/home/page, data/default/train-*.parquet", None),
    ],
)
def test_ids_tokens_and_paths_are_found(tmp_path: Path, text: str, kind: str | None) -> None:
    known = corpus(SECRET, ids=frozenset({FIRST_STUDY, FIRST_SUBJECT}))
    expected = [] if kind is None else [Leak("README.md", 2, kind)]
    assert found(tmp_path, f"first\n{text}\n", known, machine=("/odd/place",)) == expected


def test_file_names_and_metadata_of_images_are_looked_at(tmp_path: Path) -> None:
    note = PngInfo()
    note.add_text("Comment", SECRET)
    Image.new("L", (4, 4)).save(tmp_path / "plot.png", pnginfo=note)
    (tmp_path / f"s{FIRST_STUDY}.md").write_text("")
    found = leaks(tmp_path, corpus(SECRET, ids=frozenset({FIRST_STUDY})))
    assert found[0] == Leak("plot.png", 1, RUN_KIND)
    assert found[-1] == Leak(f"s{FIRST_STUDY}.md", 0, ID_KIND)


@pytest.mark.parametrize(
    ("name", "leaking"),
    [
        ("UmaSondaAzulAtravessaOTerceiro.md", True),
        ("umaSonda_azul-AtravessaO.terceiro", True),
        ("Uma1Sonda2Azul3Atravessa4O5Terceiro.md", True),
        ("uma_sonda_azul_atravessa_o_terceiro.md", True),
        ("UmaSondaAzulAtravessa.md", False),
    ],
)
def test_words_without_spaces_in_a_files_name_are_read(tmp_path: Path, name: str, leaking: bool) -> None:
    assert found(tmp_path, "", corpus(SECRET), name) == ([Leak(name, 0, RUN_KIND)] if leaking else [])


def test_what_looks_like_a_path_in_a_vocabulary_is_none_unless_it_is_of_a_machine(tmp_path: Path) -> None:
    assert found(tmp_path, '{"/abc/def": 7}', corpus(SECRET), "tokenizer.json") == []
    assert found(tmp_path, '{"/home/joe": 7}', corpus(SECRET), "tokenizer.json")


def test_nested_names_and_metadata_of_columns_are_looked_at(tmp_path: Path) -> None:
    at_the_leaf = pa.field("leaf", pa.string(), metadata={"note": SECRET})
    columns = [
        pa.field("flat", pa.string(), metadata={"note": SECRET}),
        pa.field("nested", pa.struct([(f"s{FIRST_STUDY}", pa.string())])),
        pa.field("listed", pa.list_(pa.struct([at_the_leaf]))),
        pa.field("mapped", pa.map_(pa.string(), pa.struct([("/raid/joe", pa.string())]))),
    ]
    for column in columns:
        pq.write_table(pa.schema([column]).empty_table(), tmp_path / f"{column.name}.parquet")
    known = corpus(SECRET, ids=frozenset({FIRST_STUDY}))
    assert {(leak.file, leak.kind) for leak in leaks(tmp_path, known)} == {
        ("flat.parquet", RUN_KIND),
        ("nested.parquet", ID_KIND),
        ("listed.parquet", RUN_KIND),
        ("mapped.parquet", PATH_KIND),
    }


def test_a_relative_corpus_and_a_link_are_paths_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    monkeypatch.chdir(tmp_path)
    known = machine_paths(parse_config({"corpus": {"root": "link/mimic"}}), Workspace(tmp_path / "work"))
    assert {str(tmp_path / "link" / "mimic"), str(tmp_path / "there" / "mimic")} <= set(known)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def in_a_picture(place: str, text: str) -> tuple[str, bytes]:
    """A picture that holds `text` somewhere beside its pixels: its name and its bytes."""
    image, note, stored = Image.new("L", (4, 4)), PngInfo(), io.BytesIO()
    if place.startswith("iTXt"):
        note.add_itxt("Comment", text, zip="compressed" in place)
    if place.endswith("hidden by another"):
        note.add_itxt("Comment", "Drawn by hand.", zip=True)
    if place == "zTXt":
        note.add_text("Comment", text, zip=True)
    if place == "EXIF":
        image.getexif()[0x9C9C] = text.encode("utf-16-le")
    if place == "JPEG comment":
        image.save(stored, "JPEG", comment=text.encode())
        return "plot.jpg", stored.getvalue()
    image.save(stored, "PNG", pnginfo=note, exif=image.getexif())
    whole = stored.getvalue()
    if place == "a chunk of its own":
        whole = whole[:33] + png_chunk(b"teSt", text.encode()) + whole[33:]
    return "plot.png", whole + (text.encode() if place == "after the end" else b"")


@pytest.mark.parametrize(
    "place",
    [
        *("iTXt", "iTXt, compressed", "iTXt, hidden by another", "iTXt, compressed, hidden by another"),
        *("zTXt", "EXIF", "JPEG comment", "a chunk of its own", "after the end"),
    ],
)
def test_pictures_hold_no_text_beside_their_pixels(tmp_path: Path, place: str) -> None:
    name, raw = in_a_picture(place, SECRET)
    (tmp_path / name).write_bytes(raw)
    assert RUN_KIND in {leak.kind for leak in leaks(tmp_path, corpus(SECRET))}
    (tmp_path / name).write_bytes(in_a_picture(place, "Nothing of the kind is said here.")[1])
    assert leaks(tmp_path, corpus(SECRET)) == []


def test_reports_of_the_corpus_that_are_not_in_the_release_are_known_as_well(tmp_path: Path) -> None:
    workspace = build_release(tmp_path)
    report = tmp_path / "corpus" / "files" / "p17" / "p17000001" / "s57000001.txt"
    report.parent.mkdir(parents=True)
    report.write_text(" FINDINGS:  A blue probe crosses the third left costal arch.\n")
    for prompt, kind in (
        ("the case of 57000001", "subject or study id"),
        ("A blue probe crosses the third", "a run of 6"),
    ):
        config = release_config(tmp_path / "corpus", generation={"prompt": prompt})
        with pytest.raises(HubkitError, match=rf"README\.md line \d+: .*{kind}"):
            package(config, workspace)


def test_a_password_in_a_card_stops_the_release_and_a_name_that_is_public_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = build_release(tmp_path)
    monkeypatch.setenv("PHYSIONET_USERNAME", "lab")
    monkeypatch.setenv("PHYSIONET_PASSWORD", "correct horse")
    package(release_config(tmp_path / "corpus"), workspace)
    with pytest.raises(HubkitError, match="a secret of this machine, the value of PHYSIONET_PASSWORD") as raised:
        package(release_config(tmp_path / "corpus", release={"contact": "correct horse battery"}), workspace)
    assert "correct horse" not in str(raised.value)


def test_where_there_is_no_corpus_what_is_known_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = build_release(tmp_path)
    known = read_corpus(release_config(tmp_path / "nowhere"), workspace)
    assert FIRST_STUDY in known.ids
    assert "knows the studies of the workspace alone" in capsys.readouterr().err


def test_a_file_that_nobody_can_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "training_args.bin").write_bytes(b"PK\x00\xff")
    with pytest.raises(HubkitError, match=r"training_args\.bin"):
        leaks(tmp_path, corpus(SECRET))


def test_a_report_in_the_prompt_stops_the_release(tmp_path: Path) -> None:
    workspace = build_release(tmp_path)
    report = next(row for row in read_table(workspace.translations).to_pylist() if row["section"] == "findings")
    config = release_config(tmp_path / "corpus", generation={"prompt": f"Exemplo: {report['translation']}"})
    with pytest.raises(HubkitError, match=r"adapter/README\.md line \d+: a run of 6 words") as raised:
        package(config, workspace)
    assert report["translation"][:12] not in str(raised.value)
    assert not workspace.dist.exists()


def test_our_own_cards_raise_no_alarm(tmp_path: Path) -> None:
    workspace = build_release(tmp_path)
    config = release_config(tmp_path / "corpus")
    package(config, workspace)
    guard(workspace.dist, config, workspace)


WORDS = st.lists(st.sampled_from(["a", "b", "c", "É", "é", "e", "a–b", "c_e", "²", "•", "\0"]), max_size=40)


@given(public=WORDS, reports=st.lists(st.tuples(st.integers(1, 30), WORDS), max_size=8))
def test_the_runs_are_those_of_a_plain_search(public: list[str], reports: list[tuple[int, list[str]]]) -> None:
    text = words(" ".join(public))
    runs = PublicRuns([text])
    runs.count((subject, " ".join(report)) for subject, report in reports)
    seen: dict[tuple[str, ...], set[int]] = {}
    for subject, report in reports:
        plain = words(" ".join(report))
        for start in range(len(plain) - RUN + 1):
            seen.setdefault(tuple(plain[start : start + RUN]), set()).add(subject)
    expected = [start for start in range(len(text) - RUN + 1) if tuple(text[start : start + RUN]) in seen]
    assert sorted(word for _, word in runs.rare()) == expected
