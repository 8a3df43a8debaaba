"""All benchmarks, one after the other, each in a process of its own.

python tests/benchmarks/all.py
"""

import subprocess
import sys
from pathlib import Path

for name in ("metric", "quality", "training", "inference", "endpoint", "films", "gpu", "catalog", "sql", "upload", "incremental", "etl"):
    print(f"== {name}", flush=True)
    subprocess.run([sys.executable, str(Path(__file__).with_name(f"{name}.py"))], check=True)
