//! Expressions through the facade.
