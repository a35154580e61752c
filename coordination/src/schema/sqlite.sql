-- Tables of the coordinator in SQLite. Times are milliseconds since 1970 UTC.
-- A node makes them when they are missing.
CREATE TABLE IF NOT EXISTS ganglion_meta (
  k TEXT NOT NULL PRIMARY KEY,
  v INTEGER NOT NULL
);

-- One row per process start. live_node is the node's name while the member lives, and null after:
-- the unique key allows one live member per node and any number of ended ones.
CREATE TABLE IF NOT EXISTS ganglion_member (
  grp TEXT NOT NULL,
  member TEXT NOT NULL,
  node TEXT NOT NULL,
  live_node TEXT,
  seq INTEGER NOT NULL,
  lease_ms INTEGER NOT NULL,
  weight INTEGER NOT NULL,
  version TEXT NOT NULL,
  state VARCHAR(16) NOT NULL,
  offer_version INTEGER NOT NULL,
  draining INTEGER NOT NULL,
  offer TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  renewed_at INTEGER NOT NULL,
  ended_at INTEGER,
  ended_by TEXT,
  PRIMARY KEY (grp, member),
  UNIQUE (grp, live_node)
);

-- One row per activation. The lease is the pair of an owner that is a live member, and the epoch.
-- acquired_at is the last change of the owner, null if there never was one.
CREATE TABLE IF NOT EXISTS ganglion_lease (
  grp TEXT NOT NULL,
  activation TEXT NOT NULL,
  owner TEXT,
  epoch INTEGER NOT NULL DEFAULT 0,
  wanted TEXT,
  paused INTEGER NOT NULL DEFAULT 0,
  runs INTEGER NOT NULL DEFAULT 0,
  last_fire INTEGER,
  def TEXT NOT NULL DEFAULT '',
  acquired_at INTEGER,
  PRIMARY KEY (grp, activation)
);

INSERT INTO ganglion_meta (k, v) VALUES ('schema', 1) ON CONFLICT DO NOTHING;
