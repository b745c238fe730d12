import json

from stream.runtime.alarm import stopped


def test_the_same_reason_is_the_same_incident_however_often_the_worker_starts():
    first, again, other = (
        stopped("measure", "m-1", "gap"),
        stopped("measure", "m-1", "gap"),
        stopped("decide", "d", "gap"),
    )

    dedup = [json.loads(output.value)["dedup"] for output in (first, again, other)]
    assert dedup[0] == dedup[1] != dedup[2]
    assert first.key == again.key


def test_the_alert_says_what_stopped_why_and_what_to_do():
    alert = json.loads(stopped("measure", "measure-1", "ledger, partition 3: gap").value)

    assert alert["title"] == "measure has stopped: ledger, partition 3: gap"
    assert alert["level"] == "page"
    assert "doctor" in alert["next"]
