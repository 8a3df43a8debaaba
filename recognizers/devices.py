"""Where torch computes on this machine; it is loaded only when asked."""

import os


def rest_waiting_threads() -> None:
    """Let torch's waiting threads sleep; call it before torch is loaded. It is a default that the environment may overrule.

    They spin otherwise, and on two cores with other work two spinning threads were 2 to 3 times slower than sleeping ones.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def find_device(name: str) -> str:
    """Return cpu, cuda or mps; auto is the best this machine has. Raises ValueError for a device that is not here."""
    import torch

    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(device for device, is_here in here.items() if is_here)
    if not here.get(name.partition(":")[0], False):
        present = ", ".join(device for device, is_here in here.items() if is_here)
        raise ValueError(f"Expected a device of this machine (auto, {present}), but got {name}. Choose one of them.")
    return name
