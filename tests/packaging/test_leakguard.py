"""The leak guard finds what is planted, names file and line, and says nothing of the text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from invented_release import FIRST_STUDY, FIRST_SUBJECT, build_release, release_config
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hubkit.errors import HubkitError
from hubkit.packaging.leakguard import Corpus, Leak, guard, leaks
from hubkit.packaging.package import package
from hubkit.packaging.runs import COMMON, RUN, PublicRuns, words
from hubkit.workspace import read_table

SECRET = "Uma sonda azul atravessa o terceiro arco costal esquerdo."
RUN_KIND = f"a run of {RUN} words of fewer than {COMMON} subjects' reports"
ID_KIND, PATH_KIND, TOKEN_KIND = "a subject or study id", "a path or secret of this machine", "a token"
FEW_SHOT_SCRIPT = f"""PROMPT = "Descreva"
EXAMPLE = (
    "Uma sonda azul "
    "atravessa o terceiro arco costal esquerdo."
)
ESCAPED = {json.dumps(SECRET.replace(" ", chr(10)))}
"""


def corpus(*texts: str, subjects: int = 1, ids: frozenset[int] = frozenset()) -> Corpus:
    return Corpus(ids, [(subject, text) for text in texts for subject in range(subjects)])


def found(
    tmp_path: Path, text: str, known: Corpus, name: str = "README.md", machine: tuple[str, ...] = ()
) -> list[Leak]:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return leaks(tmp_path, known, machine)


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
    assert found(tmp_path, SECRET, Corpus(frozenset(), [(1, SECRET)] * 50))


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
        ("0a1b2c3d-0a1b2c3d-0a1b2c3d-0a1b2c3d-0a1b2c3d.jpg", "an image id"),
        ("token: hf_" + "aB3-" * 8, TOKEN_KIND),
        ("from huggingface_hub import hf_hub_download_and_more_than_that", None),
        ("saved to /home/someone/model", PATH_KIND),
        ('{"base": "/scratch/models/base"}', PATH_KIND),
        ("under /odd/place/work", PATH_KIND),
        (f"num_bytes: {FIRST_STUDY}", None),
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
    assert found == [Leak("plot.png", 1, RUN_KIND), Leak(f"s{FIRST_STUDY}.md", 0, ID_KIND)]


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
