"""`hubkit fetch` against a PhysioNet on loopback: what it gets, what it keeps, and what it says when it cannot."""

from __future__ import annotations

import datetime
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import corpus_trees as trees
import pandas  # noqa: F401 - before the fixture `today` replaces datetime, to which pandas ties itself at import
import pytest
from click.testing import CliRunner
from loopback_physionet import LoopbackPhysioNet, serving

from hubkit.cli import cli
from hubkit.config import ReleaseConfig
from hubkit.corpus import physionet
from hubkit.corpus.credentials import Credentials, find_credentials
from hubkit.corpus.fetch import check_access, fetch
from hubkit.corpus.physionet import sha256
from hubkit.errors import HubkitError, UsageError
from hubkit.locks import only_one
from hubkit.release import run_one
from hubkit.workspace import Workspace

SUBSET = {"train": 2, "validate": 1, "test": 1}
TEXTS, JPG = "/files/mimic-cxr/2.1.0", "/files/mimic-cxr-jpg/2.1.0"
ZIP = f"{TEXTS}/mimic-cxr-reports.zip"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackPhysioNet]:
    monkeypatch.setenv("PHYSIONET_USERNAME", "ada")
    monkeypatch.setenv("PHYSIONET_PASSWORD", "right")
    monkeypatch.setattr(physionet, "PAUSE", 0.01)
    texts, jpg = (tmp_path / "physionet/files" / name / "2.1.0" for name in ("mimic-cxr", "mimic-cxr-jpg"))
    trees.write_zip(texts / "mimic-cxr-reports.zip", trees.studies(30))
    trees.write_csv(texts / "cxr-study-list.csv.gz", "subject_id,study_id,path\n")
    trees.write_csv(texts / "cxr-record-list.csv.gz", "subject_id,study_id,dicom_id,path\n")
    trees.write_tables(jpg, trees.studies(30))
    trees.write_images(jpg, trees.studies(30))
    with serving(tmp_path / "physionet") as running:
        running.list_files("mimic-cxr/2.1.0")
        running.list_files("mimic-cxr-jpg/2.1.0")
        yield running


@pytest.fixture
def config(server: LoopbackPhysioNet, tmp_path: Path) -> ReleaseConfig:
    return trees.config(tmp_path / "corpus", physionet=server.url, subset=SUBSET)


def images(root: Path) -> list[Path]:
    return sorted(root.rglob("*.jpg"))


def test_what_read_needs_is_fetched_and_no_image_more(
    server: LoopbackPhysioNet, config: ReleaseConfig, tmp_path: Path
) -> None:
    fetch(config)
    assert len(images(tmp_path / "corpus")) == 8
    run_one("read", config, Workspace(tmp_path / "work"))
    selection = json.loads((tmp_path / "work/studies/selection.json").read_text())
    assert selection["images"] == {"text_only": False, "prepared": 8, "broken": [], "missing": []}
    assert not list((tmp_path / "corpus").rglob("*.part"))


def test_what_is_there_is_kept_and_what_changed_here_is_fetched_again(
    server: LoopbackPhysioNet, config: ReleaseConfig, tmp_path: Path
) -> None:
    fetch(config)
    spoiled, kept = images(tmp_path / "corpus")[:2]
    spoiled.write_bytes(b"spoiled")
    before = kept.stat().st_mtime_ns
    server.asked.clear()
    fetch(config)
    assert kept.stat().st_mtime_ns == before
    assert [path for path, _, _ in server.asked if path.endswith(".jpg")] == [
        f"{JPG}/{spoiled.relative_to(tmp_path / 'corpus').as_posix()}"
    ]


@pytest.mark.parametrize("ignores_ranges", [False, True])
def test_a_transfer_that_breaks_off_goes_on(
    server: LoopbackPhysioNet, config: ReleaseConfig, tmp_path: Path, ignores_ranges: bool
) -> None:
    server.ignores_ranges = ignores_ranges
    server.breaks[ZIP] = [100, 250] if ignores_ranges else [100, 50, 0, 0, 200]
    fetch(config)
    starts = [start for path, start, _ in server.asked if path == ZIP]
    assert starts == ([0, 100, 250] if ignores_ranges else [0, 100, 150, 150, 150, 350])
    assert (tmp_path / "corpus/mimic-cxr-reports.zip").read_bytes() == (tmp_path / f"physionet{ZIP}").read_bytes()


def test_a_transfer_that_never_gets_on_is_given_up_and_continued_later(
    server: LoopbackPhysioNet, config: ReleaseConfig, tmp_path: Path
) -> None:
    server.breaks[ZIP] = [100] + [0] * physionet.ATTEMPTS
    with pytest.raises(HubkitError, match=r"breaks off .*fetch again: it goes on where it was"):
        fetch(config)
    assert (tmp_path / "corpus/mimic-cxr-reports.zip.part").stat().st_size == 100
    server.asked.clear()
    fetch(config)
    assert (ZIP, 100, 206) in server.asked


def test_a_part_of_another_file_is_thrown_away(
    server: LoopbackPhysioNet, config: ReleaseConfig, tmp_path: Path
) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/mimic-cxr-reports.zip.part").write_bytes(b"the beginning of an older file")
    (tmp_path / "corpus/cxr-study-list.csv.gz.part").write_bytes(b"longer than the file itself " * 9)
    fetch(config)
    assert (tmp_path / "corpus/mimic-cxr-reports.zip").read_bytes() == (tmp_path / f"physionet{ZIP}").read_bytes()


def change_file(server: LoopbackPhysioNet) -> None:
    (server.root / ZIP.lstrip("/")).write_bytes(b"changed since it was listed")


def drop_from_list(server: LoopbackPhysioNet) -> None:
    (server.root / ZIP.lstrip("/")).unlink()
    server.list_files("mimic-cxr/2.1.0")


@pytest.mark.parametrize(
    ("environment", "damage", "message"),
    [
        ({"PHYSIONET_PASSWORD": "wrong"}, None, r"does not accept user ada with this password \(check PHYSIONET_"),
        ({"PHYSIONET_USERNAME": "bob"}, None, r"user bob has no access .* sign the data use agreement at the foot of"),
        ({}, change_file, r"is not the file that SHA256SUMS.txt lists \(fetch again; if it stays so"),
        ({}, drop_from_list, r"mimic-cxr/2.1.0 lists no file mimic-cxr-reports.zip"),
    ],
)
def test_what_is_wrong_is_said_with_its_mend(
    server: LoopbackPhysioNet,
    config: ReleaseConfig,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    damage: object,
    message: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if callable(damage):
        damage(server)
    with pytest.raises(HubkitError, match=message) as caught:
        fetch(config)
    assert "right" not in str(caught.value)
    assert "wrong" not in str(caught.value)


def test_a_version_that_is_not_there(server: LoopbackPhysioNet, config: ReleaseConfig) -> None:
    other = config.model_copy(update={"corpus": config.corpus.model_copy(update={"version": "9.9"})})
    with pytest.raises(HubkitError, match=r"9.9/SHA256SUMS.txt: is not there .*set \[corpus\] version"):
        fetch(other)


def test_a_full_disk(config: ReleaseConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    def open_on_full_disk(path: str, flags: int) -> int:
        return os.open("/dev/full" if "record-list" in path else path, flags, 0o600)

    monkeypatch.setattr(physionet, "open_in_place", open_on_full_disk)
    with pytest.raises(HubkitError, match=r"list.csv.gz: cannot be written: the disk is full: \d.* free \(free space"):
        fetch(config)


def taken_images(server: LoopbackPhysioNet, config: ReleaseConfig, folder: Path) -> list[str]:
    """Addresses of the images that the selection takes."""
    fetch(trees.config(folder, physionet=server.url, subset=SUBSET))
    return [f"{JPG}/{path.relative_to(folder).as_posix()}" for path in images(folder)]


@pytest.mark.parametrize("count", [1, 3, 8])
def test_a_changed_image_is_tried_once_more_and_the_others_are_fetched(
    server: LoopbackPhysioNet, config: ReleaseConfig, tmp_path: Path, count: int
) -> None:
    taken = taken_images(server, config, tmp_path / "before")
    whole = {path: (server.root / path.lstrip("/")).read_bytes() for path in taken[:count]}
    for path in whole:
        (server.root / path.lstrip("/")).write_bytes(b"changed since it was listed")
    server.asked.clear()
    with pytest.raises(HubkitError) as caught:
        fetch(config)
    asked = [path for path, _, _ in server.asked if path.endswith(".jpg")]
    assert {path: asked.count(path) for path in taken} == {path: 2 if path in whole else 1 for path in taken}
    assert len(images(tmp_path / "corpus")) == 8 - count
    assert not list((tmp_path / "corpus").rglob("*.part"))
    assert all(path.removeprefix(f"{JPG}/") in caught.value.what for path in whole)
    if count > 1:
        assert caught.value.what.startswith(f"{count} files could not be fetched, and all others are there:")
        assert str(caught.value.hint).startswith("the same command fetches these alone")
    # The same command continues, and ends well once PhysioNet has the listed files again.
    for path, data in whole.items():
        (server.root / path.lstrip("/")).write_bytes(data)
    server.asked.clear()
    fetch(config)
    assert {path for path, _, _ in server.asked if path.endswith(".jpg")} == set(whole)
    assert len(images(tmp_path / "corpus")) == 8


def test_an_image_damaged_on_the_way_is_fetched_once_more(
    server: LoopbackPhysioNet, config: ReleaseConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[Path] = set()

    def damaged_at_first(path: Path) -> str:
        first = path.name.endswith(".jpg.part") and path not in seen
        seen.add(path)
        return "0" * 64 if first else sha256(path)

    monkeypatch.setattr(physionet, "sha256", damaged_at_first)
    fetch(config)
    assert len(images(tmp_path / "corpus")) == 8


def test_an_image_that_always_breaks_off_stops_no_other(
    server: LoopbackPhysioNet, config: ReleaseConfig, tmp_path: Path
) -> None:
    torn = taken_images(server, config, tmp_path / "before")[2]
    server.breaks[torn] = [0] * 2 * physionet.ATTEMPTS
    with pytest.raises(HubkitError, match=f"{torn}: PhysioNet does not answer, or breaks off"):
        fetch(config)
    assert len(images(tmp_path / "corpus")) == 7


def test_a_physionet_that_went_down_is_not_asked_for_every_image(
    server: LoopbackPhysioNet, config: ReleaseConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubkit.corpus.fetch.CONNECTIONS", 1)
    for path in taken_images(server, config, tmp_path / "before"):
        server.breaks[path] = [0] * 2 * physionet.ATTEMPTS
    server.asked.clear()
    with pytest.raises(HubkitError, match="PhysioNet does not answer, or breaks off"):
        fetch(config)
    assert len({path for path, _, _ in server.asked if path.endswith(".jpg")}) < 8


def test_a_table_that_changed_leaves_the_other_tables_fetched(
    server: LoopbackPhysioNet, config: ReleaseConfig, tmp_path: Path
) -> None:
    for project, name in (("mimic-cxr", "cxr-record-list.csv.gz"), ("mimic-cxr-jpg", "mimic-cxr-2.0.0-split.csv.gz")):
        (server.root / "files" / project / "2.1.0" / name).write_bytes(b"changed since it was listed")
    with pytest.raises(HubkitError, match=r"^[^\n]*2 files could not be fetched") as caught:
        fetch(config)
    assert "cxr-record-list.csv.gz" in caught.value.what
    assert "mimic-cxr-2.0.0-split.csv.gz" in caught.value.what
    assert {path.name for path in (tmp_path / "corpus").glob("*.*z*")} == {
        *("mimic-cxr-reports.zip", "cxr-study-list.csv.gz"),
        *("mimic-cxr-2.0.0-chexpert.csv.gz", "mimic-cxr-2.0.0-metadata.csv.gz"),
    }


def test_two_fetches_into_one_folder(config: ReleaseConfig, tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    with (
        only_one(tmp_path / "corpus/.hubkit-fetch.lock", "fetches", ""),
        pytest.raises(HubkitError, match=r"another hubkit fetches into this folder \(process"),
    ):
        fetch(config)


def test_an_interrupt_says_that_the_same_command_continues(server: LoopbackPhysioNet, tmp_path: Path) -> None:
    settings = tmp_path / "hubkit.toml"
    settings.write_text(f'[corpus]\nroot = "corpus"\nphysionet = "{server.url}"\n')
    arguments = ["fetch", "--config", str(settings), "--workspace", str(tmp_path / "work")]
    held = threading.Event()
    server.held = held
    # Whoever runs the tests in the background has a shell that ignores interrupts for them.
    running = subprocess.Popen(
        [sys.executable, "-m", "hubkit", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        assert held.wait(60)
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=60)
    finally:
        server.held = None
        running.kill()
    line = "hubkit: interrupted (what is finished is kept: the same command continues there)"
    assert (running.returncode, told.strip().splitlines()) == (130, [line])


def test_a_physionet_that_does_not_answer(config: ReleaseConfig) -> None:
    silent = config.model_copy(update={"corpus": config.corpus.model_copy(update={"physionet": "http://127.0.0.1:9"})})
    with pytest.raises(HubkitError, match="PhysioNet does not answer"):
        fetch(silent)


def test_the_access_check_goes_on_record(
    server: LoopbackPhysioNet, config: ReleaseConfig, tmp_path: Path, today: datetime.date
) -> None:
    workspace = Workspace(tmp_path / "work")
    check_access(config, workspace)
    assert json.loads(workspace.access_check.read_text()) == {
        "date": today.isoformat(),
        "user": "ada",
        "project": "mimic-cxr/2.1.0",
        "url": server.url,
    }
    assert not (tmp_path / "corpus").exists()


def test_a_failed_access_check_withdraws_the_record(
    server: LoopbackPhysioNet, config: ReleaseConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path / "work")
    check_access(config, workspace)
    monkeypatch.setenv("PHYSIONET_USERNAME", "bob")
    with pytest.raises(HubkitError, match="no access"):
        check_access(config, workspace)
    assert not workspace.access_check.exists()


def test_the_command_line(server: LoopbackPhysioNet, tmp_path: Path) -> None:
    settings = tmp_path / "hubkit.toml"
    settings.write_text(
        f'[corpus]\nroot = "corpus"\nphysionet = "{server.url}"\nsubset = {{train = 2, validate = 1, test = 1}}\n'
    )
    arguments = ["--config", str(settings), "--workspace", str(tmp_path / "work")]
    checked = CliRunner().invoke(cli, ["fetch", "--check", *arguments], catch_exceptions=False)
    assert checked.output.startswith("ada has access to mimic-cxr/2.1.0")
    assert "note: translate and push take no check but one at https://physionet.org\n" in checked.output
    fetched = CliRunner().invoke(cli, ["fetch", *arguments], catch_exceptions=False)
    assert fetched.output.endswith("is complete; now: hubkit doctor, then hubkit release\n")
    assert len(images(tmp_path / "corpus")) == 8


def test_open_i_is_not_on_physionet(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="openi is not on PhysioNet"):
        fetch(trees.config(tmp_path, kind="openi"))


def test_the_account_is_found_in_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PHYSIONET_USERNAME", raising=False)
    monkeypatch.delenv("PHYSIONET_PASSWORD", raising=False)
    netrc = tmp_path / "netrc"
    netrc.write_text("machine physionet.org login eve password s3cret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    found = find_credentials("https://physionet.org")
    assert found == Credentials("eve", "s3cret")
    assert "s3cret" not in repr(found)
    netrc.write_text("machine\n")
    with pytest.raises(HubkitError, match="cannot be read as netrc"):
        find_credentials("https://physionet.org")


def test_the_account_is_found_in_the_keyring(tmp_path: Path) -> None:
    # In a process of its own: a keyring chooses its store once.
    (tmp_path / "one_password.py").write_text(
        "import keyring.backend, keyring.credentials\n"
        "class Store(keyring.backend.KeyringBackend):\n"
        "    priority = 1\n"
        "    def get_password(self, service, username):\n"
        "        return 's3cret' if service == 'physionet.org' else None\n"
        "    def set_password(self, service, username, password):\n"
        "        raise NotImplementedError\n"
        "    def get_credential(self, service, username):\n"
        "        return keyring.credentials.SimpleCredential('eve', self.get_password(service, 'eve'))\n"
    )
    code = "from hubkit.corpus.credentials import find_credentials as f; print(tuple(f('https://physionet.org')))"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PHYSIONET_")}
    environment |= {"NETRC": os.devnull, "PYTHON_KEYRING_BACKEND": "one_password.Store", "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "('eve', 's3cret')"


def test_no_account_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PHYSIONET_USERNAME", raising=False)
    monkeypatch.delenv("PHYSIONET_PASSWORD", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    with pytest.raises(HubkitError, match=r"no PhysioNet account for physionet\.example"):
        find_credentials("https://physionet.example")
    monkeypatch.setenv("PHYSIONET_USERNAME", "ada")
    with pytest.raises(HubkitError, match=r"PHYSIONET_USERNAME is set and PHYSIONET_PASSWORD is not \(set PHYS"):
        find_credentials("https://physionet.example")
