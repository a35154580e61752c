//! All faults: name, what is done, and when it is tried.

use super::cluster::Cluster;
use super::tried;

/// Which runs try a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `short` and `long`.
    Always,
    /// `long` only.
    Long,
}

/// One fault.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub name: &'static str,
    pub about: &'static str,
    pub form: Form,
    /// It restarts the database, or needs the machine for itself.
    pub is_alone: bool,
    /// Does it to a cluster without nodes, and says what is promised.
    pub run: fn(&mut Cluster<'_>) -> Result<(), String>,
}

const fn fault(
    name: &'static str,
    about: &'static str,
    form: Form,
    run: fn(&mut Cluster<'_>) -> Result<(), String>,
) -> Fault {
    Fault { name, about, form, is_alone: false, run }
}

use Form::Always;

/// In the order of the report.
pub const FAULTS: &[Fault] = &[fault("kill", "kill -9 of the busiest node", Always, tried::process::kill)];
