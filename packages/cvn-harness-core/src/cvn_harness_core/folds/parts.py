"""The data of each forward fold, divided as the harness divides any."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.out_of_fold import ForwardFold
from cvn_harness_core.errors import HarnessError


def fold_parts(datasets: Datasets, folds: tuple[ForwardFold, ...]) -> Iterator[Datasets]:
    """Yield each fold's rows as train, what stops it as validation, what it scores as test.

    Raises InputError ``labels_one_class`` or ``weights_invalid`` for a fold that cannot be fitted,
    by its number.
    """
    train = datasets.train
    for number, fold in enumerate(folds, start=1):
        try:
            part = replace(
                datasets,
                train=train.take(fold.train),
                val=train.take(fold.stopping),
                test=train.take(fold.scored),
            )
        except HarnessError as error:
            where = f"forward fold {number} of {len(folds)}"
            raise error.at(where) from None
        yield part
