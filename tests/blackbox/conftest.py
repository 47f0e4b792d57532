"""A squall of one's own for every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from squall_server import Squall


@pytest.fixture
def make_squall(tmp_path: Path) -> Iterator[Callable[..., Squall]]:
    made: list[Squall] = []

    def make(packs: list[Path] | None = None, env: dict[str, str] | None = None, start: bool = True) -> Squall:
        directory = tmp_path / f"squall{len(made)}"
        directory.mkdir()
        squall = Squall(directory, packs, env)
        made.append(squall)
        return squall.start() if start else squall

    yield make
    for squall in made:
        squall.kill()


@pytest.fixture
def squall(make_squall: Callable[..., Squall]) -> Squall:
    return make_squall()
