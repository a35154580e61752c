//! `faults`: see [`harness::faults::cli::HELP`].

use harness::faults::cli::{Arguments, HELP, run};

// A command line program speaks on its standard output; the library never does.
#[allow(clippy::print_stdout, clippy::print_stderr)]
fn main() {
    if std::env::args().any(|a| a == "--help" || a == "-h") {
        println!("{HELP}");
        return;
    }
    let result = Arguments::read(std::env::args().skip(1)).and_then(|a| run(&a, |line| println!("{line}")));
    std::process::exit(result.unwrap_or_else(|why| {
        eprintln!("faults: {why}\n\n{HELP}");
        2
    }));
}
