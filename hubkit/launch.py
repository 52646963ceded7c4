"""A training on several GPUs: the command that starts its processes, and how the later ones join the first."""

from __future__ import annotations

from pathlib import Path

from hubkit.config import ReleaseConfig
from hubkit.release import plan
from hubkit.stages import STAGES
from hubkit.workspace import Workspace

STAGE = "finetune"


def join(config: ReleaseConfig, workspace: Workspace) -> None:
    """Train along with the first process, which holds the workspace and writes what comes of it."""
    if plan(config, workspace, STAGE, STAGE)[0].action == "skip":
        return
    stage = next(stage for stage in STAGES if stage.name == STAGE)
    stage.run(config, workspace.running(STAGE, stage.key(config, workspace), joins=True))


def launch_command(config: Path, workspace: Path, processes: int, split: bool = False) -> list[str]:
    """The command that trains on `processes` devices of this machine.

    Args:
        split: split the base over the devices (FSDP) in place of a copy on each (DDP).
    """
    fsdp = [
        *("--use_fsdp", "--fsdp_version", "2", "--fsdp_auto_wrap_policy", "TRANSFORMER_BASED_WRAP"),
        *("--fsdp_transformer_layer_cls_to_wrap", "Gemma3DecoderLayer,SiglipEncoderLayer"),
        *("--fsdp_state_dict_type", "FULL_STATE_DICT", "--fsdp_reshard_after_forward", "true"),
        *("--fsdp_cpu_ram_efficient_loading", "false"),
    ]
    return [
        *("accelerate", "launch", *(fsdp if split else ["--multi_gpu"])),
        *("--num_processes", str(processes), "--num_machines", "1"),
        *("--mixed_precision", "no", "--dynamo_backend", "no"),
        *("--no_python", "hubkit", STAGE, "--config", str(config), "--workspace", str(workspace)),
    ]
