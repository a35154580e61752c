//! Text in, typed artifacts and diagnostics out.
//!
//! A file becomes a [`source::Source`], its bytes an [`xml::Document`] in which every element,
//! attribute and text knows its place, and the reader of its kind turns the tree into a typed
//! artifact. Every problem on the way is a [`diagnostics::Diagnostic`]; reading goes on after it.
//!
//! This crate opens no file, reads no environment and asks for no time: it is given text and
//! gives back values, so it can run in a test, in `ganglion check` and in the server alike.
//! The grammar of mediators is not here: it stands beside their behaviour in the runtime.

pub mod bundle;
pub mod config;
pub mod cron;
pub mod dates;
pub mod diagnostics;
pub mod expr;
pub mod http_template;
pub mod java_regex;
pub mod kinds;
pub mod read;
pub mod references;
pub mod set;
pub mod source;
pub mod uri_template;
pub mod values;
pub mod xml;
