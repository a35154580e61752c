//! The faults themselves, by what they are done to.

pub mod process;
