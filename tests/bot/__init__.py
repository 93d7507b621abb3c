"""Tests of the machine and its channels."""
