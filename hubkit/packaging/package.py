"""The stage `package`: everything before it -> dist/, exactly what will be on the Hub."""

from __future__ import annotations

import shutil
from pathlib import Path

from hubkit.artifacts.eval_results import BENCHMARK, RESULTS
from hubkit.artifacts.memorisation import check_bounds, read_memorisation
from hubkit.artifacts.release_record import write_record
from hubkit.artifacts.selection import read_selection
from hubkit.config import ReleaseConfig
from hubkit.custody import READER
from hubkit.errors import HubkitError, UsageError
from hubkit.floors import require_splits
from hubkit.leakguard.guard import guard
from hubkit.leakguard.salt import salt_files
from hubkit.models.recipe import refresh_recipe
from hubkit.packaging.card_data import CardFacts, gather
from hubkit.packaging.cards import card, render
from hubkit.packaging.code_digests import LOADER, METRIC, loader_script, reader_source
from hubkit.packaging.croissant import croissant
from hubkit.packaging.dataset import release_keys, write_dataset
from hubkit.packaging.metadata import benchmark, dataset_metadata, eval_result_entries, model_metadata, stated_sizes
from hubkit.packaging.parquet import Split
from hubkit.published import published
from hubkit.record import release_record
from hubkit.tables import OTHER_STUDIES
from hubkit.terms.policy import check_public_names
from hubkit.workspace import Workspace, write_table, write_text

ADAPTER_FILES = ("*.json", "*.jsonl", "*.jinja", "*.safetensors", "tokenizer.model")
PLOTS = ("*.png", "*.svg")


STATIC_PAGE = "index.html.jinja"
"""The page of a static Space; a Gradio one has its app."""


def package(config: ReleaseConfig, workspace: Workspace) -> None:
    """Write the folders dataset/, adapter/ and metric/, and dataset-script/ for the branch `script`, all or none.

    There is no adapter/ where `[custody]` keeps the adapter for PhysioNet, and no metric/ with `[hub] space = "none"`.

    Raises:
        UsageError: no namespace is configured, or a folder holds a model that cards cannot name.
        HubkitError: an earlier stage's file is missing, the adapter remembers more than `[audit]` allows, or the leak
            guard found something.
    """
    if not config.hub.namespace:
        raise UsageError("no namespace is set", where="[hub] namespace", hint="your user or organisation on the Hub")
    check_public_names(config)
    if config.custody.adapter_on_hub:
        check_bounds(config.audit, read_memorisation(workspace))
    facts = gather(config, workspace)
    require_splits({split.name: split.studies for split in facts.splits}, workspace.studies, "run: hubkit read")
    ready = workspace.partial / "dist"
    shutil.rmtree(ready, ignore_errors=True)
    splits = _dataset(config, workspace, facts, ready / "dataset")
    _script_branch(config, ready)
    if config.custody.adapter_on_hub:
        _adapter(config, workspace, facts, ready / "adapter")
    if "metric" in facts.repos:
        _metric(facts, ready / "metric")
    for folder in (ready / "dataset", ready / "adapter", ready / "metric"):
        if folder.is_dir():
            write_record(folder, release_record(config))
    guard(ready, config, workspace, sizes=stated_sizes(splits))
    old = workspace.partial / "replaced"
    shutil.rmtree(old, ignore_errors=True)
    if workspace.dist.exists():
        workspace.dist.rename(old)
    ready.rename(workspace.dist)


def _dataset(config: ReleaseConfig, workspace: Workspace, facts: CardFacts, folder: Path) -> list[Split]:
    import yaml

    templates = published("dataset_card")
    keys = release_keys(config)
    splits = write_dataset(config, workspace, folder, keys)
    write_text(folder / "CITATION.cff", render(templates / "CITATION.cff.jinja", facts.variables()))
    write_text(folder / "LICENSE", render(templates / "LICENSE.jinja", facts.variables()))
    if keys is None:
        write_loader(config, workspace, folder / "loader")
    else:
        from hubkit.custody.roster import write_roster

        # The ids of the corpus' other studies are in the roster then, sealed.
        write_text(folder / "loader" / LOADER, loader_script(config))
        write_text(folder / "loader" / READER, reader_source())
        write_roster(folder, {f"{split.config}/{split.name}": split.files for split in splits}, keys)
    body = _body(templates / "README.md.jinja", facts)
    write_text(folder / "README.md", card(dataset_metadata(facts, splits), body))
    write_text(folder / "croissant.json", croissant(facts, splits, folder))
    defined = benchmark(facts).model_dump(exclude_none=True)
    write_text(folder / BENCHMARK, yaml.safe_dump(defined, sort_keys=False, allow_unicode=True))
    copy_files(workspace.scores, PLOTS, folder / "plots")
    return splits


def write_loader(config: ReleaseConfig, workspace: Workspace, folder: Path) -> None:
    """Write the loader, and ids of the corpus' studies next to those of the release, by which it tells another version.

    Raises:
        HubkitError: the workspace was read by an older hubkit.
    """
    import pyarrow as pa

    write_text(folder / LOADER, loader_script(config))
    listed = read_selection(workspace).catalogue
    if listed.other_studies is None:
        raise HubkitError("is of an older hubkit", where=workspace.selection, hint="run: hubkit release --from read")
    studies = [*listed.other_studies, *listed.reports_without_study]
    write_table(folder / "other_studies.parquet", pa.table([studies], schema=OTHER_STUDIES))


def _script_branch(config: ReleaseConfig, dist: Path) -> None:
    """The branch `script`: datasets 3 runs a root script named like the repo, which datasets 4 refuses."""
    write_text(dist / "dataset-script" / f"{config.hub.dataset}.py", loader_script(config))


def copy_adapter(config: ReleaseConfig, workspace: Workspace, facts: CardFacts, folder: Path) -> None:
    """Copy the adapter with all that the generations were made with, its curves, and the terms of its base model.

    Raises:
        HubkitError: there is no adapter.
    """
    copy_files(workspace.adapter, ADAPTER_FILES, folder)
    for source in (workspace.adapter, workspace.memorisation.parent):
        copy_files(source, PLOTS, folder / "plots")
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        if not (folder / name).exists():
            raise HubkitError("is missing", where=workspace.adapter / name, hint="run: hubkit finetune")
    refresh_recipe(folder, workspace, config.corpus)
    salt_files(folder, workspace)
    write_text(folder / "NOTICE", render(published("model_card") / "NOTICE.jinja", facts.variables()))


def _adapter(config: ReleaseConfig, workspace: Workspace, facts: CardFacts, folder: Path) -> None:
    import yaml
    from huggingface_hub import eval_result_entries_to_yaml

    copy_adapter(config, workspace, facts, folder)
    body = _body(published("model_card") / "README.md.jinja", facts)
    write_text(folder / "README.md", card(model_metadata(facts), body))
    write_text(folder / "LICENSE", render(published("dataset_card") / "LICENSE.jinja", facts.variables()))
    results = eval_result_entries_to_yaml(eval_result_entries(facts))
    # The name is that of earlier releases, so that a push replaces their file.
    write_text(folder / RESULTS / "bertscore.yaml", yaml.safe_dump(results, sort_keys=False))


def _body(template: Path, facts: CardFacts) -> str:
    """Render a card with scores on it, and require that it says what the models had seen of the corpus before.

    Raises:
        HubkitError: the template leaves it out.
    """
    body = render(template, facts.variables())
    missing = [sentence for sentence in facts.exposure if sentence not in body]
    if missing:
        raise HubkitError(
            f"does not say what the models had seen before: {missing[0]}",
            where=template,
            hint="print every sentence of `exposure` by the scores",
        )
    return body


def _metric(facts: CardFacts, folder: Path) -> None:
    source = published("bertscore_ptbr")
    for path in sorted(source.rglob("*")):
        inside = path.relative_to(source)
        if path.is_dir() or "__pycache__" in inside.parts or any(part.startswith(".") for part in inside.parts):
            continue
        if inside.name == STATIC_PAGE and facts.config.hub.space != "static":
            continue
        if path.suffix == ".jinja":
            write_text(folder / inside.with_suffix(""), render(path, facts.variables()))
        else:
            # evaluate looks for a script that is called as the Space is; the page imports it by its own name.
            names = {inside.name, f"{facts.names['metric']}.py" if inside.name == METRIC else inside.name}
            (folder / inside).parent.mkdir(parents=True, exist_ok=True)
            for name in names:
                shutil.copyfile(path, folder / inside.with_name(name))


def copy_files(source: Path, patterns: tuple[str, ...], folder: Path) -> None:
    """Copy the files of the folder `source` that match one of `patterns`."""
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in patterns:
        for path in sorted(source.glob(pattern)):
            shutil.copyfile(path, folder / path.name)
