"""The fold from the ledger to partials: deduplicate, join labels, sum panes, seal at ticks."""

from stream.folds.measure.fold import Measure
from stream.folds.measure.state import MeasureState

__all__ = ["Measure", "MeasureState"]
