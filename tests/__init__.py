"""Tests: real parts, no network but loopback."""
