"""KServe's bodies become rows of features and answers."""

from __future__ import annotations

import json
import math

import pytest
from streamgauge import Code, PredictionEvent, Refusal
from streamgauge.cloudevents import CloudEvent
from streamgauge.errors import RefusedError
from streamgauge.kserve import REQUEST, RESPONSE, join, read_half

ATTRIBUTES = {
    "inferenceservicename": "iris",
    "namespace": "ml",
    "component": "predictor",
    "endpoint": "canary",
    "time": "2013-01-01T10:15:00.5Z",
}


def half(type_, body, **attributes):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_half(CloudEvent("r-1", "http://localhost:9081/", type_, data, attributes=ATTRIBUTES | attributes), 7)


def rows(body):
    return list(half(REQUEST, body).rows)


def answers(body):
    return list(half(RESPONSE, body).answers)


def tensor(name, shape, data, datatype="FP32"):
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def test_tensors_of_one_value_a_row_are_features_by_their_names():
    body = {
        "id": "x",
        "inputs": [tensor("age", [2], [31, 44.5]), tensor("city", [2, 1], ["Rome", None], "BYTES")],
    }
    assert rows(body) == [{"age": 31.0, "city": "Rome"}, {"age": 44.5, "city": None}]


@pytest.mark.parametrize("data", [[1, 2, 3, 4, 5, 6], [[1, 2, 3], [4, 5, 6]], [[[1], [2], [3]], [[4], [5], [6]]]])
def test_a_tensor_of_several_values_a_row_is_numbered_features_flat_or_nested(data):
    assert rows({"inputs": [tensor("x", [2, 3], data)]}) == [
        {"x_0": 1.0, "x_1": 2.0, "x_2": 3.0},
        {"x_0": 4.0, "x_1": 5.0, "x_2": 6.0},
    ]


def test_instances_are_lists_objects_or_single_values():
    assert rows({"instances": [[6.8, 2.8], [6.0, None]]}) == [{"x_0": 6.8, "x_1": 2.8}, {"x_0": 6.0, "x_1": None}]
    assert rows({"instances": [{"age": 31, "city": "Rome", "is_new": True}]}) == [
        {"age": 31.0, "city": "Rome", "is_new": True}
    ]
    assert rows({"instances": [5]}) == [{"x": 5.0}]
    assert math.isnan(rows(b'{"instances": [1' + b"0" * 400 + b"]}")[0]["x"])
    assert math.isnan(rows(b'{"instances": [NaN]}')[0]["x"])
    (row,) = rows({"instances": [{"image": [1, 2]}]})
    assert math.isnan(row["image"])


ANSWERS = {
    "V1 classes": ({"predictions": [1, 0]}, [(1.0, None), (0.0, None)]),
    "V1 values": ({"predictions": [1, 0.5]}, [(None, 1.0), (None, 0.5)]),
    "V1 texts": ({"predictions": ["yes", "no"]}, [("yes", None), ("no", None)]),
    "V1 probabilities of two": ({"predictions": [[0.25, 0.75]]}, [(None, 0.75)]),
    "V1 probabilities without fractions": ({"predictions": [[1, 0], [0, 1]]}, [(None, 0.0), (None, 1.0)]),
    "V1 probabilities of three": ({"predictions": [[0.2, 0.5, 0.3]]}, [(1.0, 0.5)]),
    "V2 whole classes": ({"outputs": [tensor("predict", [2], [1, 0], "INT64")]}, [(1.0, None), (0.0, None)]),
    "V2 values without fractions": ({"outputs": [tensor("predict", [2], [1, 0])]}, [(None, 1.0), (None, 0.0)]),
    "V2 label and probabilities": (
        {
            "outputs": [
                tensor("predict_proba", [2, 2], [0.9, 0.1, 0.4, 0.6]),
                tensor("predict", [2], ["no", "yes"], "BYTES"),
            ]
        },
        [("no", 0.1), ("yes", 0.6)],
    ),
}


@pytest.mark.parametrize(("body", "meant"), ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer_is_read_by_its_type(body, meant):
    assert answers(body) == meant


def test_a_pair_is_a_prediction():
    request = half(REQUEST, {"instances": [[1.5]]}, traceparent="00-1-2-01")
    response = half(RESPONSE, {"predictions": [0.25]}, time="2013-01-01T10:15:01Z")
    assert list(join(request, response)) == [
        PredictionEvent(
            prediction_id="r-1",
            model="iris",
            event_time_ms=1_357_035_300_500,
            source="http://localhost:9081/",
            traceparent="00-1-2-01",
            features={"x": 1.5},
            version="canary",
            score=0.25,
        )
    ]


def test_rows_of_one_request_are_numbered():
    request = half(REQUEST, {"instances": [[1], [2]]})
    found = list(join(request, half(RESPONSE, {"predictions": [0.5, 0.75]})))
    assert [(each.prediction_id, each.score) for each in found] == [("r-1_0", 0.5), ("r-1_1", 0.75)]


def test_a_request_alone_is_features_without_version():
    (found,) = join(half(REQUEST, {"instances": [[1]]}), None)
    assert (found.features, found.version, found.score, found.label) == ({"x": 1.0}, "", None, None)


def test_what_a_v2_response_names_goes_before_the_endpoint():
    body = {"model_name": "m", "model_version": "7", "outputs": [tensor("y", [1], [0.5])]}
    request = half(REQUEST, {"instances": [[1]]}, inferenceservicename="")
    (found,) = join(request, half(RESPONSE, body, inferenceservicename=""))
    assert (found.model, found.version) == ("m", "7")
    (nameless,) = join(request, None)
    assert isinstance(nameless, Refusal)
    assert (nameless.code, nameless.field) == (Code.EMPTY_ID, "/model")


def test_without_a_time_it_is_when_it_was_logged():
    assert half(REQUEST, {"instances": [[1]]}, time="").at_ms == 7


def test_another_number_of_answers_is_refused():
    with pytest.raises(RefusedError, match="1 answers to a request of 2 rows"):
        list(join(half(REQUEST, {"instances": [[1], [2]]}), half(RESPONSE, {"predictions": [1]})))


WRONG = {
    "not JSON": (REQUEST, b"\x89PNG", Code.NOT_JSON, ""),
    "neither protocol": (REQUEST, {"data": []}, Code.MISSING_FIELD, "neither inputs nor instances"),
    "no answers": (RESPONSE, {"error": "no"}, Code.MISSING_FIELD, "neither outputs nor predictions"),
    "no rows": (REQUEST, {"instances": []}, Code.TOO_MANY_LINES, "0 rows"),
    "an image": (REQUEST, {"instances": [[0] * 3_000]}, Code.TOO_LONG, "3000 features"),
    "no list": (REQUEST, {"instances": {"a": 1}}, Code.WRONG_TYPE, "instances is no list"),
    "no name": (REQUEST, {"inputs": [{"data": [1]}]}, Code.WRONG_TYPE, "no tensor with a name"),
    "binary": (REQUEST, {"inputs": [{"name": "x", "shape": [1]}]}, Code.MISSING_FIELD, "without data"),
    "shape": (REQUEST, {"inputs": [tensor("x", [2, 2], [1, 2, 3])]}, Code.WRONG_TYPE, "shape [2, 2] of 3 values"),
    "shape of nothing": (REQUEST, {"inputs": [tensor("x", [0], [])]}, Code.WRONG_TYPE, "shape [0] of 0 values"),
    "shape of text": (REQUEST, {"inputs": [tensor("x", "2", [1, 2])]}, Code.WRONG_TYPE, "shape 2 of 2"),
    "rows of two lengths": (
        REQUEST,
        {"inputs": [tensor("x", [2], [1, 2]), tensor("y", [1], [1])]},
        Code.WRONG_TYPE,
        "different numbers of rows: x 2, y 1",
    ),
    "a name twice": (
        REQUEST, {"inputs": [tensor("x", [1], [1])] * 2}, Code.WRONG_TYPE, "two inputs are named x",
    ),
    "no label and no score": (RESPONSE, {"predictions": [[1, 2]]}, Code.WRONG_TYPE, "no answer is a label"),
    "infinite": (RESPONSE, b'{"predictions":[1e999]}', Code.WRONG_TYPE, "no answer is a label"),
    "a label of 401 digits": (RESPONSE, b'{"predictions":[1' + b"0" * 400 + b"]}", Code.WRONG_TYPE, "no answer is"),
    "nested too deep": (REQUEST, b'{"instances":[' + b"[" * 99 + b"]" * 99 + b"]}", Code.WRONG_TYPE, "deeper than 32"),
    "nothing": (RESPONSE, {"predictions": [[]]}, Code.WRONG_TYPE, "no answer is a label"),
}  # fmt: skip


@pytest.mark.parametrize(("type_", "body", "code", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_is_no_body_of_either_protocol_is_refused(type_, body, code, message):
    with pytest.raises(RefusedError) as raised:
        half(type_, body)
    assert raised.value.refusal.code is code
    assert message in raised.value.refusal.message


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(RefusedError, match="no RFC 3339 time with a zone"):
        half(REQUEST, {"instances": [[1]]}, time="2013-01-01T10:15:00")
