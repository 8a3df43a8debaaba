"""How many processes train on a machine, and how they start: for sagemaker_train.py and for the cloud's graph."""

from behavior.contract import UsageError

GPUS = {
    "ml.g4dn.12xlarge": 4, "ml.g5.12xlarge": 4, "ml.g5.24xlarge": 4, "ml.g5.48xlarge": 8, "ml.g6.12xlarge": 4, "ml.g6.24xlarge": 4,
    "ml.g6.48xlarge": 8, "ml.g6e.12xlarge": 4, "ml.g6e.24xlarge": 4, "ml.g6e.48xlarge": 8, "ml.p3.8xlarge": 4, "ml.p3.16xlarge": 8,
    "ml.p3dn.24xlarge": 8, "ml.p4d.24xlarge": 8, "ml.p4de.24xlarge": 8, "ml.p5.48xlarge": 8, "ml.p5e.48xlarge": 8,
    "ml.p5en.48xlarge": 8,
}  # fmt: skip
"""Machines with several GPUs."""
LAUNCHER = "-m torch.distributed.run --standalone --nproc-per-node="
"""What Python starts instead of a program, with the number of processes behind it, to start one for each GPU."""


def processes_on(instance_type: str) -> int:
    """Return how many processes train on a machine: one for each GPU."""
    return GPUS.get(instance_type, 1)


def require_processors(recipe: str, instance_type: str) -> None:
    """Raise UsageError if trees, which use no GPU, would be sent to a machine with several, where a process for each GPU starts."""
    if recipe.startswith("trees") and instance_type in GPUS:
        what = f"Expected a machine without several GPUs for {recipe}, but got {instance_type}"
        raise UsageError(f"{what}. Trees use processors only: --instance-type ml.c5.2xlarge.")
