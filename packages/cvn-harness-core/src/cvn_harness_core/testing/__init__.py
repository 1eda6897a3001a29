"""The conformance kit: what the harness expects of a model, as tests that its author inherits.

Needs pytest (``pip install cvn-harness-core[testing]``); nothing else of the harness does.
"""

from cvn_harness_core.testing.model_contract import ModelContract

__all__ = ["ModelContract"]
