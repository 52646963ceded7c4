"""Every check that a process of a researcher makes, declared once: an entry here, and its function in `downstream/`.

docs/extending.md adds one. What hubkit checks itself, the code that a card names and the opening of a sealed release,
is in `verify`.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

Reader = Literal["granted", "versions", "refused"]
"""Who makes a check: the granted reader with the installed libraries, the same with each set of other versions, and
those whom the gate refuses."""


class Check(NamedTuple):
    """A check of a release by someone who has it from the Hub.

    Attributes:
        name: that of its function, and of its entry in verification.json.
        module: the file below `downstream/` that has the function.
        readers: who makes it.
        foreign: whether it runs code of the release, or may: then offline, without a token, after all others, with
            what an earlier process downloaded.
        sealed: whether it is for a sealed release alone.
        setup: the setup of BERTScore whose encoder it loads, which needs the metric as well.
        snippet: whether it runs code on a card: with the reader's token, since that is hubkit's own or is not run.
        script: whether it needs the branch with the loader, where `datasets` runs scripts.
    """

    name: str
    module: str
    readers: tuple[Reader, ...] = ("granted",)
    foreign: bool = False
    sealed: bool = False
    setup: str | None = None
    script: bool = False
    snippet: bool = False

    def task(self) -> dict[str, Any]:
        """What a process needs to know of it."""
        return {"name": self.name, "module": self.module, "setup": self.setup, "script": self.script}


CHECKS: dict[str, Check] = {
    check.name: check
    for check in (
        Check("one_release", "check_loading"),
        Check("datasets_load", "check_loading", ("granted", "versions")),
        Check("literal_load", "check_loading", ("granted", "versions"), foreign=True),
        Check("loader_joins", "check_loading", ("granted", "versions"), foreign=True, script=True),
        Check("bertimbau_table", "check_scores", foreign=True, setup="bertimbau"),
        Check("xlm_roberta_table", "check_scores", foreign=True, setup="xlm-roberta"),
        Check("adapter_loads", "check_adapter", ("versions",)),
        Check("reports_regenerated", "check_generations"),
        Check("snippet_load", "check_snippets", snippet=True),
        Check("snippet_join", "check_snippets", snippet=True),
        Check("snippet_metric", "check_snippets", snippet=True),
        Check("snippet_generate", "check_snippets", snippet=True),
        Check("snippet_space", "check_snippets", snippet=True),
        Check("snippet_space_scores", "check_snippets", snippet=True),
        Check("snippet_open", "check_snippets", sealed=True, snippet=True),
        Check("opened_as_read", "check_seals", ("granted", "versions"), foreign=True, sealed=True),
        Check("refused", "check_gate", ("refused",)),
    )
}
"""In the order in which they are made."""


def names_for(reader: Reader, sealed: bool = False) -> list[str]:
    """The checks that a reader makes: of every release, or those that only a sealed one has."""
    return [check.name for check in CHECKS.values() if reader in check.readers and check.sealed is sealed]
