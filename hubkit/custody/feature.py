"""The former name of `hubkit.custody.sealed`."""

from hubkit.custody.sealed import Sealed, open_sealed

__all__ = ["Sealed", "open_sealed"]
