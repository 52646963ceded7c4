"""Sealing a release under the corpus that it comes from, and opening it: who holds the corpus holds the key.

docs/custody.md has the threat model, the format and test vectors.
"""
