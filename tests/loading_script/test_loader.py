"""The loader joins a release with the researcher's own corpus."""

from __future__ import annotations

import importlib.util
import logging
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pyarrow.parquet as pq
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


@pytest.fixture
def warnings(
    loader: ModuleType, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], list[str]]:
    """What the loader has warned of until it is asked."""
    monkeypatch.setattr(logging.getLogger("datasets"), "propagate", True)
    monkeypatch.setattr(loader.logger, "propagate", True)
    return lambda: [record.getMessage() for record in caplog.records if record.name == loader.logger.name]


def release(root: Path) -> Path:
    return root / "work" / "dist" / "dataset"


def write_zip(corpus: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for report in corpus.rglob("s*.txt"):
            archive.write(report, report.relative_to(corpus))
    return path


@pytest.mark.parametrize("config", ["default", "generations", "scores", "spans"])
def test_the_plain_configs_are_the_release(root: Path, loader: ModuleType, tmp_path: Path, config: str) -> None:
    from datasets import load_dataset

    stock = load_dataset(str(release(root)), config, cache_dir=str(tmp_path / "stock"))
    built = loader.load(config, release(root), cache_dir=str(tmp_path / "built"))
    assert {split: part.to_list() for split, part in built.items()} == {
        split: part.to_list() for split, part in stock.items()
    }
    assert built["test"].features == stock["test"].features


@pytest.mark.parametrize("form", ["tree", "tree below", "zip in a folder", "zip"])
def test_text_stands_beside_the_english_original(root: Path, loader: ModuleType, tmp_path: Path, form: str) -> None:
    corpus = root / "corpus"
    if form == "tree below":
        (tmp_path / "mimic-cxr-reports").symlink_to(corpus)
        corpus = tmp_path
    if form.startswith("zip"):
        archive = write_zip(corpus, tmp_path / "mimic-cxr-reports.zip")
        corpus = archive if form == "zip" else tmp_path
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


@pytest.mark.parametrize("form", ["tree", "zip"])
def test_another_version_of_the_corpus_is_counted_and_named(
    root: Path, loader: ModuleType, tmp_path: Path, form: str, warnings: Callable[[], list[str]]
) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(root / "corpus", corpus)
    reports = sorted(corpus.rglob("s*.txt"))
    for path in reports[-2:]:
        path.unlink()
    reports[0].with_name("s59999999.txt").write_text(" FINAL REPORT\n")
    reports[30].write_text(reports[30].read_text() + " One word more.\n")
    source = corpus if form == "tree" else write_zip(corpus, tmp_path / "mimic-cxr-reports.zip")
    options = {"mimic_cxr": str(source), "cache_dir": str(tmp_path / "cache")}
    rows = loader.load("text", release(root), "test", **options)
    assert len(rows) == 7
    gone, other = [[path.stem[1:] for path in paths] for paths in (reports[-2:], reports[30:31])]
    assert warnings() == [
        f"text: {source} differs from MIMIC-CXR 2.1.0, which the release was made from: "
        f"2 of 40 studies left out for want of 2 reports "
        f"({', '.join(gone)}), the first s{gone[0]}.txt; 1 reports too many for the same subjects (59999999)",
        "text: 1 of 8 studies left out for want of the report that the release was made from: yours has another "
        f"length, so it is of another version ({other[0]})",
    ]
    shutil.rmtree(corpus)
    shutil.copytree(root / "corpus", corpus)
    if form == "zip":
        write_zip(corpus, source)
    assert len(loader.load("text", release(root), "test", **options)) == 7
    assert len(loader.load("text", release(root), "test", rebuild=True, **options)) == 10
    assert len(warnings()) == 2


def test_images_that_the_corpus_lacks_are_counted_and_named(
    root: Path, loader: ModuleType, tmp_path: Path, warnings: Callable[[], list[str]]
) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(root / "corpus", corpus)
    gone = sorted(corpus.rglob("*.jpg"))[-3:]
    for path in gone:
        path.unlink()
    rows = loader.load("images", release(root), "test", mimic_cxr_jpg=str(corpus), cache_dir=str(tmp_path / "cache"))
    assert len(rows) == 8
    studies = sorted({path.parent.name[1:] for path in gone})
    assert warnings() == [
        f"images: {corpus} differs from MIMIC-CXR 2.1.0, which the release was made from: "
        f"2 of 40 studies left out for want of 3 images "
        f"({', '.join(studies)}), the first {gone[0].relative_to(corpus)}"
    ]


def test_studies_that_the_corpus_of_the_release_has_too_are_not_too_many(
    root: Path, loader: ModuleType, tmp_path: Path, warnings: Callable[[], list[str]]
) -> None:
    folder, corpus = tmp_path / "release", tmp_path / "corpus"
    shutil.copytree(release(root), folder)
    shutil.copytree(root / "corpus", corpus)
    next(corpus.rglob("s*.txt")).with_name("s59999999.txt").write_text(" FINAL REPORT\n")
    pq.write_table(pa.table({"study_id": [59999999]}), folder / "loader" / "other_studies.parquet")
    loader.load("text", folder, mimic_cxr=str(corpus), cache_dir=str(tmp_path / "cache"))
    assert not warnings()


@pytest.mark.parametrize(
    ("config", "options", "error"),
    [
        ("text", {}, "give mimic_cxr=FOLDER or set MIMIC_CXR_ROOT"),
        ("chat", {}, "give mimic_cxr_jpg=FOLDER or set MIMIC_CXR_JPG_ROOT"),
        ("text", {"mimic_cxr": "/nowhere/at/all"}, "mimic_cxr: there is no folder /nowhere/at/all"),
        ("text", {"mimic_cxr": "docs"}, "the folder docs does not hold files or mimic-cxr-reports.zip"),
        ("text", {"mimic_cxr": "README.md"}, "README.md is no whole zip file"),
        ("text", {"mimic_cxr": "ANOTHER"}, "text: .* has the reports of no study of the release"),
        ("images", {"mimic_cxr_jpg": "docs"}, "does not hold files"),
        ("images", {"mimic_cxr_jpg": "ANOTHER"}, "images: .* has the images of no study of the release"),
    ],
)
def test_without_the_corpus_the_error_says_what_is_missing(
    root: Path, loader: ModuleType, tmp_path: Path, config: str, options: dict[str, str], error: str
) -> None:
    (tmp_path / "files" / "p10" / "p10999999").mkdir(parents=True)
    options = {name: value.replace("ANOTHER", str(tmp_path)) for name, value in options.items()}
    with pytest.raises((ValueError, FileNotFoundError), match=error) as raised:
        loader.load(config, release(root), cache_dir=str(tmp_path / "cache"), **options)
    assert "\n" not in str(raised.value)


def test_a_corpus_of_which_nothing_fits_is_told_in_a_sentence(
    root: Path, loader: ModuleType, tmp_path: Path, warnings: Callable[[], list[str]]
) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(root / "corpus", corpus)
    options = {"mimic_cxr": str(corpus), "cache_dir": str(tmp_path / "cache")}
    test = set(read_table(Workspace(root / "work").studies).to_pandas().query("split == 'test'").study_id)
    for path in corpus.rglob("s*.txt"):
        if int(path.stem[1:]) in test:
            path.write_text(path.read_text() + " One word more.\n")
    # A split that is empty goes, and the others load.
    assert set(loader.load("text", release(root), **options)) == {"train", "validation"}
    assert any("the split test is left out, for want of the report" in line for line in warnings())
    for path in corpus.rglob("s*.txt"):
        path.write_text("Another corpus.\n")
    with pytest.raises(ValueError, match="no study of the release is left for want of the report") as raised:
        loader.load("text", release(root), rebuild=True, **options)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("folder", "error"),
    [
        ("/no/such/release", "release: there is no folder /no/such/release"),
        ("docs", "docs/data/default holds no Parquet file"),
    ],
)
def test_a_wrong_folder_of_the_release_is_named(
    loader: ModuleType, root: Path, tmp_path: Path, folder: str, error: str
) -> None:
    with pytest.raises(FileNotFoundError, match=error):
        loader.load("text", folder, mimic_cxr=str(root / "corpus"), cache_dir=str(tmp_path / "cache"))


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
