"""What Glue puts around a script: it counts every SystemExit as a failure, also that of sys.exit(0).

Started with the script and its arguments.
"""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.argv = sys.argv[1:]
    sys.path[0] = str(Path(sys.argv[0]).parent)
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as error:
        if error.code in (None, 0):
            sys.exit(f"SystemExit: {error.code}: a script must end without sys.exit when all is well, because Glue counts it as a failure.")
        raise
