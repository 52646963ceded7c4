"""The loader joins a release with the researcher's own corpus."""

from __future__ import annotations

import importlib.util
import logging
import shutil
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from invented_release import FIRST_STUDY, build_release, release_config

from hubkit.packaging.package import package
from hubkit.scoring.inputs import original
from hubkit.workspace import Workspace, read_table


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("loader")
    package(release_config(root / "corpus"), build_release(root))
    return root


@pytest.fixture(scope="module")
def loader(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("mimic_cxr_ptbr", release(root) / "loader" / "mimic_cxr_ptbr.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["mimic_cxr_ptbr"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def _no_corpus_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MIMIC_CXR_ROOT", "MIMIC_CXR_JPG_ROOT"):
        monkeypatch.delenv(name, raising=False)


def release(root: Path) -> Path:
    return root / "work" / "dist" / "dataset"


@pytest.mark.parametrize("config", ["default", "generations", "scores", "spans"])
def test_the_plain_configs_are_the_release(root: Path, loader: ModuleType, tmp_path: Path, config: str) -> None:
    from datasets import load_dataset

    stock = load_dataset(str(release(root)), config, cache_dir=str(tmp_path / "stock"))
    built = loader.load(config, release(root), cache_dir=str(tmp_path / "built"))
    assert {split: part.to_list() for split, part in built.items()} == {
        split: part.to_list() for split, part in stock.items()
    }
    assert built["test"].features == stock["test"].features


@pytest.mark.parametrize("form", ["tree", "zip"])
def test_text_stands_beside_the_english_original(root: Path, loader: ModuleType, tmp_path: Path, form: str) -> None:
    corpus = root / "corpus"
    if form == "zip":
        with zipfile.ZipFile(tmp_path / "mimic-cxr-reports.zip", "w") as archive:
            for path in corpus.rglob("s*.txt"):
                archive.write(path, path.relative_to(corpus))
        corpus = tmp_path
    rows = loader.load("text", release(root), "test", mimic_cxr=str(corpus), cache_dir=str(tmp_path / "cache"))
    assert len(rows) == 10
    studies = {study["study_id"]: study for study in read_table(Workspace(root / "work").studies).to_pylist()}
    for row in rows:
        number = (row["study_id"] - FIRST_STUDY) // 3
        assert f"Cough, study no. {number}." in row["report_en"]
        assert f"Tosse, exame número {number}." in row["report"]
        study = studies[row["study_id"]]
        for section in ("indication", "findings", "impression"):
            assert row[f"{section}_en"] == study[section]
        assert row["reference_en"] == original(study, "findings_impression")


def test_images_are_decoded_with_labels(root: Path, loader: ModuleType, tmp_path: Path) -> None:
    rows = loader.load("images", release(root), "test", mimic_cxr=str(root / "corpus"), cache_dir=str(tmp_path))
    for row in rows:
        assert [image.getpixel((0, 0)) for image in row["images"]] == [row["study_id"] % 256] * len(row["images"])
    assert sorted({len(row["images"]) for row in rows}) == [1, 2]


def test_chat_is_ready_for_fine_tuning(root: Path, loader: ModuleType, tmp_path: Path) -> None:
    rows = loader.load("chat", release(root), mimic_cxr=str(root / "corpus"), cache_dir=str(tmp_path))
    user, assistant = rows["test"][1]["messages"]
    assert [part["type"] for part in user["content"]] == ["image", "image", "text"]
    assert user["content"][-1]["text"] == "Dê o diagnóstico das imagens apresentadas"
    assert assistant["content"][0]["text"].startswith("ACHADOS: ")
    assert "INDICAÇÃO" not in assistant["content"][0]["text"]
    assert FIRST_STUDY not in rows["train"]["study_id"], "a study whose translation failed has no answer"


def test_what_the_corpus_lacks_is_counted_and_named(
    root: Path, loader: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(root / "corpus", corpus)
    gone = sorted(corpus.rglob("s*.txt"))[-2:]
    for path in gone:
        path.unlink()
    monkeypatch.setattr(logging.getLogger("datasets"), "propagate", True)
    monkeypatch.setattr(loader.logger, "propagate", True)
    rows = loader.load("text", release(root), "test", mimic_cxr=str(corpus), cache_dir=str(tmp_path / "cache"))
    named = ", ".join(path.stem[1:] for path in gone)
    assert len(rows) == 8
    assert f"text: 2 of 10 studies left out for want of report: {named}" in caplog.text
    assert "Cough" not in caplog.text


@pytest.mark.parametrize(
    ("config", "options", "error"),
    [
        ("text", {}, "give mimic_cxr=FOLDER or set MIMIC_CXR_ROOT"),
        ("chat", {}, "give mimic_cxr_jpg=FOLDER or set MIMIC_CXR_JPG_ROOT"),
        ("text", {"mimic_cxr": "/nowhere/at/all"}, "does not hold files or mimic-cxr-reports.zip"),
        ("images", {"mimic_cxr_jpg": "."}, "does not hold files"),
    ],
)
def test_without_the_corpus_the_error_says_what_is_missing(
    root: Path, loader: ModuleType, tmp_path: Path, config: str, options: dict[str, str], error: str
) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=error):
        loader.load(config, release(root), cache_dir=str(tmp_path / "cache"), **options)


def test_the_cache_sees_another_release_in_the_same_folder(root: Path, loader: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "release"
    shutil.copytree(release(root), folder)
    assert len(loader.load("default", folder, "test", cache_dir=str(tmp_path / "cache"))) == 10
    shutil.copyfile(
        folder / "data" / "default" / "train-00000-of-00001.parquet",
        folder / "data" / "default" / "test-00000-of-00001.parquet",
    )
    assert len(loader.load("default", folder, "test", cache_dir=str(tmp_path / "cache"))) == 20


def test_the_environment_says_where_the_corpus_is(
    root: Path, loader: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIMIC_CXR_ROOT", str(root / "corpus"))
    assert len(loader.load("text", release(root), "test", cache_dir=str(tmp_path))) == 10
