//! An open of a file on a volume that minds programs of this machine (docs/decisions/0034-local-programs.md): its data is
//! opened before other clients' opens are looked at, so that a program that has a lease on the file gives it up first, and
//! nothing is cached that a program could not break. Elsewhere the data is opened when it is first used.

use std::sync::Arc;

use freehold_acl::AccessMask;

use super::super::super::caching;
use super::super::super::context::{Context, StepResult};
use super::super::super::node::{NodeCell, NodeKey};
use super::super::super::op::{Op, OpResult};
use super::{Stage, Work, admit, close};
use crate::fsa::disposition::CreateAction;
use crate::fsa::{CacheRequest, CacheState, LeaseRequest, Node, OpenRequest, OplockLevel, OplockPolicy};
use crate::vfs::local::LocalPrograms;
use crate::vfs::{NodeKind, Opened};

/// An open that was let in, while its data is being opened.
pub(super) struct Opening {
    found: Box<Opened>,
    action: CreateAction,
    granted: AccessMask,
}

/// What stands behind what an open will cache.
pub(super) struct Backing {
    /// Keeps the count: a break finds the file's state, whoever else has it open.
    _cell: Arc<NodeCell>,
    /// [`Node::local_breaks`] before the kernel was asked.
    breaks: u64,
    /// The kernel has given a lease.
    given: bool,
}

/// Rights to what a program may keep in a cache of its own.
const READS: AccessMask = AccessMask::FILE_READ_DATA.union(AccessMask::FILE_EXECUTE);
const WRITES: AccessMask = AccessMask::FILE_WRITE_DATA.union(AccessMask::FILE_APPEND_DATA);

/// [`admit::admit`], once no program of this machine has a lease on the data that is asked for.
pub(super) fn admit(
    cx: &mut Context<'_>,
    mut work: Work,
    found: Box<Opened>,
    action: CreateAction,
    granted: AccessMask,
) -> StepResult {
    let programs = work.volume.identity.options.local_programs;
    let minds = programs != LocalPrograms::Ignore
        && work.intent.stream.is_none()
        && found.metadata.kind == NodeKind::File;
    if !minds {
        return admit::admit(cx, work, found, action, granted);
    }
    let empties = matches!(action, CreateAction::Overwritten | CreateAction::Superseded);
    let write = granted.intersects(WRITES) || empties;
    let policy = caching::policy(&work.volume.identity.options);
    let wants_cache = programs.backs_caches() && wants_cache(&work.intent.cache, policy);
    // What was just made is open already, and nobody has a lease on it.
    let uses = (write || granted.intersects(READS)) && action != CreateAction::Created;
    // What was made is the file's one open file description from now on, also for opens that cache.
    let enters = programs.backs_caches() && action == CreateAction::Created;
    if !uses && !wants_cache && !enters {
        return admit::admit(cx, work, found, action, granted);
    }
    if wants_cache {
        let cell = cx.server.nodes.cell(NodeKey { volume: work.volume.id, id: found.metadata.id });
        let breaks = cell.lock().local_breaks();
        work.backing = Some(Backing { _cell: cell, breaks, given: false });
    }
    let op = Op::OpenData { file: found.file.clone(), write, cache: wants_cache };
    work.then(op, Stage::OpeningData(Box::new(Opening { found, action, granted })))
}

/// The data is open, or a program has kept its lease for too long.
pub(super) fn opened(cx: &mut Context<'_>, mut work: Work, opening: Opening, result: OpResult) -> StepResult {
    let Opening { found, action, granted } = opening;
    match result.data_opened() {
        Ok(given) => {
            if let Some(backing) = &mut work.backing {
                backing.given = given;
            }
            admit::admit(cx, work, found, action, granted)
        }
        Err(error) => {
            close(cx, found.file);
            Err(error)
        }
    }
}

/// Something is wanted that the volume gives.
fn wants_cache(cache: &CacheRequest, policy: OplockPolicy) -> bool {
    let state = match cache {
        CacheRequest::Oplock(level) => level.state(),
        CacheRequest::Lease(lease) => lease.state,
    };
    !policy.limit(state).is_empty()
}

/// To be called with the node locked that will hold the cache: leaves nothing of what is wanted where no lease of the kernel
/// stands behind it, or a program has wanted the file since it was given. What a client has of the file already stays.
pub(super) fn limit_cache(work: &Work, node: &Node, request: &mut OpenRequest) {
    let backs = work.volume.identity.options.local_programs.backs_caches();
    if !backs || work.intent.stream.is_some() || request.is_directory {
        return;
    }
    let is_backed = |backing: &Backing| backing.given && backing.breaks == node.local_breaks();
    if work.backing.as_ref().is_some_and(is_backed) {
        return;
    }
    request.cache = match request.cache {
        CacheRequest::Oplock(_) => CacheRequest::Oplock(OplockLevel::None),
        CacheRequest::Lease(lease) => {
            CacheRequest::Lease(LeaseRequest { state: CacheState::empty(), ..lease })
        }
    };
}
