//! What happened between two looks at a server, as rows. Names of fields are for scripts: they never change.

use std::cmp::Ordering;

use clap::ValueEnum;
use serde::Serialize;

use crate::metrics::snapshot::{ClientRow, CommandRow, Present, ShareTraffic, SlowRow, Snapshot};

/// What comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Sort {
    /// Most requests
    #[default]
    Requests,
    /// Most bytes of file data; of commands those that take longest in all
    Bytes,
    /// Slowest; of clients and shares those with most errors or connections
    Latency,
    /// By name
    Name,
}

impl Sort {
    /// The next one.
    pub(super) const fn next(self) -> Sort {
        match self {
            Sort::Requests => Sort::Bytes,
            Sort::Bytes => Sort::Latency,
            Sort::Latency => Sort::Name,
            Sort::Name => Sort::Requests,
        }
    }

    /// Its name for people.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Sort::Requests => "requests",
            Sort::Bytes => "bytes",
            Sort::Latency => "latency",
            Sort::Name => "name",
        }
    }
}

/// Between two looks.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Report {
    /// When the second look was (ISO 8601, UTC).
    pub time: String,
    /// Seconds between them.
    pub seconds: f64,
    /// The server's name.
    pub server: String,
    /// Seconds since it started.
    pub uptime_seconds: f64,
    /// What there is now.
    pub present: Present,
    /// Requests a second.
    pub requests_per_second: f64,
    /// Requests a second that were not carried out.
    pub errors_per_second: f64,
    /// Bytes of file data read a second.
    pub read_bytes_per_second: f64,
    /// Bytes of file data written a second.
    pub write_bytes_per_second: f64,
    /// Processor time of the server in percent of one processor.
    pub cpu_percent: f64,
    /// Bytes of memory of the server.
    pub resident_bytes: u64,
    /// Shares.
    pub shares: Vec<ShareRate>,
    /// Commands that came within the time.
    pub commands: Vec<CommandRate>,
    /// Clients.
    pub clients: Vec<ClientRate>,
    /// Requests that wait, then the last ones that took long.
    pub slow: Vec<SlowRow>,
}

/// A share.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ShareRate {
    /// Its name.
    pub share: String,
    /// Tree connects now.
    pub tree_connects: u64,
    /// Requests a second.
    pub requests_per_second: f64,
    /// Requests a second that were not carried out.
    pub errors_per_second: f64,
    /// Bytes of file data read a second.
    pub read_bytes_per_second: f64,
    /// Bytes of file data written a second.
    pub write_bytes_per_second: f64,
}

/// A command.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CommandRate {
    /// The command.
    pub command: String,
    /// Requests a second.
    pub requests_per_second: f64,
    /// Requests a second that were not carried out.
    pub errors_per_second: f64,
    /// Median in milliseconds.
    pub p50_ms: f64,
    /// 95 % were shorter.
    pub p95_ms: f64,
    /// 99 % were shorter.
    pub p99_ms: f64,
    /// Seconds that requests of it took within a second, all together.
    pub busy: f64,
}

/// A client and its user.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ClientRate {
    /// Its address.
    pub client: String,
    /// `DOMAIN\user`.
    pub user: String,
    /// Connections.
    pub connections: u64,
    /// Requests a second.
    pub requests_per_second: f64,
    /// Bytes of file data read a second.
    pub read_bytes_per_second: f64,
    /// Bytes of file data written a second.
    pub write_bytes_per_second: f64,
}

/// Turns counts of two looks into a rate.
#[derive(Clone, Copy)]
struct Rate(f64);

impl Rate {
    fn of(self, before: u64, after: u64) -> f64 {
        rounded(after.saturating_sub(before) as f64 / self.0)
    }
}

/// Two digits behind the point are enough.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

impl Report {
    /// What happened from `before` to `after`, sorted.
    pub(super) fn between(before: &Snapshot, after: &Snapshot, sort: Sort) -> Report {
        let seconds = (after.uptime_seconds - before.uptime_seconds).max(0.001);
        let rate = Rate(seconds);
        let shares = shares(before, after, rate);
        let sum = |value: fn(&ShareTraffic) -> u64| {
            let all = |snapshot: &Snapshot| snapshot.shares.iter().map(value).fold(0, u64::saturating_add);
            rate.of(all(before), all(after))
        };
        let mut report = Report {
            time: after.time.clone(),
            seconds: rounded(seconds),
            server: after.server.clone(),
            uptime_seconds: rounded(after.uptime_seconds),
            present: after.present,
            requests_per_second: sum(|row| row.requests),
            errors_per_second: sum(|row| row.errors),
            read_bytes_per_second: sum(|row| row.data_read_bytes),
            write_bytes_per_second: sum(|row| row.data_write_bytes),
            cpu_percent: rounded((after.process.cpu_seconds - before.process.cpu_seconds) * 100.0 / seconds),
            resident_bytes: after.process.resident_bytes,
            shares,
            commands: commands(before, after, rate),
            clients: clients(before, after, rate),
            slow: after.slow.clone(),
        };
        report.sort(sort);
        report
    }

    /// Puts the rows into another order.
    pub(super) fn sort(&mut self, sort: Sort) {
        let most = |a: f64, b: f64| b.total_cmp(&a);
        self.shares.sort_by(|a, b| {
            let order = match sort {
                Sort::Requests => most(a.requests_per_second, b.requests_per_second),
                Sort::Bytes => most(
                    a.read_bytes_per_second + a.write_bytes_per_second,
                    b.read_bytes_per_second + b.write_bytes_per_second,
                ),
                Sort::Latency => most(a.errors_per_second, b.errors_per_second),
                Sort::Name => Ordering::Equal,
            };
            order.then_with(|| a.share.cmp(&b.share))
        });
        self.commands.sort_by(|a, b| {
            let order = match sort {
                Sort::Requests => most(a.requests_per_second, b.requests_per_second),
                Sort::Bytes => most(a.busy, b.busy),
                Sort::Latency => most(a.p95_ms, b.p95_ms),
                Sort::Name => Ordering::Equal,
            };
            order.then_with(|| a.command.cmp(&b.command))
        });
        self.clients.sort_by(|a, b| {
            let order = match sort {
                Sort::Requests => most(a.requests_per_second, b.requests_per_second),
                Sort::Bytes => most(
                    a.read_bytes_per_second + a.write_bytes_per_second,
                    b.read_bytes_per_second + b.write_bytes_per_second,
                ),
                Sort::Latency => b.connections.cmp(&a.connections),
                Sort::Name => Ordering::Equal,
            };
            order.then_with(|| (&a.client, &a.user).cmp(&(&b.client, &b.user)))
        });
    }

    /// The lines above the tables, each for 80 columns.
    pub(super) fn headline(&self) -> [String; 3] {
        let present = &self.present;
        [
            format!(
                "{}  up {}  CPU {:.0} % of one processor  memory {}B",
                self.server,
                duration(self.uptime_seconds),
                self.cpu_percent,
                short(self.resident_bytes as f64),
            ),
            format!(
                "{} connections  {} sessions  {} opens  {} locks  {} waiting",
                present.connections, present.sessions, present.opens, present.locks, present.waiting,
            ),
            format!(
                "{} requests/s  {} errors/s  read {}B/s  write {}B/s",
                short(self.requests_per_second),
                short(self.errors_per_second),
                short(self.read_bytes_per_second),
                short(self.write_bytes_per_second),
            ),
        ]
    }
}

fn shares(before: &Snapshot, after: &Snapshot, rate: Rate) -> Vec<ShareRate> {
    let none = ShareTraffic::default();
    let row = |now: &ShareTraffic| {
        let old = before.shares.iter().find(|old| old.share == now.share).unwrap_or(&none);
        ShareRate {
            share: if now.share.is_empty() { "(none)".to_owned() } else { now.share.clone() },
            tree_connects: now.tree_connects,
            requests_per_second: rate.of(old.requests, now.requests),
            errors_per_second: rate.of(old.errors, now.errors),
            read_bytes_per_second: rate.of(old.data_read_bytes, now.data_read_bytes),
            write_bytes_per_second: rate.of(old.data_write_bytes, now.data_write_bytes),
        }
    };
    after.shares.iter().map(row).collect()
}

fn commands(before: &Snapshot, after: &Snapshot, rate: Rate) -> Vec<CommandRate> {
    let none = CommandRow::default();
    let row = |now: &CommandRow| {
        let old = before.commands.iter().find(|old| old.command == now.command).unwrap_or(&none);
        let latency = now.latency.since(&old.latency);
        (now.requests > old.requests).then(|| CommandRate {
            command: now.command.clone(),
            requests_per_second: rate.of(old.requests, now.requests),
            errors_per_second: rate.of(old.errors, now.errors),
            p50_ms: (latency.p50_ms * 1_000.0).round() / 1_000.0,
            p95_ms: (latency.p95_ms * 1_000.0).round() / 1_000.0,
            p99_ms: (latency.p99_ms * 1_000.0).round() / 1_000.0,
            busy: rounded(latency.sum_seconds / rate.0),
        })
    };
    after.commands.iter().filter_map(row).collect()
}

fn clients(before: &Snapshot, after: &Snapshot, rate: Rate) -> Vec<ClientRate> {
    let none = ClientRow::default();
    let row = |now: &ClientRow| {
        let same = |old: &&ClientRow| (&old.client, &old.user) == (&now.client, &now.user);
        let old = before.clients.iter().find(same).unwrap_or(&none);
        ClientRate {
            client: now.client.clone(),
            user: if now.user.is_empty() { "(anonymous)".to_owned() } else { now.user.clone() },
            connections: now.connections,
            requests_per_second: rate.of(old.operations, now.operations),
            read_bytes_per_second: rate.of(old.data_read_bytes, now.data_read_bytes),
            write_bytes_per_second: rate.of(old.data_write_bytes, now.data_write_bytes),
        }
    };
    after.clients.iter().map(row).collect()
}

/// A number in at most five characters: `0`, `7.5`, `930`, `12.3k`, `4.5M`.
pub(super) fn short(value: f64) -> String {
    let mut value = value;
    for unit in ["", "k", "M", "G", "T"] {
        if value < 999.5 {
            return if value == 0.0 || value >= 99.95 || (unit.is_empty() && value.fract() == 0.0) {
                format!("{value:.0}{unit}")
            } else {
                format!("{value:.1}{unit}")
            };
        }
        value /= 1_000.0;
    }
    format!("{value:.0}P")
}

/// `5:09`, `1:02:03`, `3d 04:05`.
pub(super) fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    let (days, hours, minutes, rest) =
        (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes}:{rest:02}"),
        (0, hours) => format!("{hours}:{minutes:02}:{rest:02}"),
        (days, hours) => format!("{days}d {hours:02}:{minutes:02}"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::metrics::snapshot::{HolderRow, Latency};

    /// Two looks, two seconds apart.
    pub(in crate::cli::top) fn looks() -> (Snapshot, Snapshot) {
        let share = |share: &str, requests, read| ShareTraffic {
            share: share.to_owned(),
            requests,
            data_read_bytes: read,
            ..ShareTraffic::default()
        };
        let client = |operations| ClientRow {
            client: "192.0.2.7".to_owned(),
            user: "CORP\\anna".to_owned(),
            connections: 1,
            operations,
            ..ClientRow::default()
        };
        let read = |requests, buckets: Vec<u64>| CommandRow {
            command: "READ".to_owned(),
            requests,
            latency: Latency::of_buckets(buckets, 0.0),
            ..CommandRow::default()
        };
        let before = Snapshot {
            uptime_seconds: 10.0,
            shares: vec![share("a", 100, 0), share("b", 100, 0)],
            commands: vec![read(100, vec![100])],
            clients: vec![client(50)],
            ..Snapshot::default()
        };
        let slow = SlowRow {
            number: 1,
            time: "2026-11-27T22:00:00.000Z".to_owned(),
            command: "CREATE".to_owned(),
            path: "projects/plan.xlsx".to_owned(),
            duration_ms: 1_234.5,
            cause: "LeaseBreak".to_owned(),
            waited_for: "lease break: 192.0.2.9 (CORP\\bert)".to_owned(),
            holders: vec![HolderRow { client: "192.0.2.9".to_owned(), user: "CORP\\bert".to_owned() }],
            ..SlowRow::default()
        };
        let after = Snapshot {
            uptime_seconds: 12.0,
            server: "FILES".to_owned(),
            shares: vec![share("a", 102, 8_000), share("b", 1_100, 4_000)],
            commands: vec![read(1_102, vec![100, 0, 1_002])],
            clients: vec![client(1_052)],
            slow: vec![slow],
            ..Snapshot::default()
        };
        (before, after)
    }

    #[test]
    fn rates_are_of_what_came_between() {
        let (before, after) = looks();
        let mut report = Report::between(&before, &after, Sort::Requests);
        assert_eq!(report.seconds, 2.0);
        assert_eq!(report.requests_per_second, 501.0);
        assert_eq!(report.read_bytes_per_second, 6_000.0);
        let names = |report: &Report| report.shares.iter().map(|row| row.share.clone()).collect::<Vec<_>>();
        assert_eq!(names(&report), ["b", "a"]);
        report.sort(Sort::Bytes);
        assert_eq!(names(&report), ["a", "b"]);
        // The hundred of before are not in the median: it is within the third bucket.
        assert!(report.commands[0].p50_ms > 0.006 && report.commands[0].p50_ms <= 0.008, "{report:?}");
        assert_eq!(report.clients[0].requests_per_second, 501.0);
    }

    #[test]
    fn numbers_and_times_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (7.5, "7.5"),
            (930.0, "930"),
            (999.9, "1.0k"),
            (12_345.0, "12.3k"),
            (4.5e6, "4.5M"),
            (123.4e9, "123G"),
        ] {
            assert_eq!(short(value), text);
        }
        assert_eq!(duration(309.0), "5:09");
        assert_eq!(duration(3_723.0), "1:02:03");
        assert_eq!(duration(273_900.0), "3d 04:05");
    }
}
