//! Rows to ratios, JSON and Markdown.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::life::Life;
use crate::stats::{Spread, spread};
use crate::suite::{Plan, Row};

/// Ganglion against nginx in one scenario: medians and quartiles over paired repetitions.
#[derive(Debug, Clone)]
pub struct Ratio {
    pub scenario: &'static str,
    /// Requests per second, ganglion to nginx: more is better.
    pub throughput: Spread,
    /// CPU per request, nginx to ganglion: more is better, 1 is equal.
    pub cpu: Spread,
    pub ganglion: Spread,
    pub nginx: Spread,
    pub ganglion_cpu_us: f64,
    pub nginx_cpu_us: f64,
    pub p99_ms: f64,
    pub busy: f64,
    pub errors: u64,
}

/// Pairs the rows of each repetition.
pub fn ratios(rows: &[Row]) -> Vec<Ratio> {
    let mut order: Vec<&'static str> = Vec::new();
    let mut by: BTreeMap<(&str, usize, &str), &Row> = BTreeMap::new();
    for row in rows {
        if !order.contains(&row.scenario) {
            order.push(row.scenario);
        }
        by.insert((row.scenario, row.repetition, row.target), row);
    }
    order.into_iter().map(|scenario| ratio(scenario, rows, &by)).collect()
}

fn ratio(scenario: &'static str, rows: &[Row], by: &BTreeMap<(&str, usize, &str), &Row>) -> Ratio {
    let own: Vec<&Row> = rows.iter().filter(|r| r.scenario == scenario && r.target == "ganglion").collect();
    let peer: Vec<&Row> = rows.iter().filter(|r| r.scenario == scenario && r.target == "nginx").collect();
    let pairs: Vec<(&Row, &Row)> =
        own.iter().filter_map(|r| by.get(&(scenario, r.repetition, "nginx")).map(|p| (*r, *p))).collect();
    let of = |rows: &[&Row], f: fn(&Row) -> f64| spread(&rows.iter().map(|r| f(r)).collect::<Vec<_>>());
    Ratio {
        scenario,
        throughput: spread(&pairs.iter().map(|(o, p)| o.per_second / p.per_second).collect::<Vec<_>>()),
        cpu: spread(&pairs.iter().map(|(o, p)| p.cpu_us / o.cpu_us).collect::<Vec<_>>()),
        ganglion: of(&own, |r| r.per_second),
        nginx: of(&peer, |r| r.per_second),
        ganglion_cpu_us: of(&own, |r| r.cpu_us).median,
        nginx_cpu_us: of(&peer, |r| r.cpu_us).median,
        p99_ms: of(&own, |r| r.latency_ms[2]).median,
        busy: of(&own, |r| r.busy).median,
        errors: own.iter().chain(&peer).map(|r| r.errors).sum(),
    }
}

/// Everything as one JSON value.
pub fn as_json(plan: &Plan, rows: &[Row], life: Option<&Life>) -> Value {
    let row = |r: &Row| {
        json!({"scenario": r.scenario, "target": r.target, "repetition": r.repetition, "requests": r.requests,
               "errors": r.errors, "per_second": r.per_second, "cpu_us": r.cpu_us, "busy": r.busy,
               "backend_cpu_us": r.backend_cpu_us, "generator_cpu_us": r.generator_cpu_us,
               "p50_ms": r.latency_ms[0], "p90_ms": r.latency_ms[1], "p99_ms": r.latency_ms[2],
               "p999_ms": r.latency_ms[3], "max_ms": r.latency_ms[4], "load": r.load})
    };
    let three = |s: Spread| json!({"low": s.low, "median": s.median, "high": s.high});
    let ratio = |r: &Ratio| {
        json!({"scenario": r.scenario, "throughput_ratio": three(r.throughput), "cpu_ratio": three(r.cpu),
               "ganglion_per_second": three(r.ganglion), "nginx_per_second": three(r.nginx), "errors": r.errors})
    };
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "plan": {"seconds": plan.seconds, "repetitions": plan.repetitions, "connections": plan.connections,
                 "body": plan.body, "mode": format!("{:?}", plan.mode)},
        "ratios": ratios(rows).iter().map(ratio).collect::<Vec<_>>(),
        "life": life.map(|l| json!({"artifacts": l.artifacts, "start_ms": l.start_ms,
                                    "start_median_ms": spread(&l.start_ms).median,
                                    "idle_rss": l.idle.rss, "idle_pss": l.idle.pss})),
        "rows": rows.iter().map(row).collect::<Vec<_>>(),
    })
}

/// The tables for people.
pub fn as_markdown(plan: &Plan, rows: &[Row], life: Option<&Life>) -> String {
    let mut out = String::new();
    let ratios = ratios(rows);
    if !ratios.is_empty() {
        out.push_str(&format!(
            "{} connections, {} byte bodies, {} repetitions of {} s, {:?}. Ratios are medians over paired runs, \
             quartiles in brackets; above 1 Ganglion is better.\n\n",
            plan.connections, plan.body, plan.repetitions, plan.seconds, plan.mode
        ));
        out.push_str("| scenario | throughput to nginx | CPU to nginx | requests/s | nginx | CPU µs | nginx | p99 ms | core busy | errors |\n");
        out.push_str("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
    }
    for r in &ratios {
        let bound = if r.busy < 0.9 { " (generator bound)" } else { "" };
        out.push_str(&format!(
            "| {} | {} | {} | {:.0} | {:.0} | {:.1} | {:.1} | {:.2} | {:.0} %{bound} | {} |\n",
            r.scenario,
            three(r.throughput),
            three(r.cpu),
            r.ganglion.median,
            r.nginx.median,
            r.ganglion_cpu_us,
            r.nginx_cpu_us,
            r.p99_ms,
            r.busy * 100.0,
            r.errors
        ));
    }
    let load = rows.iter().map(|r| r.load).fold(0.0, f64::max);
    if load > 3.0 {
        out.push_str(&format!(
            "\nThe machine was busy with other work (load {load:.1}): read the ratios with care.\n"
        ));
    }
    if let Some(life) = life {
        let start = spread(&life.start_ms);
        let mib = |bytes: u64| bytes as f64 / (1024.0 * 1024.0);
        out.push_str(&format!(
            "\n| {} artifacts | value |\n|---|---:|\n| start to first served request | {:.1} ms [{:.1}, {:.1}], {} starts |\n\
             | resident memory idle | {:.1} MiB (PSS {:.1} MiB) |\n",
            life.artifacts,
            start.median,
            start.low,
            start.high,
            life.start_ms.len(),
            mib(life.idle.rss),
            mib(life.idle.pss)
        ));
    }
    out
}

fn three(s: Spread) -> String {
    format!("**{:.2}** [{:.2}, {:.2}]", s.median, s.low, s.high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Mode;

    fn row(target: &'static str, repetition: usize, per_second: f64, cpu_us: f64) -> Row {
        Row {
            scenario: "s",
            target,
            repetition,
            requests: 10,
            errors: 0,
            per_second,
            cpu_us,
            busy: 0.5,
            backend_cpu_us: 0.0,
            generator_cpu_us: 0.0,
            latency_ms: [0.0; 5],
            load: 0.0,
        }
    }

    #[test]
    fn ratios_are_paired_by_repetition() {
        let rows = [
            row("nginx", 1, 100.0, 10.0),
            row("ganglion", 1, 50.0, 20.0),
            row("ganglion", 2, 300.0, 5.0),
            row("nginx", 2, 200.0, 10.0),
        ];
        let r = &ratios(&rows)[0];
        assert_eq!((r.throughput.median, r.cpu.median), (1.0, 1.25));
        let plan = Plan { seconds: 1.0, repetitions: 2, connections: 1, body: 1, mode: Mode::Closed };
        assert!(as_markdown(&plan, &rows, None).contains("| s | **1.00** [0.75, 1.25] |"));
        assert_eq!(as_json(&plan, &rows, None)["rows"].as_array().map(Vec::len), Some(4));
    }
}
