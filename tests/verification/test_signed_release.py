"""A reader's verification with the maintainers' public key has the check in its report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from huggingface_hub import HfApi

from hubkit.errors import HubkitError, UsageError
from hubkit.hub.client import connect
from hubkit.hub.signatures import make_signature, put_signature, signed_files, signed_name
from hubkit.localhub import LocalHub
from hubkit.verification import examination, verify
from hubkit.verification.signed import read_public_key

pytest.importorskip("model_signing", reason="needs the extra [evidence]")

REPO, TAG = "maintainer/signed", "release-1.0.0"


def public_text(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def test_the_report_says_whether_it_is_signed(
    hub: LocalHub, own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    private, public = tmp_path / "key.pem", tmp_path / "key.pub"
    private.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    public.write_text(public_text(key))
    monkeypatch.setenv("HF_TOKEN", hub.tokens["owner"])
    # What other checks find of this repo, which has a file and no gate, is not what this is about.
    monkeypatch.setattr(verify, "READER_CHECKS", [])
    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    api.create_repo(REPO, repo_type="dataset")
    name = "data/default/test-00000-of-00001.parquet"
    api.upload_file(path_or_fileobj=b"of a test", path_in_repo=name, repo_id=REPO, repo_type="dataset")
    api.create_tag(REPO, tag=TAG, repo_type="dataset")

    log = tmp_path / "verification.log"

    def check() -> tuple[str, str]:
        report = tmp_path / "verification.json"
        with pytest.raises(HubkitError, match="checks failed"):
            verify.verify_repos(
                [f"datasets/{REPO}"], TAG, examination.Own(), [], report, public_key=read_public_key(public)
            )
        readers = {reader["reader"]: reader["checks"] for reader in json.loads(report.read_text())["readers"]}
        (found,) = [check for check in readers["hubkit"] if check["check"] == "signed"]
        assert len(readers) == 4
        others = [check for checks in readers.values() for check in checks if check["check"] == "refused"]
        # Where it is not signed, no process starts.
        signed = found["result"] == "passed"
        assert all((check["detail"] != verify.UNSIGNED) is signed for check in others)
        assert log.exists() is signed
        return found["result"], found["detail"]

    assert check() == ("failed", f"{REPO} has no signatures/{TAG}.sig on main")
    files = signed_files(connect(), REPO, "dataset", TAG)
    assert list(files) == [name]
    put_signature(connect(), REPO, "dataset", TAG, make_signature(signed_name(REPO, TAG), files, private, None))
    assert check() == (
        "passed",
        "files that are as they were signed: 1; not covered: the card, which decides what is loaded",
    )


BRAINPOOL = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MEIwFAYHKoZIzj0CAQYJKyQDAwIIAQEBAyoABBMKB3f8y59xnSXYMzAVIt3O9yjb\n"
    "W8m4YTf+zi5CbC7300o3i75aX2M=\n"
    "-----END PUBLIC KEY-----\n"
)
"""A key on a curve that the library does not know, by its name, and one with the parameters of its curve."""

EXPLICIT = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MIG6MIGXBgcqhkjOPQIBMIGLAgEBMBoGByqGSM49AQECDwDbfCq/YuNeZoB2vq0g\n"
    "izA3BA7bfCq/YuNeZoB2vq0giAQOZZ74ugQ5Fu7eiRFwKyIDFQAA9QsCjk1pbmdo\n"
    "dWFRdSkEcng/sQQdBAlIcjmZWl7na1X5wvCYqJzlr4ckwKI+Dg/3dQACDwDbfCq/\n"
    "YuNedijfrGVhxQIBAQMeAARQMoZD0cVDvpU6rKxkc40jzG/g02GmNX1WLkRk\n"
    "-----END PUBLIC KEY-----\n"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "the key cannot be read: No such file"),
        ("-----BEGIN PRIVATE KEY-----\n", "is not a public key in PEM"),
        ("", "is not a public key in PEM"),
        (public_text(ec.generate_private_key(ec.SECP256K1())), "is not a key on the curve P-256, P-384 or P-521"),
        (BRAINPOOL, "is not a key on the curve P-256, P-384 or P-521"),
        (EXPLICIT, "is not a key on the curve P-256, P-384 or P-521"),
        (public_text(rsa.generate_private_key(65537, 2048)), "is not a key on the curve P-256, P-384 or P-521"),
    ],
)
def test_a_wrong_public_key_is_one_line(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "key.pub"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=message) as raised:
        read_public_key(path)
    assert "\n" not in str(raised.value)
