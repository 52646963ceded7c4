"""Where the imported hubkit came from, as an installer recorded it, and what may be printed as a place to get it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hubkit import distribution
from hubkit.config import parse_config
from hubkit.distribution import NAME, Origin, origin, requirements, stranger
from hubkit.doctor import machine
from hubkit.errors import UsageError
from hubkit.workspace import Workspace

COMMIT, DIGEST = "0123456789abcdef" * 2 + "01234567", "0123456789abcdef" * 4
GIT, WHEEL = "https://host.example/hubkit", "https://host.example/hubkit_release-0.2.0-py3-none-any.whl"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for installed packages from which hubkit seems to be imported."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(distribution, "_home", lambda: tmp_path)
    return tmp_path


def record(site: Path, name: str, version: str, direct_url: dict[str, Any] | None) -> None:
    home = site / f"{name.replace('-', '_')}-{version}.dist-info"
    home.mkdir()
    (home / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        'Requires-Dist: click>=8.1\nRequires-Dist: torch>=2; extra == "release"\n'
        'Requires-Dist: ray>=2; extra == "ray"\n'
    )
    if direct_url is not None:
        (home / "direct_url.json").write_text(json.dumps(direct_url))


@pytest.mark.parametrize(
    ("direct_url", "expected"),
    [
        (None, Origin("index", f"{NAME} 0.2.0")),
        ({"url": "file:///wheels/hubkit.whl", "archive_info": {}}, Origin("file", "file:///wheels/hubkit.whl")),
        (
            {"url": WHEEL, "archive_info": {"hash": f"sha256={DIGEST}"}},
            Origin("file", f"{WHEEL}#sha256={DIGEST}"),
        ),
        (
            {"url": "https://ada:s3cret@host.example/hubkit", "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
            Origin("file", f"{GIT}@{COMMIT}"),
        ),
    ],
)
def test_an_installer_wrote_down_where_it_came_from(
    site: Path, direct_url: dict[str, Any] | None, expected: Origin
) -> None:
    record(site, NAME, "0.2.0", direct_url)
    assert origin() == expected
    (found,) = machine.installed(parse_config({}), Workspace(site / "work"))
    assert (found.status, expected.what in found.what) == ("warning" if direct_url is None else "ok", True)


def test_a_checkout_comes_before_what_is_installed(site: Path) -> None:
    record(site, NAME, "0.2.0", None)
    (site / "pyproject.toml").write_text(f'[project]\nname = "{NAME}"\n')
    assert origin() == Origin("checkout", str(site))
    (site / "pyproject.toml").write_text('[project]\nname = "other"\n')
    assert origin().kind == "index"


def test_a_folder_that_nothing_installed(site: Path) -> None:
    assert origin() == Origin("folder", str(site))


def test_somebody_elses_package_of_that_name_is_named(site: Path) -> None:
    record(site, NAME, "0.2.0", {"url": WHEEL, "archive_info": {}})
    record(site, "hubkit", "1.0.0", None)
    assert stranger() == "1.0.0"
    found = list(machine.installed(parse_config({}), Workspace(site / "work")))
    assert [finding.status for finding in found] == ["ok", "warning"]


def test_what_a_release_needs_is_read_where_hubkit_came_from(site: Path) -> None:
    record(site, NAME, "0.2.0", None)
    assert requirements("release") == ["click>=8.1", "torch>=2"]
    (site / "pyproject.toml").write_text(
        f'[project]\nname = "{NAME}"\ndependencies = ["click>=9"]\n'
        'optional-dependencies = {release = ["torch>=3"], ray = ["ray"]}\n'
    )
    assert requirements("release") == ["click>=9", "torch>=3"]


@pytest.mark.parametrize(
    "install",
    [
        f"{WHEEL}#sha256={DIGEST}",
        f"{NAME} @ {WHEEL}#sha256={DIGEST}",
        f"git+{GIT}@{COMMIT}",
        f"{NAME} @ git+https://host.example:8443/group/hubkit.git@{COMMIT}",
    ],
)
def test_one_file_or_one_commit_may_be_printed(install: str) -> None:
    assert parse_config({"release": {"install": install}}).release.install == install


@pytest.mark.parametrize(
    "install",
    [
        "",
        NAME,
        "hubkit",
        f"{NAME}==0.2.0",
        WHEEL,
        f"{WHEEL}#sha256={DIGEST[1:]}",
        f"{WHEEL}#md5={DIGEST[:32]}",
        f"{WHEEL}#sha256={DIGEST}&egg=other",
        f"http://host.example/hubkit.whl#sha256={DIGEST}",
        f"file:///home/ada/hubkit.whl#sha256={DIGEST}",
        f"hubkit @ {WHEEL}#sha256={DIGEST}",
        f"git+{GIT}",
        f"git+{GIT}@main",
        f"git+{GIT}@{COMMIT[:12]}",
        f"git+{GIT}@release-1.0.0",
        f"git+http://host.example/hubkit@{COMMIT}",
        f"git+https://ada:s3cret@host.example/hubkit@{COMMIT}",
        f'git+https://host.example/hub"; rm -r x; "kit@{COMMIT}',
        f"git+https://host.example/$(id)@{COMMIT}",
        f"git+https://host.example/`id`@{COMMIT}",
        f"git+{GIT}@{COMMIT}\n",
    ],
)
def test_what_somebody_can_replace_or_a_shell_would_read_is_refused(install: str) -> None:
    with pytest.raises(UsageError, match="name one file with its hash or one commit") as caught:
        parse_config({"release": {"install": install}})
    assert "s3cret" not in str(caught.value)
