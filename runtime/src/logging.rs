//! Log lines: for people as MI's console writes them, for machines as JSON.
//!
//! `[2026-11-25 13:58:37,123]  INFO {LogMediator} - {api:Orders} id = 7`

use std::fmt;
use std::io::IsTerminal;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, fmt as subscriber_fmt};

/// How to write log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// MI's console pattern.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// Installs the process's subscriber. `filter` is a comma list of `target=level`; default `info`.
/// A second call does nothing.
pub fn install(format: LogFormat, filter: Option<&str>) {
    let filter = EnvFilter::try_new(filter.unwrap_or("info")).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = subscriber_fmt::Subscriber::builder().with_env_filter(filter).with_writer(std::io::stdout);
    let installed = match format {
        LogFormat::Json => {
            tracing::subscriber::set_global_default(builder.json().flatten_event(true).finish())
        }
        LogFormat::Human => {
            let line = ConsoleLine { colour: std::io::stdout().is_terminal() };
            tracing::subscriber::set_global_default(builder.event_format(line).finish())
        }
    };
    // Tests run several servers in one process; the first subscriber serves all.
    drop(installed);
}

struct ConsoleLine {
    colour: bool,
}

impl<S, N> FormatEvent<S, N> for ConsoleLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, cx: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let now = jiff::Zoned::now();
        let meta = event.metadata();
        let name = meta.target().rsplit("::").next().unwrap_or_default();
        write!(out, "[{}]", now.strftime("%Y-%m-%d %H:%M:%S,%3f"))?;
        match (self.colour, *meta.level()) {
            (true, tracing::Level::ERROR) => write!(out, " \x1b[31mERROR\x1b[0m")?,
            (true, tracing::Level::WARN) => write!(out, "  \x1b[33mWARN\x1b[0m")?,
            (_, level) => write!(out, " {level:>5}")?,
        }
        write!(out, " {{{name}}} - ")?;
        cx.field_format().format_fields(out.by_ref(), event)?;
        writeln!(out)
    }
}
