"""Which files git holds itself and which go through LFS."""

from __future__ import annotations

from pathlib import PurePosixPath

LARGE = 10 * 2**20
"""Bytes from which a file of any kind goes through LFS."""

# fmt: off
_LFS_SUFFIXES = (
    "7z", "arrow", "avro", "bin", "bz2", "ckpt", "ftz", "gz", "h5", "joblib", "jpg", "jpeg", "lz4", "mds", "mlmodel",
    "model", "msgpack", "npy", "npz", "onnx", "ot", "parquet", "pb", "pickle", "pkl", "png", "pt", "pth", "rar",
    "safetensors", "tar", "tflite", "tgz", "wasm", "webp", "xz", "zip", "zst",
)
# fmt: on

GITATTRIBUTES = "".join(f"*.{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in _LFS_SUFFIXES)
"""The first file of every repo."""


def goes_through_lfs(path: str, size: int, sample: bytes) -> bool:
    """Decide from a file's name, size in bytes and first bytes."""
    if size == 0 or PurePosixPath(path).name in (".gitattributes", ".gitignore"):
        return False
    if PurePosixPath(path).suffix.lower().lstrip(".") in _LFS_SUFFIXES or size >= LARGE:
        return True
    return b"\0" in sample
