//! Who may run what, decided by a database.

pub mod clock;
pub mod fire;
pub mod lease;
pub mod member;
pub mod placement;
pub mod protocol;
pub mod store;
pub mod timing;
