"""The reader is one file: it imports nothing of hubkit, knows what hubkit knows, and two copies of it get along."""

from __future__ import annotations

import ast
import importlib.util
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from datasets import Features, load_dataset
from openi_archive import write_archive
from sealed_folder import STUDIES, write_corpus, zip_corpus

from hubkit import tables
from hubkit.custody import sealed
from hubkit.errors import HubkitError
from hubkit.terms.kinds import TERMS

FILE = Path(sealed.__file__)
ALONE = """
import importlib.util, sys
sys.modules["hubkit"] = None
spec = importlib.util.spec_from_file_location("sealed", sys.argv[1])
sealed = importlib.util.module_from_spec(spec)  # not in sys.modules: the file does not need it
spec.loader.exec_module(sealed)
print(sealed.SealedError.__mro__[1].__name__)
try:
    sealed.find_corpus(sys.argv[2])
except sealed.SealedError as error:
    print(error)
"""


def load_copy(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_imports_datasets_pyarrow_cryptography_and_the_standard_library() -> None:
    imported = set()
    for node in ast.walk(ast.parse(FILE.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    # The import of hubkit's error is for the module inside hubkit; the next test runs without it.
    assert imported - sys.stdlib_module_names == {"datasets", "pyarrow", "cryptography", "hubkit"}


def test_it_runs_where_nothing_is_called_hubkit(tmp_path: Path) -> None:
    copy = tmp_path / "sealed.py"
    copy.write_bytes(FILE.read_bytes())
    command = [sys.executable, "-c", ALONE, str(copy), str(tmp_path / "nowhere")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines() == [
        "Exception",
        f"{tmp_path / 'nowhere'}: the corpus folder is missing (set MIMIC_CXR_ROOT)",
    ]
    assert "Overwriting" not in done.stderr


def test_a_copy_beside_hubkit_registers_no_second_feature(
    release: Path, corpus: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copies = [load_copy(FILE, "copy"), load_copy(FILE, "copy")]
    assert "Overwriting" not in caplog.text
    for copy in copies:
        assert copy.Sealed is sealed.Sealed
        assert copy.SealedError is sealed.SealedError
        with pytest.raises(sealed.SealedError, match="is missing"):
            copy.find_corpus(tmp_path / "nowhere")
    ours = Features({"report": sealed.Sealed()})
    assert Features.from_dict(Features({"report": copies[0].Sealed()}).to_dict()) == ours
    loaded = load_dataset(str(release), split="test", cache_dir=str(tmp_path / "cache"))
    columns = [loaded.cast_column("report", module.Sealed(corpus))[:]["report"] for module in (sealed, *copies)]
    assert columns[0] == columns[1] == columns[2]


def test_another_format_takes_the_place_of_an_older_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader of format 1 in the same process would misread the cells."""
    from datasets.features.features import _FEATURE_TYPES

    older = type("Sealed", (), {"format": 1})
    monkeypatch.setitem(_FEATURE_TYPES, "Sealed", older)
    copy = load_copy(FILE, "builtins")  # a dataclass needs the name of a module that is there
    assert _FEATURE_TYPES["Sealed"] is copy.Sealed is not older


def test_its_errors_are_hubkits_inside_hubkit_and_survive_pickling() -> None:
    error = sealed.SealedError("what", Path("where"), "hint", exit_code=2)
    assert isinstance(error, HubkitError)
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error) == "where: what (hint)"
    assert (type(again), again.exit_code, again.hint) == (sealed.SealedError, 2, "hint")


def test_it_knows_the_labels_of_the_tables() -> None:
    assert tuple(tables.CHEXPERT_LABELS) == sealed.CHEXPERT_LABELS
    assert tables.STUDIES.field("labels").type == sealed.LABELS


@pytest.mark.parametrize("form", ["tree", "zip", "folder", "odd names", "openi archive", "openi folder"])
def test_it_lists_and_reads_the_reports_that_hubkit_does(tmp_path: Path, form: str) -> None:
    root = write_corpus(tmp_path / "corpus")
    if form == "odd names":
        for name in ("p10/p10000100/notes.txt", "p10/p11000100/s50999999.txt", "p10/p10000100/s5.txt", "p9/p9/s1.txt"):
            path = root / "files" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("Strange.")
    if form in ("zip", "odd names"):
        path = zip_corpus(root, tmp_path / "reports.zip")
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("physionet.org/files/p12/p12000001/s51000000.txt", "With folders before it.")
    else:
        path = {"tree": root, "folder": zip_corpus(root, tmp_path / "mimic-cxr-reports.zip").parent}.get(form, root)
    if form.startswith("openi"):
        path = write_archive(tmp_path / "openi.tgz", {7: "Clear lungs.", 1234: "Effusion.", 12: "Normal."})
        if form == "openi folder":
            import tarfile

            with tarfile.open(path) as archive_:
                archive_.extractall(tmp_path / "openi", filter="data")
            path = tmp_path / "openi"
    kind = "openi" if form.startswith("openi") else "mimic-cxr"
    theirs, ours = TERMS[kind].find(path), sealed.find_reports(path)
    assert ours.kind == kind
    names = theirs.listing().names
    assert ours.names() == names
    assert len(names) >= (3 if form.startswith("openi") else len(STUDIES))
    assert list(ours.read(names.values())) == list(theirs.read(names.values()))
