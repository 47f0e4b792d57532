-- A data directory as squall wrote it when every index was over one field: the tables of the format and of executions.
PRAGMA application_id = 0x53514c21; PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; BEGIN;
CREATE TABLE store_format (key TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE store_fields (collection TEXT NOT NULL, field TEXT NOT NULL, path TEXT NOT NULL, type TEXT NOT NULL, PRIMARY KEY (collection, field)) STRICT, WITHOUT ROWID;
CREATE TABLE "executions" (id TEXT PRIMARY KEY NOT NULL, revision INTEGER NOT NULL, "status" TEXT, "action" TEXT, "pack" TEXT, "runner" TEXT, "parent" TEXT, "rule" TEXT, "trigger_instance" TEXT, "liveaction" TEXT, "user" TEXT, "start_timestamp" TEXT, "end_timestamp" TEXT, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX "executions__status" ON "executions" ("status", id);
CREATE INDEX "executions__action" ON "executions" ("action", id);
CREATE INDEX "executions__pack" ON "executions" ("pack", id);
CREATE INDEX "executions__runner" ON "executions" ("runner", id);
CREATE INDEX "executions__parent" ON "executions" ("parent", id);
CREATE INDEX "executions__rule" ON "executions" ("rule", id);
CREATE INDEX "executions__trigger_instance" ON "executions" ("trigger_instance", id);
CREATE INDEX "executions__liveaction" ON "executions" ("liveaction", id);
CREATE INDEX "executions__user" ON "executions" ("user", id);
CREATE INDEX "executions__start_timestamp" ON "executions" ("start_timestamp", id);
CREATE INDEX "executions__end_timestamp" ON "executions" ("end_timestamp", id);
INSERT INTO store_format VALUES ('version', 1);
INSERT INTO store_fields VALUES('executions','action','action.ref','text');
INSERT INTO store_fields VALUES('executions','end_timestamp','end_timestamp','text');
INSERT INTO store_fields VALUES('executions','liveaction','liveaction.id','text');
INSERT INTO store_fields VALUES('executions','pack','action.pack','text');
INSERT INTO store_fields VALUES('executions','parent','parent','text');
INSERT INTO store_fields VALUES('executions','rule','rule.ref','text');
INSERT INTO store_fields VALUES('executions','runner','runner.name','text');
INSERT INTO store_fields VALUES('executions','start_timestamp','start_timestamp','text');
INSERT INTO store_fields VALUES('executions','status','status','text');
INSERT INTO store_fields VALUES('executions','trigger_instance','trigger_instance.id','text');
INSERT INTO store_fields VALUES('executions','user','context.user','text');
INSERT INTO executions VALUES ('65f000000000000000000001', 1, 'succeeded', 'core.noop', 'core', 'noop', NULL, NULL, NULL, '65f00000000000000000000a', 'stanley', '2026-01-31T12:00:03.000000Z', '2026-01-31T12:00:03.000000Z',
 '{"id": "65f000000000000000000001", "status": "succeeded", "action": {"ref": "core.noop", "pack": "core"}, "runner": {"name": "noop"}, "liveaction": {"id": "65f00000000000000000000a"}, "context": {"user": "stanley"}, "start_timestamp": "2026-01-31T12:00:03.000000Z", "end_timestamp": "2026-01-31T12:00:03.000000Z"}');
INSERT INTO executions VALUES ('65f000000000000000000002', 2, 'failed', 'core.noop', 'core', 'noop', NULL, NULL, NULL, '65f00000000000000000000a', 'stanley', '2026-01-31T12:00:01.000000Z', '2026-01-31T12:00:01.000000Z',
 '{"id": "65f000000000000000000002", "status": "failed", "action": {"ref": "core.noop", "pack": "core"}, "runner": {"name": "noop"}, "liveaction": {"id": "65f00000000000000000000a"}, "context": {"user": "stanley"}, "start_timestamp": "2026-01-31T12:00:01.000000Z", "end_timestamp": "2026-01-31T12:00:01.000000Z"}');
INSERT INTO executions VALUES ('65f000000000000000000003', 3, 'succeeded', 'core.local', 'core', 'noop', NULL, NULL, NULL, '65f00000000000000000000a', 'stanley', '2026-01-31T12:00:02.000000Z', '2026-01-31T12:00:02.000000Z',
 '{"id": "65f000000000000000000003", "status": "succeeded", "action": {"ref": "core.local", "pack": "core"}, "runner": {"name": "noop"}, "liveaction": {"id": "65f00000000000000000000a"}, "context": {"user": "stanley"}, "start_timestamp": "2026-01-31T12:00:02.000000Z", "end_timestamp": "2026-01-31T12:00:02.000000Z"}');
INSERT INTO executions VALUES ('65f000000000000000000004', 4, 'running', 'core.noop', 'core', 'noop', NULL, NULL, NULL, '65f00000000000000000000a', 'stanley', '2026-01-31T12:00:02.000000Z', NULL,
 '{"id": "65f000000000000000000004", "status": "running", "action": {"ref": "core.noop", "pack": "core"}, "runner": {"name": "noop"}, "liveaction": {"id": "65f00000000000000000000a"}, "context": {"user": "stanley"}, "start_timestamp": "2026-01-31T12:00:02.000000Z", "end_timestamp": null}');
COMMIT;
