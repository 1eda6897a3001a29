"""Whether out-of-fold scores could have known the future: the proof, derived again."""

from __future__ import annotations

from dataclasses import dataclass

from cvn_harness_core.artifact.trained import TrainedArtifact
from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.errors import InputError
from cvn_harness_core.leaks.again import again_faults
from cvn_harness_core.leaks.derived import derive
from cvn_harness_core.leaks.order import order_faults
from cvn_harness_core.leaks.signs import MAX_AUC, feature_faults, score_faults


@dataclass(frozen=True)
class LeakReport:
    """What was checked, and every fault that was found, in words; sound where there is none."""

    checked: tuple[str, ...]
    faults: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.faults


def check_leaks(
    artifact: TrainedArtifact,
    datasets: Datasets,
    *,
    max_auc: float = MAX_AUC,
    refit: bool = False,
) -> LeakReport:
    """Derive an artifact's proof again from the data that it was trained on.

    Checked are, of the artifact and of its bases:

    - ``rows``: who used which rows, by the data, the recorded policy and the bases' scores. Within
      every fold train, stopping and scored rows, and beyond the folds the rows that calibrate, that
      an ensemble learns from and that decide theta, are disjoint and in that order, each part's
      labels ending before the next begins, by more than the embargo.
    - ``fits``: what those rows give, bit for bit, is what was recorded: the folds' proofs and the
      rows that they scored, the calibrator, what the combiner learnt and its scores of theta's
      rows; and theta was picked on as many rows. Theta itself is not picked again. Bits hold for
      the libraries' versions and the machine of the training.
    - ``folds``, only with ``refit``: that the models' out-of-fold scores are what their folds give,
      bit for bit, which costs the folds' fits. Without it they are taken as recorded.
    - ``scores``, ``features``: since no stamp shows a feature that was computed from the future,
      that neither out-of-fold scores nor any single feature tell the labels of a part (a fold's
      scored rows; those that calibrate, teach or decide) better than a ROC AUC of ``max_auc``, and
      that no feature tells them better by 0.2, and by more than chance, than those of the rows that
      were fitted on before. These are thresholds, no proof: a feature that knows the future less
      than perfectly in every row passes, and one that came into being in between does not
      (``cvn_harness_core.leaks.signs`` says what else).

    Raises InputError ``out_of_fold_missing`` for an artifact without out-of-fold scores, and
    ``data_differ`` for other data than it was trained on.
    """
    if artifact.datasets_digest != datasets.digest:
        message = f"{artifact.name} was trained on other data; check it with those."
        raise InputError("data_differ", message)
    derived = derive(artifact, datasets)
    faults = [
        *order_faults(derived, datasets.train),
        *again_faults(derived, datasets, refit=refit),
        *score_faults(derived, datasets, max_auc),
        *feature_faults(derived, datasets, max_auc),
    ]
    checked = ("rows", "fits", *(("folds",) if refit else ()), "scores", "features")
    return LeakReport(checked, tuple(dict.fromkeys(faults)))
