-- A ledger as the first version of its tables left it: one run finished, one cut off, one planned.
-- %real%, %bytes%, %bare%: what the databases call a float, a blob and a table without row ids.

CREATE TABLE meta ("key" TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY ("key"));
CREATE TABLE campaigns (
    name TEXT NOT NULL, created_at %real% NOT NULL, command TEXT NOT NULL, plan_toml TEXT NOT NULL,
    models TEXT NOT NULL, suites TEXT NOT NULL, environment TEXT NOT NULL, stopped TEXT NOT NULL,
    PRIMARY KEY (name)
);
CREATE TABLE workers (
    id TEXT NOT NULL, host TEXT NOT NULL, boot TEXT NOT NULL, pid INTEGER NOT NULL,
    born BIGINT NOT NULL, heartbeat %real% NOT NULL, PRIMARY KEY (id)
);
CREATE TABLE runs (
    id TEXT NOT NULL, campaign TEXT NOT NULL, position INTEGER NOT NULL, model TEXT NOT NULL,
    suite TEXT NOT NULL, task TEXT NOT NULL, seed BIGINT NOT NULL, attempt INTEGER NOT NULL,
    state TEXT NOT NULL, owner TEXT, tries INTEGER NOT NULL, started_at %real%, seconds %real%,
    outcome TEXT, flags TEXT NOT NULL, reason TEXT NOT NULL, error TEXT NOT NULL,
    done INTEGER NOT NULL, "of" INTEGER NOT NULL, turns INTEGER NOT NULL,
    tool_calls INTEGER NOT NULL, input_tokens BIGINT, cached_input_tokens BIGINT,
    output_tokens BIGINT, reasoning_tokens BIGINT, cost_usd %real%, lost_cost_usd %real% NOT NULL,
    lost_calls_unpriced INTEGER NOT NULL,
    PRIMARY KEY (id), UNIQUE (campaign, position),
    FOREIGN KEY(campaign) REFERENCES campaigns (name), FOREIGN KEY(owner) REFERENCES workers (id)
);
CREATE INDEX runs_by_state ON runs (campaign, state, position);
CREATE INDEX runs_by_owner ON runs (owner) WHERE owner IS NOT NULL;
CREATE TABLE calls (
    run_id TEXT NOT NULL, try INTEGER NOT NULL, turn INTEGER NOT NULL, state TEXT NOT NULL,
    started_at %real% NOT NULL, input_tokens BIGINT, cached_input_tokens BIGINT,
    output_tokens BIGINT, reasoning_tokens BIGINT, cost_usd %real%, first_token_s %real%,
    total_s %real%, waited_s %real% NOT NULL, attempts INTEGER NOT NULL, error_kind TEXT NOT NULL,
    finish TEXT NOT NULL, served_model TEXT NOT NULL,
    PRIMARY KEY (run_id, try, turn), FOREIGN KEY(run_id) REFERENCES runs (id)
)%bare%;
CREATE TABLE transcripts (
    run_id TEXT NOT NULL, content %bytes% NOT NULL,
    PRIMARY KEY (run_id), FOREIGN KEY(run_id) REFERENCES runs (id)
);

INSERT INTO meta VALUES ('schema_version', '1');
INSERT INTO campaigns VALUES ('night', 1000.1, 'ossay run night', 'name = "night"',
    '[{"reference":"lab/one"}]', '{"sums":"1"}', '{"ossay":"0.1.0"}', 'interrupted');
INSERT INTO workers VALUES ('gone', 'elsewhere', 'boot', 1, 1, 0.5);
INSERT INTO runs VALUES ('night-0', 'night', 0, 'lab/one', 'sums', 'add', 0, 1, 'finished', NULL, 1,
    1001.3, 0.1, 'passed', '["tool_error"]', 'right', '', 1, 1, 1, 0, 100, 40, 20, 5, 0.1, 0, 0);
INSERT INTO runs VALUES ('night-1', 'night', 1, 'lab/one', 'sums', 'add', 1, 1, 'running', 'gone',
    1, 1002.5, NULL, NULL, '[]', '', '', 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, 0, 0);
INSERT INTO runs VALUES ('night-2', 'night', 2, 'lab/one', 'sums', 'add', 2, 1, 'planned', NULL, 0,
    NULL, NULL, NULL, '[]', '', '', 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, 0, 0);
INSERT INTO calls VALUES ('night-0', 1, 1, 'done', 1001.5, 100, 40, 20, 5, 0.1, 0.1, 0.2, 0, 1, '',
    'stop', 'one-v2');
INSERT INTO calls VALUES ('night-1', 1, 1, 'open', 1002.7, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    0, 1, '', '', '');
