"""Rows of each kind, as `decide` writes them: what the tests of tables and views are filled with."""

from __future__ import annotations

from stream.folds.base import Record
from stream.folds.rows import (
    ConfusionRow,
    ConservationRow,
    DisparityRow,
    EstimateRow,
    FateRow,
    FeaturePaneRow,
    IncidentRow,
    LineageRow,
    PaneRow,
    PerformanceRow,
    Result,
    RetrainRow,
    RoleRow,
    StatisticsRow,
    VerdictRow,
    encode_rows,
)

HOUR = 3_600_000
T0 = 1_357_002_000_000  # 2013-01-01T01:00Z


def results(*rows: Result, position: int = 0) -> list[Record]:
    return [Record(position, T0, encode_rows(list(rows)))]


def lineage(name: str = "L1", revision: int = 1, start_ms: int = 0, position: int = 1) -> LineageRow:
    return LineageRow(
        lineage=name, monitor="mon", model="m", revision=revision, reference="ref", spec="{}",
        start_ms=start_ms, known_ms=T0, position=position,
    )  # fmt: skip


def pane(hour: int, arrival: int | None = None, n: int = 10, name: str = "L1", position: int = 5) -> PaneRow:
    return PaneRow(
        lineage=name, monitor="mon", model="m", model_version="1", segment_key="", segment_value="",
        pane_ms=T0 + hour * HOUR, arrival_ms=T0 + (hour if arrival is None else arrival) * HOUR, pane_s=3600, n=n,
        duplicates=1, invalid=0, outliers=-1, labels=n // 2, latency_p50_ms=float("nan"), latency_p95_ms=3.0,
        merged=((0, 7), (1, 9)), known_ms=T0 + (arrival or hour) * HOUR, position=position,
    )  # fmt: skip


def feature(hour: int, bins: tuple[int, ...] = (1, 2, 3, 4, 0), **changes: object) -> FeaturePaneRow:
    values: dict[str, object] = {
        "lineage": "L1", "model": "m", "model_version": "1", "segment_key": "", "segment_value": "",
        "pane_ms": T0 + hour * HOUR, "arrival_ms": T0 + hour * HOUR, "feature": "distance", "n": sum(bins),
        "missing": bins[0] if bins else 0, "invalid": 0, "bins": bins, "levels": {}, "total": 18.0, "squares": 54.0,
        "low": 1.0, "high": 9.0, "known_ms": T0 + hour * HOUR, "position": 5,
    }  # fmt: skip
    return FeaturePaneRow(**{**values, **changes})  # type: ignore[arg-type]


def statistics(hour: int) -> StatisticsRow:
    return StatisticsRow(
        lineage="L1", model="m", segment_key="", segment_value="", pane_ms=T0 + hour * HOUR, feature="distance", n=10,
        missing_share=0.1, unseen_share=0.0, psi=0.2, js=0.1, ks=0.3, w1=0.4, tv=0.5, mean_shift_sd=float("nan"),
        mean=2.0, sd=1.0, known_ms=T0 + hour * HOUR, position=5,
    )  # fmt: skip


def performance(hour: int, arrival: int, value: float, mature: bool = True, segment: str = "") -> PerformanceRow:
    return PerformanceRow(
        lineage="L1", model="m", model_version="1", segment_key="origin" if segment else "", segment_value=segment,
        pane_ms=T0 + hour * HOUR, arrival_ms=T0 + arrival * HOUR, metric="log_loss", value=value, lo=value - 0.1,
        hi=value + 0.1, tolerated=0.5, rows=10, labels=8, maturity=0.8, is_mature=mature, tp=3, fp=1, fn=0, tn=4,
        brier=0.2, ece=float("nan"),
        known_ms=T0 + arrival * HOUR, position=5 + arrival,
    )  # fmt: skip


def confusion(arrival: int, *counts: int) -> ConfusionRow:
    return ConfusionRow(
        lineage="L1", model="m", model_version="1", segment_key="", segment_value="", pane_ms=T0,
        arrival_ms=T0 + arrival * HOUR, predicted=("a", "a", "b"), truth=("a", "b", "b"), counts=counts, maturity=1.0,
        is_mature=True, known_ms=T0 + arrival * HOUR, position=5 + arrival,
    )  # fmt: skip


def disparity(arrival: int, value: float) -> DisparityRow:
    return DisparityRow(
        lineage="L1", model="m", model_version="1", segment_key="sex", segment_value="F", pane_ms=T0,
        arrival_ms=T0 + arrival * HOUR, metric="accuracy", value=value, rest=0.5, difference=value - 0.5,
        lo=value - 0.6, hi=value - 0.4, n=100, rest_n=300, maturity=1.0, is_mature=True,
        known_ms=T0 + arrival * HOUR, position=5 + arrival,
    )  # fmt: skip


def estimate(hour: int, measured: float = float("nan")) -> EstimateRow:
    return EstimateRow(
        lineage="L1", model="m", model_version="", segment_key="", segment_value="", pane_ms=T0 + hour * HOUR,
        metric="log_loss", estimate=0.5, lo=0.4, hi=0.6, n=10, settled=measured == measured, measured=measured,  # noqa: PLR0124
        inside=0.4 <= measured <= 0.6, coverage=1.0, weight=1.0, known_ms=T0 + hour * HOUR, position=5 + hour,
    )  # fmt: skip


def verdict(target: str = "distance", kind: str = "drift", status: str = "drift") -> VerdictRow:
    return VerdictRow(
        id=f"vd-{target}", lineage="L1", monitor="mon", model="m", pane_ms=T0, pane_s=3600,
        segment_key="", segment_value="",
        target=target, kind=kind,
        status=status, statistic=9.0, threshold=5.0, p=1e-6, n=10,
        n_eff=9.0, evidence_days=400.0, budget_days=90.0,
        effect=0.3, effect_name="psi", floor=0.1,
        lo=float("nan"), hi=float("nan"), reason="distance moved", known_ms=T0, position=5,
    )  # fmt: skip


def incident(position: int, closed_ms: int = 0) -> IncidentRow:
    return IncidentRow(
        id="INC-1", lineage="L1", monitor="mon", model="m", kind="performance", level="page", title="m lost log loss",
        features=("distance",), opened_ms=T0, closed_ms=closed_ms, since_ms=T0 - HOUR, verdicts=("vd-distance",),
        evidence_days=400.0, budget_days=90.0, known_ms=T0 + position, position=position,
    )  # fmt: skip


def retrain(position: int, step: str) -> RetrainRow:
    return RetrainRow(
        id="rt-1", model="m", monitor="mon", lineage="L1", incident="INC-1", trigger="performance", reason="it lost",
        step=step, version="2", verdict="", cut=((0, 7), (1, 9)), known_ms=T0 + position, position=position,
    )  # fmt: skip


def role(version: str, name: str, position: int) -> RoleRow:
    return RoleRow(
        model="m", model_version=version, role=name, since_ms=T0 + position, actor="decide", reason="first",
        known_ms=T0, position=position,
    )  # fmt: skip


def conservation(partition: int, source: str, position: int, received: int = 10) -> ConservationRow:
    return ConservationRow(
        model="m", kind="prediction", source=source, partition=partition, received=received, used=received - 3,
        duplicate=1, late_used=1, invalid=0, unmatched=0, pending=1, known_ms=T0, position=position,
    )  # fmt: skip


def fate(place: int) -> FateRow:
    return FateRow(
        topic="predictions", partition=0, place=place, model="m", prediction_id="a", kind="prediction",
        fate="duplicate", reason="seen before", known_ms=T0, position=1,
    )  # fmt: skip


def everything() -> list[Result]:
    return [
        lineage(), pane(0), pane(1), pane(0, arrival=2, n=1), feature(0), feature(1),
        feature(0, (), feature="carrier", levels={"UA": 3, "AA": 2}, low=float("nan"), high=float("nan")),
        statistics(0), performance(0, 1, 0.3), performance(0, 3, 0.4), performance(0, 1, 0.6, segment="JFK"),
        confusion(1, 40, 9, 50), confusion(2, 40, 10, 50), disparity(1, 0.6), disparity(2, 0.75),
        verdict(), verdict("log_loss", "performance", "stable"), estimate(0, 0.45), estimate(1), incident(5),
        incident(9, T0 + HOUR),
        retrain(5, "requested"), retrain(9, "shadow"), retrain(9, "promoted"),
        role("1", "champion", 5), role("2", "shadow", 6), role("2", "champion", 9), role("1", "retired", 9),
        conservation(0, "a", 5), conservation(0, "a", 4, 7), conservation(1, "b", 5), fate(0),
    ]  # fmt: skip
