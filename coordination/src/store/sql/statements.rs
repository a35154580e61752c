//! The statement texts, written once. `?` stands for an argument; PostgreSQL gets numbers.

/// What differs between the databases.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    /// The database's clock in whole milliseconds since 1970.
    pub(crate) now: &'static str,
    /// Counts those of our tables that exist.
    pub(crate) tables: &'static str,
    /// Function that gives the largest of its arguments.
    pub(crate) greatest: &'static str,
    /// The type of a 64-bit integer in a cast.
    pub(crate) bigint: &'static str,
    /// How an insert is told to leave an existing row alone: before and after its values.
    pub(crate) or_ignore: (&'static str, &'static str),
    /// The same for rows that consist of their key, where nothing else can go wrong.
    pub(crate) or_ignore_key: (&'static str, &'static str),
    /// How an insert of (grp, activation, paused) updates an existing row.
    pub(crate) or_pause: &'static str,
    /// An update that frees activations also tells the other nodes: before and after its text.
    pub(crate) announce: (&'static str, &'static str),
    /// Arguments are written `$1`, `$2`, ...
    pub(crate) numbered: bool,
}

/// All statements of one dialect.
#[derive(Debug)]
pub(crate) struct Statements {
    pub(crate) tables: String,
    pub(crate) version: String,
    pub(crate) sweep: String,
    pub(crate) retire: String,
    pub(crate) forget: String,
    pub(crate) join: String,
    pub(crate) lives: String,
    pub(crate) renew: String,
    pub(crate) renew_offer: String,
    pub(crate) leave: String,
    pub(crate) expire: String,
    pub(crate) observe: String,
    pub(crate) offers: String,
    pub(crate) create: String,
    pub(crate) claim: String,
    pub(crate) release: String,
    pub(crate) raise: String,
    pub(crate) fire: String,
    pub(crate) read: String,
    pub(crate) pause: String,
}

/// Rows made by one statement; a shorter list repeats its last key.
pub(crate) const CREATE_ROWS: usize = 50;

const LIVE: &str = "grp = ? AND member = ? AND live_node IS NOT NULL";

impl Statements {
    pub(crate) fn of(d: &Dialect) -> Self {
        let text = |s: String| if d.numbered { number(&s) } else { s };
        let Dialect { now, greatest, bigint, or_ignore: (insert, ignore), or_pause, .. } = d;
        let announced = |update: String| text(format!("{}{update}{}", d.announce.0, d.announce.1));
        let zero = format!("CAST(0 AS {bigint})");
        Self {
            tables: d.tables.into(),
            version: "SELECT v FROM ganglion_meta WHERE k = 'schema'".into(),
            sweep: text(format!(
                "DELETE FROM ganglion_member WHERE grp = ? AND live_node IS NULL AND ended_at < {now} - ?"
            )),
            retire: text(format!(
                "UPDATE ganglion_lease SET owner = NULL, acquired_at = {now} \
                 WHERE grp = ? AND activation = ? AND paused = 0 AND (acquired_at IS NULL OR (owner IS NOT NULL \
                 AND NOT EXISTS (SELECT 1 FROM ganglion_member m WHERE m.grp = ganglion_lease.grp \
                 AND m.member = ganglion_lease.owner AND m.live_node IS NOT NULL)))"
            )),
            forget: text(format!(
                "DELETE FROM ganglion_lease WHERE grp = ? AND activation = ? AND paused = 0 AND owner IS NULL \
                 AND acquired_at < {now} - ?"
            )),
            join: text(format!(
                "{insert} INTO ganglion_member \
                 (grp, member, node, live_node, seq, lease_ms, weight, version, state, offer_version, draining, \
                 offer, started_at, renewed_at) \
                 VALUES (?, ?, ?, ?, 0, ?, ?, ?, 'live', 0, 0, '', {now}, {now}) {ignore}"
            )),
            lives: text(format!("SELECT seq FROM ganglion_member WHERE {LIVE}")),
            renew: text(format!("UPDATE ganglion_member SET seq = seq + 1, renewed_at = {now} WHERE {LIVE}")),
            renew_offer: text(format!(
                "UPDATE ganglion_member SET seq = seq + 1, renewed_at = {now}, offer_version = ?, draining = ?, \
                 offer = ? WHERE {LIVE}"
            )),
            leave: announced(format!(
                "UPDATE ganglion_member SET live_node = NULL, offer = '', state = 'left', ended_at = {now} WHERE {LIVE}"
            )),
            expire: announced(format!(
                "UPDATE ganglion_member SET live_node = NULL, offer = '', state = 'expired', ended_at = {now}, \
                 ended_by = ? \
                 WHERE {LIVE} AND seq = ?"
            )),
            observe: text(format!(
                "SELECT {zero}, {now}, '', '', '', '', {zero}, {zero}, {zero}, {zero} \
                 UNION ALL SELECT CAST(1 AS {bigint}), seq, member, node, '', '', lease_ms, weight, offer_version, \
                 draining FROM ganglion_member WHERE grp = ? AND live_node IS NOT NULL \
                 UNION ALL SELECT CAST(2 AS {bigint}), epoch, activation, COALESCE(owner, ''), \
                 COALESCE(wanted, ''), def, paused, runs, last_fire, {zero} FROM ganglion_lease WHERE grp = ?"
            )),
            offers: text(
                "SELECT member, offer_version, draining, offer FROM ganglion_member \
                 WHERE grp = ? AND live_node IS NOT NULL"
                    .into(),
            ),
            create: text(format!(
                "{} INTO ganglion_lease (grp, activation) VALUES (?, ?){} {}",
                d.or_ignore_key.0,
                ", (?, ?)".repeat(CREATE_ROWS - 1),
                d.or_ignore_key.1
            )),
            claim: text(format!(
                "UPDATE ganglion_lease SET runs = CASE WHEN def = COALESCE(?, def) THEN runs ELSE 0 END, \
                 def = COALESCE(?, def), owner = ?, \
                 epoch = {greatest}(epoch + 1, ?, {now}), wanted = NULL, acquired_at = {now} \
                 WHERE grp = ? AND activation = ? AND epoch = ? AND COALESCE(owner, '') = ? AND paused = 0 \
                 AND EXISTS (SELECT 1 FROM ganglion_member m \
                 WHERE m.grp = ? AND m.member = ? AND m.live_node IS NOT NULL) \
                 AND NOT EXISTS (SELECT 1 FROM ganglion_member o \
                 WHERE o.grp = ? AND o.member = ? AND o.live_node IS NOT NULL)"
            )),
            release: announced(format!(
                "UPDATE ganglion_lease SET owner = NULL, wanted = ?, acquired_at = {now} \
                 WHERE grp = ? AND activation = ? AND owner = ? AND epoch = ?"
            )),
            raise: text(format!(
                "UPDATE ganglion_lease SET epoch = {greatest}(epoch + 1, ?, {now}) \
                 WHERE grp = ? AND activation = ? AND epoch = ?"
            )),
            fire: text(
                "UPDATE ganglion_lease SET last_fire = ?, \
                 runs = CASE WHEN def = COALESCE(?, def) THEN runs + 1 ELSE 1 END, def = COALESCE(?, def) \
                 WHERE grp = ? AND activation = ? AND owner = ? AND epoch = ? AND paused = 0 \
                 AND (last_fire IS NULL OR last_fire < ?) \
                 AND CASE WHEN def = COALESCE(?, def) THEN runs ELSE 0 END < ?"
                    .into(),
            ),
            read: text(
                "SELECT epoch, COALESCE(owner, ''), COALESCE(wanted, ''), def, paused, runs, last_fire \
                 FROM ganglion_lease WHERE grp = ? AND activation = ?"
                    .into(),
            ),
            pause: text(format!(
                "INSERT INTO ganglion_lease (grp, activation, paused) VALUES (?, ?, ?) {or_pause}"
            )),
        }
    }
}

impl Statements {
    /// Those that must not wait for their preparation: of heartbeats, and of work.
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    pub(crate) fn warm(&'static self) -> [Vec<&'static str>; 2] {
        [vec![&self.renew, &self.observe], vec![&self.claim, &self.fire, &self.release]]
    }
}

/// `?` to `$1`, `$2`, ...; none of the texts has a question mark of another meaning.
fn number(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for (i, part) in text.split('?').enumerate() {
        if i > 0 {
            out.push_str(&format!("${i}"));
        }
        out.push_str(part);
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn arguments_are_numbered_in_order() {
        assert_eq!(super::number("a = ? AND b < ?"), "a = $1 AND b < $2");
    }
}
