//! Runs scenarios: for each repetition all targets in turn, the order changing, so that ratios are
//! taken between neighbours in time.

use std::time::Duration;

use crate::load::{self, Load, Measured, Mode};
use crate::process::own_cpu;
use crate::scenarios::Scenario;
use crate::target::Target;

/// How to run.
#[derive(Debug, Clone)]
pub struct Plan {
    pub seconds: f64,
    pub repetitions: usize,
    pub connections: usize,
    pub body: usize,
    pub mode: Mode,
}

/// One run of one target.
#[derive(Debug, Clone)]
pub struct Row {
    pub scenario: &'static str,
    pub target: &'static str,
    pub repetition: usize,
    pub requests: u64,
    pub errors: u64,
    pub per_second: f64,
    /// CPU microseconds of the target's process tree per verified reply.
    pub cpu_us: f64,
    /// Share of one core that the target used.
    pub busy: f64,
    pub backend_cpu_us: f64,
    pub generator_cpu_us: f64,
    /// Milliseconds: p50, p90, p99, p99.9, max.
    pub latency_ms: [f64; 5],
    /// Load average of the machine over a minute, when the run ended.
    pub load: f64,
}

/// Measures every scenario; `say` is told each row.
pub fn run(
    plan: &Plan,
    scenarios: &[Scenario],
    targets: &[Target],
    backend: &Target,
    say: impl Fn(&Row),
) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for scenario in scenarios {
        for target in targets {
            check(plan, scenario, target)?;
            one(plan, scenario, target, backend, 0, 1.0f64.min(plan.seconds))?;
        }
    }
    for repetition in 1..=plan.repetitions {
        for scenario in scenarios {
            let mut order: Vec<&Target> = targets.iter().collect();
            if repetition % 2 == 0 {
                order.reverse();
            }
            for target in order {
                let row = one(plan, scenario, target, backend, repetition, plan.seconds)?;
                say(&row);
                rows.push(row);
            }
        }
    }
    Ok(rows)
}

/// One request by hand, for a clear message when a target does not work.
fn check(plan: &Plan, scenario: &Scenario, target: &Target) -> Result<(), String> {
    let what = format!("{} on {}", scenario.name, target.name);
    let (status, body) = crate::target::ask_once(target.port, &scenario.request(plan.body))
        .map_err(|e| format!("{what}: {e}"))?;
    let expected = scenario.reply(plan.body, target.name == "nginx");
    if status == 200 && body == expected {
        return Ok(());
    }
    let short = |b: &[u8]| String::from_utf8_lossy(b.get(..200).unwrap_or(b)).into_owned();
    Err(format!("{what}: answered {status} {:?}, expected {:?}", short(&body), short(&expected)))
}

fn one(
    plan: &Plan,
    scenario: &Scenario,
    target: &Target,
    backend: &Target,
    repetition: usize,
    seconds: f64,
) -> Result<Row, String> {
    let load = Load {
        port: target.port,
        request: scenario.request(plan.body),
        expected: scenario.reply(plan.body, target.name == "nginx"),
        connections: plan.connections,
        mode: plan.mode,
        time: Duration::from_secs_f64(seconds),
    };
    let before = (target.process.cpu(), backend.process.cpu(), own_cpu());
    let measured = load::run(&load).map_err(|e| format!("{} on {}: {e}", scenario.name, target.name))?;
    let after = (target.process.cpu(), backend.process.cpu(), own_cpu());
    let cpu = (
        after.0.saturating_sub(before.0),
        after.1.saturating_sub(before.1),
        after.2.saturating_sub(before.2),
    );
    Ok(row(scenario.name, target.name, repetition, &measured, cpu))
}

fn row(
    scenario: &'static str,
    target: &'static str,
    repetition: usize,
    m: &Measured,
    cpu: (Duration, Duration, Duration),
) -> Row {
    let per = |d: Duration| d.as_secs_f64() * 1e6 / (m.requests.max(1) as f64);
    let ms = |share: f64| m.latency.quantile(share) as f64 / 1e6;
    Row {
        scenario,
        target,
        repetition,
        requests: m.requests,
        errors: m.wrong + m.broken,
        per_second: m.requests as f64 / m.seconds,
        cpu_us: per(cpu.0),
        busy: cpu.0.as_secs_f64() / m.seconds,
        backend_cpu_us: per(cpu.1),
        generator_cpu_us: per(cpu.2),
        latency_ms: [ms(0.5), ms(0.9), ms(0.99), ms(0.999), m.latency.max() as f64 / 1e6],
        load: crate::process::load_average(),
    }
}
