"""Faults under load on the real system, and the proof that they change nothing: ``python -m benchmarks.chaos``."""
