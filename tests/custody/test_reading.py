"""A sealed release on a Hub is read with stock libraries: as bytes, and with the corpus as it was."""

from __future__ import annotations

import json
import logging
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from datasets import Dataset, Features, IterableDataset, Split, load_dataset
from invented_release import build_release, release_config
from loopback import hub, own_home

from hubkit.cli import cli
from hubkit.custody import sealed as feature
from hubkit.custody.sealed import Keyring, Sealed, find_corpus, open_sealed
from hubkit.custody.tables import seal_table
from hubkit.errors import HubkitError
from hubkit.hub.access import gated_repos
from hubkit.hub.targets import targets
from hubkit.localhub import LocalHub
from hubkit.packaging.card_data import gather
from hubkit.packaging.package import _dataset, package
from hubkit.workspace import Workspace

__all__ = ["hub", "own_home"]

GENERATIONS = "data/generations/test-00000-of-00001.parquet"
ELSEWHERE = """
import json, pickle, sys
from datasets import Dataset
from hubkit.errors import HubkitError
loaded = [pickle.load(open(sys.argv[1], "rb")), Dataset.load_from_disk(sys.argv[2])]
opened = []
for dataset in loaded:
    try:
        opened.append(dataset[:]["report"])
    except HubkitError as error:
        opened.append(str(error))
print(json.dumps(opened))
"""
"""What another process reads of a pickled dataset and of one on disk, with nothing but its environment to open them."""

SEALED = {"mode": "sealed", "adapter_custody": "gated"}
HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def no_keys_kept() -> None:
    """What another test opened helps none."""
    feature._keyring.cache_clear()
    feature._corpus.cache_clear()


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with dist/ of a sealed release; that of the same release in clear lies beside it, in plain/."""
    root = tmp_path_factory.mktemp("packaged")
    workspace = build_release(root, studies=20)
    package(release_config(root / "corpus"), workspace)
    workspace.dist.rename(root / "plain")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(root / "cache"))
        package(release_config(root / "corpus", custody=SEALED), workspace)
    return workspace


@pytest.fixture(scope="module")
def corpus(packaged: Workspace) -> str:
    return str(packaged.root.parent / "corpus")


def plain(packaged: Workspace, config: str = "default") -> dict[str, list[dict[str, Any]]]:
    files = sorted((packaged.root.parent / "plain" / "dataset" / "data" / config).glob("*.parquet"))
    return {path.name.partition("-")[0]: pq.read_table(path).to_pylist() for path in files}


def load(packaged: Workspace, tmp_path: Path, *arguments: str, **options: Any) -> Any:
    return load_dataset(str(packaged.dist / "dataset"), *arguments, cache_dir=str(tmp_path / "datasets"), **options)


def test_whoever_holds_the_corpus_reads_it_from_the_hub_in_three_ways(
    hub: LocalHub, packaged: Workspace, corpus: str, tmp_path: Path
) -> None:
    from huggingface_hub import HfApi

    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    repo = f"{hub.owner}/mimic-cxr-ptbr"
    api.create_repo(repo, repo_type="dataset")
    api.upload_folder(folder_path=packaged.dist / "dataset", repo_id=repo, repo_type="dataset")
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": hub.tokens["owner"],
        "HF_HOME": str(tmp_path / "home"),
        "MIMIC_CXR_ROOT": corpus,
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    command = [sys.executable, str(HERE / "read_from_hub.py"), repo]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads((tmp_path / "found.json").read_text())
    rows = plain(packaged)
    assert found["stock"] == {split: ["bytes", "int"] for split in rows}
    assert found["without"].startswith("opening a sealed release needs your own copy of the reports")
    assert found["open_sealed"] == found["streamed"] == found["literal"] == rows
    assert found["cast"] == found["cast streamed"] == [row["report"] for row in rows["test"]]
    assert found["lengths"] == [len(row["report"] or "") for row in rows["test"]], "in two processes"
    assert found["one feature"]
    assert found["generations"] == plain(packaged, "generations")["test"]
    assert found["part"] == 3
    assert all(text.startswith("FINDINGS: ") for text in found["english"])
    # No text of the release lies in a cache, but in the folder that was asked for and what was read from it.
    text = rows["test"][0]["report"].encode()
    cached = {path for path in (tmp_path / "home").rglob("*") if path.is_file() and text in path.read_bytes()}
    opened = ("mimic-cxr-ptbr", "mimic_cxr_ptbr")
    assert all(any(name in str(path) for name in opened) and "maintainer" not in str(path) for path in cached)
    digest = find_corpus(corpus, cache=False).digest("p10").hex()
    assert not any(digest in str(path) for path in tmp_path.rglob("*"))
    assert digest not in done.stdout + done.stderr


@pytest.mark.parametrize("config", ["default", "spans", "generations", "scores"])
def test_every_config_opens_as_it_was_with_its_types(
    packaged: Workspace, corpus: str, tmp_path: Path, config: str
) -> None:
    sealed = load(packaged, tmp_path, config)
    opened = open_sealed(sealed, corpus)
    assert {split: part.to_list() for split, part in opened.items()} == plain(packaged, config)
    folder = packaged.root.parent / "plain" / "dataset"
    clear = load_dataset(str(folder), config, cache_dir=str(tmp_path / "clear"))
    assert {split: part.features for split, part in opened.items()} == {
        split: part.features for split, part in clear.items()
    }


def test_nothing_of_a_stage_before_is_in_clear(packaged: Workspace) -> None:
    texts = {value for row in plain(packaged)["train"] for value in row.values() if isinstance(value, str)}
    files = [path for path in (packaged.dist / "dataset").rglob("*") if path.is_file()]
    assert texts
    assert not any(text.encode() in path.read_bytes() for text in texts for path in files)
    for path in (packaged.dist / "dataset" / "data").rglob("*.parquet"):
        kinds = {field.name: str(field.type) for field in pq.read_schema(path)}
        assert {name for name, kind in kinds.items() if kind != "large_binary"} == {"subject_id", "study_id"}
        for column in map(pq.ParquetFile(path).metadata.row_group(0).column, range(2, len(kinds))):
            assert (column.compression, "DELTA_BYTE_ARRAY" in column.encodings) == ("UNCOMPRESSED", True)


def test_the_same_release_has_the_same_bytes_again(packaged: Workspace, tmp_path: Path) -> None:
    config = release_config(packaged.root.parent / "corpus", custody=SEALED)
    _dataset(config, packaged, gather(config, packaged), tmp_path / "again")
    files = [path.relative_to(tmp_path / "again") for path in (tmp_path / "again").rglob("*.parquet")]
    assert len(files) == 9
    for file in files:
        assert (tmp_path / "again" / file).read_bytes() == (packaged.dist / "dataset" / file).read_bytes()


def test_the_card_says_how_it_is_opened(packaged: Workspace) -> None:
    card = (packaged.dist / "dataset" / "README.md").read_text()
    assert "pip install" not in card
    assert "import hubkit" not in card
    assert "hubkit unseal lab/mimic-cxr-ptbr --revision release-1.0.0" in card
    assert "dtype: large_binary" in card


def test_an_adapter_in_clear_is_not_published_without_a_word(tmp_path: Path) -> None:
    workspace = build_release(tmp_path, studies=20)
    config = release_config(tmp_path / "corpus", custody={"mode": "sealed"})
    package(config, workspace)
    assert {path.name for path in workspace.dist.iterdir()} == {"dataset", "dataset-script", "metric"}
    assert [target.artifact for target in targets(config, workspace)] == ["dataset", "metric"]
    assert gated_repos(config) == [("lab/mimic-cxr-ptbr", "dataset")]
    for folder in ("dataset", "metric"):
        assert "| LoRA adapter | PhysioNet alone |" in (workspace.dist / folder / "README.md").read_text()


def test_rows_that_were_dropped_are_noticed_after_loading(packaged: Workspace, corpus: str, tmp_path: Path) -> None:
    train = load(packaged, tmp_path, split="train")
    with pytest.raises(
        HubkitError, match="1 of 10 rows are missing, the first of them after study 50000700 and before"
    ):
        open_sealed(train.select([0, *range(2, 10)]), corpus)
    shuffled = open_sealed(train.shuffle(seed=1), corpus)
    assert sorted(shuffled["study_id"]) == train["study_id"][:]


def test_another_split_is_noticed_after_loading(packaged: Workspace, corpus: str, tmp_path: Path) -> None:
    loaded = load(packaged, tmp_path)
    loaded["train"], loaded["test"] = loaded["test"], loaded["train"]
    with pytest.raises(HubkitError, match="what stands as train is sealed as default/test"):
        open_sealed(loaded, corpus)


def test_another_version_is_noticed_after_loading(packaged: Workspace, corpus: str, tmp_path: Path) -> None:
    loaded = load(packaged, tmp_path, "generations")
    with pytest.raises(HubkitError, match=r"of lab/mimic-cxr-ptbr 1\.0\.0, and not of version 1\.1\.0"):
        open_sealed(loaded, corpus, version="1.1.0")
    newer = seal_table(
        pq.read_table(packaged.root.parent / "plain" / "dataset" / GENERATIONS),
        "generations",
        "test",
        Keyring(find_corpus(corpus), "lab/mimic-cxr-ptbr", "1.1.0"),
    )
    mixed = {"test": Dataset(newer), "train": loaded["test"]}
    with pytest.raises(HubkitError, match=r"and not of version 1\.1\.0"):
        open_sealed(mixed, corpus)


@pytest.mark.parametrize("batch", [1, 1000])
def test_a_stream_that_mixes_releases_is_noticed(
    packaged: Workspace, corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    """Each cell is whole and stands where it belongs; only the rows before it show that it is of another version."""
    table = pq.read_table(packaged.root.parent / "plain" / "dataset" / GENERATIONS)
    files = {}
    for version in ("1.0.0", "1.1.0"):
        keys = Keyring(find_corpus(corpus), "lab/mimic-cxr-ptbr", version)
        files[version] = str(tmp_path / f"{version}.parquet")
        # Streamed by its path, a file is taken for the config `default`.
        pq.write_table(seal_table(table, "default", "test", keys), files[version])
    real = IterableDataset.map
    monkeypatch.setattr(
        IterableDataset, "map", lambda self, function, **given: real(self, function, batch_size=batch, **given)
    )

    def opened(*names: str, **options: Any) -> list[dict[str, Any]]:
        stream = load_dataset(
            "parquet",
            data_files={"test": [files[name] for name in names]},
            streaming=True,
            cache_dir=str(tmp_path / "datasets"),
        )
        return list(open_sealed(stream["test"], corpus, **options))

    for version in files:
        assert opened(version) == opened(version, version=version) == table.to_pylist()
    with pytest.raises(HubkitError, match=r"of lab/mimic-cxr-ptbr 1\.1\.0"):
        opened("1.0.0", "1.1.0")
    with pytest.raises(HubkitError, match=r"1\.0\.0, and not of version 1\.1\.0"):
        opened("1.0.0", version="1.1.0")


def test_a_stream_that_does_not_know_its_columns_is_opened(packaged: Workspace, corpus: str) -> None:
    table = pq.read_table(packaged.root.parent / "plain" / "dataset" / GENERATIONS)
    sealed = seal_table(table, "default", "test", Keyring(find_corpus(corpus), "lab/mimic-cxr-ptbr", "1.0.0"))
    for rows in (sealed.to_pylist(), []):
        stream = IterableDataset.from_generator(lambda rows=rows: iter(rows), split=Split.TEST)
        assert stream.column_names is None
        assert list(open_sealed(stream, corpus)) == (table.to_pylist() if rows else [])


def test_the_keys_of_one_release_open_no_other(packaged: Workspace, corpus: str) -> None:
    """Cells of two releases in one process, in turn: each is opened with keys of its own."""
    table = pq.read_table(packaged.root.parent / "plain" / "dataset" / GENERATIONS)
    sealed = {
        release: Dataset(seal_table(table, "generations", "test", Keyring(find_corpus(corpus), *release)))
        for release in (("lab/one", "1.0.0"), ("lab/one", "1.1.0"), ("lab/two", "1.0.0"))
    }
    for _ in range(2):
        for dataset in sealed.values():
            assert open_sealed(dataset, corpus).to_list() == table.to_pylist()


def test_text_that_was_opened_is_not_written_to_a_cache(packaged: Workspace, corpus: str, tmp_path: Path) -> None:
    """`map` keeps the columns that its function read, and would write them as text, for everybody to read."""
    column = load(packaged, tmp_path, split="test").cast_column("report", Sealed(corpus))
    texts = [row["report"].encode() for row in plain(packaged)["test"]]
    for function, options in (
        (lambda row: {"length": len(row["report"])}, {}),
        (lambda row: {"length": len(row["report"])}, {"keep_in_memory": True}),
        (lambda rows: {"length": [len(text) for text in rows["report"]]}, {"batched": True}),
        (lambda row: {"report": row["report"]}, {"num_proc": 2}),
        (lambda row: {"report": row["report"].encode()}, {}),
    ):
        with pytest.raises(
            HubkitError, match=r"plain text does not go into a sealed column.*open_sealed.*keep_in_memory"
        ):
            column.map(function, **options)
    with pytest.raises(HubkitError, match="plain text does not go into a sealed column"):
        Dataset.from_list([{"report": "Derrame."}], features=Features({"report": Sealed(corpus)}))
    files = [path for path in (tmp_path / "datasets").rglob("*") if path.is_file()]
    assert any(path.suffix == ".arrow" for path in files)
    assert not any(text in path.read_bytes() for path in files for text in texts)
    # What the sentence advises works.
    lengths = [len(text.decode()) for text in texts]
    opened = open_sealed(load(packaged, tmp_path, split="test"), corpus)
    kept = opened.map(lambda row: {"length": len(row["report"])}, keep_in_memory=True)
    assert kept["length"][:] == lengths
    left_out = column.map(lambda row: {"length": len(row["report"])}, remove_columns=["report"])
    assert left_out["length"][:] == lengths
    files = [path for path in (tmp_path / "datasets").rglob("*") if path.is_file()]
    assert not any(text in path.read_bytes() for path in files for text in texts)


def test_what_is_not_sealed_is_not_opened(packaged: Workspace, corpus: str) -> None:
    clear = Dataset.from_list(plain(packaged)["test"])
    with pytest.raises(HubkitError, match="not sealed"):
        open_sealed(clear, corpus)
    with pytest.raises(HubkitError, match="plain text does not go into a sealed column"):
        clear.cast_column("report", Sealed(corpus))


def test_a_sealed_column_goes_to_other_processes_without_its_keys(
    packaged: Workspace, corpus: str, tmp_path: Path
) -> None:
    test = load(packaged, tmp_path, split="test").cast_column("report", Sealed(corpus))
    expected = [row["report"] for row in plain(packaged)["test"]]
    assert test[:]["report"] == expected
    digest = find_corpus(corpus, cache=False).digest("p10")
    pickled, stored = tmp_path / "pickled", tmp_path / "stored"
    pickled.write_bytes(pickle.dumps(test))
    test.save_to_disk(stored)
    for path in (pickled, *(path for path in stored.rglob("*") if path.is_file())):
        assert not any(key in path.read_bytes() for key in (digest, digest.hex().encode())), path
        assert corpus.encode() not in path.read_bytes() or path == pickled, path

    def elsewhere(**environment: str) -> list[Any]:
        command = [sys.executable, "-c", ELSEWHERE, str(pickled), str(stored)]
        own = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "elsewhere"), **environment}
        done = subprocess.run(command, env=own, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        found: list[Any] = json.loads(done.stdout)
        return found

    assert elsewhere(MIMIC_CXR_ROOT=corpus) == [expected, expected]
    # What is pickled knows where the corpus was, and nothing else: moved away, neither can be opened.
    Path(corpus).rename(tmp_path / "moved")
    try:
        without = elsewhere()
    finally:
        (tmp_path / "moved").rename(corpus)
    assert "the corpus folder is missing" in without[0]
    assert "opening a sealed release needs your own copy" in without[1]


def test_logs_hold_no_key_and_no_text(
    packaged: Workspace, corpus: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    test = open_sealed(load(packaged, tmp_path, split="test"), corpus)
    digest = find_corpus(corpus).digest("p10").hex()
    assert digest not in caplog.text
    assert not any(row["report"] in caplog.text for row in test)
    assert not any(digest in str(path) or "opened" in path.name for path in tmp_path.rglob("*"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing"], "opening a sealed release needs your own copy"),
        (["DIST", "--corpus", "CORPUS", "--output", "CORPUS"], "is there already"),
        (["CORPUS", "--corpus", "CORPUS", "--output", "x"], "it is not a sealed release"),
        (["a/b/c", "--corpus", "CORPUS"], "is neither a folder nor the id of a repo"),
        (
            ["DIST", "--corpus", "CORPUS", "--output", "x", "--revision", "release-1.1.0"],
            "is version 1.0.0, and not 1.1.0",
        ),
        (["DIST", "--corpus", "nowhere", "--output", "x"], "the corpus folder is missing"),
    ],
)
def test_the_command_says_what_is_missing(
    packaged: Workspace, corpus: str, tmp_path: Path, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    places = {"DIST": str(packaged.dist / "dataset"), "CORPUS": corpus}
    done = CliRunner().invoke(cli, ["unseal", *(places.get(word, word) for word in arguments)])
    assert isinstance(done.exception, HubkitError)
    assert said in str(done.exception)


def test_the_command_opens_a_folder(packaged: Workspace, corpus: str, tmp_path: Path) -> None:
    output = tmp_path / "mimic-cxr-ptbr"
    arguments = ["unseal", str(packaged.dist / "dataset"), "--corpus", corpus, "--output", str(output)]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert "default/train                  10 rows" in done.output
    assert output.stat().st_mode & 0o077 == 0
    assert "# lab/mimic-cxr-ptbr 1.0.0, opened" in (output / "README.md").read_text()
    assert sorted(path.name for path in output.iterdir()) == ["CITATION.cff", "LICENSE", "README.md", "data", "loader"]
    assert (output / "loader" / "mimic_cxr_ptbr.py").is_file()
