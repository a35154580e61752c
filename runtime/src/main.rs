//! The `ganglion` command: reads arguments, runs the command, turns its result into an exit code.

use clap::Parser as _;
use runtime::cli::{Cli, Command};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // clap exits with 0 for help and version, 2 for wrong use.
    match Cli::parse().command {
        Command::Run(args) => runtime::server::command(args),
        Command::Check(args) => runtime::check::command(&args),
    }
}
