-- Public views of the life of models.

CREATE OR REPLACE VIEW retrains (
    id        String COMMENT 'Retrain',
    model     LowCardinality(String) COMMENT 'Model',
    lineage   LowCardinality(String) COMMENT 'Lineage: what it was measured by (view lineages)',
    monitor   LowCardinality(String) COMMENT 'Monitor',
    trigger   LowCardinality(String) COMMENT 'performance, estimate, schedule or manual',
    incident  String COMMENT 'Incident that asked for it; empty if none',
    reason    String COMMENT 'Why, in one sentence',
    evidence  String COMMENT 'What it rests on, as JSON',
    cut       Map(Int64, Int64) COMMENT 'Highest position of each ledger partition that training may use',
    requested DateTime64(3, 'UTC') COMMENT 'When it was asked for, log clock [UTC]',
    step      LowCardinality(String) COMMENT 'requested, training, trained, shadow, promoted, rejected, failed',
    outcome   LowCardinality(String) COMMENT 'promoted, rejected, failed or skipped; empty so far',
    version   LowCardinality(String) COMMENT 'Version that came of it; empty so far',
    verdict   String COMMENT 'How its version compared, in one sentence',
    known     DateTime64(3, 'UTC') COMMENT 'When it last changed, log clock [UTC]'
) AS
SELECT
    t.id AS id, t.model AS model, t.lineage AS lineage, t.monitor AS monitor, t.trigger AS trigger,
    t.incident AS incident, t.reason AS reason, q.evidence AS evidence, CAST(t.cut, 'Map(Int64, Int64)') AS cut,
    t.requested AS requested, t.step AS step,
    if(t.step IN ('promoted', 'rejected', 'failed', 'skipped'), t.step, '') AS outcome,
    t.version AS version, t.verdict AS verdict, t.known AS known
FROM (
    SELECT *, min(known) OVER (PARTITION BY model, id) AS requested FROM retrains_rows FINAL
    ORDER BY
        position DESC, indexOf(['requested', 'training', 'trained', 'shadow'], step) = 0 DESC,
        indexOf(['requested', 'training', 'trained', 'shadow'], step) DESC
    LIMIT 1 BY model, id
) AS t
LEFT JOIN (SELECT model, id, evidence FROM retrain_request_rows FINAL) AS q ON t.model = q.model AND t.id = q.id
COMMENT 'Retrains as they stand now';

CREATE OR REPLACE VIEW retrain_events (
    id      String COMMENT 'Retrain',
    model   LowCardinality(String) COMMENT 'Model',
    at      DateTime64(3, 'UTC') COMMENT 'When, log clock [UTC]',
    event   LowCardinality(String) COMMENT 'requested, training, trained, shadow, promoted, rejected, failed',
    version LowCardinality(String) COMMENT 'Version that came of it; empty so far',
    text    String COMMENT 'The comparison, or else the reason, in one sentence'
) AS
SELECT id, model, known AS at, step AS event, version, if(verdict != '', verdict, reason) AS text
FROM retrains_rows FINAL
COMMENT 'Steps of retrains, in order';

CREATE OR REPLACE VIEW roles (
    model         LowCardinality(String) COMMENT 'Model',
    model_version LowCardinality(String) COMMENT 'Version',
    role          LowCardinality(String) COMMENT 'champion, shadow, retired or rejected',
    `from`        DateTime64(3, 'UTC') COMMENT 'Since when, event time [UTC]',
    `to`          Nullable(DateTime64(3, 'UTC')) COMMENT 'Until when, event time; NULL for now [UTC]',
    actor         LowCardinality(String) COMMENT 'Who decided',
    reason        String COMMENT 'Why, in one sentence',
    known         DateTime64(3, 'UTC') COMMENT 'When it was decided, log clock [UTC]'
) AS
SELECT
    model, model_version, role, since AS `from`,
    leadInFrame(toNullable(since)) OVER (
        PARTITION BY model, model_version ORDER BY position, indexOf(['shadow', 'champion'], role) = 0, role DESC
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ) AS `to`,
    actor, reason, known
FROM (SELECT * FROM roles_rows FINAL)
COMMENT 'Roles of versions over time';

CREATE OR REPLACE VIEW versions (
    model            LowCardinality(String) COMMENT 'Model',
    model_version    LowCardinality(String) COMMENT 'Version',
    role             LowCardinality(String) COMMENT 'Role now; empty if it never had one',
    metrics          Map(String, Float64) COMMENT 'Metrics on the validation rows',
    champion         LowCardinality(String) COMMENT 'Champion it was validated against; empty if none',
    champion_metrics Map(String, Float64) COMMENT 'The champion''s metrics on the same rows',
    passed           Bool COMMENT 'Whether validation let it pass',
    why              String COMMENT 'Why, in one sentence',
    parent           LowCardinality(String) COMMENT 'Version it was compared with; empty if none',
    sha256           String COMMENT 'Hash of the artifact, hex',
    trained_from     DateTime64(3, 'UTC') COMMENT 'Begin of its training data, event time [UTC]',
    trained_to       DateTime64(3, 'UTC') COMMENT 'End of its training data, event time [UTC]',
    rows             Int64 COMMENT 'Rows it was trained on [rows]',
    features         Array(String) COMMENT 'Features it uses',
    task             LowCardinality(String) COMMENT 'binary, multiclass or regression',
    trainer          LowCardinality(String) COMMENT 'Trainer that made it',
    retrain          String COMMENT 'Retrain that asked for it; empty if none',
    incident         String COMMENT 'Incident that asked for it; empty if none',
    cut              Map(Int64, Int64) COMMENT 'Highest position of each ledger partition in its training set',
    created          DateTime64(3, 'UTC') COMMENT 'When it was made [UTC]',
    manifest         String COMMENT 'The whole manifest, as JSON'
) AS
SELECT
    v.model AS model, v.model_version AS model_version, r.role AS role, v.metrics AS metrics, v.champion AS champion,
    v.champion_metrics AS champion_metrics, v.passed AS passed, v.why AS why, v.parent AS parent, v.sha256 AS sha256,
    v.trained_from AS trained_from, v.trained_to AS trained_to, v.rows AS rows, v.features AS features, v.task AS task,
    v.trainer AS trainer, v.retrain AS retrain, v.incident AS incident, v.cut AS cut, v.created AS created,
    v.manifest AS manifest
FROM (SELECT * FROM version_rows FINAL) AS v
LEFT JOIN (SELECT model, model_version, role FROM roles WHERE isNull(`to`)) AS r
    ON v.model = r.model AND v.model_version = r.model_version
COMMENT 'Versions of models with what they were made of';

CREATE OR REPLACE VIEW spec_revisions (
    monitor   LowCardinality(String) COMMENT 'Monitor',
    model     LowCardinality(String) COMMENT 'Model',
    revision  Int64 COMMENT 'Revision',
    at        DateTime64(3, 'UTC') COMMENT 'When it was written [UTC]',
    who       LowCardinality(String) COMMENT 'Who wrote it; empty if not said',
    reference LowCardinality(String) COMMENT 'sha256 of its reference; empty if none',
    spec      String COMMENT 'The spec, as JSON'
) AS
SELECT monitor, model, revision, at, who, reference, spec FROM spec_rows FINAL
COMMENT 'All revisions of specs';

CREATE OR REPLACE VIEW monitors (
    monitor   LowCardinality(String) COMMENT 'Monitor',
    model     LowCardinality(String) COMMENT 'Model',
    revision  Int64 COMMENT 'Revision',
    at        DateTime64(3, 'UTC') COMMENT 'When it was written [UTC]',
    who       LowCardinality(String) COMMENT 'Who wrote it; empty if not said',
    reference LowCardinality(String) COMMENT 'sha256 of its reference; empty if none',
    spec      String COMMENT 'The spec, as JSON',
    lineage   LowCardinality(String) COMMENT 'Live lineage; empty before its first'
) AS
SELECT
    s.monitor AS monitor, s.model AS model, s.revision AS revision, s.at AS at, s.who AS who, s.reference AS reference,
    s.spec AS spec, l.lineage AS lineage
FROM (SELECT * FROM spec_rows FINAL ORDER BY revision DESC LIMIT 1 BY monitor) AS s
LEFT JOIN (SELECT monitor, model, lineage FROM lineages WHERE is_live) AS l
    ON s.monitor = l.monitor AND s.model = l.model
COMMENT 'The newest revision of each spec';
