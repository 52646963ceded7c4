"""A release made by the stages themselves: the synthetic corpus, models with random weights as repos on the Hub."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pytest
from loopback import keep_downloads_in, point_clients

from hubkit.config import ReleaseConfig, parse_config
from hubkit.hub.push import push
from hubkit.localhub import LocalHub
from hubkit.tables import TRANSLATIONS
from hubkit.workspace import Workspace, read_table, write_table

sys.path.insert(0, str(Path(__file__).parents[1] / "bertscore_ptbr"))  # tiny_encoders

STUDIES = 60

SENTENCES = ("Pulmões limpos.", "Coração grande.", "Derrame à esquerda.")


def publish_models(vision: Path, folder: Path) -> dict[str, tuple[str, str]]:
    """Put a base model and two encoders on the Hub; repo and commit of each.

    Each repo has a later commit with other weights: whoever takes its main branch gets other reports and scores.
    """
    from huggingface_hub import HfApi
    from safetensors.torch import load_file, save_file
    from tiny_encoders import save_bert, save_xlm_roberta

    api = HfApi()
    models = {"vision": vision, "bert": save_bert(folder / "bert"), "xlm": save_xlm_roberta(folder / "xlm")}
    published = {}
    for name, files in models.items():
        repo = api.create_repo(f"maintainer/{name}", exist_ok=True).repo_id
        published[name] = (repo, api.upload_folder(repo_id=repo, folder_path=files).oid)
        later = folder / f"{name}-later.safetensors"
        turned = {key: value.flip(0).contiguous() for key, value in load_file(files / "model.safetensors").items()}
        save_file(turned, later, metadata={"format": "pt"})
        api.upload_file(repo_id=repo, path_in_repo="model.safetensors", path_or_fileobj=later)
    return published


def tiny_release_config(corpus: Path, models: dict[str, tuple[str, str]]) -> ReleaseConfig:
    encoders = {
        key: {"model": models[name][0], "revision": models[name][1], "layer": 2}
        for key, name in (("bertimbau", "bert"), ("xlm_roberta", "xlm"))
    }
    return parse_config(
        {
            "corpus": {"kind": "demo", "root": str(corpus), "subset": "all", "image_size": 32, "workers": 1},
            "finetuning": {
                "model": models["vision"][0],
                "revision": models["vision"][1],
                "quantization": "fp32",
                "epochs": 1,
                "batch_size": 8,
                "gradient_accumulation": 1,
                "gradient_checkpointing": False,
                "learning_rate": 2e-2,
            },
            "generation": {"max_new_tokens": 12, "batch_size": 8},
            "scoring": {**encoders, "resamples": 50},
            "hub": {"namespace": "maintainer"},
        }
    )


def make_release(corpus: Path, root: Path, config: ReleaseConfig) -> Workspace:
    """Run the stages from read to package; the translations are invented, and each is that of many studies."""
    from hubkit.audit.audit import audit
    from hubkit.corpus.read import read
    from hubkit.demo.corpus import write_corpus
    from hubkit.finetuning.finetune import finetune
    from hubkit.generation.generate import generate
    from hubkit.packaging.package import package
    from hubkit.scoring.score import score

    write_corpus(corpus, studies=STUDIES)
    workspace = Workspace(root)
    read(config, workspace.running("read", "0" * 64))
    rows = [
        {
            "study_id": study["study_id"],
            "section": section,
            "source": study[section],
            "translation": SENTENCES[(study["study_id"] + place) % len(SENTENCES)],
            "prompt": "0" * 64,
            "output_tokens": 9,
            "attempts": 1,
            "model": "invented",
            "reused": False,
            "status": "ok",
            "flags": [],
            "finish_reason": "stop",
        }
        for study in read_table(workspace.studies).to_pylist()
        for place, section in enumerate(("findings", "impression"))
    ]
    for path in (workspace.translations, workspace.training_translations, workspace.checks):
        write_table(path, pa.Table.from_pylist(rows, schema=TRANSLATIONS))
    stages = {"finetune": finetune, "generate": generate, "score": score, "audit": audit, "package": package}
    for name, stage in stages.items():
        stage(config, workspace.running(name, "0" * 64))
    return workspace


def as_maintainer(hub: LocalHub) -> dict[str, str]:
    return {
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": hub.tokens["owner"],
        "HUBKIT_UNGRANTED_TOKEN": hub.tokens["ungranted"],
    }


@pytest.fixture(scope="module")
def packaged(
    hub: LocalHub, vision_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[ReleaseConfig, Workspace]:
    home = tmp_path_factory.mktemp("release")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in as_maintainer(hub).items():
            patch.setenv(name, value)
        # In this process, which has imported what the stages need for the model.
        point_clients(patch, hub.url)
        keep_downloads_in(patch, home / "huggingface")
        config = tiny_release_config(home / "corpus", publish_models(vision_model, home))
        return config, make_release(home / "corpus", home / "work", config)


@pytest.fixture(scope="module")
def pushed(packaged: tuple[ReleaseConfig, Workspace], hub: LocalHub) -> list[str]:
    """The repos of the release on the Hub."""
    config, workspace = packaged
    with pytest.MonkeyPatch.context() as patch:
        for name, value in as_maintainer(hub).items():
            patch.setenv(name, value)
        push(config, workspace)
    return [config.hub.repo(artifact) for artifact in ("dataset", "adapter", "metric")]
