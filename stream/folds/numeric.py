"""The numeric version of the code: one constant, in every lineage and in every checkpoint."""

from __future__ import annotations

NUMERIC_VERSION = 5
"""Raised whenever the same rows would give other numbers (docs/architecture.md, rule 11)."""
