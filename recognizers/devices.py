"""The devices on which torch computes; torch is imported only when it is needed."""

import os


def rest_waiting_threads() -> None:
    """Let torch's waiting threads sleep, unless the environment sets something else; call it before torch is imported.

    By default they spin; on two cores with other work, two spinning threads were 2 to 3 times slower than sleeping ones.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def find_device(name: str) -> str:
    """Return cpu, cuda or mps; auto is the best this machine has. Raises ValueError for a device that this machine does not have."""
    import torch

    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(device for device, is_here in here.items() if is_here)
    if not here.get(name.partition(":")[0], False):
        present = ", ".join(device for device, is_here in here.items() if is_here)
        raise ValueError(f"Expected a device of this machine (auto, {present}), but got {name}. Choose one of them.")
    return name
