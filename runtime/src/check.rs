//! The `check` command: every diagnostic, without serving.

use crate::cli::CheckArgs;
use std::process::ExitCode;

/// Runs the command.
pub fn command(_args: &CheckArgs) -> ExitCode {
    ExitCode::from(2)
}
