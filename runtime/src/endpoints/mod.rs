//! Where messages are sent: leaves, groups, and the state that decides whether they are ready.

pub mod suspension;
