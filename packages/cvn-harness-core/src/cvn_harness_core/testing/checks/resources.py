"""The check of what a fit takes."""

from __future__ import annotations

import json

from cvn_harness_core.testing.check import check
from cvn_harness_core.testing.fresh_interpreter import run_python
from cvn_harness_core.testing.model_subject import ModelUnderTest
from cvn_harness_core.testing.verdict import require, skip

_MEASURE = """
import json, os, sys
os.environ["OMP_NUM_THREADS"] = "1"
from cvn_harness_core.testing.measuring import measure
from cvn_harness_core.testing.model_subject import ModelUnderTest
name, params, iterations = sys.argv[1:]
print(json.dumps(measure(ModelUnderTest(name, json.loads(params), int(iterations)))))
"""


@check("one_thread")
def resources(model: ModelUnderTest) -> None:
    """A fit takes no more memory and time than the declared envelope.

    Time is processor time over scikit-learn's in the same process, so that it holds on any machine,
    busy or not.
    """
    envelope = model.spec.envelope
    if envelope is None:
        skip(f"{model.name} declares no envelope")
    said = run_python(_MEASURE, model.name, json.dumps(model.params), model.iterations)
    memory, time = json.loads(said)
    seen = f"memory {'unknown' if memory is None else f'{memory:.2f}'}, time {time:.2f}"
    require(
        time <= envelope.time and (memory is None or memory <= envelope.memory),
        f"at most memory {envelope.memory:g} (over X), time {envelope.time:g} (over scikit-learn)",
        seen,
        "copy less and do less in prepare and fit, or declare a wider ModelSpec.envelope",
    )
