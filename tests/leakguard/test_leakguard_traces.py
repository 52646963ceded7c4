"""Each kind of token, path, number and letter that tells of somebody is known, and no more than those."""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hubkit.config import ReleaseConfig, parse_config
from hubkit.errors import HubkitError
from hubkit.leakguard.credentials import machine_secrets
from hubkit.leakguard.guard import UNSALTED, Leak, Machine, guard, guard_text, leaks
from hubkit.leakguard.identifiers import machine_paths
from hubkit.leakguard.known_corpus import KnownCorpus, read_corpus
from hubkit.leakguard.ngrams import PublicRuns, words
from hubkit.tables import CONDITIONS, GENERATIONS, STUDIES, TRANSLATIONS
from hubkit.workspace import Workspace, write_table

SECRET = "Uma sonda azul atravessa o terceiro arco costal esquerdo."
RUN_KIND = "a run of 6 words of fewer than 20 subjects' reports"
ID, PATH, TOKEN, IMAGE = "a subject or study id", "a path of this machine", "a token", "an image id"
STUDY = 50_000_700


def kinds(
    folder: Path,
    text: str,
    name: str = "README.md",
    ids: frozenset[int] = frozenset({STUDY}),
    machine: tuple[str, ...] = (),
) -> list[str]:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return [leak.kind for leak in leaks(folder, KnownCorpus(ids, [(1, SECRET)]), Machine(machine))]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("hf_" + "a" * 29, None),
        ("hf_" + "a" * 30, TOKEN),
        ("hf_" + "aB3" * 5, None),
        ("hf_" + "aB3" * 5 + "x", TOKEN),
        ("api_org_" + "a" * 29, None),
        ("api_org_" + "a" * 30, TOKEN),
        *((f"gh{letter}_{'a1' * 10}", TOKEN) for letter in "pousr"),
        ("ghx_" + "a1" * 10, None),
        ("ghp_" + "a" * 19, None),
        ("github_pat_" + "a1" * 11, TOKEN),
        ("github_pat_" + "a" * 21, None),
        ("sk-" + "a1" * 10, TOKEN),
        ("sk-" + "a" * 19, None),
        ("risk-" + "a" * 30, None),
        ("AKIA" + "A1" * 8, TOKEN),
        ("AKIA" + "A1" * 9, None),
        ("eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0", TOKEN),
        ("eyJhbGciOiJIUzI1.abcdefghijklmn", None),
        ("-----BEGIN PRIVATE KEY-----", TOKEN),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", TOKEN),
        ("-----BEGIN PUBLIC KEY-----", None),
        (f"p{19_999_999}", ID),
        (f"s{59_999_999}", ID),
        (f"as{59_999_999}", None),
        (f"s{59_999_999}0", None),
        (f"s{49_999_999}", None),
        (f"p{29_999_999}", None),
        *((f"50{mark}000{mark}700", ID) for mark in "_,.' \u00a0\u202f"),
        ("50,000.700", None),
        ("50;000;700", None),
        ("150,000,700", None),
        *((f"{name}: {STUDY}", ID) for name in ("num_bytes", "download_size", "dataset_size", "contentSize")),
        (f"size: {STUDY}", ID),
        (f"1{STUDY}", None),
        (f"{STUDY}1", None),
        (f"v1.{STUDY}", None),
        (f"a{STUDY}", None),
        (f"x{STUDY}", ID),
        (f"{STUDY}-a", ID),
        (f"{STUDY}a", None),
        ("-".join(["0a1b2c3d"] * 5), IMAGE),
        (".".join(["0A1B2C3D"] * 5), IMAGE),
        ("-".join(["0a1b2c3d"] * 4), None),
        ("f" + "-".join(["0a1b2c3d"] * 5), None),
    ],
)
def test_tokens_and_ids_of_each_kind(tmp_path: Path, text: str, kind: str | None) -> None:
    assert kinds(tmp_path, f"see {text} here") == ([] if kind is None else [kind])


ROOTS = (
    *("home", "root", "Users", "tmp", "mnt", "media", "data", "scratch", "work", "opt", "srv", "var", "private"),
    *(
        "content",
        "workspace",
        "cluster",
        "nfs",
        "export",
        "storage",
        "project",
        "projects",
        "Volumes",
        "kaggle",
        "dbfs",
    ),
)


@pytest.mark.parametrize("root", ROOTS)
def test_folders_of_machines_are_known_wherever_they_stand(tmp_path: Path, root: str) -> None:
    """In a vocabulary, where what merely looks like a path is none."""
    assert kinds(tmp_path, json.dumps({f"x</{root}/joe": 1}).replace("x</", "x /"), "tokenizer.json") == [PATH]


def picture_that_holds(content: bytes) -> str:
    """A picture of one dot in base64, with `content` among its bytes."""
    file = io.BytesIO()
    Image.new("L", (1, 1)).save(file, "PNG")
    chunk = b"prVt" + content
    chunk = len(content).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    return base64.b64encode(file.getvalue()[:-12] + chunk + file.getvalue()[-12:]).decode()


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("tokenizer.json", '{"/beegfs": 1}', PATH),
        ("tokenizer.json", '{"/gpfs/x": 1}', PATH),
        ("tokenizer.json", '{"/lustre": 1}', PATH),
        ("tokenizer.json", '{"/raid/joe": 1}', None),
        ("vocab.json", '{"/raid/joe": 1}', None),
        ("vocabulary.json", '{"/raid/joe": 1}', PATH),
        ("README.md", "see /usr/bin/env and /etc/hosts and /proc/self and /dev/null and /path/to", None),
        ("README.md", "see /usr/local/bin", PATH),
        ("README.md", "POST /api/models and /resolve/main and /static/x and /plots/y", None),
        ("README.md", "see /apis/models", PATH),
        ("README.md", "see /raid", None),
        ("README.md", "C:\\Users", PATH),
        ("README.md", "https://host.example/home/joe", None),
        ("README.md", "a/home/joe", None),
        # matplotlib breaks a raster's base64 into lines, any of which may begin with a slash.
        ("plot.svg", f'"data:image/png;base64,\n{"A" * 76}\n/Abc/def{"A" * 68}\n/A/A=="', None),
        ("plot.svg", f'"data:image/png;base64,\n{"A" * 76}\n/A/A==" href="/raid/joe"', PATH),
        ("plot.svg", f'"data:image/png;base64,\n{picture_that_holds(b" /Abc/def ")}"', None),
    ],
)
def test_what_is_a_path_of_a_machine(tmp_path: Path, name: str, text: str, kind: str | None) -> None:
    assert kinds(tmp_path, text, name) == ([] if kind is None else [kind])


@pytest.mark.parametrize(
    ("text", "found"), [("key=a+b(c.", True), ("key=a+b(cd", False), ("xa+b(c", False), ("aab(c", False), ("", False)]
)
def test_paths_are_looked_for_as_they_are_written(tmp_path: Path, text: str, found: bool) -> None:
    assert kinds(tmp_path, text, machine=("", "a+b(c")) == [PATH] * found


SECRETS = ("HUGGING_FACE_HUB_TOKEN", "HUBKIT_GRANTED_TOKEN", "HUBKIT_UNGRANTED_TOKEN", "PHYSIONET_PASSWORD")


def test_what_tells_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    (tmp_path / "token").write_text("hf_stored")
    for name in SECRETS:
        monkeypatch.setenv(name, f"value of {name}")
    monkeypatch.setenv("HF_TOKEN", "hf_given")
    monkeypatch.setenv("PHYSIONET_USERNAME", "ana")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    tables: dict[str, Any] = {
        "corpus": {"root": str(tmp_path / "mimic"), "images": "/images"},
        "hub": {"namespace": "lab"},
        "release": {"contact": "ana@lab.example"},
    }
    # A folder at the root is called by too common a word: /images is none of them.
    paths = {str(tmp_path / name) for name in ("mimic", "home", "work")}
    assert set(machine_paths(parse_config(tables), Workspace(tmp_path / "work"))) == paths
    values = {name: f"value of {name}" for name in SECRETS}
    expected = {**values, "HF_TOKEN": "hf_given", "PHYSIONET_USERNAME": "ana"}
    assert dict(machine_secrets(parse_config(tables))) == expected
    # What is public of somebody may stand there, whatever else it is.
    public: dict[str, Any] = {"hub": {"namespace": "ana"}, "release": {"contact": "value of PHYSIONET_PASSWORD"}}
    tables |= {**public, "packaging": {"authors": ["value of HUBKIT_GRANTED_TOKEN", "hf_given"]}}
    left = {name for name, _ in machine_secrets(parse_config(tables))}
    assert left == {"HUBKIT_UNGRANTED_TOKEN", "HUGGING_FACE_HUB_TOKEN"}


def test_the_token_that_is_stored_is_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    (tmp_path / "token").write_text("hf_stored")
    assert ("`hf auth login`", "hf_stored") in machine_secrets(parse_config({}))


ALIKE = {
    **dict(zip("авгеніјкӏмопрѕтухһԁԛԝ", "abrehijklmonpstyxhdqw", strict=True)),
    **dict(zip("αβεικνορτυχωıłøđ", "abeikvoptuxwilod", strict=True)),
}


@pytest.mark.parametrize(("other", "letter"), ALIKE.items())
def test_letters_of_other_alphabets_are_what_they_look_like(other: str, letter: str) -> None:
    assert words(f"so{other}da SO{other.upper()}DA"[: len("soxda")]) == [f"so{letter}da"]


@pytest.mark.parametrize(
    "mark",
    "\u00ad\u034f\u061c\u115f\u17b4\u180b\u180e\u200b\u200d\u202a\u202e\u2060\u206f\u3164\ufe00\ufe0f\ufeff\uffa0"
    "\ufff0\U0001d173\U000e0001\U000e0061\u0301\u036f",
)
def test_marks_that_nobody_sees_part_no_word(mark: str) -> None:
    assert words(f"son{mark}da") == ["sonda"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ção, ÇÃO; c_a-o", ["cao", "cao", "c", "a", "o"]),
        ("2,5 cm × 3", ["2", "5", "cm", "3"]),
        ("ﬁm ² ½", ["fim", "2", "12"]),
        ("“azul”…", ["azul"]),
        ("a\0b", ["a", "b"]),
        ("STRAßE", ["strasse"]),
        ("", []),
    ],
)
def test_words_as_they_are_compared(text: str, expected: list[str]) -> None:
    assert words(text) == expected


LETTERS = st.lists(st.sampled_from("abcde"), max_size=30).map(" ".join)


@given(public=st.lists(LETTERS, max_size=3), reports=st.lists(st.tuples(st.integers(1, 30), LETTERS), max_size=40))
def test_runs_are_counted_over_reports_that_come_in_pieces(public: list[str], reports: list[tuple[int, str]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hubkit.leakguard.ngrams.CHARACTERS_AT_ONCE", 40)
        patch.setattr("hubkit.leakguard.ngrams.COMMON", 3)
        found = PublicRuns([words(text) for text in public])
        found.count(reports)
        rare = sorted(found.rare())
    seen: dict[tuple[str, ...], set[int]] = {}
    for subject, report in reports:
        said = report.split()
        for start in range(len(said) - 5):
            seen.setdefault(tuple(said[start : start + 6]), set()).add(subject)
    assert rare == [
        (number, start)
        for number, text in enumerate(public)
        for start in range(len(text.split()) - 5)
        if 0 < len(seen.get(tuple(text.split()[start : start + 6]), ())) < 3
    ]


@pytest.mark.parametrize("name", ["adapter/training.json", "adapter/hubkit_generation.json"])
def test_files_behind_the_gate_name_studies_and_nothing_else(tmp_path: Path, name: str) -> None:
    # Its digest is shown to everybody, and a short list of ids is soon guessed: a salt prevents that.
    assert kinds(tmp_path, f"[{STUDY}]", name) == [UNSALTED]
    assert kinds(tmp_path, json.dumps({"ids": [STUDY], "salt": "0a" * 31}, indent=2), name) == [UNSALTED]
    assert kinds(tmp_path, json.dumps({"ids": [STUDY], "salt": "0a" * 32}, indent=2), name) == []
    assert kinds(tmp_path, f"[{STUDY}]", name.replace("adapter", "metric")) == [ID]
    (tmp_path / name.replace("adapter", "metric")).unlink()
    secrets = [f"hf_{'a' * 30}", "/home/joe", "-".join(["0a1b2c3d"] * 5)]
    assert sorted(kinds(tmp_path, json.dumps(secrets), name)) == sorted([IMAGE, PATH, TOKEN])
    assert kinds(tmp_path, json.dumps(SECRET), name) == [RUN_KIND]


def weights(header: dict[str, object]) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + b"/home/joe in what are numbers"


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("model.safetensors", weights({"layer": {"shape": [STUDY]}}), None),
        ("model.safetensors", weights({"__metadata__": {"note": SECRET}}), RUN_KIND),
        ("model.safetensors", weights({"__metadata__": {"base": "/home/joe"}}), PATH),
        # A short text is the type of a tensor; under the same name in the metadata it is a text.
        ("model.safetensors", weights({"__metadata__": {"dtype": f"s{STUDY}"}}), ID),
        ("model.safetensors", weights({f"layer.s{STUDY}": {}}), ID),
        ("tokenizer.model", b"\xff\x00" + SECRET.encode() + b"\xfe", RUN_KIND),
        ("tokenizer.model", b"\xff\x00\xfe", None),
    ],
)
def test_files_that_are_no_text_are_read_where_they_hold_some(
    tmp_path: Path, name: str, content: bytes, kind: str | None
) -> None:
    (tmp_path / name).write_bytes(content)
    found = {leak.kind for leak in leaks(tmp_path, KnownCorpus(frozenset({STUDY}), [(1, SECRET)]))}
    assert found == (set() if kind is None else {kind})


@pytest.mark.parametrize(("more", "found"), [(-6, [RUN_KIND]), (0, [RUN_KIND]), (1, [])])
def test_packed_text_may_hold_a_tenth_of_control_characters(tmp_path: Path, more: int, found: list[str]) -> None:
    text = SECRET + "." * (-len(SECRET) % 9)
    packed = base64.b64encode((text + "\x01" * (len(text) // 9 + more)).encode()).decode()
    assert kinds(tmp_path, packed) == found


@pytest.mark.parametrize("name", ["plot.png", "plot.jpg", "plot.jpeg"])
def test_pictures_of_each_ending_are_read(tmp_path: Path, name: str) -> None:
    Image.new("L", (4, 4)).save(tmp_path / name)
    assert leaks(tmp_path, KnownCorpus(frozenset(), [(1, SECRET)])) == []


@pytest.mark.parametrize(("count", "ending"), [(1, ""), (8, ""), (9, "; and 1 more"), (12, "; and 4 more")])
def test_up_to_eight_leaks_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, ending: str) -> None:
    monkeypatch.setattr("hubkit.leakguard.guard.read_corpus", lambda *arguments: KnownCorpus(frozenset({STUDY}), []))
    monkeypatch.setattr("hubkit.leakguard.guard.machine_paths", lambda *arguments: [])
    monkeypatch.setattr("hubkit.leakguard.guard.machine_secrets", lambda *arguments: [])
    dist = tmp_path / "dist"
    dist.mkdir()
    (dist / "README.md").write_text(f"{STUDY}\n" * count)
    with pytest.raises(HubkitError) as error:
        guard(dist, parse_config({}), Workspace(tmp_path))
    listed = "; ".join(f"README.md line {line}: {ID}" for line in range(1, min(count, 8) + 1))
    assert str(error.value).startswith(f"dist: the leak guard refuses it: {listed}{ending} (")


def test_a_leak_in_a_name_is_said_to_be_one() -> None:
    assert str(Leak("a.md", 0, ID)) == f"a.md (its name): {ID}"
    assert str(Leak("a.md", 3, ID)) == f"a.md line 3: {ID}"


ENGLISH, MACHINE, CORRECTED, KEPT, REFERENCE, GENERATED = (
    " FINDINGS:  A red line ends in the first arch.\n",
    "Uma linha rubra acaba no arco inicial.",
    "Uma linha vermelha termina no primeiro arco.",
    "Uma linha branca termina no terceiro arco.",
    "ACHADOS: Uma linha verde termina no segundo arco.",
    "Uma linha amarela termina no quarto arco.",
)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Tables of two studies of one subject, and a corpus that holds a third of another."""
    root = tmp_path_factory.mktemp("release")
    made = Workspace(root / "work").running("package", "0" * 64)
    tables = {
        made.studies: (STUDIES, [{"subject_id": 10_000_100, "report": ENGLISH}] * 2),
        made.machine_translations: (TRANSLATIONS, [{"translation": MACHINE}, {"translation": KEPT}]),
        made.translations: (TRANSLATIONS, [{"translation": CORRECTED}, {"translation": KEPT}]),
        **{
            made.generations(condition): (
                GENERATIONS,
                [{"subject_id": 10_000_100, "reference": REFERENCE, "generated": f"{condition}: {GENERATED}"}],
            )
            for condition in CONDITIONS
        },
    }
    for path, (schema, rows) in tables.items():
        numbered = [{**row, "study_id": STUDY + number} for number, row in enumerate(rows)]
        write_table(path, pa.Table.from_pylist(numbered, schema=schema))
    for subject, study, text in (
        (10_000_100, STUDY, b"Read from the table."),
        (17_000_001, 57_000_001, b"Blue \xff.\n"),
    ):
        report = root / "corpus" / "files" / f"p{str(subject)[:2]}" / f"p{subject}" / f"s{study}.txt"
        report.parent.mkdir(parents=True)
        report.write_bytes(text)
    return made


def configured(workspace: Workspace, corpus: str) -> ReleaseConfig:
    return parse_config({"corpus": {"root": str(workspace.root.parent / corpus)}})


@pytest.mark.parametrize("corpus", ["corpus", "nowhere"])
def test_the_guard_knows_every_text_of_every_table_once(workspace: Workspace, corpus: str) -> None:
    known = read_corpus(configured(workspace, corpus), workspace)
    expected = Counter(
        {
            (10_000_100, ENGLISH): 2,
            (10_000_100, MACHINE): 1,
            (10_000_100, CORRECTED): 1,
            (10_000_100, KEPT): 1,
            (10_000_100, REFERENCE): 1,
        }
    )
    expected.update((10_000_100, f"{condition}: {GENERATED}") for condition in CONDITIONS)
    ids = {10_000_100, STUDY, STUDY + 1}
    if corpus == "corpus":
        expected[17_000_001, "Blue ÿ.\n"] += 1
        ids |= {17_000_001, 57_000_001}
    assert Counter(known.reports) == expected
    assert known.ids == ids


@pytest.mark.parametrize(
    "text", [ENGLISH, MACHINE, CORRECTED, REFERENCE, GENERATED, f"Study {STUDY}.", "Subject 10000100."]
)
def test_a_text_of_ones_own_is_compared_with_the_whole_workspace(
    workspace: Workspace, text: str, tmp_path: Path
) -> None:
    config = configured(workspace, "corpus")
    guard_text("A licence question.", config, workspace)
    with pytest.raises(HubkitError, match=r"reason: the leak guard refuses it: reason\.txt line 2"):
        guard_text(f"First.\n{text}", config, workspace)
    with pytest.raises(HubkitError, match="the reason cannot be compared with the corpus"):
        guard_text("A licence question.", config, Workspace(tmp_path))
