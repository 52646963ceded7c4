"""Sealing a release under the corpus that it comes from, and opening it: who holds the corpus holds the key.

docs/custody.md has the threat model, the format and test vectors.
"""

from pathlib import Path

ROSTER = Path("custody", "groups.parquet")
"""By this file a release is known to be sealed."""

READER = "sealed.py"
"""What opens one, without hubkit: `hubkit/custody/sealed.py`, and in a release `loader/sealed.py`."""
