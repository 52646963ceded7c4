"""Signatures of what is on the Hub, in the form of OpenSSF Model Signing: made with an offline key, and checked.

A signature covers the SHA-256 of every file that a release's tag names in a repo, without the card and
`.gitattributes`, which people edit, and itself. Large files are not downloaded: the Hub lists their SHA-256. The
signature lies on main, below `signatures/`, so that a tag is never moved.
"""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from hubkit.digests import file_digest
from hubkit.errors import HubkitError
from hubkit.hub.changes import NOTHING, Change, commit_changes, remote_files
from hubkit.hub.client import retried
from hubkit.hub.targets import CARD, HUBS_OWN, signature_path

if TYPE_CHECKING:
    from huggingface_hub import HfApi

EDITED = (CARD, HUBS_OWN)
"""What people edit, and a signature leaves out."""

CURVES = ("secp256r1", "secp384r1", "secp521r1")
"""Those that OpenSSF Model Signing takes, as cryptography calls them."""

OTHER_CURVE = "is not a key on the curve P-256, P-384 or P-521"
"""What is wrong with a key that is whole, and of another kind."""

OF_DOWNLOADS = (".cache", ".git")
"""Folders that clients add to a download. The signature names them, so that other tools leave them out too."""

SHA256_LENGTH = 64
"""Hexadecimal digits, by which the digest of a large file differs from git's SHA-1 of a small one."""

LISTED = 3
"""Files that a message names of each sort; the others are counted."""

UNREADABLE = "is not a signature that can be read"

BUNDLE = {"mediaType", "verificationMaterial", "dsseEnvelope"}

ENVELOPE = {"payload", "payloadType", "signatures"}
"""The keys of a signature. The library takes others as well, such as `dsse_envelope`, so that what it checks and what
is read here could differ."""

Files = Mapping[str, str]
"""SHA-256 by path."""


class _Listed:
    """Stands for the hashing of a folder by model_signing: the files are listed already."""

    def __init__(self, name: str, files: Files):
        self.name, self.files = name, files

    def hash(self, model_path: Any, *, files_to_hash: Any = None) -> Any:
        from model_signing import manifest
        from model_signing._hashing import hashing

        # As the pinned version has them: neither is a stable interface.
        form = manifest.SerializationType.from_args(
            {
                "method": "files",
                "hash_type": "sha256",
                "allow_symlinks": False,
                "ignore_paths": [*left_out(tag_of(self.name)), *OF_DOWNLOADS],
            }
        )
        items = [
            form.new_item(path, hashing.Digest("sha256", bytes.fromhex(digest))) for path, digest in self.files.items()
        ]
        return manifest.Manifest(self.name, items, form)

    def add_ignored_paths(self, **paths: Any) -> None:
        """What a signature leaves out is not taken from it: `signed_files` decides."""


class Signed(NamedTuple):
    """A signature of a repo on the Hub: of how many files, and whether it was there already."""

    repo: str
    path: str
    files: int
    kept: bool


@retried("{repo}")
def signed_files(api: HfApi, repo: str, kind: str, tag: str, commit: str | None = None) -> dict[str, str]:
    """SHA-256 by path of all files that a signature covers; small ones are fetched, large ones are not.

    Args:
        commit: what the tag names, where that is known.

    Raises:
        HubkitError: there is no such revision.
    """
    revision = commit or tag
    remote = remote_files(api, repo, kind, revision=revision)
    if remote is NOTHING:
        raise HubkitError(f"there is no {revision}", where=repo, hint="run: hubkit push")
    found = {}
    for path, (digest, _) in sorted(remote.files.items()):
        if path in left_out(tag):
            continue
        if len(digest) != SHA256_LENGTH:
            fetched = api.hf_hub_download(repo, path, repo_type=kind, revision=remote.commit)
            digest = file_digest(Path(fetched))
        found[path] = digest
    return found


def left_out(tag: str) -> tuple[str, ...]:
    """The files that the signature of a version does not cover. It does cover the signatures of earlier ones."""
    return (*EDITED, signature_path(tag))


def signed_name(repo: str, tag: str) -> str:
    """What a signature says that it is for."""
    return f"{repo}@{tag}"


def tag_of(name: str) -> str:
    """The tag in what `signed_name` made."""
    return name.rpartition("@")[2]


def make_signature(name: str, files: Files, key: Path, password: bytes | None) -> bytes:
    """Sign a list of files.

    Args:
        name: of the repo and version, as `signed_name` has it.
        key: the private key in PEM, on a NIST curve.
    """
    from model_signing import signing

    with tempfile.TemporaryDirectory(prefix="hubkit-sign-") as folder:
        path = Path(folder) / "signature"
        # The library hands the password on to cryptography, which takes bytes, whatever its own types say.
        signer = signing.Config().use_elliptic_key_signer(private_key=key, password=cast(Any, password))
        signer.set_hashing_config(cast(Any, _Listed(name, files))).sign(folder, path)
        return path.read_bytes()


def fault_of(signature: bytes, name: str, files: Files, public_key: bytes) -> str | None:
    """What is wrong with a signature of these files; None where it holds.

    Args:
        name: as in `make_signature`.
        public_key: in PEM.
    """
    from cryptography.exceptions import InvalidSignature
    from model_signing import verifying

    try:
        signed, before = _read(signature)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return UNREADABLE
    other = None if signed == name else f"it was made for {signed}"
    with tempfile.TemporaryDirectory(prefix="hubkit-verify-") as folder:
        path, key = Path(folder) / "signature", Path(folder) / "key.pub"
        path.write_bytes(signature)
        key.write_bytes(public_key)
        verifier = verifying.Config().use_elliptic_key_verifier(public_key=key)
        try:
            verifier.set_hashing_config(cast(Any, _Listed(name, files))).verify(folder, path)
        except InvalidSignature:
            return "the signature does not fit what it signs"
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            # The library first looks at the key and the signature, and compares files after that alone.
            if str(error).startswith("Signature mismatch"):
                return other or _differences(before, files)
            if str(error).startswith("Key mismatch"):
                return "it was signed with another key"
            return UNREADABLE
    # An old version, with its signature under a new name, would hold what was signed.
    return other


def _read(signature: bytes) -> tuple[str, dict[str, str]]:
    """What a signature was made for, and the SHA-256 by path in it; not checked yet.

    Raises:
        ValueError, LookupError, TypeError, AttributeError, RecursionError: it does not have the form.
    """
    bundle = json.loads(signature)
    envelope = bundle["dsseEnvelope"]
    if bundle.keys() - BUNDLE or envelope.keys() - ENVELOPE:
        raise ValueError("other keys")
    payload = json.loads(base64.b64decode(envelope["payload"], validate=True))
    return payload["subject"][0]["name"], {file["name"]: file["digest"] for file in payload["predicate"]["resources"]}


def _differences(before: Files, now: Files) -> str:
    sorts = {
        "added": sorted(now.keys() - before.keys()),
        "missing": sorted(before.keys() - now.keys()),
        "changed": sorted(path for path in before.keys() & now.keys() if before[path] != now[path]),
    }
    parts = [
        f"{name}: {', '.join(paths[:LISTED])}" + (f" and {len(paths) - LISTED} more" if len(paths) > LISTED else "")
        for name, paths in sorts.items()
        if paths
    ]
    return f"files are not those that were signed ({'; '.join(parts)})"


@retried("{repo}")
def read_signature(api: HfApi, repo: str, kind: str, tag: str) -> bytes | None:
    """The signature of a version, as main has it; None where there is none."""
    remote = remote_files(api, repo, kind)
    path = signature_path(tag)
    if path not in remote.files:
        return None
    return Path(api.hf_hub_download(repo, path, repo_type=kind, revision=remote.commit)).read_bytes()


@retried("{repo}")
def put_signature(api: HfApi, repo: str, kind: str, tag: str, signature: bytes) -> None:
    """Commit the signature of a version to main, in place of an older one; nothing else is changed."""
    remote, path = remote_files(api, repo, kind), signature_path(tag)
    if path in remote.files:
        there = Path(api.hf_hub_download(repo, path, repo_type=kind, revision=remote.commit)).read_bytes()
        if there == signature:
            return
    change = Change(path, len(signature), "update", "the signature", signature)
    commit_changes(api, repo, kind, [change], f"Sign {tag}", remote.commit)
