//! What the server has cost so far: CPU time and memory of a process and all its descendants, from `/proc`.

use std::collections::HashMap;
use std::fs;

use anyhow::Context as _;

/// Ticks of utime and stime in a second: USER_HZ, which Linux fixes for programs.
const TICKS_PER_SECOND: f64 = 100.0;

/// A server: one process, or one that forks a child per connection.
#[derive(Clone, Copy, Debug)]
pub struct ServerProcess {
    pid: u32,
}

#[derive(Clone, Copy, Debug)]
struct Stat {
    parent: u32,
    /// utime, stime, and those of the children that it has waited for.
    ticks: u64,
}

impl ServerProcess {
    /// The process with this id.
    #[must_use]
    pub const fn new(pid: u32) -> Self {
        ServerProcess { pid }
    }

    /// The process and its living descendants.
    fn tree(self) -> anyhow::Result<Vec<(u32, Stat)>> {
        let mut all = HashMap::new();
        for entry in fs::read_dir("/proc")? {
            let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            // One that has ended meanwhile is counted in its parent.
            if let Some(stat) =
                fs::read_to_string(format!("/proc/{pid}/stat")).ok().and_then(|text| parse(&text))
            {
                all.insert(pid, stat);
            }
        }
        let root =
            *all.get(&self.pid).with_context(|| format!("the server's process {} is gone", self.pid))?;
        let mut tree = vec![(self.pid, root)];
        let mut next = 0;
        while let Some(&(parent, _)) = tree.get(next) {
            tree.extend(
                all.iter().filter(|(_, stat)| stat.parent == parent).map(|(pid, stat)| (*pid, *stat)),
            );
            next += 1;
        }
        Ok(tree)
    }

    /// CPU seconds of the process, its threads, its children and those that have ended.
    ///
    /// # Errors
    /// When the process does not exist.
    pub fn cpu_seconds(self) -> anyhow::Result<f64> {
        let ticks: u64 = self.tree()?.iter().map(|(_, stat)| stat.ticks).sum();
        Ok(ticks as f64 / TICKS_PER_SECOND)
    }

    /// Processes of the server.
    ///
    /// # Errors
    /// When the process does not exist.
    pub fn processes(self) -> anyhow::Result<usize> {
        Ok(self.tree()?.len())
    }

    /// Resident memory in bytes, pages that processes share counted once (Pss).
    ///
    /// # Errors
    /// When the process does not exist or the kernel does not tell.
    pub fn resident_bytes(self) -> anyhow::Result<u64> {
        let mut kib = 0;
        for (pid, _) in self.tree()? {
            let Ok(text) = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) else { continue };
            let line =
                text.lines().find_map(|line| line.strip_prefix("Pss:")).context("smaps_rollup has no Pss")?;
            kib += line.trim().trim_end_matches("kB").trim().parse::<u64>()?;
        }
        anyhow::ensure!(kib != 0, "smaps_rollup of process {} cannot be read", self.pid);
        Ok(kib * 1024)
    }
}

/// CPU seconds of this process.
#[must_use]
pub fn own_cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").ok().and_then(|text| parse(&text));
    stat.map_or(0.0, |stat| stat.ticks as f64 / TICKS_PER_SECOND)
}

/// proc(5), `/proc/PID/stat`: the name in parentheses may hold anything, so that fields count from the last one.
fn parse(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Stat {
        parent: u32::try_from(number(1)?).ok()?,
        ticks: number(11)? + number(12)? + number(13)? + number(14)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_process_may_hold_spaces_and_parentheses() {
        let text = "77 (a) b (c) S 12 77 77 0 -1 0 1 2 3 4 100 20 3 4 20 0 1 0 5 6 7";
        let stat = parse(text).expect("a stat line");
        assert_eq!((stat.parent, stat.ticks), (12, 127));
        assert!(parse("77 (a) S").is_none());
    }

    #[test]
    fn this_process_has_memory_and_a_tree() {
        let own = ServerProcess::new(std::process::id());
        assert!(own.resident_bytes().expect("own memory") > 64 * 1024);
        assert!(own.processes().expect("own tree") >= 1);
        assert!(ServerProcess::new(u32::MAX).cpu_seconds().is_err());
    }
}
