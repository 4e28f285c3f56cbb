//! The picture as OpenMetrics text (version 1.0.0), for Prometheus and its kin.
//!
//! How many series there are is bounded by the shares, commands, kinds of operations and volumes that there are, and by 20 users.
//! What FSx for Windows File Server tells CloudWatch is told once more under CloudWatch's names, as the label `metric` of two families:
//! `freehold_cloudwatch_total` for what CloudWatch sums, `freehold_cloudwatch_value` for what it averages.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::histogram::BOUNDS_MICROS;
use super::snapshot::{Latency, ShareTraffic, Snapshot, VolumeRow};

/// The media type of the text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The text of a picture.
///
/// # Errors
/// Never: writing to a `String` does not fail.
pub fn text_of(snapshot: Snapshot) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Page(snapshot)));
    let mut page = String::new();
    text::encode(&mut page, &registry)?;
    Ok(page)
}

#[derive(Debug)]
struct Page(Snapshot);

type Labels<'a, const COUNT: usize> = [(&'static str, &'a str); COUNT];

/// One family under way.
struct Family<'a>(MetricEncoder<'a>);

impl Family<'_> {
    fn count<L: EncodeLabelSet>(&mut self, labels: &L, value: u64) -> fmt::Result {
        self.0.encode_family(labels)?.encode_counter::<NoLabelSet, u64, f64>(&value, None)
    }

    fn count_seconds<L: EncodeLabelSet>(&mut self, labels: &L, value: f64) -> fmt::Result {
        self.0.encode_family(labels)?.encode_counter::<NoLabelSet, f64, f64>(&value, None)
    }

    fn gauge<L: EncodeLabelSet>(&mut self, labels: &L, value: u64) -> fmt::Result {
        self.0.encode_family(labels)?.encode_gauge(&value)
    }

    fn gauge_float<L: EncodeLabelSet>(&mut self, labels: &L, value: f64) -> fmt::Result {
        self.0.encode_family(labels)?.encode_gauge(&value)
    }

    fn times<L: EncodeLabelSet>(&mut self, labels: &L, times: &Latency) -> fmt::Result {
        let bounds = BOUNDS_MICROS.iter().map(|bound| *bound as f64 / 1e6).chain([f64::INFINITY]);
        let counts = times.buckets.iter().copied().chain(std::iter::repeat(0));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        let mut encoder = self.0.encode_family(labels)?;
        encoder.encode_histogram::<NoLabelSet>(times.sum_seconds, times.count, &buckets, None)
    }
}

const NONE: Labels<'static, 0> = [];

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let out = &mut encoder;
        self.requests(out)?;
        self.durations(out)?;
        self.present(out)?;
        self.caching(out)?;
        self.logons(out)?;
        self.volumes(out)?;
        self.users(out)?;
        self.cloudwatch(out)?;
        self.process(out)
    }
}

fn family<'a>(
    out: &'a mut DescriptorEncoder<'_>,
    kind: MetricType,
    name: &'a str,
    help: &str,
) -> Result<Family<'a>, fmt::Error> {
    Ok(Family(out.encode_descriptor(name, help, None, kind)?))
}

fn counter<'a>(
    out: &'a mut DescriptorEncoder<'_>,
    name: &'a str,
    help: &str,
) -> Result<Family<'a>, fmt::Error> {
    family(out, MetricType::Counter, name, help)
}

fn gauge<'a>(
    out: &'a mut DescriptorEncoder<'_>,
    name: &'a str,
    help: &str,
) -> Result<Family<'a>, fmt::Error> {
    family(out, MetricType::Gauge, name, help)
}

fn histogram<'a>(
    out: &'a mut DescriptorEncoder<'_>,
    name: &'a str,
    help: &str,
) -> Result<Family<'a>, fmt::Error> {
    family(out, MetricType::Histogram, name, help)
}

impl Page {
    fn requests(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let shares = &self.0.shares;
        let mut to = counter(
            out,
            "freehold_requests",
            "Requests that were answered, by share (empty outside of any), command and what became of them",
        )?;
        for (share, command) in
            shares.iter().flat_map(|share| share.commands.iter().map(move |of| (share, of)))
        {
            for result in &command.results {
                let labels =
                    [("share", &*share.share), ("command", &*command.command), ("result", &*result.result)];
                to.count(&labels, result.requests)?;
            }
        }
        type Bytes = fn(&super::snapshot::ShareCommandRow) -> u64;
        let sizes: [(&str, &str, Bytes); 2] = [
            ("freehold_request_bytes", "Bytes of requests with their SMB2 headers", |row| row.bytes_in),
            ("freehold_reply_bytes", "Bytes of replies with their SMB2 headers", |row| row.bytes_out),
        ];
        for (name, help, bytes) in sizes {
            let mut to = counter(out, name, help)?;
            for share in shares {
                for command in &share.commands {
                    let labels = [("share", &*share.share), ("command", &*command.command)];
                    to.count(&labels, bytes(command))?;
                }
            }
        }
        type Sum = fn(&ShareTraffic) -> u64;
        let sums: [(&str, &str, Sum); 2] = [
            ("freehold_data_read_bytes", "Bytes of file data that clients read", |row| row.data_read_bytes),
            ("freehold_data_write_bytes", "Bytes of file data that clients wrote", |row| {
                row.data_write_bytes
            }),
        ];
        for (name, help, sum) in sums {
            let mut to = counter(out, name, help)?;
            for share in shares.iter().filter(|row| !row.share.is_empty()) {
                to.count(&[("share", &*share.share)], sum(share))?;
            }
        }
        let mut to = gauge(out, "freehold_tree_connects", "Tree connects now, by share")?;
        for share in shares.iter().filter(|row| !row.share.is_empty()) {
            to.gauge(&[("share", &*share.share)], share.tree_connects)?;
        }
        Ok(())
    }

    fn durations(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut to = histogram(
            out,
            "freehold_request_duration_seconds",
            "From the last byte of a request's frame to its reply's place in the queue to the socket, by command",
        )?;
        for row in &self.0.commands {
            to.times(&[("command", &*row.command)], &row.latency)?;
        }
        let mut to = histogram(
            out,
            "freehold_operation_duration_seconds",
            "Operations that requests had the server do, by kind: on volumes, the audit log, domain controllers",
        )?;
        for row in &self.0.operations {
            to.times(&[("operation", &*row.operation)], &row.latency)?;
        }
        let mut to = histogram(
            out,
            "freehold_queue_wait_seconds",
            "What operations that may block waited for a thread to do them",
        )?;
        to.times(&NONE, &self.0.queue)?;
        let mut to = histogram(
            out,
            "freehold_slow_request_duration_seconds",
            "Requests that took longer than metrics.slow_ms",
        )?;
        to.times(&NONE, &self.0.slow_times)
    }

    fn present(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let present = &self.0.present;
        for (name, help, value) in [
            ("freehold_connections", "Client connections now", present.connections),
            ("freehold_sessions", "Sessions now", present.sessions),
            ("freehold_opens", "Open files, directories and pipes now", present.opens),
            ("freehold_open_files", "Files and directories that somebody has open now", present.files),
            ("freehold_byte_range_locks", "Byte-range locks now", present.locks),
            ("freehold_waiting_requests", "Requests that wait for other clients now", present.waiting),
        ] {
            gauge(out, name, help)?.gauge(&NONE, value)?;
        }
        counter(out, "freehold_audit_records", "Records that the audit log has written")?
            .count(&NONE, self.0.audit_records)
    }

    fn caching(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let (oplocks, leases) = (&self.0.present.oplocks, &self.0.present.leases);
        let mut to = gauge(out, "freehold_oplocks", "Oplocks now, by level")?;
        for (level, value) in
            [("II", oplocks.level_ii), ("exclusive", oplocks.exclusive), ("batch", oplocks.batch)]
        {
            to.gauge(&[("level", level)], value)?;
        }
        let mut to = gauge(out, "freehold_leases", "Leases now, by state")?;
        for (state, value) in [
            ("none", leases.none),
            ("R", leases.read),
            ("RH", leases.read_handle),
            ("RW", leases.read_write),
            ("RWH", leases.read_write_handle),
        ] {
            to.gauge(&[("state", state)], value)?;
        }
        let breaks = &self.0.breaks;
        let mut to = counter(out, "freehold_breaks_sent", "Break notifications sent")?;
        to.count(&[("kind", "oplock")], breaks.oplocks_sent)?;
        to.count(&[("kind", "lease")], breaks.leases_sent)?;
        counter(out, "freehold_breaks_acknowledged", "Breaks that clients answered")?
            .count(&NONE, breaks.acknowledged)?;
        counter(out, "freehold_breaks_timed_out", "Breaks that clients did not answer in time")?
            .count(&NONE, breaks.timed_out)?;
        histogram(out, "freehold_break_wait_seconds", "How long requests waited for breaks")?
            .times(&NONE, &breaks.waits)
    }

    fn logons(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut to = counter(out, "freehold_logons", "Logons by method and result")?;
        for row in &self.0.logons {
            to.count(&[("method", &*row.method), ("result", &*row.result)], row.logons)?;
        }
        let Some(domain) = &self.0.domain else { return Ok(()) };
        let labels = [("domain", &*domain.domain)];
        gauge(out, "freehold_domain_controller_known", "1 while a domain controller is in use that answers")?
            .gauge(&labels, u64::from(!domain.controller.is_empty()))?;
        histogram(
            out,
            "freehold_domain_controller_duration_seconds",
            "How long domain controllers took to decide logons and to tell names",
        )?
        .times(&labels, &domain.latency)
    }

    fn volumes(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let volumes = &self.0.volumes;
        type Value = fn(&VolumeRow) -> Option<u64>;
        let rows: [(&str, &str, Value); 7] = [
            ("freehold_volume_size_bytes", "Bytes of the volume's file system", |row| Some(row.total_bytes)),
            ("freehold_volume_free_bytes", "Bytes that can be written", |row| Some(row.free_bytes)),
            ("freehold_quota_owners", "Owners that use something or have an entry", |row| {
                row.quotas.map(|quotas| quotas.owners)
            }),
            ("freehold_quota_used_bytes", "Bytes that are charged to owners", |row| {
                row.quotas.map(|quotas| quotas.used_bytes)
            }),
            ("freehold_quota_warned_owners", "Owners above their warning and not above their limit", |row| {
                row.quotas.map(|quotas| quotas.warned)
            }),
            ("freehold_quota_over_limit_owners", "Owners above their limit", |row| {
                row.quotas.map(|quotas| quotas.over_limit)
            }),
            ("freehold_quota_folders", "Folder quotas", |row| row.quotas.map(|quotas| quotas.folders)),
        ];
        for (name, help, value) in rows {
            let mut to = gauge(out, name, help)?;
            for (volume, value) in volumes.iter().filter_map(|volume| Some((volume, value(volume)?))) {
                to.gauge(&[("volume", &*volume.volume)], value)?;
            }
        }
        Ok(())
    }

    fn users(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let rows = [
            (
                "freehold_user_operations",
                "Requests of the 20 users with the most",
                &self.0.users_by_operations,
            ),
            ("freehold_user_data_bytes", "File data of the 20 users with the most", &self.0.users_by_bytes),
        ];
        for (name, help, users) in rows {
            let mut to = counter(out, name, help)?;
            for row in users {
                to.count(&[("user", &*row.user)], row.count)?;
            }
        }
        Ok(())
    }

    fn cloudwatch(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let Snapshot { shares, volumes, present, process, .. } = &self.0;
        let sum = |value: fn(&ShareTraffic) -> u64| -> u64 {
            // Pipes are no files.
            let of_files = shares.iter().filter(|row| !matches!(&*row.share, "" | "IPC$"));
            of_files.map(value).fold(0, u64::saturating_add)
        };
        let mut to = counter(
            out,
            "freehold_cloudwatch",
            "What FSx for Windows File Server tells CloudWatch, under CloudWatch's names: what is summed",
        )?;
        for (metric, value) in [
            ("DataReadBytes", sum(|row| row.data_read_bytes)),
            ("DataWriteBytes", sum(|row| row.data_write_bytes)),
            ("DataReadOperations", sum(|row| row.data_read_operations)),
            ("DataWriteOperations", sum(|row| row.data_write_operations)),
            ("MetadataOperations", sum(|row| row.metadata_operations)),
        ] {
            to.count(&[("metric", metric)], value)?;
        }
        for (volume, device) in volumes.iter().filter_map(|volume| Some((volume, volume.device?))) {
            for (metric, value) in [
                ("DiskReadBytes", device.disk_read_bytes),
                ("DiskWriteBytes", device.disk_write_bytes),
                ("DiskReadOperations", device.disk_read_operations),
                ("DiskWriteOperations", device.disk_write_operations),
            ] {
                to.count(&[("metric", metric), ("volume", &*volume.volume)], value)?;
            }
        }
        let mut to = gauge(
            out,
            "freehold_cloudwatch_value",
            "What FSx for Windows File Server tells CloudWatch, under CloudWatch's names: what is averaged",
        )?;
        to.gauge(&[("metric", "ClientConnections")], present.connections)?;
        to.gauge_float(&[("metric", "CPUUtilization")], process.cpu_utilization_percent)?;
        to.gauge_float(&[("metric", "MemoryUtilization")], process.memory_utilization_percent)?;
        for volume in volumes {
            let labels = |metric| [("metric", metric), ("volume", &*volume.volume)];
            let used = volume.total_bytes.saturating_sub(volume.free_bytes) as f64;
            let percent =
                if volume.total_bytes == 0 { 0.0 } else { used * 100.0 / volume.total_bytes as f64 };
            to.gauge(&labels("FreeStorageCapacity"), volume.free_bytes)?;
            to.gauge_float(&labels("StorageCapacityUtilization"), percent)?;
        }
        Ok(())
    }

    fn process(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let process = &self.0.process;
        counter(out, "process_cpu_seconds", "Processor time of the process")?
            .count_seconds(&NONE, process.cpu_seconds)?;
        gauge(out, "process_resident_memory_bytes", "Memory of the process")?
            .gauge(&NONE, process.resident_bytes)?;
        gauge(out, "process_open_fds", "Open descriptors of the process")?
            .gauge(&NONE, process.open_descriptors)?;
        gauge(out, "process_max_fds", "Most descriptors that the process may have")?
            .gauge(&NONE, process.max_descriptors)?;
        gauge(out, "process_start_time_seconds", "When the process started, in seconds since 1970")?
            .gauge_float(&NONE, process.started_seconds)?;
        family(out, MetricType::Info, "freehold_build", "The program")?
            .0
            .encode_info(&[("version", &*self.0.version)])
    }
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::{CommandRow, ResultRow, ShareCommandRow, UserRow};
    use super::*;

    fn picture() -> Snapshot {
        let read = ShareCommandRow {
            command: "READ".to_owned(),
            bytes_in: 113,
            bytes_out: 4_176,
            results: vec![ResultRow { result: "success".to_owned(), requests: 3 }],
        };
        let share = ShareTraffic {
            share: "pro\"jects\\\n".to_owned(),
            data_read_bytes: 4_096,
            commands: vec![read],
            ..ShareTraffic::default()
        };
        let latency = Latency::of_buckets(vec![1, 0, 2], 0.000_02);
        Snapshot {
            version: "0.1.0".to_owned(),
            shares: vec![share],
            commands: vec![CommandRow { command: "READ".to_owned(), latency, ..CommandRow::default() }],
            users_by_bytes: vec![UserRow { user: "CORP\\anna".to_owned(), count: 4_096, uncertain: 0 }],
            ..Snapshot::default()
        }
    }

    #[test]
    fn the_text_is_openmetrics() {
        let text = text_of(picture()).unwrap();
        for line in [
            "# TYPE freehold_requests counter",
            "freehold_requests_total{share=\"pro\\\"jects\\\\\\n\",command=\"READ\",result=\"success\"} 3",
            "freehold_request_duration_seconds_bucket{le=\"0.000004\",command=\"READ\"} 1",
            "freehold_request_duration_seconds_bucket{le=\"0.000008\",command=\"READ\"} 3",
            "freehold_request_duration_seconds_bucket{le=\"+Inf\",command=\"READ\"} 3",
            "freehold_request_duration_seconds_count{command=\"READ\"} 3",
            "freehold_cloudwatch_total{metric=\"DataReadBytes\"} 4096",
            "freehold_user_data_bytes_total{user=\"CORP\\\\anna\"} 4096",
            "freehold_build_info{version=\"0.1.0\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
