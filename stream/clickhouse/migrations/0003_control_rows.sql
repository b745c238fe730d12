-- Records of the control topics: versions, retrain requests, alerts, dead letters, specs, and the bins of references; and what
-- people and their commands add: replays, switches, feedback, second opinions.

CREATE TABLE IF NOT EXISTS version_rows (
    model            LowCardinality(String) COMMENT 'Model',
    model_version    LowCardinality(String) COMMENT 'Version',
    sha256           String COMMENT 'Hash of the artifact, hex',
    uri              String COMMENT 'Where the artifact is',
    trained_from     DateTime64(3, 'UTC') COMMENT 'Begin of its training data, event time [UTC]',
    trained_to       DateTime64(3, 'UTC') COMMENT 'End of its training data, event time [UTC]',
    rows             Int64 COMMENT 'Rows it was trained on [rows]',
    features         Array(String) COMMENT 'Features it uses',
    task             LowCardinality(String) COMMENT 'binary, multiclass or regression',
    trainer          LowCardinality(String) COMMENT 'Trainer that made it',
    parent           LowCardinality(String) COMMENT 'Version it was compared with; empty if none',
    retrain          String COMMENT 'Retrain that asked for it; empty if none',
    incident         String COMMENT 'Incident that asked for it; empty if none',
    created          DateTime64(3, 'UTC') COMMENT 'When it was made [UTC]',
    library_versions Map(String, String) COMMENT 'Libraries it was made with',
    code_version     String COMMENT 'Version of this code that made it',
    cut              Map(Int64, Int64) COMMENT 'Highest position of each ledger partition in its training set',
    metrics          Map(String, Float64) COMMENT 'Metrics on the validation rows',
    losses           Map(String, Float64) COMMENT 'Number, mean and deviation of its losses against the champion',
    champion         LowCardinality(String) COMMENT 'Champion it was validated against; empty if none',
    champion_metrics Map(String, Float64) COMMENT 'The champion''s metrics on the same rows',
    passed           Bool COMMENT 'Whether validation let it pass',
    why              String COMMENT 'Why, in one sentence',
    manifest         String COMMENT 'The whole manifest, as JSON',
    known            DateTime64(3, 'UTC') COMMENT 'When topic models stored it [UTC]',
    position         Int64 COMMENT 'Position in topic models: a higher one replaces a lower one'
) ENGINE = ReplacingMergeTree(position)
ORDER BY (model, model_version)
COMMENT 'Versions of models';

CREATE TABLE IF NOT EXISTS retrain_request_rows (
    model         LowCardinality(String) COMMENT 'Model',
    id            String COMMENT 'Retrain',
    monitor       LowCardinality(String) COMMENT 'Monitor',
    lineage       LowCardinality(String) COMMENT 'Lineage',
    incident      String COMMENT 'Incident that asked for it; empty if none',
    trigger       LowCardinality(String) COMMENT 'performance, estimate, schedule or manual',
    reason        String COMMENT 'Why, in one sentence',
    evidence      String COMMENT 'What it rests on, as JSON',
    cut           Map(Int64, Int64) COMMENT 'Highest position of each ledger partition that training may use',
    trainer       LowCardinality(String) COMMENT 'Trainer that is to do it',
    task          LowCardinality(String) COMMENT 'binary, multiclass or regression',
    feature_types Map(String, String) COMMENT 'Features and their types',
    from          DateTime64(3, 'UTC') COMMENT 'Begin of the training data, event time [UTC]',
    to            DateTime64(3, 'UTC') COMMENT 'End of the training data, event time [UTC]',
    champion      LowCardinality(String) COMMENT 'Champion at that time; empty if none',
    asked         DateTime64(3, 'UTC') COMMENT 'When it was asked for, log clock [UTC]',
    known         DateTime64(3, 'UTC') COMMENT 'When topic retrain stored it [UTC]',
    position      Int64 COMMENT 'Position in topic retrain: a higher one replaces a lower one'
) ENGINE = ReplacingMergeTree(position)
ORDER BY (model, id)
COMMENT 'Requests to retrain';

CREATE TABLE IF NOT EXISTS alert_rows (
    model         LowCardinality(String) COMMENT 'Model',
    dedup         String COMMENT 'Key of the alert: equal for copies of one alert',
    id            String COMMENT 'Alert',
    incident      String COMMENT 'Incident',
    state         LowCardinality(String) COMMENT 'open, closed …',
    level         LowCardinality(String) COMMENT 'page, warn or info',
    kind          LowCardinality(String) COMMENT 'Kind of fault',
    model_version LowCardinality(String) COMMENT 'Version that served; empty if not about one',
    monitor       LowCardinality(String) COMMENT 'Monitor',
    title         String COMMENT 'What happened, in one sentence',
    features      Array(String) COMMENT 'Features it is about',
    opened        DateTime64(3, 'UTC') COMMENT 'When the incident was opened; 1970-01-01 if not said [UTC]',
    closed        DateTime64(3, 'UTC') COMMENT 'When the incident was closed; 1970-01-01 if not [UTC]',
    since         DateTime64(3, 'UTC') COMMENT 'Start of the first pane that shows it; 1970-01-01 if not said [UTC]',
    sent          DateTime64(3, 'UTC') COMMENT 'When it was sent [UTC]',
    body          String COMMENT 'The whole alert, as JSON',
    known         DateTime64(3, 'UTC') COMMENT 'When topic alerts stored it [UTC]',
    position      Int64 COMMENT 'Position in topic alerts: a higher one replaces a lower one'
) ENGINE = ReplacingMergeTree(position)
ORDER BY (model, dedup)
COMMENT 'Alerts';

CREATE TABLE IF NOT EXISTS dead_letter_rows (
    topic     LowCardinality(String) COMMENT 'Topic of the record that could not be read',
    partition Int64 COMMENT 'Its partition',
    offset    Int64 COMMENT 'Its offset',
    line      Int64 COMMENT 'Line in the record, from 0',
    reason    LowCardinality(String) COMMENT 'Code of the reason',
    field     String COMMENT 'Field that is wrong; empty if all of it',
    message   String COMMENT 'What is wrong, in one sentence',
    hint      String COMMENT 'What may have been meant; empty if unknown',
    excerpt   String COMMENT 'Begin of the record',
    model     LowCardinality(String) COMMENT 'Model that it names; empty if unknown',
    source    LowCardinality(String) COMMENT 'Producer that it names; empty if unknown',
    size      Int64 COMMENT 'Size of the record [bytes]',
    at        DateTime64(3, 'UTC') COMMENT 'When its topic stored it [UTC]',
    known     DateTime64(3, 'UTC') COMMENT 'When topic dead-letters stored the letter [UTC]',
    position  Int64 COMMENT 'Position in topic dead-letters: a higher one replaces a lower one'
) ENGINE = ReplacingMergeTree(position)
ORDER BY (topic, partition, offset, line, reason)
COMMENT 'Events and records that could not be read';

CREATE TABLE IF NOT EXISTS spec_rows (
    monitor   LowCardinality(String) COMMENT 'Monitor',
    revision  Int64 COMMENT 'Revision',
    model     LowCardinality(String) COMMENT 'Model that it watches',
    at        DateTime64(3, 'UTC') COMMENT 'When it was written [UTC]',
    who       LowCardinality(String) COMMENT 'Who wrote it; empty if not said',
    reference LowCardinality(String) COMMENT 'sha256 of its reference; empty if none',
    spec      String COMMENT 'The spec, as JSON',
    known     DateTime64(3, 'UTC') COMMENT 'When the ledger stored it [UTC]',
    position  Int64 COMMENT 'Position in topic specs: a higher one replaces a lower one'
) ENGINE = ReplacingMergeTree(position)
ORDER BY (monitor, revision)
COMMENT 'Revisions of specs';

CREATE TABLE IF NOT EXISTS reference_bins_rows (
    reference LowCardinality(String) COMMENT 'sha256 of the reference',
    feature   LowCardinality(String) COMMENT 'Feature',
    bin       Int64 COMMENT 'Number of the bin: 0 missing, 1 below or unseen, then the bins, for numbers the last is above',
    kind      LowCardinality(String) COMMENT 'number or category',
    label     String COMMENT 'What the bin holds, in words; the level of a category',
    lo        Float64 COMMENT 'Lower edge, inclusive; NaN for missing values and levels [unit of the feature]',
    hi        Float64 COMMENT 'Upper edge, exclusive; NaN for missing values and levels [unit of the feature]',
    ref_count Int64 COMMENT 'Rows of the reference in the bin [rows]',
    ref_share Float64 COMMENT 'Share that is expected in the bin, always above 0; sums to 1 over the bins'
) ENGINE = ReplacingMergeTree
ORDER BY (reference, feature, bin)
COMMENT 'Bins of references';

CREATE TABLE IF NOT EXISTS replay_rows (
    lineage   LowCardinality(String) COMMENT 'Shadow lineage that it computes: a lineage with a row here is none of the live ones',
    replay    String COMMENT 'Replay: hash of all that defines its result',
    request   String COMMENT 'Hash of what was asked for, before positions were known',
    monitor   LowCardinality(String) COMMENT 'Monitor',
    model     LowCardinality(String) COMMENT 'Model',
    state     LowCardinality(String) COMMENT 'running, stopped or done',
    who       LowCardinality(String) COMMENT 'Who asked for it',
    began     DateTime64(3, 'UTC') COMMENT 'When it began [UTC]',
    positions Array(Tuple(partition Int64, first Int64, end Int64)) COMMENT 'Range of each ledger partition, the end not included',
    rows      Int64 COMMENT 'Predictions and labels of the model in that range, so far [rows]',
    from      DateTime64(3, 'UTC') COMMENT 'Start of its first pane with rows, event time [UTC]',
    to        DateTime64(3, 'UTC') COMMENT 'End of its newest final pane, event time [UTC]',
    changed   DateTime64(3, 'UTC') COMMENT 'When this row was written: the newest counts [UTC]'
) ENGINE = ReplacingMergeTree(changed)
ORDER BY lineage
COMMENT 'Replays of the ledger into shadow lineages';

CREATE TABLE IF NOT EXISTS switch_rows (
    monitor LowCardinality(String) COMMENT 'Monitor',
    model   LowCardinality(String) COMMENT 'Model',
    number  Int64 COMMENT 'Number of the switch of that monitor, from 1: the highest decides what is shown',
    action  LowCardinality(String) COMMENT 'switch or back',
    lineage LowCardinality(String) COMMENT 'Shadow lineage that is shown; empty for none',
    hidden  Array(String) COMMENT 'Live lineages that are hidden where it is shown',
    from    DateTime64(3, 'UTC') COMMENT 'Start of the first pane that it is shown for [UTC]',
    to      DateTime64(3, 'UTC') COMMENT 'End of the last pane that it is shown for [UTC]',
    before  Int64 COMMENT 'Number of the switch that the next step back returns to; 0: to none',
    who     LowCardinality(String) COMMENT 'Who did it',
    at      DateTime64(3, 'UTC') COMMENT 'When [UTC]'
) ENGINE = ReplacingMergeTree(at)
ORDER BY (model, monitor, number)
COMMENT 'Which shadow lineage is shown of each monitor, one row for each change';

CREATE TABLE IF NOT EXISTS feedback_rows (
    model    LowCardinality(String) COMMENT 'Model',
    incident String COMMENT 'Incident',
    id       String COMMENT 'Command that said it',
    answer   LowCardinality(String) COMMENT 'real, not-worth or false',
    note     String COMMENT 'Why, in a sentence; empty if not said',
    who      LowCardinality(String) COMMENT 'Who said it',
    at       DateTime64(3, 'UTC') COMMENT 'When it was said [UTC]',
    known    DateTime64(3, 'UTC') COMMENT 'When the ledger stored it [UTC]',
    position Int64 COMMENT 'Position in topic commands: a higher one replaces a lower one'
) ENGINE = ReplacingMergeTree(position)
ORDER BY (model, incident, id)
COMMENT 'Answers of people to: was this useful?';

CREATE TABLE IF NOT EXISTS investigations_rows (
    id             String COMMENT 'Investigation',
    at             DateTime64(3, 'UTC') COMMENT 'When it was made [UTC]',
    who            String COMMENT 'Who asked for it',
    model          LowCardinality(String) COMMENT 'Model',
    lineage        LowCardinality(String) COMMENT 'Lineage: measuring part of a spec with one reference',
    monitor        LowCardinality(String) COMMENT 'Monitor',
    incident       String COMMENT 'Incident; empty if a pane was named',
    feature        LowCardinality(String) COMMENT 'Feature; empty for all inputs together',
    window_from    DateTime64(3, 'UTC') COMMENT 'Begin of the rows, event time [UTC]',
    window_to      DateTime64(3, 'UTC') COMMENT 'Their end, not included [UTC]',
    library        LowCardinality(String) COMMENT 'Who answered, with its version',
    test           LowCardinality(String) COMMENT 'Test: ks, cvm, chi2, fet, tabular, classifier …',
    finds          LowCardinality(String) COMMENT 'Whether it finds a change: yes or no; empty if it could not be made',
    statistic      Float64 COMMENT 'Its statistic; NaN if there is none [see unit]',
    unit           LowCardinality(String) COMMENT 'What the statistic is',
    p              Float64 COMMENT 'Its p-value, of rows taken as independent; NaN if there is none',
    threshold      Float64 COMMENT 'p-value below which it finds a change; NaN if there is none',
    note           String COMMENT 'What to know of it, in words',
    reference_rows Int64 COMMENT 'Rows of the reference that were tested [rows]',
    rows           Int64 COMMENT 'Rows of the window that were tested [rows]',
    verdict        String COMMENT 'Our verdict, the surest in that time; empty if there is none',
    status         LowCardinality(String) COMMENT 'Its status',
    evidence_days  Float64 COMMENT 'Its evidence; NaN if nothing was judged [d]',
    budget_days    Float64 COMMENT 'Evidence from which on it is proven at the budget [d]',
    effect         Float64 COMMENT 'Its effect [see effect_name]',
    effect_name    LowCardinality(String) COMMENT 'What the effect is measured in',
    floor          Float64 COMMENT 'Smallest effect that matters [see effect_name]'
) ENGINE = ReplacingMergeTree(at)
PARTITION BY toYYYYMM(at)
ORDER BY (model, window_from, id, feature, test)
COMMENT 'What other tests said of the raw rows of flagged panes';
