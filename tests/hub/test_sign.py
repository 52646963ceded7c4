"""Signatures of a release on a Hub on loopback: made with an offline key, checked by hubkit and by the stock tool."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from huggingface_hub import HfApi
from loopback import keep_downloads_in
from small_dist import lean_config, small_config, small_dist

from hubkit.artifacts.receipt import read_receipt
from hubkit.artifacts.verification import CheckResult, ReaderReport, Verification, read_verification, write_verification
from hubkit.cli import cli
from hubkit.config import ReleaseConfig
from hubkit.config.file import write_config
from hubkit.errors import HubkitError, UsageError
from hubkit.hub.client import connect
from hubkit.hub.gate import look
from hubkit.hub.push import push
from hubkit.hub.sign import KEY_PASSWORD, read_key, sign_release
from hubkit.hub.signatures import fault_of, make_signature
from hubkit.hub.targets import planned_targets
from hubkit.hub.withdraw import withdraw
from hubkit.localhub import LocalHub
from hubkit.release import record
from hubkit.stages import STAGES
from hubkit.verification.discovery import find_release
from hubkit.verification.findings import FAILED, PASSED
from hubkit.verification.signed import check_signatures, own_signatures, read_public_key, record_signatures
from hubkit.verification.verify import verify
from hubkit.workspace import Workspace

pytest.importorskip("model_signing", reason="needs the extra [evidence]")

from model_signing._cli import main as model_signing_tool

TAG = "release-1.0.0"
SIGNATURE = f"signatures/{TAG}.sig"
KINDS = {"dataset": "dataset", "adapter": "model", "metric": "space"}


class Keys(NamedTuple):
    private: Path
    public: Path


def make_keys(folder: Path, name: str, password: bytes | None = None, curve: ec.EllipticCurve | None = None) -> Keys:
    key = ec.generate_private_key(curve or ec.SECP256R1())
    return write_keys(folder, name, key, password)


def write_keys(
    folder: Path, name: str, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, password: bytes | None
) -> Keys:
    pem = serialization.Encoding.PEM
    kept = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    found = Keys(folder / f"{name}.pem", folder / f"{name}.pub")
    found.private.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, kept))
    found.private.chmod(0o600)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    found.public.write_bytes(key.public_key().public_bytes(pem, form))
    return found


def on_another_curve(path: Path) -> Path:
    """The same key named as one on SM2, which the library does not know; both names are of the same length."""
    label, *lines, end = path.read_text().splitlines()
    p256, sm2 = bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a811ccf5501822d")
    text = base64.b64encode(base64.b64decode("".join(lines)).replace(p256, sm2)).decode()
    path.write_text(f"{label}\n{text}\n{end}\n")
    return path


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_keys(tmp_path_factory.mktemp("keys"), "maintainer")


class Released(NamedTuple):
    config: ReleaseConfig
    workspace: Workspace

    def repo(self, artifact: str = "dataset") -> str:
        return self.config.hub.repo(artifact)  # type: ignore[arg-type]

    def check(self, public: Path, tag: str = TAG) -> tuple[str, str]:
        names = [f"{KINDS[artifact]}s/{repo}" for artifact, repo in self.config.repos().items()]
        return check_signatures(connect(), find_release(connect(), names, tag), read_public_key(public))


@pytest.fixture(scope="module")
def released(hub: LocalHub, tmp_path_factory: pytest.TempPathFactory) -> Released:
    """A whole release, which tests leave as they find it but for signatures by the key of this module."""
    with pytest.MonkeyPatch.context() as patch:
        # As the fixtures of each test do it, which come later.
        keep_downloads_in(patch, tmp_path_factory.mktemp("home"))
        for name, value in {"HF_ENDPOINT": hub.url, "HF_TOKEN": hub.tokens["owner"]}.items():
            patch.setenv(name, value)
        patch.setenv("HUBKIT_UNGRANTED_TOKEN", hub.tokens["ungranted"])
        config = small_config("signed", collection=False)
        workspace = small_dist(tmp_path_factory.mktemp("signed"), config)
        push(config, workspace)
    return Released(config, workspace)


@pytest.fixture
def own(hub: LocalHub, tmp_path: Path, request: pytest.FixtureRequest) -> Released:
    """A dataset and a metric, for a test that changes them."""
    config = lean_config(request.function.__name__.replace("test_", "")[:40])
    workspace = small_dist(tmp_path / "work", config)
    push(config, workspace)
    return Released(config, workspace)


def retag(api: HfApi, repo: str) -> None:
    """Whoever may write can move a tag."""
    api.delete_tag(repo, tag=TAG, repo_type="dataset")
    api.create_tag(repo, tag=TAG, repo_type="dataset")


def test_a_release_is_signed_and_stays_as_it_is(released: Released, keys: Keys, direct: HfApi, tmp_path: Path) -> None:
    config, workspace = released
    before = {target: look(connect(), target) for target in planned_targets(config, workspace)}
    receipt = read_receipt(workspace)
    found = sign_release(workspace, keys.private)
    assert [(signed.repo, signed.path) for signed in found] == [
        (released.repo(artifact), SIGNATURE) for artifact in KINDS
    ]
    assert read_receipt(workspace) == receipt
    # The adapter: two files and both probes of its gate.
    assert next(signed.files for signed in found if signed.repo == released.repo("adapter")) == 4
    result, detail = released.check(keys.public)
    assert result == "passed", detail
    assert detail.endswith("; not covered: the card, which decides what is loaded, and the branch script")
    assert own_signatures(workspace, keys.public.read_bytes()).startswith(f"{TAG}: ")
    for artifact, kind in KINDS.items():
        added = set(direct.list_repo_files(released.repo(artifact), repo_type=kind))
        tagged = set(direct.list_repo_files(released.repo(artifact), repo_type=kind, revision=TAG))
        assert added - tagged == {SIGNATURE}
        assert direct.list_repo_commits(released.repo(artifact), repo_type=kind)[0].title == f"Sign {TAG}"
    for target, info in before.items():
        now = look(connect(), target)
        assert now is not None
        assert info is not None
        assert (now.gated, now.private) == (info.gated, info.private)
    # Again: nothing to do; and a push leaves the signatures where they are.
    assert all(signed.kept for signed in sign_release(workspace, keys.private))
    push(config, workspace)
    assert SIGNATURE in direct.list_repo_files(released.repo(), repo_type="dataset")
    # A later version stands next to it.
    later = config.model_copy(update={"release": config.release.model_copy(update={"version": "1.1.0"})})
    push(later, small_dist(tmp_path / "later", later, rows=5))
    assert released.check(keys.public)[0] == "passed"


def test_the_stock_tool_takes_a_download(released: Released, keys: Keys, direct: HfApi, tmp_path: Path) -> None:
    sign_release(released.workspace, keys.private)
    repo, folder = released.repo("adapter"), tmp_path / "download"
    direct.snapshot_download(repo, local_dir=folder, revision=TAG)
    direct.hf_hub_download(repo, SIGNATURE, local_dir=folder)
    (folder / "README.md").write_text("Edited.\n")
    command = ["verify", "key", str(folder), "--signature", str(folder / SIGNATURE), "--public_key", str(keys.public)]
    done = CliRunner().invoke(model_signing_tool, command)
    assert (done.exit_code, "Verification succeeded" in done.output) == (0, True), done.output
    (folder / "adapter_config.json").write_text("{}")
    refused = CliRunner().invoke(model_signing_tool, command)
    assert refused.exit_code != 0
    assert "adapter_config.json" in refused.output


def test_an_edited_card_passes_and_changed_files_do_not(own: Released, keys: Keys, direct: HfApi) -> None:
    sign_release(own.workspace, keys.private)
    repo = own.repo()
    card = Path(direct.hf_hub_download(repo, "README.md", repo_type="dataset")).read_text()

    def put(path: str, content: bytes) -> None:
        direct.upload_file(path_or_fileobj=content, path_in_repo=path, repo_id=repo, repo_type="dataset")
        retag(direct, repo)

    put("README.md", f"{card}\nSomebody wrote more.\n".encode())
    assert own.check(keys.public)[0] == "passed"
    put("more.txt", b"added")
    assert own.check(keys.public) == (
        "failed",
        f"{repo}: files are not those that were signed (added: more.txt)",
    )
    direct.delete_file("more.txt", repo, repo_type="dataset")
    direct.delete_file("LICENSE", repo, repo_type="dataset")
    retag(direct, repo)
    assert own.check(keys.public)[1].endswith("(missing: LICENSE)")
    put("LICENSE", b"Another one.\n")
    data = "data/default/test-00000-of-00001.parquet"
    put(data, b"PAR1 other rows")
    assert own.check(keys.public)[1].endswith(f"(changed: LICENSE, {data})")
    # What was not pushed from here is not signed either.
    with pytest.raises(HubkitError, match=rf"{TAG} names other files than were pushed: LICENSE and 1 more"):
        sign_release(own.workspace, keys.private)


def test_files_next_to_the_signatures_are_covered(own: Released, keys: Keys, direct: HfApi, tmp_path: Path) -> None:
    """An edited card could load them."""
    sign_release(own.workspace, keys.private)
    repo, added = own.repo(), "signatures/x.parquet"
    direct.upload_file(path_or_fileobj=b"PAR1", path_in_repo=added, repo_id=repo, repo_type="dataset")
    retag(direct, repo)
    assert own.check(keys.public) == ("failed", f"{repo}: files are not those that were signed (added: {added})")
    refused = stock_tool(direct, repo, "dataset", TAG, keys, tmp_path / "changed")
    assert added in refused
    with pytest.raises(HubkitError, match=f"{TAG} names other files than were pushed: {added}"):
        sign_release(own.workspace, keys.private)
    direct.delete_tag(repo, tag=TAG, repo_type="dataset")
    receipt = read_receipt(own.workspace)
    assert receipt is not None
    direct.create_tag(repo, tag=TAG, revision=receipt.repos["dataset"].commit, repo_type="dataset")
    # A later version drops it, keeps the signature of this one, and covers that as well.
    config = own.config.model_copy(update={"release": own.config.release.model_copy(update={"version": "1.1.0"})})
    later = Released(config, small_dist(tmp_path / "later", config, rows=5))
    push(later.config, later.workspace)
    sign_release(later.workspace, keys.private)
    tag = "release-1.1.0"
    below = {path for path in direct.list_repo_files(repo, repo_type="dataset") if path.startswith("signatures/")}
    assert below == {SIGNATURE, f"signatures/{tag}.sig"}
    assert SIGNATURE in direct.list_repo_files(repo, repo_type="dataset", revision=tag)
    result, detail = later.check(keys.public, tag)
    assert result == "passed", detail
    assert "Verification succeeded" in stock_tool(direct, repo, "dataset", tag, keys, tmp_path / "whole")
    # The later version goes, and leaves the signature of the earlier one.
    withdraw(later.config, tag, "An error.", later.workspace)
    left = direct.list_repo_files(repo, repo_type="dataset")
    assert (SIGNATURE in left, f"signatures/{tag}.sig" in left) == (True, False)


def stock_tool(api: HfApi, repo: str, kind: str, tag: str, keys: Keys, folder: Path) -> str:
    """What the stock tool prints of a download."""
    path = f"signatures/{tag}.sig"
    api.snapshot_download(repo, repo_type=kind, local_dir=folder, revision=tag)
    api.hf_hub_download(repo, path, repo_type=kind, local_dir=folder)
    command = ["verify", "key", str(folder), "--signature", str(folder / path), "--public_key", str(keys.public)]
    return CliRunner().invoke(model_signing_tool, command).output


def test_another_key_and_no_signature(own: Released, keys: Keys, direct: HfApi, tmp_path: Path) -> None:
    result, detail = own.check(keys.public)
    assert result == "failed"
    assert detail.startswith(f"{own.repo()} has no {SIGNATURE} on main; ")
    with pytest.raises(HubkitError, match="has no signatures/") as raised:
        own_signatures(own.workspace, keys.public.read_bytes())
    assert "hubkit sign --key KEY" in str(raised.value)
    # The command looks at the signature before the stage runs code of the release.
    (tmp_path / "hubkit.toml").write_text(write_config(own.config))
    command = ["verify", "--config", str(tmp_path / "hubkit.toml"), "--workspace", str(own.workspace.root)]
    done = CliRunner().invoke(cli, [*command, "--public-key", str(keys.public)])
    assert "has no signatures/" in str(done.exception)
    assert not own.workspace.verification.exists()
    other = make_keys(tmp_path, "other", curve=ec.SECP384R1())
    sign_release(own.workspace, other.private)
    assert own.check(other.public)[0] == "passed"
    result, detail = own.check(keys.public)
    assert (result, detail.count("it was signed with another key")) == ("failed", 2)
    # The right key signs over it.
    assert not any(signed.kept for signed in sign_release(own.workspace, keys.private))
    assert own.check(keys.public)[0] == "passed"
    assert direct.list_repo_files(own.repo("metric"), repo_type="space").count(SIGNATURE) == 1
    # It lists digests of files that are withdrawn: it goes with them.
    withdraw(own.config, TAG, "An error.", own.workspace)
    assert SIGNATURE not in direct.list_repo_files(own.repo(), repo_type="dataset")
    with pytest.raises(HubkitError, match="was withdrawn on"):
        sign_release(own.workspace, keys.private)


def plain_report(config: ReleaseConfig, workspace: Workspace) -> None:
    """What the stage leaves, without the clean environments that it builds."""
    checks = [CheckResult(check="pinned_code", result="passed", detail="")]
    readers = [ReaderReport(reader="granted", checks=[CheckResult(check="refused", result="not run", detail="")])]
    counts = {"passed": 1, "failed": 0, "not run": 1}
    readers.append(ReaderReport(reader="hubkit", checks=checks))
    write_verification(workspace.verification, Verification(release=TAG, counts=counts, readers=readers))


def failed_report(config: ReleaseConfig, workspace: Workspace) -> None:
    plain_report(config, workspace)
    raise HubkitError("1 of 2 checks failed")


def damaged_report(config: ReleaseConfig, workspace: Workspace) -> None:
    workspace.verification.write_text("{")
    raise HubkitError("1 of 2 checks failed")


def own_checks(workspace: Workspace) -> dict[str, str]:
    """How hubkit's own checks ended, by name."""
    (own,) = (reader for reader in read_verification(workspace).readers if reader.reader == "hubkit")
    return {check.check: check.result for check in own.checks}


def verifying(own: Released, folder: Path) -> list[str]:
    """The command that verifies a workspace's own release, whose push is done as far as the command asks."""
    config, workspace = own
    (stage,) = (one for one in STAGES if one.name == "push")
    record(stage, config, workspace, stage.key(config, workspace), 0.0)
    (folder / "hubkit.toml").write_text(write_config(config))
    return ["verify", "--config", str(folder / "hubkit.toml"), "--workspace", str(workspace.root)]


def test_the_signature_of_a_workspaces_own_release_is_in_its_report(
    own: Released, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, command = own.workspace, verifying(own, tmp_path)
    with_key = [*command, "--public-key", str(keys.public)]
    monkeypatch.setattr("hubkit.verification.verify.verify", failed_report)
    sign_release(workspace, keys.private)
    done = CliRunner().invoke(cli, with_key)
    assert str(done.exception) == "1 of 2 checks failed"
    assert own_checks(workspace) == {"pinned_code": "passed", "signed": "passed"}
    assert not workspace.manifest("verify").exists()
    monkeypatch.setattr("hubkit.verification.verify.verify", plain_report)
    done = CliRunner().invoke(cli, with_key)
    assert done.exit_code == 0, done.output
    assert own_checks(workspace) == {"pinned_code": "passed", "signed": "passed"}
    assert read_verification(workspace).counts == {"passed": 2, "failed": 0, "not run": 1}
    # The stage is done, and nobody changed its report.
    before = workspace.verification.read_bytes()
    again = CliRunner().invoke(cli, with_key)
    assert "up to date" in again.output
    assert workspace.verification.read_bytes() == before
    # What no longer holds replaces it, and a report that somebody changed is left alone.
    other = make_keys(tmp_path, "other")
    refused = CliRunner().invoke(cli, [*command, "--public-key", str(other.public)])
    assert "signed with another key" in str(refused.exception)
    assert own_checks(workspace) == {"pinned_code": "passed", "signed": "failed"}
    assert read_verification(workspace).counts == {"passed": 1, "failed": 1, "not run": 1}
    # Nothing has to run again, and the line names what failed.
    done = CliRunner().invoke(cli, command)
    assert (done.exit_code, "up to date; checks: 1 passed, 1 failed, 1 not run; failed: signed" in done.output) == (
        0,
        True,
    ), done.output
    edited = workspace.verification.read_text().replace(TAG, "release-9.9.9")
    workspace.verification.write_text(edited)
    CliRunner().invoke(cli, with_key)
    assert workspace.verification.read_text() == edited


def test_the_stage_makes_the_check_again_with_the_key_that_was_given_before(
    own: Released, keys: Keys, tmp_path: Path, direct: HfApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, workspace = own
    command = verifying(own, tmp_path)
    sign_release(workspace, keys.private)
    with monkeypatch.context() as patch:
        patch.setattr("hubkit.verification.verify.verify", plain_report)
        assert CliRunner().invoke(cli, [*command, "--public-key", str(keys.public)]).exit_code == 0
    # What processes of readers find is not what this is about.
    monkeypatch.setattr("hubkit.verification.verify._look", lambda *arguments: None)

    def released_again() -> str:
        options = [*command[1:], "--from", "verify"]
        CliRunner().invoke(cli, ["release", *options])
        return own_checks(workspace)["signed"]

    assert released_again() == "passed"
    direct.upload_file(path_or_fileobj=b"added", path_in_repo="more.txt", repo_id=own.repo(), repo_type="dataset")
    retag(direct, own.repo())
    assert released_again() == "failed"
    # A later version is not signed yet, whatever was signed before.
    later = config.model_copy(update={"release": config.release.model_copy(update={"version": "1.1.0"})})
    push(later, small_dist(workspace.root, later, rows=5))
    with pytest.raises(HubkitError):
        verify(later, workspace)
    assert "signed" not in own_checks(workspace)


def test_what_the_stage_found_to_fail_is_not_entered_as_passed(own: Released) -> None:
    config, workspace = own
    plain_report(config, workspace)
    for result, expected in ((PASSED, "passed"), (FAILED, "failed"), (PASSED, "failed")):
        record_signatures(workspace, result, "found")
        assert own_checks(workspace)["signed"] == expected


def test_a_damaged_report_hides_no_earlier_error(
    own: Released, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, command = own.workspace, verifying(own, tmp_path)
    monkeypatch.setattr("hubkit.verification.verify.verify", damaged_report)
    sign_release(workspace, keys.private)
    other = make_keys(tmp_path, "other")
    for public, message in ((keys.public, "^1 of 2 checks failed$"), (other.public, "it was signed with another key")):
        done = CliRunner().invoke(cli, [*command, "--public-key", str(public)])
        assert re.search(message, str(done.exception))
        assert "signed: not entered into the report: " in done.stderr
        assert workspace.verification.read_text() == "{"


def test_the_commands(released: Released, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hubkit.toml").write_text(write_config(released.config))
    command = ["sign", "--workspace", str(released.workspace.root), "--key"]
    done = CliRunner().invoke(cli, [*command, str(keys.private)])
    assert done.exit_code == 0, done.output
    assert re.search(rf"{released.repo()}: (signed|is signed already), \d files \({SIGNATURE}\)", done.output)
    again = CliRunner().invoke(cli, [*command, str(keys.private)])
    assert again.output.count("is signed already") == 3
    missing = CliRunner().invoke(cli, [*command, str(tmp_path / "none.pem")])
    assert isinstance(missing.exception, HubkitError)
    assert CliRunner().invoke(cli, ["sign"]).exit_code == 2
    wrong = CliRunner().invoke(cli, ["verify", released.repo(), "--public-key", str(keys.private)])
    assert isinstance(wrong.exception, UsageError)


def test_nothing_was_pushed(tmp_path: Path, keys: Keys) -> None:
    with pytest.raises(HubkitError, match="nothing was pushed yet"):
        sign_release(Workspace(tmp_path), keys.private)


@pytest.mark.parametrize(
    ("make", "message", "hint"),
    [
        (lambda folder: folder / "none.pem", "the key cannot be read: No such file", "docs/security.md"),
        (lambda folder: make_keys(folder, "a").public, "is not a private key in PEM", "docs/security.md"),
        (lambda folder: make_keys(folder, "a", b"secret").private, "the key has a password", f"set {KEY_PASSWORD}"),
        (
            lambda folder: write_keys(folder, "a", rsa.generate_private_key(65537, 2048), None).private,
            "is not a key on the curve P-256",
            "docs/security.md",
        ),
        (lambda folder: on_another_curve(make_keys(folder, "a").private), "is not a key on the curve", "security.md"),
        (
            lambda folder: make_keys(folder, "a", curve=ec.SECP256K1()).private,
            "is not a key on the curve P-256",
            "docs/security.md",
        ),
    ],
)
def test_keys_that_cannot_sign(tmp_path: Path, make, message: str, hint: str) -> None:
    path = make(tmp_path)
    if path.exists():
        path.chmod(0o600)
    with pytest.raises(HubkitError, match=message) as raised:
        read_key(path)
    assert hint in str(raised.value.hint)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_key_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    path = make_keys(tmp_path, "a").private
    path.chmod(mode)
    with pytest.raises(HubkitError, match="other users of this machine can reach the private key") as raised:
        read_key(path)
    assert raised.value.hint == f"chmod 600 {path}"


def test_a_key_with_a_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = make_keys(tmp_path, "a", b"secret")
    monkeypatch.setenv(KEY_PASSWORD, "secret")
    key = read_key(found.private)
    assert key.public == found.public.read_bytes()
    files = {"a.txt": "0" * 64}
    signature = make_signature("lab/a", files, key.path, key.password)
    assert fault_of(signature, "lab/a", files, key.public) is None
    monkeypatch.setenv(KEY_PASSWORD, "wrong")
    with pytest.raises(HubkitError, match="the password is wrong"):
        read_key(found.private)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace(b'"sig"', b'"gis"'), "is not a signature that can be read"),
        (lambda text: b"{}", "is not a signature that can be read"),
        (lambda text: b"\xff\x00", "is not a signature that can be read"),
        (lambda text: b"[" * 100_000, "is not a signature that can be read"),
        (lambda text: b"[]", "is not a signature that can be read"),
        (lambda text: text.replace(b"dsseEnvelope", b"dsse_envelope"), "is not a signature that can be read"),
        (
            lambda text: text.replace(b'{"mediaType"', b'{"dsse_envelope":{},"mediaType"'),
            "is not a signature that can be read",
        ),
        (lambda text: text.replace(b'"payloadType"', b'"payload_type"'), "is not a signature that can be read"),
    ],
)
def test_a_damaged_signature_is_one_line(keys: Keys, change, message: str) -> None:
    files = {"a.txt": "0" * 64}
    signature = make_signature("lab/a", files, keys.private, None)
    assert fault_of(change(signature), "lab/a", files, keys.public.read_bytes()) == message


@pytest.mark.parametrize("other", ["lab/a@release-1.0.0", "lab/b@release-1.1.0"])
def test_a_signature_of_another_version_or_repo(keys: Keys, other: str) -> None:
    """An old version under a new tag, with the signature that it had, holds what was signed."""
    files = {"a.txt": "0" * 64}
    signature = make_signature(other, files, keys.private, None)
    public = keys.public.read_bytes()
    assert fault_of(signature, other, files, public) is None
    for now in (files, {"a.txt": "1" * 64}):
        assert fault_of(signature, "lab/a@release-1.1.0", now, public) == f"it was made for {other}"


def test_a_signature_that_was_cut_to_other_files(keys: Keys) -> None:
    """The list of files is what is signed: one that is put in its place does not fit the signature."""
    import json

    files = {"a.txt": "0" * 64}
    signed = json.loads(make_signature("lab/a", files, keys.private, None))
    other = json.loads(make_signature("lab/a", {"a.txt": "1" * 64}, keys.private, None))
    signed["dsseEnvelope"]["payload"] = other["dsseEnvelope"]["payload"]
    found = fault_of(json.dumps(signed).encode(), "lab/a", {"a.txt": "1" * 64}, keys.public.read_bytes())
    assert found == "the signature does not fit what it signs"
    assert base64.b64decode(other["dsseEnvelope"]["payload"])
