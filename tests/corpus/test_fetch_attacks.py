"""What a PhysioNet, or somebody who speaks for it, cannot do to who fetches: write elsewhere, or read the password."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import corpus_trees as trees
import pytest
from keyring.backend import KeyringBackend
from keyring.credentials import SimpleCredential
from loopback_physionet import LoopbackPhysioNet, serving

from hubkit.config import ReleaseConfig
from hubkit.corpus import physionet
from hubkit.corpus.credentials import Credentials, find_credentials
from hubkit.corpus.fetch import check_access, fetch
from hubkit.corpus.physionet import PhysioNet, Project, RemoteFile
from hubkit.errors import HubkitError, UsageError
from hubkit.workspace import Workspace

JPG = Project("mimic-cxr-jpg", "2.1.0")
SPLIT = "mimic-cxr-2.0.0-split.csv.gz"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackPhysioNet]:
    monkeypatch.setenv("PHYSIONET_USERNAME", "ada")
    monkeypatch.setenv("PHYSIONET_PASSWORD", "right")
    monkeypatch.setattr(physionet, "PAUSE", 0.0)
    texts, jpg = (tmp_path / "physionet/files" / name / "2.1.0" for name in ("mimic-cxr", "mimic-cxr-jpg"))
    trees.write_zip(texts / "mimic-cxr-reports.zip", trees.studies(3))
    for name in ("study", "record"):
        trees.write_csv(texts / f"cxr-{name}-list.csv.gz", "subject_id,study_id,path\n")
    trees.write_tables(jpg, trees.studies(3))
    with serving(tmp_path / "physionet") as running:
        running.list_files("mimic-cxr/2.1.0")
        running.list_files("mimic-cxr-jpg/2.1.0")
        yield running


@pytest.fixture
def config(server: LoopbackPhysioNet, tmp_path: Path) -> ReleaseConfig:
    return trees.config(tmp_path / "home" / "corpus", physionet=server.url, max_images=0)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def place_at_the_top(server: LoopbackPhysioNet, line: str) -> None:
    listed = server.root / "files/mimic-cxr-jpg/2.1.0/SHA256SUMS.txt"
    listed.write_bytes(f"{EMPTY} ".encode() + line.encode("utf-8", "surrogateescape") + b"\n" + listed.read_bytes())


PATHS = [
    "/tmp/mimic-cxr-2.0.0-split.csv.gz",
    "../mimic-cxr-2.0.0-split.csv.gz",
    "mimic-cxr-/../../../mimic-cxr-2.0.0-split.csv.gz",
    "mimic-cxr-./../../.ssh/authorized_keys-split.csv.gz",
    "mimic-cxr-a/./b-split.csv.gz",
    "mimic-cxr-a//b-split.csv.gz",
    "mimic-cxr-..\\..\\b-split.csv.gz",
    "mimic-cxr-\x00-split.csv.gz",
    "mimic-cxr-\x1b[2J-split.csv.gz",
    "C:/mimic-cxr-split.csv.gz",
    "mimic-cxr-\udcff-split.csv.gz",
    "..",
]


@pytest.mark.parametrize("path", PATHS, ids=ascii)
def test_a_path_that_leads_out_is_refused_by_name(
    server: LoopbackPhysioNet, config: ReleaseConfig, tmp_path: Path, path: str
) -> None:
    place_at_the_top(server, path)
    # It is served as well, wherever the server's own files allow.
    with pytest.raises(HubkitError, match="which is not one of a file below its folder") as caught:
        fetch(config)
    assert repr(path) in caught.value.what
    assert "\x1b" not in str(caught.value)
    listed = {f"corpus/{name}" for name in files(server.root / "files/mimic-cxr/2.1.0")}
    assert files(tmp_path / "home") <= listed | {"corpus/.hubkit-fetch.lock"}


@pytest.mark.parametrize("path", PATHS, ids=ascii)
def test_a_download_of_such_a_path_is_refused_as_well(server: LoopbackPhysioNet, tmp_path: Path, path: str) -> None:
    remote = PhysioNet(server.url, Credentials("ada", "right"))
    with pytest.raises(HubkitError, match="which is not one of a file below its folder"):
        remote.download(JPG, RemoteFile(path, EMPTY), tmp_path / "home" / "corpus", lambda count: None)
    assert not (tmp_path / "home").exists()
    assert server.asked == []


def test_a_pattern_of_a_table_does_not_reach_into_folders(server: LoopbackPhysioNet, config: ReleaseConfig) -> None:
    place_at_the_top(server, "mimic-cxr-a/b-split.csv.gz")
    fetch(config)
    assert SPLIT in files(config.corpus.root)
    assert "mimic-cxr-a/b-split.csv.gz" not in files(config.corpus.root)


def plant_folder(corpus: Path, elsewhere: Path) -> str:
    (corpus / "files").symlink_to(elsewhere)
    return "files/p10/a.jpg"


def plant_deeper(corpus: Path, elsewhere: Path) -> str:
    (corpus / "files").mkdir()
    (corpus / "files/p10").symlink_to(elsewhere)
    return "files/p10/a.jpg"


def plant_part(corpus: Path, elsewhere: Path) -> str:
    (corpus / "a.jpg.part").symlink_to(elsewhere / "a.jpg.part")
    return "a.jpg"


@pytest.mark.parametrize("plant", [plant_folder, plant_deeper, plant_part])
def test_nothing_is_written_through_a_link(server: LoopbackPhysioNet, tmp_path: Path, plant: object) -> None:
    corpus, elsewhere = tmp_path / "corpus", tmp_path / "elsewhere"
    corpus.mkdir()
    elsewhere.mkdir()
    assert callable(plant)
    path = plant(corpus, elsewhere)
    served = server.root / "files/mimic-cxr-jpg/2.1.0" / path
    served.parent.mkdir(parents=True, exist_ok=True)
    served.write_bytes(b"")
    remote = PhysioNet(server.url, Credentials("ada", "right"))
    with pytest.raises(HubkitError, match="is a link, which would lead out of the folder"):
        remote.download(JPG, RemoteFile(path, EMPTY), corpus, lambda count: None)
    assert files(elsewhere) == set()


def test_the_chosen_folder_itself_may_be_a_link(server: LoopbackPhysioNet, config: ReleaseConfig) -> None:
    config.corpus.root.parent.mkdir()
    (config.corpus.root.parent / "disk").mkdir()
    config.corpus.root.symlink_to("disk")
    fetch(config)
    assert SPLIT in files(config.corpus.root.parent / "disk")


@pytest.mark.parametrize("url", ["http://physionet.org", "http://192.0.2.7:8000", "ftp://127.0.0.2.example"])
def test_the_password_goes_over_plain_http_to_this_machine_alone(
    server: LoopbackPhysioNet, config: ReleaseConfig, tmp_path: Path, url: str
) -> None:
    other = config.model_copy(update={"corpus": config.corpus.model_copy(update={"physionet": url})})
    for act in (lambda: fetch(other), lambda: check_access(other, Workspace(tmp_path / "work"))):
        with pytest.raises(UsageError, match=r"^\[corpus\] physionet: .* not encrypted"):
            act()


def test_a_redirect_does_not_get_the_password(server: LoopbackPhysioNet, config: ReleaseConfig, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with serving(tmp_path / "other") as other:
        server.moved = other.url
        with pytest.raises(HubkitError, match="does not accept user ada"):
            fetch(config)
        assert other.asked == []


def test_a_proxy_does_not_get_the_password(
    server: LoopbackPhysioNet, config: ReleaseConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    with serving(tmp_path / "other") as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, "")
        fetch(config)
        assert proxy.asked == []


ACCOUNTS = [
    ("ada", "s3cr€t"),
    ("ada", "s3cret\nX-Header: 1"),
    ("ada", "s3cret\r"),
    ("ada", "s3cret\x00"),
    ("ada", "s3cret\udcff"),
    ("ad€s3cret", "right"),
    ("ada:s3cret", "right"),
    ("ada\ns3cret", "right"),
]


class OneAccount(KeyringBackend):
    """A keyring with one account for every service."""

    priority = 1  # type: ignore[assignment]

    def __init__(self, user: str, password: str) -> None:
        self.user, self.password = user, password

    def get_password(self, service: str, username: str) -> str:
        return self.password

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError

    def get_credential(self, service: str, username: str | None) -> SimpleCredential:
        return SimpleCredential(self.user, self.password)


@pytest.mark.parametrize(
    ("source", "user", "password"),
    [
        (source, user, password)
        for source in ("environment", "netrc", "keyring")
        for user, password in ACCOUNTS
        if source != "environment" or "\x00" not in password
    ],
    ids=ascii,
)
def test_an_account_that_cannot_be_sent_is_refused_unseen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, user: str, password: str
) -> None:
    for name in ("PHYSIONET_USERNAME", "PHYSIONET_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    netrc = tmp_path / "netrc"
    monkeypatch.setenv("NETRC", str(netrc))
    if source == "environment":
        monkeypatch.setenv("PHYSIONET_USERNAME", user)
        monkeypatch.setenv("PHYSIONET_PASSWORD", password)
    elif source == "netrc":
        line = f'machine physionet.example login "{user}" password "{password}"\n'
        netrc.write_bytes(line.encode("utf-8", "surrogateescape"))
        netrc.chmod(0o600)
    else:
        monkeypatch.setattr("keyring.core._keyring_backend", OneAccount(user, password))
    with pytest.raises(HubkitError, match=r"cannot be (sent|read as netrc)") as caught:
        find_credentials("https://physionet.example")
    assert not any(part in str(caught.value) for part in ("s3cr", "€", "X-Header", "right", "\n"))
    assert source != "environment" or "PHYSIONET_PASSWORD" in str(caught.value)


def test_a_netrc_that_is_not_text_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PHYSIONET_USERNAME", "PHYSIONET_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "netrc").write_bytes(b"machine physionet.example login ada password s\xff\xfe\x80cret\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", os.fspath(tmp_path / "netrc"))
    with pytest.raises(HubkitError, match="netrc") as caught:
        find_credentials("https://physionet.example")
    assert "cret\n" not in str(caught.value)
