"""huggingface_hub's own tests against the Hub on loopback, as a table in Markdown.

    python -m venv client && client/bin/pip install "huggingface_hub[testing]==2.4.0" torch
    python benchmarks/hub_client.py CHECKOUT --python client/bin/python

CHECKOUT is a checkout of huggingface_hub at the tag of the version in the other environment. Its tests run from a copy,
in which the address, the accounts and the tokens of its staging Hub are those of a Hub that is started for it; nothing
is sent to any other host. A case counts as asking where the Hub's log grew while it ran. Those that do not pass have
their reasons in NOT_HERE; the exit code is 1 where one has none.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

from hubkit.localhub import Cast, LocalHub, serve
from hubkit.localhub.accounts import Accounts

PRODUCTION = "reads what is on the real Hub, or asks another host"

# Not even collected: what they are about is nowhere on this Hub, or they need more than a client.
NOT_RUN = {
    "test_bucket": "buckets",
    "test_buckets": "buckets",
    "test_cli_discussions": "discussions",
    "test_inference": "inference",
    "test_jobs": "jobs",
    "test_kernels": "kernels, a kind of repo of their own",
    "test_oauth": "signing in through the web",
    "test_sandbox": "sandboxes",
    "test_webhooks": "webhooks",
    "test_generate_cli_reference": "huggingface_hub's own documentation",
}

# By a part of the case's name, first match first.
NOT_HERE = {
    "TestHfApiDiscussions": "discussions: each case begins by opening one",
    "TestWebhookApi": "webhooks",
    "TestActivityApi": "likes",
    "TestHfApiInferenceCatalog": "inference",
    "test_copy_files": "buckets, and copies from repo to repo made by the Hub",
    "BucketXetUpload": "buckets",
    "test_utils_http": PRODUCTION,
    "test_utils_pagination": PRODUCTION,
    "test_utils_telemetry": "telemetry",
    "test_offline_with_timeout": PRODUCTION,
    "with_wrong_permission": "a folder that may not be read: root may read all",
}

# Literal addresses, users and tokens stand in these; elsewhere the address of the staging Hub is a test's subject.
SPOKEN_TO = ("testing_constants.py", "test_hf_api.py", "test_xet_upload.py")

ASKED = """
import os
from pathlib import Path

import pytest

LOG = Path(os.environ["HUB_LOG"])
SIZE = pytest.StashKey[int]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item, call):
    if call.when == "teardown":
        item.user_properties.append(("asked", LOG.stat().st_size > item.stash[SIZE]))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item):
    item.stash[SIZE] = LOG.stat().st_size
"""


class Case(NamedTuple):
    """A test case of huggingface_hub.

    Attributes:
        group: its file, and in the largest file its class.
        asked: whether it asked the Hub anything.
        ended: "passed", "failed" or "skipped"; "left out" where it was not run.
        reason: why it does not apply; empty where it does.
    """

    group: str
    name: str
    asked: bool
    ended: str
    reason: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="an interpreter with that client")
    parser.add_argument("--only", default="", help="run the files with this in their name alone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hubkit-client-") as folder:
        cases = run(options.checkout, options.python.absolute(), options.only, Path(folder))
    print("\n".join(table(cases)))
    unexplained = [case for case in cases if case.ended == "failed" and not case.reason]
    for case in unexplained:
        print(f"fails without a reason: {case.group}: {case.name}")
    sys.exit(bool(unexplained))


def run(checkout: Path, python: Path, only: str, root: Path) -> list[Case]:
    """Run what applies, and say of every case what became of it."""
    constants = _constants(checkout / "tests" / "testing_constants.py")
    cast = Cast(owner=constants["USER"], grant=False, accounts={constants["USER"]: {"plan": "pro"}}, window=None)
    with serve(root / "hub", cast=cast) as hub:
        work = root / "checkout"
        shutil.copytree(checkout / "tests", work / "tests")
        shutil.copy(checkout / "pyproject.toml", work)
        (work / "asked.py").write_text(ASKED)
        _point_at(hub, constants, work / "tests")
        left_out = {path.name: why for path in sorted((work / "tests").glob("test_*.py")) if (why := _not_run(path))}
        pytest = [str(python), "-m", "pytest", "-o", "addopts=", "-o", "env=HF_TOKEN=", "-q", "-p", "no:cacheprovider"]
        chosen = [f"tests/{path.name}" for path in sorted((work / "tests").glob("test_*.py")) if only in path.name]
        environment = _environment(hub, root)
        collected = subprocess.run(
            [*pytest, "--collect-only", *chosen], cwd=work, env=environment, capture_output=True, text=True
        ).stdout
        ran = [path for path in chosen if path.removeprefix("tests/") not in left_out]
        command = [*pytest, "-p", "asked", "-m", "not production", "--tb=short", f"--junitxml={root}/report.xml", *ran]
        subprocess.run(command, cwd=work, env=environment, stdout=sys.stderr)
        return [*_results(root / "report.xml"), *_left(collected, root / "report.xml", left_out)]


def table(cases: list[Case]) -> list[str]:
    """The table: a line for each group with a case that asks the Hub, and one for each reason why others do not."""
    groups: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        groups[case.group].append(case)
    lines = ["| tests | cases | ask the Hub | of these pass | do not apply | why |", "|---|---|---|---|---|---|"]
    quiet: list[str] = []
    foreign: dict[str, list[str]] = defaultdict(list)
    for group, found in sorted(groups.items()):
        why = "; ".join(dict.fromkeys(case.reason for case in found if case.reason))
        if any(case.asked and not case.reason for case in found):
            lines.append(_line(f"`{group}`", found, why))
        elif why:
            foreign[why].append(group)
        else:
            quiet.append(group)
    for why, names in sorted(foreign.items(), key=lambda item: -sum(len(groups[name]) for name in item[1])):
        shown = ", ".join(f"`{name.rpartition('::')[2]}`" for name in names)
        lines.append(_line(shown, [case for name in names for case in groups[name]], why))
    lines.append(_line(f"{len(quiet)} others, which ask no Hub", [case for name in quiet for case in groups[name]], ""))
    lines.append(_line("**all**", cases, ""))
    return lines


def _line(name: str, found: list[Case], why: str) -> str:
    asking = [case for case in found if case.asked and not case.reason]
    passed = sum(case.ended == "passed" for case in asking)
    return f"| {name} | {len(found)} | {len(asking)} | {passed} | {sum(bool(case.reason) for case in found)} | {why} |"


def _constants(path: Path) -> dict[str, str]:
    found = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.targets[0], ast.Name)
        ):
            found[node.targets[0].id] = str(node.value.value)
    return found


def _point_at(hub: LocalHub, constants: dict[str, str], tests: Path) -> None:
    """Make the accounts that the tests expect, and put this Hub's address and tokens into them."""
    accounts = Accounts(hub.root)
    accounts.mint(constants["USER"], fullname=constants["FULL_NAME"])
    accounts.join("valid_org_hub", constants["USER"], "Dummy Hub Org")
    swaps = {constants["ENDPOINT_STAGING"]: hub.url, constants["TOKEN"]: hub.tokens["owner"]}
    swaps[constants["OTHER_TOKEN"]] = accounts.mint(constants["OTHER_USER"])
    swaps[constants["ENTERPRISE_TOKEN"]] = accounts.mint(constants["ENTERPRISE_USER"])
    accounts.join(constants["ENTERPRISE_ORG"], constants["ENTERPRISE_USER"], private=True)
    for name in SPOKEN_TO:
        text = (tests / name).read_text(encoding="utf-8")
        for before, after in swaps.items():
            text = text.replace(before, after)
        (tests / name).write_text(text, encoding="utf-8")


def _environment(hub: LocalHub, root: Path) -> dict[str, str]:
    foreign = ("HF_", "HUGGING", "HUBKIT", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    # Whatever asks another host meets a proxy that is not there.
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    own = {"HF_ENDPOINT": hub.url, "HF_HOME": str(root / "home"), "no_proxy": "127.0.0.1,localhost"}
    asked = {"PYTHONPATH": str(root / "checkout"), "HUB_LOG": str(hub.root / "access.jsonl")}
    return {**kept, **nowhere, **own, **asked}


def _not_run(path: Path) -> str | None:
    return next((why for name, why in NOT_RUN.items() if path.name.startswith(name)), None)


def _results(report: Path) -> list[Case]:
    cases = []
    for found in ElementTree.parse(report).iter("testcase"):
        group, name = _group(found.get("classname", ""), found.get("name", ""))
        asked = any(value.get("name") == "asked" and value.get("value") == "True" for value in found.iter("property"))
        ended = "passed"
        if found.find("skipped") is not None:
            ended = "skipped"
        if found.find("failure") is not None or found.find("error") is not None:
            ended = "failed"
        known = next((why for part, why in NOT_HERE.items() if part in f"{group}::{name}"), "")
        cases.append(Case(group, name, asked, ended, known if ended == "failed" else ""))
    return cases


def _left(collected: str, report: Path, left_out: dict[str, str]) -> list[Case]:
    """The cases that were collected and not run."""
    ran = Counter((case.group, case.name) for case in _results(report))
    cases = []
    for line in collected.splitlines():
        if not (found := re.match(r"tests/(test_\w+)\.py::(.+)", line)):
            continue
        *classes, name = re.split(r"::(?![^\[]*\])", found[2])
        group, name = _group(".".join(["tests", found[1], *classes]), name)
        if ran[group, name]:
            ran[group, name] -= 1
        else:
            cases.append(Case(group, name, False, "left out", left_out.get(f"{found[1]}.py", PRODUCTION)))
    return cases


def _group(classname: str, name: str) -> tuple[str, str]:
    _, file, *classes = classname.split(".")
    if file == "test_hf_api" and classes:
        return f"{file}.py::{classes[0]}", name
    return f"{file}.py", "::".join([*classes, name])


if __name__ == "__main__":
    main()
