//! Time settings of the nodes, and the bounds that follow: the figures of `coordination/src/timing.rs`,
//! written down again because a test must not believe what it tests.

use std::time::Duration;

/// One profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// As the settings and `--profile` call it.
    pub name: &'static str,
    /// Pause between two renewals.
    pub heartbeat: Duration,
    /// How long others must see silence before they take over.
    pub lease: Duration,
    /// After this long without a renewal a node may no longer act.
    pub fence: Duration,
    /// And after this much more it has fallen silent.
    pub stop: Duration,
    /// Longest wait for one statement.
    pub statement: Duration,
    /// Crash of an owner to the first run elsewhere.
    pub bound: Duration,
}

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// End of a drain to the first run elsewhere.
pub const HAND_OVER: Duration = ms(1200);
/// The database answers again to all work going on.
pub const RETURN: Duration = ms(2000);
/// What events may be late on a busy machine.
pub const SLACK: Duration = ms(250);

/// The server's own default.
pub const DEFAULT: Profile = Profile {
    name: "default",
    heartbeat: ms(1000),
    lease: ms(5000),
    fence: ms(3500),
    stop: ms(1000),
    statement: ms(800),
    bound: ms(6600),
};

/// For a database that answers within 0.4 s.
pub const FAST: Profile = Profile {
    name: "fast",
    heartbeat: ms(500),
    lease: ms(2500),
    fence: ms(1500),
    stop: ms(500),
    statement: ms(400),
    bound: ms(3500),
};

impl Profile {
    /// A profile by its name.
    pub fn named(name: &str) -> Option<Profile> {
        [DEFAULT, FAST].into_iter().find(|p| p.name == name)
    }

    /// From the last good renewal to silence, with what events may be late.
    pub fn silence(&self) -> Duration {
        self.fence + self.stop + SLACK
    }
}
