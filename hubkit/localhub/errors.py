"""What the Hub says when it refuses: status, `X-Error-Code` and message as the real Hub words them."""

from __future__ import annotations

WEB_PREFIX = {"models": "", "datasets": "datasets/", "spaces": "spaces/"}
"""What stands before a repo's id in the address of its page and files."""


class Refusal(Exception):
    """A request that is refused.

    Args:
        status: HTTP status.
        message: what the client shows.
        code: `X-Error-Code`; clients choose their exception by it.
        body: what the JSON answer holds instead of `{"error": message}`.
        headers: what else the answer's head carries.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        body: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
    ):
        super().__init__(message)
        self.status, self.message, self.code, self.body = status, message, code, body
        self.headers = headers or {}


def repo_not_found(signed_in: bool) -> Refusal:
    """A repo that does not exist, or that this account may not know of.

    The real Hub answers strangers with a bare 401, which clients understand on https addresses alone: on plain http
    the code has to say it.
    """
    if signed_in:
        return Refusal(404, "Repository not found", "RepoNotFound")
    return Refusal(401, "Invalid username or password.", "RepoNotFound")


def revision_not_found(revision: str) -> Refusal:
    return Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")


def entry_not_found(commit: str | None = None) -> Refusal:
    return Refusal(404, "Entry not found", "EntryNotFound", headers={"X-Repo-Commit": commit} if commit else None)


def no_such_page() -> Refusal:
    return Refusal(404, "This Hub has no such page.")


def not_on_this_hub(method: str, what: str) -> Refusal:
    """What the real Hub may do and this one does not.

    No code: clients would take one for a repo, a revision or a file that is missing.
    """
    return Refusal(404, f"This Hub has no {method} {what}. hubkit's docs/localhub.md lists what it answers.")


def no_git() -> Refusal:
    return Refusal(501, "This Hub has no git protocol. Use `hf download` and `hf upload`, or huggingface_hub.")


def disk_full(free: str) -> Refusal:
    return Refusal(
        507, f"The disk of this Hub is full: {free} free. Nothing was changed. Free space and send it again."
    )


def read_only() -> Refusal:
    return Refusal(403, "You have read access but not the required permissions for this operation")


def no_gated_scope() -> Refusal:
    """A fine-grained token that may not read gated repos.

    No code: many reports show "403 Forbidden: <message>", which huggingface_hub's hf_raise_for_status prints only where
    no code was sent. Whether the real Hub looks at the scope before it looks at the list of readers is not known.
    """
    return Refusal(
        403,
        "Please enable access to public gated repositories in your fine-grained token settings to view this"
        " repository.",
    )


def paid_plan_needed() -> Refusal:
    """A Space that runs something, of an account that has not paid: hub-docs, spaces-overview.md.

    Status and words: ed-donner/agents#1469.
    """
    return Refusal(
        402,
        "Static Spaces are free for everyone, but hosting Gradio and Docker Spaces on free cpu-basic requires a PRO"
        " subscription. Subscribe at https://huggingface.co/pro",
    )


def storage_full() -> Refusal:
    return Refusal(
        403,
        "Private repository storage limit reached, please upgrade your plan to increase your private storage limit",
    )


def moved(raw_path: str, query: str, before: str, after: str) -> Refusal:
    """A repo that has another name now: clients follow an address without a host."""
    place = raw_path.partition("?")[0].replace(f"/{before}", f"/{after}", 1)
    return Refusal(307, "Temporary Redirect", headers={"Location": f"{place}?{query}" if query else place})


def gated(kind: str, repo_id: str, standing: str, base_url: str) -> Refusal:
    """The gate's answer to an account of the given standing: anonymous, none, pending or rejected."""
    thing = kind.removesuffix("s")
    says = {
        "anonymous": f"Access to {thing} {repo_id} is restricted. You must have access to it and be authenticated to"
        " access it. Please log in.",
        "none": f"Access to {thing} {repo_id} is restricted and you are not in the authorized list. Visit"
        f" {base_url}/{WEB_PREFIX[kind]}{repo_id} to ask for access.",
        "pending": f"Your request to access {thing} {repo_id} is awaiting a review from the repo authors.",
        "rejected": f"Your request to access {thing} {repo_id} has been rejected by the repo's authors.",
    }
    return Refusal(401 if standing == "anonymous" else 403, says[standing], "GatedRepo")
