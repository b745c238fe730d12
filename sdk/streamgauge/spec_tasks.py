"""What each task has: its metrics, and what its answers may be worth."""

from __future__ import annotations

from typing import Final, Literal

Task = Literal["binary", "multiclass", "regression"]
Metric = Literal[
    "accuracy", "balanced_accuracy", "precision", "recall", "specificity", "f1", "mcc", "auc", "average_precision",
    "log_loss", "brier", "ece",
    "precision_macro", "recall_macro", "f1_macro", "f1_micro", "f1_weighted", "kappa",
    "mae", "rmse", "bias", "r2", "mape", "wape", "median_ae", "value_per_row", "cost_per_row",
]  # fmt: skip
METRICS: Final[dict[Task, tuple[Metric, ...]]] = {
    "binary": (
        "accuracy", "balanced_accuracy", "precision", "recall", "specificity", "f1", "mcc", "auc",
        "average_precision", "log_loss", "brier", "ece", "value_per_row", "cost_per_row",
    ),
    "multiclass": (
        "accuracy", "balanced_accuracy", "precision_macro", "recall_macro", "f1_macro", "f1_micro", "f1_weighted",
        "kappa", "mcc", "value_per_row", "cost_per_row",
    ),
    "regression": ("mae", "rmse", "bias", "r2", "mape", "wape", "median_ae", "value_per_row", "cost_per_row"),
}  # fmt: skip
VALUES: Final[dict[Task, tuple[str, ...]]] = {
    "binary": ("tp", "fp", "fn", "tn"),
    "multiclass": ("costs",),
    "regression": ("over", "under"),
}
"""Keys of ``value`` that fit a task, and an example of each for who left it out."""
VALUE_EXAMPLES: Final[dict[Task, str]] = {
    "binary": "{tp: 1, fp: -1}",
    "multiclass": "{costs: {TRUE: {PREDICTED: 1}}}",
    "regression": "{over: 1, under: 2}",
}
