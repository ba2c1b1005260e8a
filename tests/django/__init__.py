"""Tests of ``sockjsd.django``."""
