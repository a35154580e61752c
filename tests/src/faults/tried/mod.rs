//! The faults themselves, by what they are done to. Each gets a cluster without nodes, and returns
//! when it is over; what it promises, it leaves in the cluster.

pub mod artifacts;
pub mod clock;
pub mod database;
pub mod identity;
pub mod load;
pub mod network;
pub mod process;
pub mod trials;

use crate::cases::Stop;

/// `Err`: it could not be tried to its end.
pub type Tried = Result<(), Stop>;
