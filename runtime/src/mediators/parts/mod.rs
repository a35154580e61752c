//! What several mediators share: the `target` element, rewrite and route conditions, named values, words
//! that MI reads leniently, and what was compiled from an entry.

pub(crate) mod condition;
pub(crate) mod convert;
pub(crate) mod correlation;
pub(crate) mod database;
pub(crate) mod entry;
pub(crate) mod gson;
pub(crate) mod last;
pub(crate) mod payload;
pub(crate) mod proxy;
pub(crate) mod reading;
pub(crate) mod result_target;
pub(crate) mod target;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod unsupported;
pub(crate) mod uri;
