//! A row's figures: as a line of a table, and as JSON.

use serde::Serialize;

use crate::engine::Done;
use crate::rows::Unit;

/// The figures of one row against one server.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Figures {
    /// Name of the row.
    pub row: &'static str,
    /// What is counted: `MB`, `operations`, `entries`, `sessions`, `bytes per session`.
    pub unit: &'static str,
    /// Units done.
    pub amount: f64,
    /// Operations (packets) done.
    pub operations: u64,
    /// Wall time in seconds.
    pub seconds: f64,
    /// Units per second of wall time.
    pub per_second: f64,
    /// CPU seconds of the server; `None` without its process id.
    pub server_cpu_seconds: Option<f64>,
    /// Units per CPU second of the server. For memory: bytes per session.
    pub per_server_cpu_second: Option<f64>,
    /// CPU seconds of this program: near the wall time, it was the bottleneck, and latencies tell of it.
    pub client_cpu_seconds: f64,
    /// Half of the operations took no longer, in microseconds.
    pub p50_us: f64,
    /// 95 of 100 took no longer.
    pub p95_us: f64,
    /// 99 of 100 took no longer.
    pub p99_us: f64,
}

impl Figures {
    /// The figures of a run.
    #[must_use]
    pub fn new(
        row: &'static str,
        unit: Unit,
        mut done: Done,
        server_cpu: Option<f64>,
        client_cpu: f64,
    ) -> Self {
        done.latencies_ns.sort_unstable();
        let amount = match unit {
            Unit::Megabytes => done.units as f64 / 1e6,
            Unit::Operations | Unit::Sessions => done.operations as f64,
            Unit::Entries | Unit::Sids | Unit::BytesPerSession => done.units as f64,
        };
        let us = |permille| quantile(&done.latencies_ns, permille) as f64 / 1e3;
        Figures {
            row,
            unit: unit.name(),
            amount,
            operations: done.operations,
            seconds: done.seconds,
            per_second: amount / done.seconds.max(f64::MIN_POSITIVE),
            server_cpu_seconds: server_cpu,
            per_server_cpu_second: server_cpu.filter(|cpu| *cpu > 0.0).map(|cpu| amount / cpu),
            client_cpu_seconds: client_cpu,
            p50_us: us(500),
            p95_us: us(950),
            p99_us: us(990),
        }
    }
}

/// The value that `permille` of the sorted values do not exceed; zero without values.
fn quantile(sorted: &[u64], permille: usize) -> u64 {
    let rank = (sorted.len() * permille).div_ceil(1000).max(1) - 1;
    sorted.get(rank).copied().unwrap_or_default()
}

/// Prints the names of the table's columns.
pub fn print_heading() {
    println!(
        "{:<18} {:>12} {:>12} {:<17} {:>9} {:>9} {:>9} {:>7} {:>7}",
        "row", "per CPU-s", "per second", "unit", "p50 us", "p95 us", "p99 us", "server", "client"
    );
}

/// Prints a line of the table. The last two columns are the part of the time that server and client computed.
pub fn print(figures: &Figures) {
    let per_cpu = figures.per_server_cpu_second.map_or_else(|| "-".to_owned(), |value| format!("{value:.0}"));
    let part = |cpu: f64| format!("{:.0}%", 100.0 * cpu / figures.seconds.max(f64::MIN_POSITIVE));
    println!(
        "{:<18} {:>12} {:>12.0} {:<17} {:>9.0} {:>9.0} {:>9.0} {:>7} {:>7}",
        figures.row,
        per_cpu,
        figures.per_second,
        figures.unit,
        figures.p50_us,
        figures.p95_us,
        figures.p99_us,
        figures.server_cpu_seconds.map_or_else(|| "-".to_owned(), part),
        part(figures.client_cpu_seconds),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let sorted: Vec<u64> = (1..=100).collect();
        assert_eq!([500, 950, 990, 1000].map(|permille| quantile(&sorted, permille)), [50, 95, 99, 100]);
        assert_eq!(quantile(&[7], 990), 7);
        assert_eq!(quantile(&[], 500), 0);
    }

    #[test]
    fn megabytes_are_decimal_and_divided_by_the_servers_cpu() {
        let done = Done { operations: 4, units: 8_000_000, seconds: 2.0, latencies_ns: vec![1_000; 4] };
        let figures = Figures::new("x", Unit::Megabytes, done, Some(0.5), 0.1);
        assert_eq!((figures.per_second, figures.per_server_cpu_second), (4.0, Some(16.0)));
        assert_eq!(figures.p99_us, 1.0);
    }
}
