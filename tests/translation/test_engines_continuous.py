"""What is asked of transformers' continuous batching, and what comes of its answers: a manager of our own stands in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from hubkit.errors import HubkitError
from hubkit.models import device_errors
from hubkit.translation.engines.continuous import Continuous
from hubkit.translation.engines.paged_cache import smaller

Output = SimpleNamespace


def output(request: Any, tokens: list[int] | None, error: str | None = None, finished: bool = True) -> Output:
    return Output(request_id=request, generated_tokens=tokens, error=error, is_finished=lambda: finished)


class Manager:
    """Answers with what `says` makes of each request (place of the prompt, limit); None stands for a dead manager."""

    def __init__(self, says: Any, cache: dict[str, Any], log: list[str]):
        self.says, self.cache, self.log = says, cache, log
        self.ready: list[Output] = []

    def warmup(self) -> None:
        self.log.append("warmup")

    def start(self) -> None:
        self.log.append("start")

    def add_request(self, prompt: list[int], max_new_tokens: int) -> str:
        said = self.says(prompt[0], max_new_tokens, self.cache)
        if said is not None:
            self.ready.append(said)
        return f"request {prompt[0]}"

    def get_result(self, timeout: float) -> Output | None:
        return self.ready.pop(0) if self.ready else None

    def is_running(self) -> bool:
        return False

    def stop(self, hard_stop: bool) -> None:
        self.log.append(f"stop {hard_stop}")

    def destroy(self) -> None:
        self.log.append("destroy")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Any:
    def start(says: Any) -> tuple[Continuous, list[dict[str, Any]], list[str]]:
        caches: list[dict[str, Any]] = []
        log: list[str] = []

        def init(settings: Any, cache: Any) -> Manager:
            caches.append(cache)
            return Manager(says, cache, log)

        monkeypatch.setattr("transformers.ContinuousBatchingConfig", dict)
        return Continuous(SimpleNamespace(init_continuous_batching=init), "greedy"), caches, log

    return start


def test_each_prompt_has_its_limit_and_one_manager_serves_all_calls(started: Any) -> None:
    engine, caches, log = started(lambda place, limit, cache: output(f"request {place}", [place] * limit))
    for _ in range(2):
        assert list(engine.answers([[0], [1], [2]], [1, 2, 3])) == [(0, [0]), (1, [1, 1]), (2, [2, 2, 2])]
    assert (caches, log) == ([{}], ["warmup", "start"])
    engine.close()
    engine.close()
    assert log == ["warmup", "start", "stop True", "destroy"]


def test_answers_of_others_and_unfinished_ones_are_passed_over(started: Any) -> None:
    engine, _, _ = started(lambda place, limit, cache: output(f"request {place}", [place]))
    assert list(engine.answers([[0]], [1])) == [(0, [0])]
    engine.manager.ready = [output("request 7", [7]), output("request 0", [5], finished=False)]
    assert list(engine.answers([[0]], [1])) == [(0, [0])]


def test_all_but_the_share_of_the_memory_is_halved_down_to_the_least(started: Any) -> None:
    engine, caches, log = started(lambda place, limit, cache: output(f"request {place}", None, "CUDA out of memory"))
    engine.cache = {"max_batch_tokens": 256, "page_size": 64, "max_memory_percent": 0.9}
    assert list(engine.answers([[0], [1]], [1, 1])) == [(0, "out of memory"), (1, "out of memory")]
    assert [
        (cache["max_batch_tokens"], cache["page_size"], cache.get("max_requests_per_batch")) for cache in caches
    ] == [(256, 64, None), (128, 32, 512), (64, 16, 256), (32, 16, 128), (16, 16, 64)]
    assert {cache["max_memory_percent"] for cache in caches} == {0.9}
    assert log.count("destroy") == len(caches)


def test_what_is_least_is_not_halved() -> None:
    cache = {"max_batch_tokens": 32, "page_size": 16, "max_requests_per_batch": 1}
    assert smaller(cache) == {"max_batch_tokens": 16, "page_size": 16, "max_requests_per_batch": 1}
    assert smaller(cache | {"max_batch_tokens": 16}) is None


@pytest.mark.parametrize(
    ("fits", "tried"),
    [(64, [64]), (63, [64, 32]), (16, [64, 32, 16]), (15, [64, 32, 16])],
    ids=["at once", "half", "the least", "nothing"],
)
def test_a_cache_that_does_not_fit_is_made_smaller_before_anything_is_asked(
    started: Any, monkeypatch: pytest.MonkeyPatch, fits: int, tried: list[int]
) -> None:
    engine, caches, log = started(lambda place, limit, cache: output(f"request {place}", [place]))
    init = engine.model.init_continuous_batching

    def short(settings: Any, cache: Any) -> Manager:
        manager: Manager = init(settings, cache)
        if cache["max_batch_tokens"] > fits:
            raise RuntimeError("CUDA out of memory")
        return manager

    engine.model.init_continuous_batching = short
    engine.cache = {"max_batch_tokens": 64}
    monkeypatch.setattr(Continuous, "_shortage", lambda self: "no room")
    if fits < 16:
        with pytest.raises(HubkitError, match="no room"):
            list(engine.answers([[0]], [1]))
        assert log == []
    else:
        assert list(engine.answers([[0]], [1])) == [(0, [0])]
        assert log == ["warmup", "start"]
    assert [cache["max_batch_tokens"] for cache in caches] == tried


@pytest.mark.parametrize("error", [ValueError("no flash"), RuntimeError("broken")], ids=type)
def test_a_manager_that_cannot_be_made_is_not_made_smaller(started: Any, error: Exception) -> None:
    engine, caches, _ = started(lambda place, limit, cache: None)

    def refused(settings: Any, cache: Any) -> None:
        caches.append(cache)
        raise error

    engine.model.init_continuous_batching = refused
    if isinstance(error, ValueError):
        with pytest.raises(HubkitError, match="cannot batch this model continuously: no flash"):
            list(engine.answers([[0]], [1]))
    else:
        assert list(engine.answers([[0]], [1])) == [(0, "generation failed: RuntimeError")]
    assert len(caches) == 1


def test_what_was_answered_before_memory_ran_out_is_not_asked_again(started: Any) -> None:
    def says(place: int, limit: int, cache: dict[str, Any]) -> Output:
        short = place == 1 and cache.get("max_batch_tokens", 8192) > 2048
        return output(f"request {place}", None if short else [place], "out of memory" if short else None)

    engine, caches, _ = started(says)
    assert list(engine.answers([[0], [1], [2]], [1] * 3)) == [(0, [0]), (2, [2]), (1, [1])]
    assert len(caches) == 3


def test_a_prompt_that_no_cache_holds_fails_alone(started: Any) -> None:
    full = "No requests can be scheduled and no requests can be offloaded."
    engine, _, _ = started(lambda place, limit, cache: output(f"request {place}", [place], full if place else None))
    assert list(engine.answers([[0], [1]], [1, 1])) == [(0, [0]), (1, "out of memory")]


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        (lambda place, limit, cache: None if place else output("request 0", [0]), "generation failed"),
        (
            lambda place, limit, cache: output(f"request {place}", [place], "bad input" if place else None),
            "generation failed: RuntimeError",
        ),
    ],
    ids=["the manager died", "an error of another kind"],
)
def test_other_trouble_ends_what_is_left(started: Any, says: Any, reason: str) -> None:
    engine, caches, _ = started(says)
    assert sorted(engine.answers([[0], [1], [2]], [1] * 3), key=lambda answer: answer[0]) == [
        *((0, [0]), (1, reason), (2, reason)),
    ]
    assert (len(caches), engine.manager) == (1, None)


def test_a_gpu_that_failed_is_asked_nothing_more(started: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_errors, "_broken", [])

    def says(place: int, limit: int, cache: dict[str, Any]) -> Output:
        return output(f"request {place}", [place], "CUDA error: device-side assert triggered" if place == 1 else None)

    engine, caches, log = started(says)
    answers = engine.answers([[0], [1], [2]], [1] * 3)
    assert [next(answers), next(answers)] == [(0, [0]), (2, [2])]
    with pytest.raises(HubkitError, match="an assertion failed on the GPU"):
        next(answers)
    engine.close()
    assert (len(caches), log.count("destroy")) == (1, 1)
