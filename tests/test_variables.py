"""Which variables of the environment reach a process that runs code of others."""

from __future__ import annotations

import os

import pytest

from hubkit.variables import environment_without_secrets, kept_environment

SECRET = {
    "HF_TOKEN": "x",
    "HUGGING_FACE_HUB_TOKEN": "x",
    "HUBKIT_SERVER_KEY": "x",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "LLAMA_CLOUD_API_KEY": "x",
    "NVIDIA_API_KEY": "x",
    "OPENAI_APIKEY": "x",
    "api_keys": "x",
    "PHYSIONET_USERNAME": "x",
    "lab_password": "x",
    "MYSQL_PWD": "x",
    "GITHUB_PAT": "x",
    "DOCKER_AUTH_CONFIG": "x",
    "GPG_PASSPHRASE": "x",
    "https_proxy": "http://me:word@proxy.invalid:3128",
    "DATABASE_URL": "postgresql://me:word@db.invalid/lab",
}
PLAIN = {
    "HF_HOME": "/scratch/hf",
    "HF_TOKEN_PATH": "/scratch/token",
    "SSH_AUTH_SOCK": "/run/agent",
    "PWD": "/home/me",
    "OLDPWD": "/home/me",
    "VLLM_MAX_TOKENS": "9",
    "TOKENIZERS_PARALLELISM": "false",
    "KEYBOARD": "br",
    "BYPASS": "1",
    "PATTERN": "a@b",
    "APPTAINER_BIND": "/data:/data",
    "SLURM_JOB_ID": "7",
    "DO_NOT_TRACK": "1",
    "http_proxy": "http://proxy.invalid:3128",
    "CUDA_VISIBLE_DEVICES": "0",
    "NVIDIA_VISIBLE_DEVICES": "all",
}


@pytest.fixture
def given(monkeypatch):
    """What both functions keep of this environment; pytest writes into the real one."""
    with monkeypatch.context() as patch:
        patch.setattr(os, "environ", {**SECRET, **PLAIN})
        return {
            "plain": environment_without_secrets(),
            "named": environment_without_secrets(["HF_TOKEN", "https_proxy"]),
            "kept": kept_environment(),
            "kept, named": kept_environment(["http_proxy"]),
        }


def test_what_says_that_it_is_secret_is_withheld_unless_it_is_named(given):
    assert given["plain"] == PLAIN
    assert given["named"] == PLAIN | {name: SECRET[name] for name in ("HF_TOKEN", "https_proxy")}


def test_code_of_a_release_gets_the_variables_of_a_list_and_no_secret_of_its_prefixes(given):
    assert given["kept"] == {"CUDA_VISIBLE_DEVICES": "0", "NVIDIA_VISIBLE_DEVICES": "all"}
    assert given["kept, named"].keys() == {"CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "http_proxy"}
