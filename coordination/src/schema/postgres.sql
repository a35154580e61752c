-- Tables of the coordinator in PostgreSQL. Times are database milliseconds since 1970 UTC.
-- A node makes them when they are missing. Made beforehand, its user needs only SELECT on ganglion_meta and
-- SELECT, INSERT, UPDATE, DELETE on the other two.
CREATE TABLE IF NOT EXISTS ganglion_meta (
  k VARCHAR(64) NOT NULL PRIMARY KEY,
  v BIGINT NOT NULL
);

-- One row per process start. live_node is the node's name while the member lives, and null after:
-- the unique key allows one live member per node and any number of ended ones.
CREATE TABLE IF NOT EXISTS ganglion_member (
  grp VARCHAR(64) NOT NULL,
  member VARCHAR(36) NOT NULL,
  node VARCHAR(128) NOT NULL,
  live_node VARCHAR(128),
  seq BIGINT NOT NULL,
  lease_ms BIGINT NOT NULL,
  weight BIGINT NOT NULL,
  version VARCHAR(64) NOT NULL,
  state VARCHAR(16) NOT NULL,
  offer_version BIGINT NOT NULL,
  draining BIGINT NOT NULL,
  offer TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  renewed_at BIGINT NOT NULL,
  ended_at BIGINT,
  ended_by VARCHAR(36),
  PRIMARY KEY (grp, member),
  UNIQUE (grp, live_node)
);

-- One row per activation. The lease is the pair of an owner that is a live member, and the epoch.
-- acquired_at is the last change of the owner, null if there never was one.
CREATE TABLE IF NOT EXISTS ganglion_lease (
  grp VARCHAR(64) NOT NULL,
  activation VARCHAR(191) NOT NULL,
  owner VARCHAR(36),
  epoch BIGINT NOT NULL DEFAULT 0,
  wanted VARCHAR(36),
  paused BIGINT NOT NULL DEFAULT 0,
  runs BIGINT NOT NULL DEFAULT 0,
  last_fire BIGINT,
  def VARCHAR(64) NOT NULL DEFAULT '',
  acquired_at BIGINT,
  PRIMARY KEY (grp, activation)
);

INSERT INTO ganglion_meta (k, v) VALUES ('schema', 1) ON CONFLICT DO NOTHING;
