"""What every engine does: take chat messages, give text, tokens and why it ended."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from types import TracebackType
from typing import Any, Literal, NamedTuple, TypeVar

from hubkit.artifacts.translator import Served

Key = TypeVar("Key")

FinishReason = Literal["stop", "length", "error"]


class ServerTable(NamedTuple):
    """The table of the configuration that names a server, as errors name it, and the variable with the server's key."""

    name: str
    key_variable: str


TRANSLATOR = ServerTable("[translation]", "HUBKIT_TRANSLATION_KEY")
"""Where the server of the translator is set."""


class Request(NamedTuple):
    """A chat that asks for one text, and how many tokens the answer may have."""

    messages: list[dict[str, Any]]
    max_new_tokens: int


class Answer(NamedTuple):
    """What an engine answered.

    Attributes:
        text: the answer without white space around it, and without a thought; None where there is none.
        tokens: how many tokens it has, without the one that ends a turn; 0 where the engine does not say.
        finish_reason: "stop" where the model ended it, "length" where the limit did, "error" where there is no answer.
        error: why there is none, without a word of the request.
        thought_tokens: how many of the tokens are a thought before the answer. Where a server does not say, by its
            share of the characters.
    """

    text: str | None
    tokens: int
    finish_reason: FinishReason
    error: str | None = None
    thought_tokens: int = 0


class Engine(ABC):
    """Translates requests. A context manager: it lets go of its model, connections or server at the end.

    Attributes:
        streams: whether an answer does not depend on what else is asked at the time.
    """

    streams = False

    @property
    def revision(self) -> str | None:
        """The commit of the model, where the engine knows it."""
        return None

    @property
    def served(self) -> Served:
        """What runs the model, as far as the engine knows."""
        return Served()

    @abstractmethod
    def answer(self, requests: Sequence[Request]) -> Iterator[tuple[int, Answer]]:
        """Yield an answer for every request, with the request's place in `requests`, in the order they are ready."""

    def stream(self, take: Callable[[], tuple[Key, Request] | None]) -> Generator[tuple[Key, Answer]]:
        """Yield an answer for every request, with its key, in the order they are ready.

        Args:
            take: gives the next request; None where there is none at the moment. There may be one
                again once answers were read, until all are answered.
        """
        while taken := list(iter(take, None)):
            for place, answer in self.answer([request for _, request in taken]):
                yield taken[place][0], answer

    def close(self) -> None:
        """Let go of what the engine holds."""
        return

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
