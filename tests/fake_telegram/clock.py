"""A clock for tests of what depends on time."""


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.seconds
