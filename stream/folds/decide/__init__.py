"""The fold from partials to decisions: merge, finality, drift, performance, incidents, the model loop."""

from stream.folds.decide.fold import Decide
from stream.folds.decide.state import DecideState

__all__ = ["Decide", "DecideState"]
