"""Crashes, races and take-overs of the whole program, as processes that are killed while they send."""
