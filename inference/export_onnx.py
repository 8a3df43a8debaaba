"""Export the network of a checkpoint as an .onnx file, which onnxruntime runs on a CPU without torch.

    python inference/export_onnx.py --checkpoint checkpoints/cnn_transformer.safetensors

The file has the network, its scaler and the header of the checkpoint, so that make_submission.py and recognize.py can use it in place of
the checkpoint. It is written, whole or not at all, only if onnxruntime and torch compute the same scores.
Exit codes: 0 written, 1 something unexpected (also other scores), 2 usage, 4 the checkpoint cannot be used or is not a single network,
130 interrupted.
"""

import argparse
import contextlib
import inspect
import json
import logging
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK, ContractError, UsageError, exit_code

if TYPE_CHECKING:
    import numpy as np

    from recognizers.network_recognizer import NetworkRecognizer

TOLERANCE = 1e-4
"""Largest difference between the scores of both runtimes."""


def main(arguments: list[str] | None = None) -> int:
    """Write the file as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return exit_code(lambda: _export(flags))


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--checkpoint", type=Path, required=True, help="the .safetensors file of one network")
    parser.add_argument("--output", type=Path, help="the .onnx file to write (default: beside the checkpoint)")
    return parser


def _export(flags: argparse.Namespace) -> int:
    if not flags.checkpoint.is_file():
        raise UsageError(f"Expected --checkpoint to be a file, but got {flags.checkpoint}. Train one with training/train.py.")
    output: Path = flags.output or flags.checkpoint.with_suffix(".onnx")
    if output.suffix != ".onnx":
        raise UsageError(f"Expected --output to end with .onnx, but got {output}. Use that ending.")
    difference = export(flags.checkpoint, output)
    print(f"Wrote {output}: {output.stat().st_size / 1e6:.1f} MB; the scores of onnxruntime and torch differ by {difference:.1e} at most.")
    return EXIT_OK


def export(checkpoint: Path, output: Path) -> float:
    """Write the network of a checkpoint as an .onnx file; return the largest difference of scores between the two runtimes.

    Raises ContractError unless the checkpoint is a single network, RuntimeError if the scores differ.
    """
    from behavior.whole_file import whole_file
    from recognizers.checkpoint import read_header
    from recognizers.families import open_file
    from recognizers.network_recognizer import NetworkRecognizer

    header, recognizer = read_header(checkpoint), open_file(checkpoint)
    if not isinstance(recognizer, NetworkRecognizer) or recognizer.network_config is None:
        got = f"{checkpoint} of family {header['family']}"
        raise ContractError([f"Expected the checkpoint of one network, but got {got}. Export its member networks one by one."])
    with whole_file(output) as beside:
        _write(recognizer, header, beside)
        difference = _difference(recognizer, beside)
        if not difference <= TOLERANCE:
            raise RuntimeError(f"Expected onnxruntime and torch to differ by {TOLERANCE} at most, but got {difference}. Report it.")
    return difference


def _write(recognizer: "NetworkRecognizer", header: dict[str, Any], path: Path) -> None:
    import torch
    from torch import Tensor, nn

    from recognizers.onnx_network import HEADER, INPUTS, SCALER
    from recognizers.torch_windows import ANSWERS

    class ScoringNetwork(nn.Module):
        """The network with the function from its logits to scores."""

        def __init__(self) -> None:
            super().__init__()
            assert isinstance(recognizer.network, nn.Module)
            self.network, self.answer = recognizer.network, ANSWERS[recognizer.head]

        def forward(self, features: Tensor, valid: Tensor, context: Tensor | None = None) -> Tensor:
            return self.answer(self.network(features, valid, context))

    names = INPUTS if _needs_context(recognizer) else INPUTS[:-1]
    inputs = _noise_windows(recognizer, batch=2)[: len(names)]
    any_batch = torch.export.Dim("batch", min=1, max=65_536)
    with _without_chatter(), torch.inference_mode():
        program = torch.onnx.export(
            ScoringNetwork().eval(),
            tuple(map(torch.from_numpy, inputs)),
            dynamo=True,
            input_names=list(names),
            output_names=["scores"],
            dynamic_shapes={name: {0: any_batch} for name in names},
            external_data=False,
            verbose=False,
        )
        assert program is not None
        scaler = {"median": recognizer.scaler.median.tolist(), "iqr": recognizer.scaler.iqr.tolist()}
        program.model.metadata_props.update({HEADER: json.dumps(header), SCALER: json.dumps(scaler)})
        program.save(path, external_data=False)


def _needs_context(recognizer: "NetworkRecognizer") -> bool:
    """Return whether the network needs the context: if not, its default is None."""
    forward = inspect.signature(type(recognizer.network).forward)  # type: ignore[union-attr]
    return forward.parameters["context"].default is inspect.Parameter.empty


def _difference(recognizer: "NetworkRecognizer", path: Path) -> float:
    """Return the largest difference of scores on windows of noise, some of them short."""
    import numpy as np

    from recognizers.onnx_network import load_exported

    features, valid, context = _noise_windows(recognizer, batch=5)
    lengths = valid.sum(1)
    pieces = [window[:length] for window, length in zip(features, lengths, strict=True)]
    _, exported, _ = load_exported(path)
    ours, theirs = recognizer.scorer(pieces, list(context)), exported(pieces, list(context))
    return float(np.abs(ours - theirs)[valid].max())


def _noise_windows(recognizer: "NetworkRecognizer", batch: int) -> "tuple[np.ndarray, ...]":
    """Return features [B, W, F], valid [B, W] and context [B, 1 + C] of noise; every second window is short."""
    import numpy as np

    rng = np.random.default_rng(0)
    window, n_features = recognizer.windowing.window, len(recognizer.features.names)
    valid = np.ones((batch, window), bool)
    valid[1::2, max(window // 3, 1) :] = False
    features = rng.standard_normal((batch, window, n_features), np.float32) * valid[..., None]
    context = np.ones((batch, 1 + len(recognizer.behaviors)), np.float32)
    return features, valid, context


@contextlib.contextmanager
def _without_chatter() -> Iterator[None]:
    """Hide torch's messages about future versions and about missing packages."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


if __name__ == "__main__":
    sys.exit(main())
