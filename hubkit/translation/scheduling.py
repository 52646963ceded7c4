"""In which order an engine gets the requests of many units."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing

from hubkit.translation.attempts import Attempting, Attempts, Result
from hubkit.translation.engines import Answer, Engine, Request, StreamingEngine
from hubkit.translation.units import Unit


def translate_chunks(
    chunks: Iterable[Sequence[Unit]], engine: Engine, attempts: Attempts, done: Callable[[], None] = lambda: None
) -> Generator[list[Result]]:
    """Yield the results of each chunk, in the order of its units, when the chunk is complete.

    An engine that streams has requests of the next chunk in flight by then, so that it never waits. Any other gets a
    chunk's first attempts at once, then all second ones, and so on: the bits of an answer depend on what shares its
    batch, and a batch must not depend on what was done before a kill.

    Args:
        chunks: what is translated.
        engine: who translates.
        attempts: how units are asked for.
        done: called whenever a unit has its first answer.
    """
    if isinstance(engine, StreamingEngine):
        yield from _stream(chunks, engine, attempts, done)
    else:
        for units in chunks:
            yield _waves(units, engine, attempts, done)


class _Chunk:
    """The results of a chunk that are there so far."""

    def __init__(self, size: int):
        self.size, self.results = size, dict[int, Result]()

    def in_order(self) -> list[Result]:
        return [self.results[place] for place in range(self.size)]


class _Asked:
    """An attempt at a unit, whose answers come in any order.

    Args:
        chunk: where the unit's result goes.
        place: the unit's place in the chunk.
        run: makes the attempts.
        requests: of this attempt.
        first: whether it is the unit's first one.
    """

    def __init__(self, chunk: _Chunk, place: int, run: Attempting, requests: list[Request], first: bool):
        self.chunk, self.place, self.run, self.requests, self.first = chunk, place, run, requests, first
        self.answers: dict[int, Answer] = {}

    def finish(self) -> _Asked | None:
        """Let the answers be checked: return the next attempt; None where the unit has its result."""
        try:
            requests = self.run.send([self.answers[number] for number in range(len(self.requests))])
        except StopIteration as end:
            self.chunk.results[self.place] = end.value
            return None
        return _Asked(self.chunk, self.place, self.run, requests, first=False)


def _begin(units: Sequence[Unit], attempts: Attempts) -> tuple[_Chunk, list[_Asked]]:
    chunk = _Chunk(len(units))
    runs = [attempts.translate(unit) for unit in units]
    return chunk, [_Asked(chunk, place, run, next(run), first=True) for place, run in enumerate(runs)]


def _waves(units: Sequence[Unit], engine: Engine, attempts: Attempts, done: Callable[[], None]) -> list[Result]:
    chunk, wave = _begin(units, attempts)
    while wave:
        numbered = [(asked, number) for asked in wave for number in range(len(asked.requests))]
        for place, answer in engine.answer([asked.requests[number] for asked, number in numbered]):
            asked, number = numbered[place]
            asked.answers[number] = answer
            if asked.first:
                done()
        wave = [following for asked in wave if (following := asked.finish())]
    return chunk.in_order()


def _stream(
    chunks: Iterable[Sequence[Unit]], engine: StreamingEngine, attempts: Attempts, done: Callable[[], None]
) -> Generator[list[Result]]:
    first = (asked for units in chunks for asked in _begin(units, attempts)[1])
    again: deque[tuple[_Asked, int]] = deque()

    def take() -> tuple[tuple[_Asked, int], Request] | None:
        # What is asked again comes before further units: the sooner is its chunk complete.
        if not again and (asked := next(first, None)) is not None:
            again.extend((asked, number) for number in range(len(asked.requests)))
        if not again:
            return None
        asked, number = again.popleft()
        return (asked, number), asked.requests[number]

    with closing(engine.stream(take)) as answers:
        for (asked, number), answer in answers:
            asked.answers[number] = answer
            if asked.first:
                done()
            if len(asked.answers) < len(asked.requests):
                continue
            following = asked.finish()
            if following is not None:
                again.extend((following, number) for number in range(len(following.requests)))
            elif len(asked.chunk.results) == asked.chunk.size:
                yield asked.chunk.in_order()
