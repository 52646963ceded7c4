"""In which order an engine gets the requests of many units."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

from hubkit.translation.attempts import Attempting, Attempts, Result
from hubkit.translation.engines import Answer, Engine, Request
from hubkit.translation.units import Unit


def translate_chunks(
    chunks: Iterable[Sequence[Unit]], engine: Engine, attempts: Attempts, done: Callable[[], None] = lambda: None
) -> Generator[list[Result]]:
    """Yield the results of each chunk, in the order of its units, when the chunk is complete.

    An engine that streams has requests of the next chunk in flight by then, so that it never waits.
    Any other gets a chunk's first attempts at once, then all second ones, and so on: the bits of an
    answer depend on what shares its batch, and a batch must not depend on what was done before a kill.

    Args:
        chunks: what is translated.
        engine: who translates.
        attempts: how units are asked for.
        done: called whenever a unit has its result.
    """
    for together in [chunks] if engine.streams else ([units] for units in chunks):
        yield from _translate(together, engine, attempts, done)


class _Chunk(NamedTuple):
    """How many units it has, and the results that are there, by place."""

    size: int
    results: dict[int, Result]


class _Asked:
    """An attempt at a unit, whose answers come in any order.

    Args:
        chunk: where the result goes.
        order: the number of the chunk, and the unit's place in it.
        run: makes the attempts.
        requests: of this attempt.
    """

    def __init__(self, chunk: _Chunk, order: tuple[int, int], run: Attempting, requests: list[Request]):
        self.chunk, self.order, self.run, self.requests = chunk, order, run, requests
        self.answers: dict[int, Answer] = {}

    def finish(self) -> _Asked | None:
        """Let the answers be checked: return the next attempt; None where the unit has its result."""
        try:
            requests = self.run.send([self.answers[number] for number in range(len(self.requests))])
        except StopIteration as end:
            self.chunk.results[self.order[1]] = end.value
            return None
        return _Asked(self.chunk, self.order, self.run, requests)


class _Waiting(NamedTuple):
    """A request that was not taken yet; they compare by chunk, unit and number."""

    order: tuple[int, int]
    number: int
    asked: _Asked


def _translate(
    chunks: Iterable[Sequence[Unit]], engine: Engine, attempts: Attempts, done: Callable[[], None]
) -> Generator[list[Result]]:
    first, waiting = _begin(chunks, attempts), list[_Waiting]()

    def take() -> tuple[_Waiting, Request] | None:
        # What is asked again comes before further units: the sooner is its chunk complete.
        item = heapq.heappop(waiting) if waiting else next(first, None)
        return item and (item, item.asked.requests[item.number])

    with closing(engine.stream(take)) as answers:
        for (_, number, asked), answer in answers:
            asked.answers[number] = answer
            if len(asked.answers) < len(asked.requests):
                continue
            if following := asked.finish():
                for number in range(len(following.requests)):
                    heapq.heappush(waiting, _Waiting(following.order, number, following))
                continue
            done()
            size, results = asked.chunk
            if len(results) == size:
                yield [results[place] for place in range(size)]


def _begin(chunks: Iterable[Sequence[Unit]], attempts: Attempts) -> Iterator[_Waiting]:
    for number, units in enumerate(chunks):
        chunk = _Chunk(len(units), {})
        for place, unit in enumerate(units):
            run = attempts.translate(unit)
            # The first attempt at a unit is one request.
            yield _Waiting((number, place), 0, _Asked(chunk, (number, place), run, next(run)))
