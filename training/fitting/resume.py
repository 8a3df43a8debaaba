"""Save and restore a run in the middle: a stopped spot instance goes on where it was, and ends as if it had never stopped."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from behavior.contract import ContractError
from recognizers.checkpoint import differences, read_json, write_tensors
from training.fitting.loop import Run, Trainer

STATE_FILE = "state.safetensors"


def save_state(folder: Path, trainer: Trainer, identity: Mapping[str, Any]) -> None:
    """Write weights, averaged and best weights, optimizer and run as one file that replaces the one before."""
    tensors = {f"network.{name}": value for name, value in trainer.network.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in trainer.run.best_weights.items()}
    if trainer.averaged is not None:
        tensors |= {f"averaged.{name}": value for name, value in trainer.averaged.module.state_dict().items()}
    for number, moments in trainer.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": value for name, value in moments.items()}
    description = {"identity": identity, "run": trainer.run.to_json_dict(), "gradient_scale": trainer.gradient_scale.state_dict()}
    write_tensors(folder / STATE_FILE, description, tensors)


def restore_state(folder: Path, trainer: Trainer, identity: Mapping[str, Any]) -> bool:
    """Bring the trainer to the state in `folder`; return False if there is none.

    `identity` is a flat description of the run. Raises ContractError, with the difference, for the state of another run.
    """
    path = folder / STATE_FILE
    if not path.is_file():
        return False
    from safetensors.torch import load_file

    description = read_json(path)
    if changed := differences(description["identity"], identity):
        raise ContractError([f"Expected {path} to be of this run, but got another: {'; '.join(changed)}. Empty {folder} or name another."])
    tensors = load_file(path, device="cpu")
    run = Run.from_json_dict(description["run"], _below("best", tensors))
    trainer.network.load_state_dict(_below("network", tensors))
    if trainer.averaged is not None:
        trainer.averaged.module.load_state_dict(_below("averaged", tensors))
        trainer.averaged.n_averaged.fill_(1 + run.epoch * trainer.steps_per_epoch)  # the start, and one copy a step
    trainer.run = run
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in _below("optimizer", tensors).items():
        number, moment = name.split(".", 1)
        state.setdefault(int(number), {})[moment] = value
    trainer.optimizer.load_state_dict({"state": state, "param_groups": trainer.optimizer.state_dict()["param_groups"]})
    if description["gradient_scale"]:
        trainer.gradient_scale.load_state_dict(description["gradient_scale"])
    return True


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(f"{prefix}."): value for name, value in tensors.items() if name.startswith(f"{prefix}.")}
