//! `faults`: see [`harness::faults::cli::HELP`].

use harness::faults::cli::{Arguments, HELP, run};

fn main() {
    std::process::exit(harness::command_line::main("faults", HELP, |arguments, say| {
        run(&Arguments::read(arguments)?, say)
    }));
}
