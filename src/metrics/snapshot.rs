//! The picture of a running server as rows. Names of fields are for scripts: they never change.

use serde::{Deserialize, Serialize};

use super::command::{READ, WRITE};
use super::histogram::{Distribution, quantile_micros};
use super::slow::{Cause, Slow};
use super::users::{TopUser, Usage};
use super::{COMMANDS, Counted, Metrics, Requests, StatusClass, command_name};

/// The picture.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Snapshot {
    /// When it was made (ISO 8601, UTC).
    pub time: String,
    /// Seconds since the server started.
    pub uptime_seconds: f64,
    /// Version of the program.
    pub version: String,
    /// This server's name.
    pub server: String,
    /// What there is now.
    pub present: Present,
    /// Requests by command, over all shares; only commands that came.
    pub commands: Vec<CommandRow>,
    /// Requests by share, and those outside of any (an empty name).
    pub shares: Vec<ShareTraffic>,
    /// Operations that the server had done on volumes and elsewhere; only kinds that came.
    pub operations: Vec<OperationRow>,
    /// How long operations waited for a thread that may block.
    pub queue: Latency,
    /// Breaks of oplocks and leases.
    pub breaks: BreaksRow,
    /// Logons by method and result.
    pub logons: Vec<LogonRow>,
    /// The domain; absent without one.
    pub domain: Option<DomainRow>,
    /// The audit log.
    pub audit_records: u64,
    /// Volumes.
    pub volumes: Vec<VolumeRow>,
    /// Users with the most requests, the most first; 20 at most.
    pub users_by_operations: Vec<UserRow>,
    /// Users with the most bytes of file data, the most first; 20 at most.
    pub users_by_bytes: Vec<UserRow>,
    /// Clients with a session, by address and user.
    pub clients: Vec<ClientRow>,
    /// Requests that wait for others for longer than is usual, then the last ones that took long, the newest first.
    pub slow: Vec<SlowRow>,
    /// How long the slow ones took.
    pub slow_times: Latency,
    /// From how many milliseconds on a request is slow.
    pub slow_threshold_ms: f64,
    /// The process and its machine.
    pub process: ProcessRow,
}

/// What there is now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Present {
    /// Connections.
    pub connections: u64,
    /// Sessions whose logon succeeded.
    pub sessions: u64,
    /// Open files, directories and pipes.
    pub opens: u64,
    /// Files that somebody has open.
    pub files: u64,
    /// Byte-range locks.
    pub locks: u64,
    /// Oplocks.
    pub oplocks: OplockCounts,
    /// Leases.
    pub leases: LeaseCounts,
    /// Requests that wait for others.
    pub waiting: u64,
}

/// Oplocks by level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OplockCounts {
    /// Level II.
    pub level_ii: u64,
    /// Exclusive.
    pub exclusive: u64,
    /// Batch.
    pub batch: u64,
}

/// Leases by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct LeaseCounts {
    /// Nothing, or no longer anything.
    pub none: u64,
    /// Read.
    pub read: u64,
    /// Read and handle.
    pub read_handle: u64,
    /// Read and write.
    pub read_write: u64,
    /// Everything.
    pub read_write_handle: u64,
}

/// Times: how many, their sum, and what they were like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Latency {
    /// How many.
    pub count: u64,
    /// Sum in seconds.
    pub sum_seconds: f64,
    /// Median in milliseconds, since the server started.
    pub p50_ms: f64,
    /// 95 % were shorter, in milliseconds.
    pub p95_ms: f64,
    /// 99 % were shorter, in milliseconds.
    pub p99_ms: f64,
    /// How many were in each bucket: bounds of 4, 6, 8, 12, 16 ... microseconds, the last one without; trailing zeros are left out.
    pub buckets: Vec<u64>,
}

impl Latency {
    /// Of times.
    #[must_use]
    pub fn of(times: &Distribution) -> Self {
        let used =
            times.buckets.iter().rposition(|count| *count > 0).map_or(0, |last| last.saturating_add(1));
        let buckets: Vec<u64> = times.buckets.iter().take(used).copied().collect();
        Latency::of_buckets(buckets, times.sum_nanos as f64 / 1e9)
    }

    /// Of counts as they are in a row, and the sum in seconds.
    #[must_use]
    pub fn of_buckets(buckets: Vec<u64>, sum_seconds: f64) -> Self {
        let quantile = |share| quantile_micros(&buckets, share) / 1_000.0;
        Latency {
            count: buckets.iter().fold(0, |sum, count| sum.saturating_add(*count)),
            sum_seconds,
            p50_ms: quantile(0.5),
            p95_ms: quantile(0.95),
            p99_ms: quantile(0.99),
            buckets,
        }
    }

    /// What has come since `before`.
    #[must_use]
    pub fn since(&self, before: &Latency) -> Self {
        let earlier = before.buckets.iter().copied().chain(std::iter::repeat(0));
        let buckets =
            self.buckets.iter().zip(earlier).map(|(now, before)| now.saturating_sub(before)).collect();
        Latency::of_buckets(buckets, (self.sum_seconds - before.sum_seconds).max(0.0))
    }
}

/// Requests of one command.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CommandRow {
    /// The command, as [MS-SMB2] spells it.
    pub command: String,
    /// Requests that were answered.
    pub requests: u64,
    /// Requests that were not carried out.
    pub errors: u64,
    /// Bytes of the requests.
    pub bytes_in: u64,
    /// Bytes of the replies.
    pub bytes_out: u64,
    /// How long they took.
    pub latency: Latency,
}

/// Requests through one share. Sums are called what FSx calls them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShareTraffic {
    /// The share; empty for requests outside of any.
    pub share: String,
    /// Tree connects now.
    pub tree_connects: u64,
    /// Requests that were answered.
    pub requests: u64,
    /// Requests that were not carried out.
    pub errors: u64,
    /// Bytes of the requests.
    pub bytes_in: u64,
    /// Bytes of the replies.
    pub bytes_out: u64,
    /// Bytes of file data that clients read.
    pub data_read_bytes: u64,
    /// Bytes of file data that clients wrote.
    pub data_write_bytes: u64,
    /// Reads.
    pub data_read_operations: u64,
    /// Writes.
    pub data_write_operations: u64,
    /// Everything else.
    pub metadata_operations: u64,
    /// The same by command; only commands that came.
    pub commands: Vec<ShareCommandRow>,
}

/// Requests of one command through one share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShareCommandRow {
    /// The command.
    pub command: String,
    /// Bytes of the requests.
    pub bytes_in: u64,
    /// Bytes of the replies.
    pub bytes_out: u64,
    /// Requests by what became of them; only classes that came.
    pub results: Vec<ResultRow>,
}

/// How many requests came to something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResultRow {
    /// The class: `success`, `warning`, `not_found`, `collision`, `denied`, `conflict`, `full`, `gone`, `invalid`, `failed`.
    pub result: String,
    /// Requests.
    pub requests: u64,
}

/// Operations of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OperationRow {
    /// The kind.
    pub operation: String,
    /// How long they took, the wait for a thread included.
    pub latency: Latency,
}

/// Breaks of oplocks and leases.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct BreaksRow {
    /// Notifications of oplocks.
    pub oplocks_sent: u64,
    /// Notifications of leases.
    pub leases_sent: u64,
    /// Breaks that the client answered.
    pub acknowledged: u64,
    /// Breaks that the client did not answer in time.
    pub timed_out: u64,
    /// How long requests waited for them.
    pub waits: Latency,
}

/// Logons.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct LogonRow {
    /// `ntlm`, `kerberos`, `anonymous` or `other`.
    pub method: String,
    /// `succeeded` or `refused`.
    pub result: String,
    /// How many.
    pub logons: u64,
}

/// The domain.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DomainRow {
    /// Its DNS name.
    pub domain: String,
    /// The domain controller that is used now; empty when none answers, or none was needed yet.
    pub controller: String,
    /// How long controllers took to answer for logons and names.
    pub latency: Latency,
}

/// A volume.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct VolumeRow {
    /// Its name.
    pub volume: String,
    /// Bytes of its file system.
    pub total_bytes: u64,
    /// Bytes that can be written.
    pub free_bytes: u64,
    /// Bytes that the block device has read since the machine started; absent where there is none of its own.
    pub device: Option<DeviceRow>,
    /// What quotas say; absent where nothing is counted.
    pub quotas: Option<QuotaRow>,
}

/// The block device below a volume, others' use of it included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeviceRow {
    /// Bytes read.
    pub disk_read_bytes: u64,
    /// Bytes written.
    pub disk_write_bytes: u64,
    /// Reads.
    pub disk_read_operations: u64,
    /// Writes.
    pub disk_write_operations: u64,
}

/// What quotas say of a volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct QuotaRow {
    /// Owners that use something or have an entry.
    pub owners: u64,
    /// Bytes that are charged to them.
    pub used_bytes: u64,
    /// Owners at or above their warning, and below their limit.
    pub warned: u64,
    /// Owners at or above their limit.
    pub over_limit: u64,
    /// Folder quotas.
    pub folders: u64,
}

/// A user who does much.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UserRow {
    /// `DOMAIN\user`.
    pub user: String,
    /// Requests, or bytes.
    pub count: u64,
    /// Of which this much may have been others'; 0 means that the count is exact.
    pub uncertain: u64,
}

/// What a user does from a client now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ClientRow {
    /// Its address.
    pub client: String,
    /// `DOMAIN\user`.
    pub user: String,
    /// Connections of that user's sessions.
    pub connections: u64,
    /// Requests on them.
    pub operations: u64,
    /// Bytes of file data read on them.
    pub data_read_bytes: u64,
    /// Bytes of file data written on them.
    pub data_write_bytes: u64,
}

/// A request that took, or takes, long.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SlowRow {
    /// Counts up from 1 in the order of their ends; 0 while it waits.
    pub number: u64,
    /// When it came (ISO 8601, UTC).
    pub time: String,
    /// The command.
    pub command: String,
    /// The share; empty outside of any.
    pub share: String,
    /// `DOMAIN\user`; empty without a session.
    pub user: String,
    /// Address of the client.
    pub client: String,
    /// What it was about, where that is known.
    pub path: String,
    /// Milliseconds that it has taken.
    pub duration_ms: f64,
    /// `Waiting`, or its NTSTATUS in hexadecimal.
    pub status: String,
    /// What it waited for longest, for scripts: `LeaseBreak`, `Lock`, `Deletion`, `SameHandle`, `Disk`, `DirectoryIndex`, `QuotaRecount`,
    /// `DomainController`, `AuditLog`, `Queue`, `Rpc`, `LogonDelay`, `Server`.
    pub cause: String,
    /// The same for people.
    pub waited_for: String,
    /// Milliseconds that it waited for that.
    pub waited_ms: f64,
    /// Who was waited for.
    pub holders: Vec<HolderRow>,
}

/// Who is waited for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HolderRow {
    /// Address of the client.
    pub client: String,
    /// `DOMAIN\user`.
    pub user: String,
}

/// The process and its machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProcessRow {
    /// Seconds of processor time of the process.
    pub cpu_seconds: f64,
    /// Bytes of memory of the process.
    pub resident_bytes: u64,
    /// Open descriptors of the process.
    pub open_descriptors: u64,
    /// Most descriptors that it may have.
    pub max_descriptors: u64,
    /// When it started, in seconds since 1970.
    pub started_seconds: f64,
    /// Processors of the machine in use, in percent, over the last seconds.
    pub cpu_utilization_percent: f64,
    /// Memory of the machine in use, in percent.
    pub memory_utilization_percent: f64,
}

/// The requests of one share, or of none.
#[must_use]
pub fn traffic(share: &str, tree_connects: u64, requests: &Requests) -> ShareTraffic {
    let mut row = ShareTraffic { share: share.to_owned(), tree_connects, ..ShareTraffic::default() };
    for command in 0..COMMANDS {
        let counted = requests.of(command);
        if counted.requests() == 0 {
            continue;
        }
        row.requests = row.requests.saturating_add(counted.requests());
        row.errors = row.errors.saturating_add(counted.errors());
        row.bytes_in = row.bytes_in.saturating_add(counted.bytes_in);
        row.bytes_out = row.bytes_out.saturating_add(counted.bytes_out);
        match command {
            READ => {
                row.data_read_operations = counted.requests();
                row.data_read_bytes = counted.data_bytes;
            }
            WRITE => {
                row.data_write_operations = counted.requests();
                row.data_write_bytes = counted.data_bytes;
            }
            _ => row.metadata_operations = row.metadata_operations.saturating_add(counted.requests()),
        }
        let classes = StatusClass::ALL.iter().zip(&counted.classes).filter(|(_, requests)| **requests > 0);
        let result = |(class, requests): (&StatusClass, &u64)| ResultRow {
            result: class.name().to_owned(),
            requests: *requests,
        };
        row.commands.push(ShareCommandRow {
            command: command_name(command).to_owned(),
            bytes_in: counted.bytes_in,
            bytes_out: counted.bytes_out,
            results: classes.map(result).collect(),
        });
    }
    row
}

/// Requests by command over all of `shares`.
#[must_use]
pub fn commands<'a>(
    metrics: &Metrics,
    shares: impl Iterator<Item = &'a Requests> + Clone,
) -> Vec<CommandRow> {
    let mut rows = Vec::new();
    for command in 0..COMMANDS {
        let mut sum = Counted::default();
        for requests in shares.clone() {
            sum.add(&requests.of(command));
        }
        if sum.requests() > 0 {
            rows.push(CommandRow {
                command: command_name(command).to_owned(),
                requests: sum.requests(),
                errors: sum.errors(),
                bytes_in: sum.bytes_in,
                bytes_out: sum.bytes_out,
                latency: Latency::of(&metrics.latency(command)),
            });
        }
    }
    rows
}

/// Breaks.
#[must_use]
pub fn breaks(metrics: &Metrics) -> BreaksRow {
    let breaks = &metrics.breaks;
    BreaksRow {
        oplocks_sent: breaks.oplocks_sent.value(),
        leases_sent: breaks.leases_sent.value(),
        acknowledged: breaks.acknowledged.value(),
        timed_out: breaks.timed_out.value(),
        waits: Latency::of(&breaks.waits()),
    }
}

/// Logons.
#[must_use]
pub fn logons(metrics: &Metrics) -> Vec<LogonRow> {
    let logons = &metrics.logons;
    let row = |(method, result, counter): (&str, &str, &super::Counter)| LogonRow {
        method: method.to_owned(),
        result: result.to_owned(),
        logons: counter.value(),
    };
    [
        ("kerberos", "succeeded", &logons.kerberos_succeeded),
        ("kerberos", "refused", &logons.kerberos_refused),
        ("ntlm", "succeeded", &logons.ntlm_succeeded),
        ("ntlm", "refused", &logons.ntlm_refused),
        ("anonymous", "succeeded", &logons.anonymous_succeeded),
        ("other", "refused", &logons.other_refused),
    ]
    .map(row)
    .to_vec()
}

/// Users of the table.
#[must_use]
pub fn users(top: Vec<TopUser>) -> Vec<UserRow> {
    let row = |top: TopUser| UserRow { user: top.user, count: top.count, uncertain: top.error };
    top.into_iter().map(row).collect()
}

/// Clients by address and user, from what each of their sessions does on each connection.
#[must_use]
pub fn clients<'a>(live: impl Iterator<Item = &'a Usage>) -> Vec<ClientRow> {
    let mut rows = std::collections::BTreeMap::<(&str, &str), ClientRow>::new();
    for usage in live {
        let row = rows.entry((&usage.client, &usage.user)).or_insert_with(|| ClientRow {
            client: usage.client.clone(),
            user: usage.user.clone(),
            ..ClientRow::default()
        });
        row.connections = row.connections.saturating_add(1);
        row.operations = row.operations.saturating_add(usage.operations.value());
        row.data_read_bytes = row.data_read_bytes.saturating_add(usage.read_bytes.value());
        row.data_write_bytes = row.data_write_bytes.saturating_add(usage.written_bytes.value());
    }
    rows.into_values().collect()
}

/// A request that took long; `time` is when it came.
#[must_use]
pub fn slow(slow: Slow, time: String) -> SlowRow {
    let milliseconds = |took: std::time::Duration| took.as_micros() as f64 / 1_000.0;
    let holders = match &slow.cause {
        Cause::Break(holders) => holders.as_slice(),
        _ => &[],
    };
    SlowRow {
        number: slow.number,
        time,
        command: command_name(usize::from(slow.command)).to_owned(),
        duration_ms: milliseconds(slow.took),
        status: slow.status.map_or_else(|| "Waiting".to_owned(), |status| format!("0x{status:08X}")),
        cause: slow.cause.name().to_owned(),
        waited_for: slow.cause.text(),
        waited_ms: milliseconds(slow.caused),
        holders: holders
            .iter()
            .map(|holder| HolderRow { client: holder.client.clone(), user: holder.user.clone() })
            .collect(),
        share: slow.share,
        user: slow.user,
        client: slow.client,
        path: slow.path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Lane, Sizes};
    use freehold_dtyp::NtStatus;
    use std::time::Duration;

    #[test]
    fn a_shares_row_sums_what_fsx_sums() {
        let requests = Requests::default();
        let read = Sizes { request: 113, reply: 4_176, data: 4_096 };
        requests.count(Lane::SHARED, 8, NtStatus::SUCCESS, read);
        requests.count(Lane::SHARED, 9, NtStatus::DISK_FULL, Sizes { request: 200, reply: 73, data: 0 });
        requests.count(Lane::SHARED, 5, NtStatus::SUCCESS, Sizes { request: 120, reply: 152, data: 0 });
        let row = traffic("data", 2, &requests);
        assert_eq!((row.data_read_bytes, row.data_read_operations), (4_096, 1));
        assert_eq!((row.data_write_bytes, row.data_write_operations), (0, 1));
        assert_eq!((row.metadata_operations, row.requests, row.errors), (1, 3, 1));
        assert_eq!(row.commands.len(), 3);
        assert_eq!(row.commands[2].results, [ResultRow { result: "full".to_owned(), requests: 1 }]);
        let all = commands(&Metrics::default(), [&requests, &requests].into_iter());
        assert_eq!(all.iter().map(|row| row.requests).sum::<u64>(), 6);
    }

    #[test]
    fn a_later_picture_minus_an_earlier_one_is_what_came_between() {
        let metrics = Metrics::default();
        metrics.answered(Lane::SHARED, 8, Duration::from_micros(10));
        let before = Latency::of(&metrics.latency(8));
        metrics.answered(Lane::SHARED, 8, Duration::from_millis(10));
        let since = Latency::of(&metrics.latency(8)).since(&before);
        assert_eq!(since.count, 1);
        assert!(since.p50_ms > 7.0 && since.p50_ms < 13.0, "{since:?}");
    }
}
