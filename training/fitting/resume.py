"""Save and restore the state of a run: a stopped spot instance continues, with the same result as without a stop."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from behavior.contract import ContractError
from recognizers.checkpoint import differences
from recognizers.tensor_file import read_description, read_tensors, write_tensors
from training.fitting.loop import Trainer
from training.fitting.run_state import RunState, Underway

STATE_FILE = "state.safetensors"


def write_state(folder: Path, identity: Mapping[str, Any], description: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Write the state of a run to one file, which replaces the previous one."""
    write_tensors(folder / STATE_FILE, {"identity": identity, **description}, tensors)


def read_state(folder: Path, identity: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """Return description and tensors of the state in `folder`; None if there is none.

    `identity` is a flat description of the run. Raises ContractError, with the difference, for the state of another run.
    """
    path = folder / STATE_FILE
    if not path.is_file():
        return None
    description = read_description(path)
    if changed := differences(description["identity"], identity):
        changed = [text for text in changed if text.startswith("recipe name ")] or changed  # another recipe differs in nearly everything
        raise ContractError([f"Expected {path} to be of this run, but got another: {'; '.join(changed)}. Empty {folder} or name another."])
    return description, read_tensors(path)


def save_state(folder: Path, trainer: Trainer, identity: Mapping[str, Any]) -> None:
    """Write weights, averaged and best weights, optimizer, run, and where an epoch that is not over stands."""
    tensors = {f"network.{name}": value for name, value in trainer.network.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in trainer.run.best_weights.items()}
    if trainer.averaged is not None:
        tensors |= {f"averaged.{name}": value for name, value in trainer.averaged.module.state_dict().items()}
    for number, moments in trainer.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": value for name, value in moments.items()}
    if trainer.run.underway is not None:
        tensors |= {f"underway.{name}": value for name, value in trainer.run.underway.tensors().items()}
    description = {"run": trainer.run.to_json_dict(), "gradient_scale": trainer.gradient_scale.state_dict(), "parts": trainer.parts}
    write_state(folder, identity, description, tensors)


def restore_state(folder: Path, trainer: Trainer, identity: Mapping[str, Any]) -> bool:
    """Set the trainer to the state in `folder`; return False if there is none. Raises ContractError for the state of another run."""
    state = read_state(folder, identity)
    if state is None:
        return False
    description, tensors = state
    stands = description["run"].get("underway")  # earlier versions saved between two epochs only
    underway = stands and Underway.from_json_dict(stands, _below("underway", tensors), trainer.device)
    run = RunState.from_json_dict(description["run"], _below("best", tensors), underway)
    trainer.parts = description.get("parts", 1)
    trainer.network.load_state_dict(_below("network", tensors))
    if trainer.averaged is not None:
        trainer.averaged.module.load_state_dict(_below("averaged", tensors))
        steps = run.epoch * trainer.steps_per_epoch + (underway.batches if underway else 0)
        trainer.averaged.n_averaged.fill_(1 + steps)  # the initial weights, and one update a step
    trainer.run = run
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in _below("optimizer", tensors).items():
        number, moment = name.split(".", 1)
        moments.setdefault(int(number), {})[moment] = value
    trainer.optimizer.load_state_dict({"state": moments, "param_groups": trainer.optimizer.state_dict()["param_groups"]})
    if description["gradient_scale"]:
        trainer.gradient_scale.load_state_dict(description["gradient_scale"])
    return True


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(f"{prefix}."): value for name, value in tensors.items() if name.startswith(f"{prefix}.")}
