"""KServe's inference logger: a request and its response, CloudEvents with one id, as the halves of predictions.

Bodies are those of the V2 protocol (``inputs`` and ``outputs``: named tensors) or of V1 (``instances`` and
``predictions``: rows). The first dimension of a tensor counts rows; a row of more than one value gives features
``name_0``, ``name_1``, …; V1's rows without names are called ``x``. What an answer means is read from its type:
whole numbers, booleans and texts are labels; a fraction is a score; two fractions are the probabilities of a class
and its opposite, of which the second is the score; more are the probabilities of classes, whose highest is the
score, and its number the label.

https://github.com/kserve/kserve/tree/master/pkg/logger
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Final, TypeGuard, cast

import msgspec

from streamgauge import mend
from streamgauge.cloudevents import CloudEvent
from streamgauge.errors import RefusedError
from streamgauge.events import MAX_FEATURES, Code, PredictionEvent, Refusal, Value, to_ms
from streamgauge.mend import MAX_DEPTH, Json

REQUEST: Final = "org.kubeflow.serving.inference.request"
RESPONSE: Final = "org.kubeflow.serving.inference.response"
MAX_ROWS: Final = 10_000  # of one request

Label = float | bool | str
Answer = tuple[Label | None, float | None]
"""Label and score of one row."""

_NAMES: Final = ("inferenceservicename", "namespace", "component", "endpoint")


class Half(msgspec.Struct, frozen=True, array_like=True):
    """A request with its rows of features, or a response with its rows of answers.

    Attributes
    ----------
    id
        Of the request, in both halves; rows of one request are ``id_0``, ``id_1``, … if there are several.
    sender
        What else both halves say alike: source, service, namespace, component, endpoint.
    model
        The inference service, or the model that a V2 response names; empty: not said.
    version
        What a V2 response names, else the endpoint (``default`` or ``canary``).
    at_ms
        When it was logged.
    """

    id: str
    sender: tuple[str, ...]
    is_request: bool
    model: str
    version: str
    at_ms: int
    traceparent: str = ""
    rows: tuple[dict[str, Value], ...] = ()
    answers: tuple[Answer, ...] = ()

    @property
    def source(self) -> str:
        """The CloudEvent's source."""
        return self.sender[0]


def is_inference(type_: str) -> bool:
    """Tell whether a CloudEvent of this type is half of a prediction.

    >>> is_inference(REQUEST)
    True
    """
    return type_ in {REQUEST, RESPONSE}


def read_half(event: CloudEvent, logged_ms: int) -> Half:
    """Return what a CloudEvent of the logger holds.

    Parameters
    ----------
    logged_ms
        When it was, if the event does not say it.

    Raises
    ------
    RefusedError
        If it is no body of either protocol.
    """
    said, is_request = event.attributes, event.type == REQUEST
    body = mend.read_object(event.data)
    return Half(
        id=event.id,
        sender=(event.source, *(said.get(name, "") for name in _NAMES)),
        is_request=is_request,
        model=said.get("inferenceservicename") or _text(body.get("model_name")),
        version=_text(body.get("model_version")) or said.get("endpoint", ""),
        at_ms=_time(said.get("time"), logged_ms),
        traceparent=said.get("traceparent", ""),
        rows=_rows(body) if is_request else (),
        answers=() if is_request else _answers(body),
    )


def join(request: Half, response: Half | None) -> Iterator[PredictionEvent | Refusal]:
    """Yield the predictions of a request: with their answers, or features alone if there is no response.

    Raises
    ------
    RefusedError
        If the response answers another number of rows.
    """
    if response is not None and len(response.answers) != len(request.rows):
        message = f"{len(response.answers)} answers to a request of {len(request.rows)} rows"
        raise _refuse("/outputs", message, "the first dimension of each tensor counts its rows")
    answers: Sequence[Answer] = response.answers if response is not None else [(None, None)] * len(request.rows)
    shared = {
        "model": request.model or (response.model if response is not None else ""),
        "version": response.version if response is not None else "",
        "event_time": request.at_ms,
        "source": request.source,
        "traceparent": request.traceparent,
    }
    for number, (features, (label, score)) in enumerate(zip(request.rows, answers, strict=True)):
        id_ = request.id if len(request.rows) == 1 else f"{request.id}_{number}"
        yield _event({**shared, "prediction_id": id_, "features": features, "label": label, "score": score})


def _event(fields: Mapping[str, object]) -> PredictionEvent | Refusal:
    try:
        return msgspec.convert(fields, PredictionEvent)
    except msgspec.ValidationError:
        return cast("Refusal", mend.convert("predictions", cast("Mapping[str, Json]", fields)))


def _refuse(at: str, message: str, hint: str, code: Code = Code.WRONG_TYPE) -> RefusedError:
    return RefusedError(Refusal(code=code, field=at, message=message, hint=hint))


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _time(text: str | None, logged_ms: int) -> int:
    try:
        return to_ms(msgspec.convert(text, datetime)) if text else logged_ms
    except (msgspec.ValidationError, ValueError):
        raise _refuse("/ce_time", f"ce_time is {text!r:.80}, no RFC 3339 time with a zone", "", Code.BAD_TIME) from None


# Requests.


def _rows(body: Mapping[str, Json]) -> tuple[dict[str, Value], ...]:
    if "instances" in body:
        rows = [_instance(each) for each in _list("/instances", body["instances"])]
    elif "inputs" in body:
        rows = _tensor_rows(_tensors("inputs", body["inputs"]))
    else:
        raise _refuse("", "neither inputs nor instances", "log requests of the V2 or V1 protocol", Code.MISSING_FIELD)
    return tuple(_bounded(rows))


def _bounded(rows: list[dict[str, Value]]) -> list[dict[str, Value]]:
    most = max(map(len, rows), default=0)
    if not rows or len(rows) > MAX_ROWS:
        raise _refuse("", f"{len(rows)} rows in one request", f"send 1 to {MAX_ROWS}", Code.TOO_MANY_LINES)
    if most > MAX_FEATURES:
        raise _refuse("", f"{most} features, above {MAX_FEATURES}", "images and texts are not watched", Code.TOO_LONG)
    return rows


def _instance(value: Json) -> dict[str, Value]:
    if isinstance(value, dict):
        return {name: _value(each) for name, each in value.items()}
    return dict(_named("x", _flat(value)))


def _tensor_rows(tensors: Mapping[str, list[list[Json]]]) -> list[dict[str, Value]]:
    by_row = zip(*tensors.values(), strict=True)
    return [
        {name: value for tensor, values in zip(tensors, row, strict=True) for name, value in _named(tensor, values)}
        for row in by_row
    ]


def _named(name: str, values: Sequence[Json]) -> Iterator[tuple[str, Value]]:
    if len(values) == 1:
        yield name, _value(values[0])
        return
    for number, value in enumerate(values):
        yield f"{name}_{number}", _value(value)


def _value(value: Json) -> Value:
    """Return a feature's value; NaN, which counts as invalid, for what is none."""
    if value is None or isinstance(value, bool | str):
        return value
    number = _float(value) if isinstance(value, int | float) else math.nan
    return number if math.isfinite(number) else math.nan


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


# Responses.


def _answers(body: Mapping[str, Json]) -> tuple[Answer, ...]:
    if "predictions" in body:
        outputs = [[_flat(each) for each in _list("/predictions", body["predictions"])]]
    elif "outputs" in body:
        outputs = list(_tensors("outputs", body["outputs"]).values())
    else:
        raise _refuse("", "neither outputs nor predictions", "log answers of the V2 or V1 protocol", Code.MISSING_FIELD)
    found = [_meant(rows) for rows in outputs]
    labels = next((labels for labels, _ in found if labels), ())
    scores = next((scores for _, scores in found if scores), ())
    if not labels and not scores:
        hint = "a label is one whole number, text or boolean a row; a score is one fraction, or those of the classes"
        raise _refuse("", "no answer is a label or a score", hint)
    return tuple(zip_longest(labels, scores))


def _meant(rows: Sequence[Sequence[Json]]) -> tuple[Sequence[Label], Sequence[float]]:
    """Return the labels and the scores that the rows of one output are; none if they are neither."""
    width = len(rows[0]) if rows else 0
    kinds = {type(value) for row in rows for value in row}
    if not width or any(len(row) != width for row in rows):
        return (), ()
    if width == 1 and kinds <= {bool, str, int}:
        labels = [_label(row[0]) for row in rows]
        return (labels if math.inf not in labels else ()), ()
    if not kinds <= {float, int}:
        return (), ()
    numbers = [[_float(cast("float", value)) for value in row] for row in rows]
    if not all(map(_is_whole_probability if float not in kinds else _is_finite, numbers)):
        return (), ()
    if width <= 2:
        return (), [row[-1] for row in numbers]
    return [float(row.index(max(row))) for row in numbers], [max(row) for row in numbers]


def _is_finite(row: Sequence[float]) -> bool:
    return all(map(math.isfinite, row))


def _is_whole_probability(row: Sequence[float]) -> bool:
    """Tell whether a row is certain of one class: such probabilities may be written without fractions."""
    return set(row) == {0.0, 1.0} and sum(row) == 1


def _label(value: Json) -> Label:
    return _float(value) if type(value) is int else cast("bool | str", value)


# Tensors.


def _list(at: str, value: Json) -> list[Json]:
    if isinstance(value, list):
        return value
    raise _refuse(at, f"{at[1:]} is no list", "log JSON of the V2 or V1 protocol")


def _tensors(name: str, value: Json) -> dict[str, list[list[Json]]]:
    """Return the rows of each tensor by its name, all of one number."""
    found: dict[str, list[list[Json]]] = {}
    for number, each in enumerate(_list(f"/{name}", value)):
        at = f"/{name}/{number}"
        if not isinstance(each, dict) or not isinstance(each.get("name"), str):
            raise _refuse(at, f"{name} {number} is no tensor with a name", "log JSON of the V2 protocol")
        tensor = str(each["name"])
        if tensor in found:
            raise _refuse(at, f"two {name} are named {tensor[:256]}", "name each once")
        found[tensor] = _tensor(at, each)
    if len({len(rows) for rows in found.values()}) > 1:
        counts = ", ".join(f"{tensor[:64]} {len(rows)}" for tensor, rows in found.items())
        raise _refuse(f"/{name}", f"{name} of different numbers of rows: {counts}"[:1_000], "one value a row in each")
    return found


def _tensor(at: str, tensor: Mapping[str, Json]) -> list[list[Json]]:
    if "data" not in tensor:
        raise _refuse(f"{at}/data", "a tensor without data", "log JSON, not tensors in binary", Code.MISSING_FIELD)
    values, shape = _flat(tensor["data"]), tensor.get("shape")
    if not _is_shape(shape) or math.prod(shape) != len(values):
        raise _refuse(f"{at}/shape", f"shape {str(shape)[:60]} of {len(values)} values", "the product of the shape")
    if str(tensor.get("datatype")).startswith(("FP", "BF")):
        values = [_float(value) if type(value) is int else value for value in values]
    rows = shape[0] if shape else 1
    width = len(values) // rows
    return [values[row * width : (row + 1) * width] for row in range(rows)]


def _is_shape(value: Json) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(each) is int and each > 0 for each in value)


def _flat(value: Json, depth: int = 0) -> list[Json]:
    """Return nested lists as one, row by row."""
    if not isinstance(value, list):
        return [value]
    if list not in set(map(type, value)):
        return value
    if depth == MAX_DEPTH:
        raise _refuse("", f"lists nested deeper than {MAX_DEPTH} levels", "")
    return [inner for each in value for inner in _flat(each, depth + 1)]
