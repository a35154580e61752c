//! The command line: what each command takes, its help, and its exit codes.
//!
//! The doors `run`, `check` and `--version` are stable: other tools call them.

use crate::logging::LogFormat;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Ganglion runs WSO2 Micro Integrator artifacts: projects, folders of Synapse XML, .car archives.
#[derive(Debug, Parser)]
#[command(name = "ganglion", version, about, arg_required_else_help = true, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  ganglion run my-project                 serve a project on http://localhost:8290
  ganglion run orders_1.0.0.car           serve one Carbon application
  ganglion run /opt/mi --port-offset 0    serve an MI home on the classic ports 8280, 8243, 9191
  ganglion check my-project               list every problem, exit 1 when MI would refuse something";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve artifacts until SIGTERM or SIGINT (a second signal ends at once)
    Run(RunArgs),
    /// List every problem of artifacts without serving them
    ///
    /// Exit status: 0 when MI would deploy all of it (warnings allowed), 1 when something would be
    /// refused, 2 for wrong use.
    Check(CheckArgs),
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Projects, folders, .car archives or an MI home; the first is the working home [default: .]
    pub paths: Vec<PathBuf>,
    /// Settings [default: conf/deployment.toml or deployment/deployment.toml in the first path]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Added to every base port; 10 gives 8290 (HTTP), 8253 (HTTPS), 9201 (health) [default: 10, or server.offset]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub port_offset: Option<i32>,
    /// Port of the HTTP listener alone, without offset
    #[arg(long, value_name = "N")]
    pub http_port: Option<u16>,
    /// Form of log lines
    #[arg(long, value_enum, default_value_t = LogFormat::Human)]
    pub log_format: LogFormat,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Projects, folders, single files or .car archives
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// Form of the report
    #[arg(long, value_enum, default_value_t = ReportFormat::Human)]
    pub format: ReportFormat,
}

/// Form of the report of `check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// One finding after the other with its source line.
    Human,
    /// One JSON object.
    Json,
}
