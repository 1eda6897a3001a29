"""Write market.parquet, the demo's daily bars with features and labels, beside plan.toml.

python examples/sweep/data.py [FOLDER]
"""

import sys
from pathlib import Path

from cvn_orchestrator.demo.plan import write_table

if __name__ == "__main__":
    print(write_table(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent))
