//! Keeps a number of operations under way on one connection, and measures them.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use freehold::smb2::{MessageId, Smb2Header};
use freehold_dtyp::NtStatus;

use crate::link::{Link, Packet};
use crate::server_process::ServerProcess;

/// A run takes at most so many times its duration.
const MOST_EXTENSIONS: u32 = 10;

/// What a row does.
pub trait Work {
    /// Credits that one operation may need.
    fn credits(&self) -> u32 {
        4
    }

    /// Builds the next operation of `slot`; false when there is no more to do.
    ///
    /// # Errors
    /// What makes the row's figures worthless.
    fn next(&mut self, slot: usize, packet: &mut Packet<'_>) -> anyhow::Result<bool>;

    /// Takes the final reply to request number `index` of the operation in `slot`, and tells what it was worth.
    ///
    /// # Errors
    /// A reply that is not what it must be.
    fn reply(
        &mut self,
        slot: usize,
        index: usize,
        header: &Smb2Header,
        message: &[u8],
    ) -> anyhow::Result<u64>;
}

/// When a run ends.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// After so long.
    pub duration: Duration,
    /// After so many operations.
    pub operations: u64,
    /// After the time, but not before this server has computed for as many seconds as said here, unless that takes ten
    /// times as long: on a busy machine a server gets little of its core, and CPU time is told in hundredths of a second.
    pub computed: Option<(ServerProcess, f64)>,
}

impl Limit {
    /// No limit but the work's own.
    pub const NONE: Limit =
        Limit { duration: Duration::from_secs(3600), operations: u64::MAX, computed: None };

    /// When to stop, `begun` being the start and `before` the server's CPU seconds then: the same `end`, or a later one.
    ///
    /// # Errors
    /// When the server's process is gone.
    pub fn extended(&self, begun: Instant, end: Instant, before: f64) -> anyhow::Result<Instant> {
        let Some((server, target)) = self.computed else { return Ok(end) };
        let computed = server.cpu_seconds()? - before;
        let enough = computed >= target || end - begun >= self.duration * MOST_EXTENSIONS;
        Ok(if enough { end } else { end + self.duration / 4 })
    }

    /// CPU seconds of the server so far, for [`Limit::extended`].
    ///
    /// # Errors
    /// When the server's process is gone.
    pub fn computed_so_far(&self) -> anyhow::Result<f64> {
        self.computed.map_or(Ok(0.0), |(server, _)| server.cpu_seconds())
    }
}

/// What a run has done.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// Operations.
    pub operations: u64,
    /// Sum of what the replies were worth.
    pub units: u64,
    /// Seconds from the first request to the last reply.
    pub seconds: f64,
    /// Nanoseconds of each operation.
    pub latencies_ns: Vec<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    first: u64,
    count: usize,
    missing: usize,
    sent: Instant,
}

/// Keeps `depth` operations of `work` under way until the limit.
///
/// # Errors
/// What the work or the connection find wrong.
pub fn run(link: &mut Link, depth: usize, limit: Limit, work: &mut dyn Work) -> anyhow::Result<Done> {
    let begun = Instant::now();
    let mut end = begun + limit.duration;
    let computed_before = limit.computed_so_far()?;
    let mut slots: Vec<Option<Slot>> = vec![None; depth.max(1)];
    let mut idle: Vec<usize> = (0..slots.len()).rev().collect();
    let mut done = Done::default();
    let mut started = 0;
    let mut exhausted = false;
    loop {
        let now = Instant::now();
        if !exhausted && now >= end {
            end = limit.extended(begun, end, computed_before)?;
            exhausted = now >= end;
        }
        while !exhausted && started < limit.operations && link.client.credits() >= work.credits() {
            let Some(slot) = idle.pop() else { break };
            let length = link.outbox.len();
            let mut packet = Packet::new(link);
            if !work.next(slot, &mut packet)? {
                link.outbox.truncate(length);
                idle.push(slot);
                exhausted = true;
                break;
            }
            let (first, count) = packet.finish()?;
            slots[slot] = Some(Slot { first, count, missing: count, sent: now });
            started += 1;
        }
        if idle.len() == slots.len() {
            let finished = exhausted || started >= limit.operations;
            ensure!(
                finished,
                "the server leaves {} credits, fewer than an operation needs",
                link.client.credits()
            );
            break;
        }
        link.flush()?;
        link.receive()?;
        let now = Instant::now();
        while let Some(range) = link.next_packet() {
            for element in link.client.receive(&mut link.inbox[range])? {
                let element = element?;
                let header = &element.header;
                if header.status == NtStatus::PENDING || header.message_id == MessageId::UNSOLICITED {
                    continue;
                }
                let id = header.message_id.0;
                let found = slots.iter().position(|slot| {
                    slot.is_some_and(|slot| id.wrapping_sub(slot.first) < slot.count as u64)
                });
                let index =
                    found.with_context(|| format!("a reply to message {id}, which is not under way"))?;
                let Some(slot) = &mut slots[index] else { bail!("a slot without an operation") };
                done.units += work.reply(index, (id - slot.first) as usize, header, element.message)?;
                slot.missing -= 1;
                if slot.missing == 0 {
                    done.operations += 1;
                    done.latencies_ns.push(u64::try_from((now - slot.sent).as_nanos()).unwrap_or(u64::MAX));
                    slots[index] = None;
                    idle.push(index);
                }
            }
        }
    }
    done.seconds = begun.elapsed().as_secs_f64();
    Ok(done)
}
