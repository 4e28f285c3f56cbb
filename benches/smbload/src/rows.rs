//! The kinds of work, one row each.

mod data;
mod directory;
mod files;
mod names;
mod referrals;
mod sessions;
mod sids;

use std::time::Duration;

use anyhow::Context as _;
use freehold::client::Protection;
use freehold::crypto::Cipher;
use freehold_dtyp::Sid;

use crate::engine::{self, Done, Limit, Work};
use crate::link::{Link, Target};
use crate::report::Figures;
use crate::server_process::{self, ServerProcess};

/// What a row counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// 1,000,000 bytes of file data.
    Megabytes,
    /// Packets: a request, or a compound.
    Operations,
    /// Entries of a directory.
    Entries,
    /// SIDs whose names were asked for.
    Sids,
    /// Connections with logon and tree connect.
    Sessions,
    /// Growth of the server's memory.
    BytesPerSession,
}

impl Unit {
    /// As it is printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Unit::Megabytes => "MB",
            Unit::Operations => "operations",
            Unit::Entries => "entries",
            Unit::Sids => "SIDs",
            Unit::Sessions => "sessions",
            Unit::BytesPerSession => "bytes per session",
        }
    }
}

/// How much data there is.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Size of the file that is read and written; a multiple of 1 MiB.
    pub file_bytes: u64,
    /// Files of the rows with small files.
    pub files: u32,
    /// Files of the large folder.
    pub large_folder: u32,
    /// Idle sessions.
    pub sessions: u32,
}

/// What all rows of a run share.
#[derive(Debug)]
pub struct Run {
    /// The server and who logs on.
    pub target: Target,
    /// The share through which data is made.
    pub prepare_share: String,
    /// The server's process.
    pub server: Option<ServerProcess>,
    /// Seconds of a row.
    pub seconds: f64,
    /// Operations of a row.
    pub operations: u64,
    /// Operations under way.
    pub depth: Option<usize>,
    /// How much data there is.
    pub sizes: Sizes,
    /// SIDs whose names are asked for.
    pub sids: Vec<Sid>,
    /// Paths whose DFS referrals are asked for.
    pub dfs_paths: Vec<String>,
}

/// A kind of work.
pub struct Row {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does.
    pub title: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// Operations under way at a time.
    pub depth: usize,
    /// Makes the data it needs, once.
    pub prepare: fn(&Run) -> anyhow::Result<()>,
    /// Measures.
    measure: Measure,
}

/// How a row is measured.
enum Measure {
    /// On one connection, protected so.
    Link(Protection, fn(&Run, &mut Link, &mut Meter<'_>) -> anyhow::Result<()>),
    /// On connections of its own.
    Own(fn(&Run, &mut Meter<'_>) -> anyhow::Result<()>),
}

/// Every row, in the order of the report.
pub const ROWS: &[Row] = &[
    Row {
        name: "read-plain",
        title: "sequential read, 1 MiB, in the clear",
        unit: Unit::Megabytes,
        depth: 8,
        prepare: data::prepare,
        measure: Measure::Link(Protection::Clear, data::read_1m),
    },
    Row {
        name: "read-signed",
        title: "sequential read, 1 MiB, signed with AES-GMAC",
        unit: Unit::Megabytes,
        depth: 8,
        prepare: data::prepare,
        measure: Measure::Link(Protection::Signed, data::read_1m),
    },
    Row {
        name: "read-sealed",
        title: "sequential read, 1 MiB, sealed with AES-128-GCM",
        unit: Unit::Megabytes,
        depth: 8,
        prepare: data::prepare,
        measure: Measure::Link(SEALED, data::read_1m),
    },
    Row {
        name: "write-plain",
        title: "sequential write, 1 MiB, in the clear",
        unit: Unit::Megabytes,
        depth: 8,
        prepare: data::prepare,
        measure: Measure::Link(Protection::Clear, data::write_1m),
    },
    Row {
        name: "write-sealed",
        title: "sequential write, 1 MiB, sealed with AES-128-GCM",
        unit: Unit::Megabytes,
        depth: 8,
        prepare: data::prepare,
        measure: Measure::Link(SEALED, data::write_1m),
    },
    Row {
        name: "read-4k",
        title: "random read, 4 KiB",
        unit: Unit::Operations,
        depth: 32,
        prepare: data::prepare,
        measure: Measure::Link(Protection::Clear, data::read_4k),
    },
    Row {
        name: "write-4k",
        title: "random write, 4 KiB",
        unit: Unit::Operations,
        depth: 32,
        prepare: data::prepare_pages,
        measure: Measure::Link(Protection::Clear, data::write_4k),
    },
    Row {
        name: "create",
        title: "create+close in one compound, folders of 1,000",
        unit: Unit::Operations,
        depth: 16,
        prepare: files::prepare_nothing,
        measure: Measure::Link(Protection::Clear, files::create_row),
    },
    Row {
        name: "create-write",
        title: "create+write 4 KiB+close in one compound",
        unit: Unit::Operations,
        depth: 16,
        prepare: files::prepare_nothing,
        measure: Measure::Link(Protection::Clear, files::create_write),
    },
    Row {
        name: "rename",
        title: "open+rename+close in one compound, a folder of 1,000",
        unit: Unit::Operations,
        depth: 16,
        prepare: files::prepare_small,
        measure: Measure::Link(Protection::Clear, files::rename),
    },
    Row {
        name: "delete",
        title: "open with delete-on-close, close, folders of 1,000",
        unit: Unit::Operations,
        depth: 16,
        prepare: files::prepare_nothing,
        measure: Measure::Link(Protection::Clear, files::delete),
    },
    Row {
        name: "open-query",
        title: "open+query+close in one compound",
        unit: Unit::Operations,
        depth: 16,
        prepare: files::prepare_small,
        measure: Measure::Link(Protection::Clear, files::open_query),
    },
    Row {
        name: "open-windows",
        title: "open with lease, durable handle, MxAc and QFid; close",
        unit: Unit::Operations,
        depth: 16,
        prepare: files::prepare_small,
        measure: Measure::Link(Protection::Clear, files::open_windows),
    },
    Row {
        name: "wrong-case-10k",
        title: "open by a name in the wrong case, a folder of 10,000",
        unit: Unit::Operations,
        depth: 16,
        prepare: names::prepare_10k,
        measure: Measure::Link(Protection::Clear, names::wrong_case_10k),
    },
    Row {
        name: "wrong-case-100k",
        title: "the same in a folder of 100,000",
        unit: Unit::Operations,
        depth: 16,
        prepare: names::prepare_large,
        measure: Measure::Link(Protection::Clear, names::wrong_case_large),
    },
    Row {
        name: "absent-100k",
        title: "open an absent name in a folder of 100,000",
        unit: Unit::Operations,
        depth: 16,
        prepare: names::prepare_large,
        measure: Measure::Link(Protection::Clear, names::absent_large),
    },
    Row {
        name: "create-100k",
        title: "create+close in a folder of 100,000",
        unit: Unit::Operations,
        depth: 16,
        prepare: names::prepare_large,
        measure: Measure::Link(Protection::Clear, names::create_large),
    },
    Row {
        name: "list",
        title: "list a folder of 10,000 (FileIdBothDirectoryInformation)",
        unit: Unit::Entries,
        depth: 4,
        prepare: names::prepare_10k,
        measure: Measure::Link(Protection::Clear, directory::list),
    },
    Row {
        name: "sids-1",
        title: "names of SIDs through lsarpc, one in a call, signed",
        unit: Unit::Sids,
        depth: 8,
        prepare: files::prepare_nothing,
        measure: Measure::Own(sids::one),
    },
    Row {
        name: "sids-100",
        title: "names of SIDs through lsarpc, 100 in a call, signed",
        unit: Unit::Sids,
        depth: 8,
        prepare: files::prepare_nothing,
        measure: Measure::Own(sids::hundred),
    },
    Row {
        name: "referral",
        title: "DFS referrals of the paths of --dfs-paths",
        unit: Unit::Operations,
        depth: 8,
        prepare: files::prepare_nothing,
        measure: Measure::Link(Protection::Clear, referrals::row),
    },
    Row {
        name: "session",
        title: "connect, negotiate, NTLM logon, tree connect, disconnect",
        unit: Unit::Sessions,
        depth: 4,
        prepare: files::prepare_nothing,
        measure: Measure::Own(sessions::set_up),
    },
    Row {
        name: "idle",
        title: "memory of idle sessions with a tree connect",
        unit: Unit::BytesPerSession,
        depth: 1,
        prepare: files::prepare_nothing,
        measure: Measure::Own(sessions::idle),
    },
];

const SEALED: Protection = Protection::Sealed(Cipher::Aes128Gcm);

impl Row {
    /// Makes the data, measures, and checks what was done.
    ///
    /// # Errors
    /// Anything that makes the figures worthless.
    pub fn run(&self, run: &Run) -> anyhow::Result<Figures> {
        (self.prepare)(run).context("making the data")?;
        let mut meter = Meter { run, depth: run.depth.unwrap_or(self.depth), result: None };
        match self.measure {
            Measure::Link(protection, measure) => {
                let mut link = Link::connect(&run.target, &run.target.share, protection)?;
                measure(run, &mut link, &mut meter)?;
            }
            Measure::Own(measure) => measure(run, &mut meter)?,
        }
        let (done, server_cpu, client_cpu) = meter.result.context("the row has measured nothing")?;
        let mut figures = Figures::new(self.name, self.unit, done, server_cpu, client_cpu);
        if self.unit == Unit::BytesPerSession {
            figures.amount /= f64::from(run.sizes.sessions);
            figures.per_second = 0.0;
            figures.per_server_cpu_second = Some(figures.amount);
        }
        Ok(figures)
    }
}

/// Measures the part of a row that counts.
pub struct Meter<'r> {
    run: &'r Run,
    /// Operations under way.
    pub depth: usize,
    result: Option<(Done, Option<f64>, f64)>,
}

impl Meter<'_> {
    /// The limit of the run.
    #[must_use]
    pub fn limit(&self) -> Limit {
        Limit {
            duration: Duration::from_secs_f64(self.run.seconds),
            operations: self.run.operations,
            computed: self.run.server.map(|server| (server, self.run.seconds / 2.0)),
        }
    }

    /// Measures `work` on a connection.
    ///
    /// # Errors
    /// As [`engine::run`].
    pub fn drive(&mut self, link: &mut Link, work: &mut dyn Work) -> anyhow::Result<()> {
        let (depth, limit) = (self.depth, self.limit());
        self.measure(|| engine::run(link, depth, limit, work))
    }

    /// Measures anything.
    ///
    /// # Errors
    /// Those of `action`.
    pub fn measure(&mut self, action: impl FnOnce() -> anyhow::Result<Done>) -> anyhow::Result<()> {
        let server = |run: &Run| run.server.map(ServerProcess::cpu_seconds).transpose();
        let (server_before, client_before) = (server(self.run)?, server_process::own_cpu_seconds());
        let done = action()?;
        let client = server_process::own_cpu_seconds() - client_before;
        let server = server(self.run)?.zip(server_before).map(|(after, before)| after - before);
        self.result = Some((done, server, client));
        Ok(())
    }
}
