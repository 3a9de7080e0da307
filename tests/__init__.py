"""Tests, in the packages of what they test; what they share lies beside this file."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
