//! `conformance`: see [`harness::cli::HELP`].

use harness::cli::{Arguments, HELP, run};

fn main() {
    std::process::exit(harness::command_line::main("conformance", HELP, |arguments, say| {
        run(&Arguments::read(arguments)?, say)
    }));
}
