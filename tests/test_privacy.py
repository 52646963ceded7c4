"""Who else on a machine reads what hubkit wrote: nobody, or the readers of the group that was named."""

from __future__ import annotations

import grp
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import forked
import pytest
from click.testing import CliRunner
from huggingface_hub import HfApi
from invented_release import build_release, release_config

from hubkit.cli import cli, main
from hubkit.demo.corpus import write_corpus
from hubkit.errors import HubkitError, UsageError
from hubkit.localhub import Cast, serve
from hubkit.packaging.package import package
from hubkit.privacy import close_tree
from hubkit.workspace import Workspace

NOBODY = 65534


def run_command(*arguments: str) -> None:
    """As the program `hubkit` runs it, which tightens the umask itself."""
    sys.argv = ["hubkit", *arguments]
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code


def make_small_release(home: Path) -> None:
    """With an open umask: a check, the first stage, and the last one of an invented release."""
    os.umask(0)
    os.chdir(home)
    (home / "pairs.tsv").write_text("source\ttranslation\nNo effusion.\tSem derrame.\n")
    run_command("check", "pairs.tsv", "--output", "out/checked.tsv")
    write_corpus(home / "corpus", studies=10)
    (home / "hubkit.toml").write_text(
        "[corpus]\nkind = 'demo'\nroot = 'corpus'\nsubset = 'all'\nimage_size = 8\nworkers = 1\n"
    )
    run_command("read")
    package(release_config(home / "invented" / "corpus"), build_release(home / "invented", studies=8))


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user of this machine may enter, as one on a cluster is; pytest's own are shut."""
    with tempfile.TemporaryDirectory(prefix="hubkit-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def read_as_nobody(paths: list[Path]) -> list[str]:
    """Those of `paths` that another user of this machine can open."""
    script = 'while read -r path; do cat "$path" >/dev/null 2>&1 && echo "$path"; done; true'
    listed = "".join(f"{path}\n" for path in paths)
    nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    done = subprocess.run(["sh", "-c", script], input=listed, capture_output=True, text=True, cwd="/", **nobody)
    return done.stdout.splitlines()


def open_to_others(folder: Path) -> list[str]:
    paths = [folder, *folder.rglob("*")]
    return [str(path) for path in paths if not path.is_symlink() and stat.S_IMODE(path.lstat().st_mode) & 0o077]


def test_another_user_reads_nothing_of_a_small_release(public_folder: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    assert forked.exit_code(forked.start(lambda: make_small_release(public_folder), said)) == 0, said.read_text()
    invented = public_folder / "invented" / "work"
    made = [public_folder / "work", public_folder / "out", invented]
    names = {path.name for folder in made for path in files_below(folder)}
    assert {"studies.parquet", "read.json", "checked.tsv", "README.md", "adapter_model.safetensors"} <= names
    assert [path for folder in made for path in open_to_others(folder)] == []
    if os.getuid() == 0:
        probe = public_folder / "pairs.tsv"
        probe.chmod(0o644)
        assert read_as_nobody([probe, *(path for folder in made for path in files_below(folder))]) == [str(probe)]


@pytest.mark.usefixtures("open_umask")
def test_the_chunks_of_a_hub_lie_behind_its_gate(public_folder: Path) -> None:
    root = public_folder / "hub"
    root.mkdir()
    with serve(root, cast=Cast(window=None)) as hub:
        api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
        repo = api.create_repo("maintainer/reports", repo_type="dataset").repo_id
        api.upload_file(path_or_fileobj=b"report" * 999, path_in_repo="a.bin", repo_id=repo, repo_type="dataset")
        assert stat.S_IMODE(root.stat().st_mode) == 0o700
        assert open_to_others(root / "blobs") == []
        if os.getuid() == 0:
            assert read_as_nobody(files_below(root)) == []
    with serve(root):
        assert open_to_others(root) == [], "what a client wrote is shut at the next start"


@pytest.mark.usefixtures("open_umask")
def test_a_workspace_of_before_is_tightened_once_and_told_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("not ours")
    (tmp_path / "work" / "studies").mkdir(parents=True)
    (tmp_path / "work" / "studies" / "studies.parquet").write_text("text")
    (tmp_path / "work" / "link").symlink_to(outside)
    workspace = Workspace(tmp_path / "work")
    workspace.close()
    assert capsys.readouterr().err == (
        f"hubkit: {workspace.root}: others could read 3 files and folders; now you alone can"
        '; to share it: [workspace] group = "NAME"\n'
    )
    workspace.close()
    (workspace.root / "studies" / "studies.parquet").chmod(0o666)
    workspace.close(quiet=True)
    assert capsys.readouterr().err == ""
    assert open_to_others(workspace.root) == []
    assert stat.S_IMODE(outside.stat().st_mode) == 0o666


@pytest.mark.usefixtures("open_umask")
def test_a_run_from_python_closes_what_it_writes(tmp_path: Path) -> None:
    with Workspace(tmp_path / "work").lock():
        (tmp_path / "work" / "partial.txt").write_text("text")
    assert open_to_others(tmp_path / "work") == []
    assert os.umask(0) == 0, "the umask of whoever imports hubkit is theirs again"


@pytest.mark.parametrize(
    ("before", "alone", "shared"),
    [(0o644, 0o600, 0o640), (0o664, 0o600, 0o640), (0o400, 0o400, 0o440), (0o755, 0o700, 0o750), (0o600, 0o600, 0o640)],
)
def test_a_group_reads_and_nobody_else(tmp_path: Path, before: int, alone: int, shared: int) -> None:
    root = tmp_path / "work"
    path = root / "inner" / "file"
    path.parent.mkdir(parents=True)
    path.touch()
    path.chmod(before)
    close_tree(root)
    assert stat.S_IMODE(path.stat().st_mode) == alone
    path.chmod(before)
    # Where the tests run as root, a group that root is not in by default.
    gid, groups = (1, [1]) if os.getuid() == 0 else (os.getegid(), None)
    code = "import sys; from hubkit.workspace import Workspace, Path; Workspace(Path(sys.argv[1])).close(sys.argv[2])"
    name = grp.getgrgid(gid).gr_name
    command = [sys.executable, "-c", code, str(root), name]
    done = subprocess.run(command, check=True, extra_groups=groups, stderr=subprocess.PIPE, text=True)
    told = f"hubkit: {root}: others could read 1 files and folders; now you and the group {name} alone can\n"
    assert done.stderr == (told if before & 0o004 else "")
    assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_gid) == (shared, gid)
    for folder in (root, path.parent):
        assert (stat.S_IMODE(folder.stat().st_mode), folder.stat().st_gid) == (0o2750, gid)


def not_mine() -> str:
    mine = {*os.getgroups(), os.getegid()}
    return next(group.gr_name for group in grp.getgrall() if group.gr_gid not in mine)


@pytest.mark.parametrize(
    ("group", "said"), [("no-such-group", "there is no group"), (not_mine(), "you are not in the group")]
)
def test_a_group_that_cannot_read_is_refused_in_one_line(tmp_path: Path, group: str, said: str) -> None:
    (tmp_path / "hubkit.toml").write_text(f'[workspace]\ngroup = "{group}"\n')
    paths = ["--config", str(tmp_path / "hubkit.toml"), "--workspace", str(tmp_path / "work")]
    done = CliRunner().invoke(cli, ["read", *paths])
    assert isinstance(done.exception, UsageError)
    assert str(done.exception).startswith(f"[workspace] group: {said} '{group}' (yours are ")


@pytest.mark.skipif(os.getuid() == 0, reason="root may change every file")
def test_a_file_of_another_user_is_named() -> None:
    with pytest.raises(HubkitError, match="belongs to another user"):
        close_tree(Path("/etc"))
