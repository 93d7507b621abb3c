"""The direction of the three folders: bot -> handlers -> storage, and who may import what."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = {"bot", "handlers", "storage"}
FILES = sorted(path.relative_to(ROOT) for folder in OURS for path in (ROOT / folder).rglob("*.py"))

OURS_ALLOWED = {
    "storage": {"storage"},
    "handlers": {"handlers", "storage"},
    "bot": OURS,
}

NETWORK = {"aiohttp", "httpx", "requests", "socket", "urllib.request", "http.client", "ssl"}
FORBIDDEN = {
    "storage": {"asyncio", "starlette", "uvicorn", *NETWORK},
    "handlers": {"asyncio", "threading.Timer", "time", "starlette", "uvicorn", "os", *NETWORK},
    "bot": set[str](),
}

ONLY_IN = {
    "sqlalchemy": ("storage",),
    "alembic": ("storage",),
    "psycopg": ("storage", "bot/signals.py"),  # to hear other processes is to wait, and so asynchronous
    "sqlite3": ("storage", "bot/channels/matrix/device_file.py"),  # a device has a file of its own, no table
    "telegram": ("bot/channels/telegram",),
    "nio": ("bot/channels/matrix",),
    "vodozemac": ("bot/channels/matrix",),
    "Crypto": ("bot/channels/matrix",),
    "apscheduler": ("bot/clock.py",),
    "pydantic_settings": ("bot/config.py",),
    "pydantic": ("bot/config.py",),
    "dotenv": ("bot/config.py",),
    # Two libraries take a switch of theirs from nowhere else; nothing is read there.
    "os.environ": ("bot/config.py", "bot/__init__.py", "bot/channels/telegram/__init__.py"),
    "os.getenv": ("bot/config.py",),
}


def imported(path: Path) -> Iterator[str]:
    """Yield the full names that a file imports, and what it reads out of `os`."""
    package = path.parent.parts
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            source = ".".join(filter(None, (base, node.module)))
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            yield f"os.{node.attr}"


def begins_with(name: str, package: str) -> bool:
    """Return whether a dotted name is a package or something in it."""
    return name == package or name.startswith(f"{package}.")


def is_in(path: Path, place: str) -> bool:
    """Return whether a file is a place or lies in it."""
    return path == Path(place) or Path(place) in path.parents


def complaints(path: Path) -> list[str]:
    """Return what a file imports and may not."""
    folder, names = path.parts[0], set(imported(path))
    wrong = {name for name in names if name.split(".")[0] in OURS - OURS_ALLOWED[folder]}
    wrong |= {name for name in names for banned in FORBIDDEN[folder] if begins_with(name, banned)}
    for package, places in ONLY_IN.items():
        if not any(is_in(path, place) for place in places):
            wrong |= {name for name in names if begins_with(name, package)}
    return sorted(wrong)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_file_imports_only_what_its_folder_may(path: Path) -> None:
    assert complaints(path) == []


def test_every_rule_is_about_something_that_is_there() -> None:
    names = {name for path in FILES for name in imported(path)}
    for package in ("sqlalchemy", "alembic", "telegram", "apscheduler", "pydantic_settings", "handlers"):
        assert any(begins_with(name, package) for name in names), package
    for place in {place for places in ONLY_IN.values() for place in places}:
        assert (ROOT / place).exists(), place


def test_no_module_of_handlers_is_a_coroutine() -> None:
    for path in (path for path in FILES if path.parts[0] in {"handlers", "storage"}):
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)], path
