"""Tests of the benchmarks: what is computed from what was measured, and what goes over the wire."""
