"""Sign a release that was pushed: every repo, at the tag, if it still holds what was pushed."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubkit.artifacts.receipt import PushedRepo
from hubkit.errors import HubkitError
from hubkit.hub.changes import digests
from hubkit.hub.client import connect
from hubkit.hub.receipt import standing_receipt
from hubkit.hub.signatures import (
    CURVES,
    OTHER_CURVE,
    Files,
    Signed,
    fault_of,
    left_out,
    make_signature,
    put_signature,
    read_signature,
    signed_files,
    signed_name,
)
from hubkit.hub.targets import PROBES, is_signature, signature_path
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    from huggingface_hub import HfApi

KEY_PASSWORD = "HUBKIT_KEY_PASSWORD"

GUIDE = "docs/security.md has the commands that make a pair of keys"


class Key(NamedTuple):
    """A private key: where it lies, its password, and its public half in PEM."""

    path: Path
    password: bytes | None
    public: bytes


def read_key(path: Path) -> Key:
    """Read a private key. It has to be readable by its owner alone.

    Raises:
        HubkitError: it is missing, open to others, not a key that can sign, or its password is missing or wrong.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

    try:
        text, mode = path.read_bytes(), path.stat().st_mode
    except OSError as error:
        raise HubkitError(f"the key cannot be read: {error.strerror}", where=path, hint=GUIDE) from None
    if stat.S_IMODE(mode) & (stat.S_IRWXG | stat.S_IRWXO):
        raise HubkitError("other users of this machine can reach the private key", where=path, hint=f"chmod 600 {path}")
    password = os.environ.get(KEY_PASSWORD, "").encode() or None
    try:
        key = serialization.load_pem_private_key(text, password)
    except TypeError:
        what = "the key has no password" if password else "the key has a password"
        hint = f"unset {KEY_PASSWORD}" if password else f"set {KEY_PASSWORD}"
        raise HubkitError(what, where=path, hint=hint) from None
    except ValueError:
        what = "is not a private key in PEM, or the password is wrong"
        raise HubkitError(what, where=path, hint=GUIDE) from None
    except UnsupportedAlgorithm:
        # A curve that the library does not know, or a cipher around the key.
        what = f"{OTHER_CURVE}, or its encryption is not supported"
        raise HubkitError(what, where=path, hint=GUIDE) from None
    if not isinstance(key, EllipticCurvePrivateKey) or key.curve.name not in CURVES:
        raise HubkitError(OTHER_CURVE, where=path, hint=GUIDE)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return Key(path, password, key.public_key().public_bytes(serialization.Encoding.PEM, form))


def sign_release(workspace: Workspace, path: Path) -> list[Signed]:
    """Sign every repo of the last push and put the signatures on the Hub; those that hold already are kept.

    Args:
        path: the private key.

    Raises:
        HubkitError: nothing was pushed, the version was withdrawn, a repo holds other files under the tag than were
            pushed, the key cannot be used, or the Hub refused.
    """
    receipt = standing_receipt(workspace)
    key, api = read_key(path), connect()
    # All are looked at before any is signed: half a release with signatures would tell nothing of the other half.
    listed = [(repo, _as_pushed(api, repo)) for repo in receipt.repos.values()]
    # Signatures by another key would not hold by the one that was given before.
    workspace.public_key(receipt.tag).unlink(missing_ok=True)
    return [_sign_one(api, repo, files, key) for repo, files in listed]


def _as_pushed(api: HfApi, repo: PushedRepo) -> Files:
    """What the tag names in a repo.

    Raises:
        HubkitError: it is not what this workspace pushed.
    """
    files = signed_files(api, repo.id, repo.type, repo.tag)
    pushed = {path: digest for path, digest in repo.files.items() if path not in left_out(repo.tag)}
    pushed |= {path: digests(text)[0] for path, text in PROBES.items() if path in files}
    # A push leaves the signatures of earlier versions where they are, so that its tag names them too.
    pushed |= {path: digest for path, digest in files.items() if is_signature(path)}
    differing = sorted(path for path in pushed.keys() | files.keys() if pushed.get(path) != files.get(path))
    if differing:
        more = f" and {len(differing) - 1} more" if len(differing) > 1 else ""
        raise HubkitError(
            f"{repo.tag} names other files than were pushed: {differing[0]}{more}",
            where=repo.id,
            hint="see who else pushes there; raise [release] version, then run: hubkit release",
        )
    return files


def _sign_one(api: HfApi, repo: PushedRepo, files: Files, key: Key) -> Signed:
    there, name = read_signature(api, repo.id, repo.type, repo.tag), signed_name(repo.id, repo.tag)
    kept = there is not None and fault_of(there, name, files, key.public) is None
    if not kept:
        put_signature(api, repo.id, repo.type, repo.tag, make_signature(name, files, key.path, key.password))
    return Signed(repo.id, signature_path(repo.tag), len(files), kept)
