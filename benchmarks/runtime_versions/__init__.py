"""The asv suite over versions of onnxruntime: committed files, in environments that have no framework.

Nothing here imports one, nor does what it takes from the other suite.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))  # asv finds the folder of this suite alone
