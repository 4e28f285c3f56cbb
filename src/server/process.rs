//! What the operating system tells of this process, its machine and its disks.

use std::os::linux::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::metrics::snapshot::{DeviceRow, ProcessRow};

/// How far apart two looks at the processors are at least: a shorter time tells nothing.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// Bytes of a sector in /sys/block, whatever the disk has.
const SECTOR_BYTES: u64 = 512;

/// How busy the machine's processors are, from one look to the next.
#[derive(Debug, Default)]
pub(super) struct Processors(Mutex<Option<Look>>);

#[derive(Debug)]
struct Look {
    at: Instant,
    busy: u64,
    all: u64,
    percent: f64,
}

impl Processors {
    /// Percent in use since the last look that is old enough; since the start at the first.
    pub(super) fn percent(&self) -> f64 {
        let mut last = self.0.lock();
        let now = Instant::now();
        if let Some(look) = &*last
            && now.saturating_duration_since(look.at) < LOOK_AGAIN_AFTER
        {
            return look.percent;
        }
        let Some((busy, all)) = std::fs::read_to_string("/proc/stat").ok().as_deref().and_then(ticks) else {
            return 0.0;
        };
        let (busy_before, all_before) = last.as_ref().map_or((0, 0), |look| (look.busy, look.all));
        let passed = all.saturating_sub(all_before);
        let percent =
            if passed == 0 { 0.0 } else { busy.saturating_sub(busy_before) as f64 * 100.0 / passed as f64 };
        *last = Some(Look { at: now, busy, all, percent });
        percent
    }
}

/// Ticks in use and all ticks, from the first line of /proc/stat: user nice system idle iowait irq softirq steal.
fn ticks(stat: &str) -> Option<(u64, u64)> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?;
    let fields: Vec<u64> = fields.split_whitespace().take(8).map_while(|field| field.parse().ok()).collect();
    let all = fields.iter().sum::<u64>();
    let idle = fields.get(3)? + fields.get(4)?;
    Some((all.saturating_sub(idle), all))
}

/// The process and its machine; what cannot be read is 0.
pub(super) fn row(processors: &Processors, started_seconds: f64) -> ProcessRow {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    ProcessRow {
        cpu_seconds: cpu_seconds(),
        resident_bytes: kib_of(&status, "VmRSS:").unwrap_or(0) * 1024,
        // One of them is the listing's own.
        open_descriptors: std::fs::read_dir("/proc/self/fd")
            .map_or(0, |fds| fds.count().saturating_sub(1) as u64),
        max_descriptors: limit.current.unwrap_or(0),
        started_seconds,
        cpu_utilization_percent: processors.percent(),
        memory_utilization_percent: memory_percent(
            &std::fs::read_to_string("/proc/meminfo").unwrap_or_default(),
        ),
    }
}

fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The value of a line such as `VmRSS:   1234 kB`.
fn kib_of(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

fn memory_percent(meminfo: &str) -> f64 {
    match (kib_of(meminfo, "MemTotal:"), kib_of(meminfo, "MemAvailable:")) {
        (Some(total), Some(available)) if total > 0 => {
            total.saturating_sub(available) as f64 * 100.0 / total as f64
        }
        _ => 0.0,
    }
}

/// The block device that a folder's file system is on; `None` where it has none of its own (a network file system, a subvolume).
pub(super) fn device(folder: &Path) -> Option<DeviceRow> {
    let device = std::fs::metadata(folder).ok()?.st_dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    device_row(&std::fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/stat")).ok()?)
}

/// Documentation/block/stat.rst: read I/Os, merges, sectors, ticks, then the same for writes.
fn device_row(stat: &str) -> Option<DeviceRow> {
    let fields: Vec<u64> = stat.split_whitespace().map_while(|field| field.parse().ok()).collect();
    Some(DeviceRow {
        disk_read_operations: *fields.first()?,
        disk_read_bytes: fields.get(2)?.saturating_mul(SECTOR_BYTES),
        disk_write_operations: *fields.get(4)?,
        disk_write_bytes: fields.get(6)?.saturating_mul(SECTOR_BYTES),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_of_waiting_for_disks_are_idle() {
        assert_eq!(ticks("cpu  10 0 20 60 10 0 0 0 5 0\ncpu0 1"), Some((30, 100)));
        assert_eq!(ticks("intr 1"), None);
    }

    #[test]
    fn a_devices_line_is_read() {
        let stat = "  3  0  16  1  5  0  40  2  0  3  3\n";
        let expected = DeviceRow {
            disk_read_operations: 3,
            disk_read_bytes: 8_192,
            disk_write_operations: 5,
            disk_write_bytes: 20_480,
        };
        assert_eq!(device_row(stat), Some(expected));
        assert_eq!(device_row("1 2"), None);
    }

    #[test]
    fn this_process_uses_memory_and_descriptors() {
        let row = row(&Processors::default(), 0.0);
        assert!(row.resident_bytes > 1_000_000 && row.open_descriptors >= 3, "{row:?}");
        assert!(row.max_descriptors >= row.open_descriptors);
        assert!(row.memory_utilization_percent > 0.0 && row.memory_utilization_percent <= 100.0);
    }
}
