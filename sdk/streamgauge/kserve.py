"""KServe's inference logger."""

from __future__ import annotations

from typing import Final

REQUEST: Final = "org.kubeflow.serving.inference.request"
RESPONSE: Final = "org.kubeflow.serving.inference.response"


def is_inference(type_: str) -> bool:
    """Tell whether a CloudEvent of this type is half of a prediction.

    >>> is_inference(REQUEST)
    True
    """
    return type_ in {REQUEST, RESPONSE}
