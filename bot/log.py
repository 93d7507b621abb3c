"""Logging: one line each, without message texts and without secrets."""

import logging
import traceback


def set_up(level: str) -> None:
    """Log to standard error from a level up ("INFO"); libraries that chat are held back."""
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name in ("apscheduler", "alembic", "asyncio", "uvicorn", "telegram", "aiohttp"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


def describe(error: BaseException) -> str:
    """Return an error's type and where it arose, without its text, which may quote a message."""
    frames = traceback.extract_tb(error.__traceback__)
    way = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    return f"{type(error).__name__} at {way}"
