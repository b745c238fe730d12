"""`streamgauge audit`: its exit code says whether all is well."""

from datetime import UTC, datetime

import pytest

from stream.ops.audit import AuditReport, Scope


@pytest.mark.parametrize(
    ("model", "report", "code", "said"),
    [
        (None, AuditReport(0, {"messages": 3, "panes_rows": 2}), 0, "0 differences in 3 messages, 2 panes_rows"),
        (None, AuditReport(1, {"messages": 3}, {}, ("a: missing",)), 1, "a: missing"),
        (None, AuditReport(0, {"messages": 0, "panes_rows": 0}), 0, "0 differences"),
        ("m", AuditReport(0, {"messages": 3, "panes_rows": 2}), 0, "0 differences"),
        ("nosuch", AuditReport(0, {"messages": 3, "panes_rows": 0}), 1, "no rows of model nosuch"),
    ],
)
def test_the_exit_code_tells_of_differences_and_of_a_model_without_rows(run, monkeypatch, model, report, code, said):
    monkeypatch.setattr("stream.ops.controls.require_kafka", lambda _: None)
    monkeypatch.setattr("stream.ops.audit.audit", lambda _settings, _model: report)
    for form in ((), ("--json",)):
        result = run("audit", *form, *(() if model is None else ("--model", model)))
        assert result.exit_code == code
        assert form or said in result.output


def test_a_span_of_panes_is_asked_for_in_utc(run, monkeypatch):
    asked = []
    monkeypatch.setattr("stream.ops.controls.require_kafka", lambda _: None)
    monkeypatch.setattr(
        "stream.ops.audit.audit",
        lambda _settings, scope: asked.append(scope) or AuditReport(0, {"panes_rows": 1}, {0: 41}),
    )
    result = run("audit", "--from", "2013-07-01", "--to", "2013-08-01T12:00:00")

    assert asked == [Scope(None, datetime(2013, 7, 1, tzinfo=UTC), datetime(2013, 8, 1, 12, tzinfo=UTC))]
    assert "from checkpoints at 41" in result.output
