//! `ganglion-benches`: see [`bench::cli::HELP`].

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

// A command line program speaks on its standard output; the library never does.
#[allow(clippy::print_stdout, clippy::print_stderr)]
fn main() {
    if std::env::args().any(|a| a == "--help" || a == "-h") {
        println!("{}", bench::cli::HELP);
        return;
    }
    let result = bench::cli::run(std::env::args().skip(1), |line| println!("{line}"));
    std::process::exit(result.unwrap_or_else(|why| {
        eprintln!("ganglion-benches: {why}");
        2
    }));
}
