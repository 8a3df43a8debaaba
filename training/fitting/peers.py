"""The processes that train one network together, one for each GPU; torch's own launcher (torchrun) starts them.

Each makes its part of every batch. Gradients are averaged, so all weights stay equal. The first process leads: it alone judges, prints
and writes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as together
from torch import Tensor, nn

from behavior.contract import UsageError

_PATIENCE = timedelta(hours=24)
"""How long a process waits for another one; the others wait while the first one judges. If one ends, torchrun ends them all."""


@dataclass(frozen=True)
class Peers:
    """One of the processes that train a network."""

    rank: int = 0
    """Its number."""
    count: int = 1
    """How many there are."""

    @property
    def leads(self) -> bool:
        """Whether this is the process that judges, prints and writes."""
        return self.rank == 0

    def takes_part(self, windows: int) -> bool:
        """Whether a batch of so many windows has one for this process."""
        return self.rank < windows

    def start_equal(self, network: nn.Module) -> None:
        """Give all processes the weights of the first one."""
        if self.count > 1:
            for value in network.state_dict().values():
                together.broadcast(value, 0)

    def average(self, network: nn.Module, loss: Tensor, weight: Tensor) -> Tensor:
        """Make gradients and running means those of the whole batch, and return its loss. `weight` is what counts in this part.

        One exchange for each step: the networks here have some million weights, so nothing is gained by exchanging layer by layer.
        Layers that normalize a batch see the part of their process only; their running means are averaged, so that all stay equal.
        """
        given = list(network.parameters())
        means = [value for value in network.buffers() if value.is_floating_point()]
        gradients = [torch.zeros_like(each) if each.grad is None else each.grad for each in given]
        known = self.anyone(*(each.grad is not None for each in given))
        parts = [*gradients, *means, loss, torch.ones((), device=loss.device)]
        flat = torch.cat([each.detach().float().flatten() for each in parts]) * weight
        together.all_reduce(flat)
        flat /= flat[-1].clone().clamp(min=torch.finfo(torch.float32).tiny)
        averaged = [part.view_as(each) for part, each in zip(flat.split([each.numel() for each in parts]), parts, strict=True)]
        for parameter, part, some in zip(given, averaged, known, strict=False):
            if some:  # otherwise no process needed this weight, and the optimizer leaves it alone
                parameter.grad = part.to(parameter.dtype)
        for mean, part in zip(means, averaged[len(given) :], strict=False):
            mean.copy_(part)
        return averaged[-2]

    def told(self, value: Mapping[str, Any] | None) -> Any:
        """Return what the first process says, which JSON can hold; the others say None."""
        text = json.dumps(value).encode() if self.leads else b""
        together.broadcast(size := torch.tensor([len(text)]), 0)
        said = torch.frombuffer(bytearray(text), dtype=torch.uint8) if self.leads else torch.empty(int(size), dtype=torch.uint8)
        together.broadcast(said, 0)
        return json.loads(bytes(said.tolist()))

    def anyone(self, *flags: bool) -> tuple[bool, ...]:
        """Return for each flag whether any process raised it; all processes must ask at the same time."""
        if self.count == 1:
            return flags
        raised = torch.tensor(flags, dtype=torch.int32)
        together.all_reduce(raised, together.ReduceOp.MAX)
        return tuple(bool(each) for each in raised)


ALONE = Peers()


def join(environment: Mapping[str, str], device: str) -> tuple[Peers, str]:
    """Join the processes that torchrun started, as its environment says; return this process's place and device.

    Without torchrun a process is alone. Raises UsageError if they cannot train together.
    """
    count, here = int(environment.get("WORLD_SIZE", 1)), int(environment.get("LOCAL_WORLD_SIZE", 1))
    if count == 1:
        return ALONE, device
    if here != count:
        what = f"Expected all processes on one machine, but got {count} of which {here} are here"
        raise UsageError(f"{what}. Start torchrun --standalone on a machine with several GPUs.")
    kind = torch.device(device).type
    if kind not in ("cpu", "cuda"):
        raise UsageError(f"Expected several processes on --device cpu or cuda, but got {device}. Start one process without torchrun.")
    if kind == "cuda" and count > torch.cuda.device_count():
        what = f"Expected a GPU for each of {count} processes, but got {torch.cuda.device_count()}"
        raise UsageError(f"{what}. Start torchrun --standalone --nproc-per-node={torch.cuda.device_count()}.")
    rank = int(environment["RANK"])
    if kind == "cuda":
        device = f"cuda:{environment['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    together.init_process_group("cpu:gloo,cuda:nccl" if kind == "cuda" else "gloo", timeout=_PATIENCE)
    return Peers(rank, count), device


def leave() -> None:
    """End what `join` began, if it did."""
    if together.is_available() and together.is_initialized():
        together.destroy_process_group()
