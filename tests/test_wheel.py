"""The wheel, installed in an empty venv outside the checkout, is light and carries what is published."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent

# It installs the light dependencies from the index.
pytestmark = pytest.mark.long


def interpreter(version: str) -> str | None:
    """The interpreter of a version of Python on this machine: of pyenv, whose own command on the path may not run."""
    homes = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin"))
    found = shutil.which("python", path=os.pathsep.join(map(str, homes))) or shutil.which(f"python{version}")
    # pyenv's command is on the path for versions that it would refuse to run.
    if found is None or subprocess.run([found, "--version"], capture_output=True).returncode:
        return None
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(home), str(CHECKOUT)]
    subprocess.run(build, check=True, capture_output=True)
    return next(home.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(package_index: None, wheel: Path) -> Path:
    """The folder of programs of a venv that holds the wheel, what it needs, and nothing else."""
    venv.create(wheel.parent / "venv", with_pip=True)
    programs = wheel.parent / "venv" / "bin"
    constraints = str(CHECKOUT / "constraints.txt")
    subprocess.run([programs / "pip", "install", "--quiet", "--constraint", constraints, wheel], check=True)
    return programs


@pytest.mark.parametrize("version", ["3.12", "3.13", "3.14"])
def test_the_light_install_works_on_later_versions_of_python(
    package_index: None, wheel: Path, tmp_path: Path, version: str
) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version} on this machine")
    subprocess.run([python, "-m", "venv", str(tmp_path / "venv")], check=True)
    programs = tmp_path / "venv" / "bin"
    subprocess.run([programs / "pip", "install", "--quiet", f"{wheel}[reader]"], check=True)
    (tmp_path / "pairs.csv").write_text("source,translation\nNo effusion.,Com derrame.\n")
    command = [programs / "hubkit", "check", "pairs.csv"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, "1 of 1 pairs flagged" in done.stdout) == (1, True), done.stderr
    subprocess.run([programs / "hubkit", "hub", "serve", "--help"], check=True, capture_output=True)
    subprocess.run(
        [programs / "python", "-W", "error::SyntaxWarning", "-c", "import hubkit.custody.sealed"], check=True
    )


def test_the_light_install_answers_without_torch(installed: Path, tmp_path: Path) -> None:
    shown = subprocess.run([installed / "hubkit", "--help"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "release" in shown.stdout
    code = "import importlib.util; print(importlib.util.find_spec('torch'))"
    found = subprocess.run([installed / "python", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "None"


def test_what_a_command_needs_and_is_not_there_is_named(installed: Path, tmp_path: Path) -> None:
    command = [installed / "hubkit", "release", "--demo", "--workspace", tmp_path / "work"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.endswith('is missing (in your copy of hubkit: pip install ".[release]")\n')


def test_type_checkers_read_the_types(installed: Path, tmp_path: Path) -> None:
    code = "import importlib.resources as r; print((r.files('hubkit') / 'py.typed').is_file())"
    found = subprocess.run([installed / "python", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "True"


@pytest.mark.parametrize("folder", ["dataset_card", "model_card", "loading_script", "bertscore_ptbr"])
def test_the_published_folders_are_inside(installed: Path, tmp_path: Path, folder: str) -> None:
    code = f"from hubkit.published import published; print(published('{folder}'))"
    found = subprocess.run([installed / "python", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    inside = Path(found.stdout.strip())
    names = {path.name for path in inside.iterdir()}
    assert names >= {path.name for path in (CHECKOUT / folder).iterdir() if path.name != "__pycache__"}
    assert installed.parent in inside.parents


def test_it_says_that_it_came_from_the_file(installed: Path, tmp_path: Path) -> None:
    code = "from hubkit.distribution import origin, requirements; print(*origin(), requirements('reader')[-2:])"
    found = subprocess.run([installed / "python", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    kind, address, *needed = found.stdout.split()
    assert (kind, address.partition("#")[0].rpartition("/")[2]) == ("file", "hubkit_release-0.1.0-py3-none-any.whl")
    assert " ".join(needed) == "['datasets>=2.21', 'pillow>=10']"
