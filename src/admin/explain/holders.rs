//! Who has the file open, and what that means for what is asked.

use freehold_acl::AccessMask;

use super::answer::{HolderRow, LockRow};
use super::rights;
use super::target::Target;
use crate::admin::running::{LiveOpen, RunningServer};
use crate::fsa::byte_range_lock::LockKind;
use crate::fsa::share_access::{Sharing, shared_part};
use crate::fsa::{CacheState, ShareAccess, StreamId};

/// A row for each open of the file. `wanted` is what a further open would ask for, sharing everything.
pub(super) fn rows(server: &dyn RunningServer, target: &Target, wanted: AccessMask) -> Vec<HolderRow> {
    let Some(found) = &target.found else { return Vec::new() };
    let asked = Sharing { access: wanted, share: ShareAccess::all() };
    server.opens_of(&target.volume_name, found.id).iter().map(|live| row(live, asked)).collect()
}

fn row(live: &LiveOpen, asked: Sharing) -> HolderRow {
    let open = &live.open;
    let named_stream = open.stream != StreamId::UNNAMED;
    let blocks =
        if named_stream { asked.conflicts_with_stream(open.sharing) } else { open.sharing.conflicts(asked) };
    let kind = if open.lease.is_some() { "lease" } else { "oplock" };
    let cache = if open.cache.is_empty() { String::new() } else { format!("{kind} {}", letters(open.cache)) };
    HolderRow {
        user: live.user.clone(),
        client: live.client.clone(),
        share: live.share.clone(),
        access: rights::names(open.sharing.access),
        shares: share_words(open.sharing.share),
        cache,
        breaking: open.breaking,
        delete_on_close: open.delete_on_close,
        named_stream,
        locks: open
            .locks
            .iter()
            .map(|(range, kind)| LockRow {
                offset: range.offset(),
                length: range.length(),
                exclusive: *kind == LockKind::Exclusive,
            })
            .collect(),
        lock_count: open.lock_count,
        blocks,
        effect: effect(live, asked, blocks),
    }
}

fn letters(cache: CacheState) -> String {
    let all = [(CacheState::READ, 'R'), (CacheState::WRITE, 'W'), (CacheState::HANDLE, 'H')];
    all.into_iter().filter(|(state, _)| cache.contains(*state)).map(|(_, letter)| letter).collect()
}

fn share_words(share: ShareAccess) -> Vec<String> {
    let all = [(ShareAccess::READ, "read"), (ShareAccess::WRITE, "write"), (ShareAccess::DELETE, "delete")];
    all.into_iter().filter(|(mode, _)| share.contains(*mode)).map(|(_, word)| word.to_owned()).collect()
}

/// What the open means for what is asked, in words.
fn effect(live: &LiveOpen, asked: Sharing, blocks: bool) -> String {
    let open = &live.open;
    let mut effects = Vec::new();
    if blocks {
        let kept = shared_part(asked.access).difference(open.sharing.share);
        let words = share_words(kept);
        effects.push(if words.is_empty() {
            "it does what the other does not share: STATUS_SHARING_VIOLATION".to_owned()
        } else {
            format!("it does not share {}: STATUS_SHARING_VIOLATION", words.join(", "))
        });
    }
    if open.cache.contains(CacheState::HANDLE) && blocks {
        effects.push("its client caches the handle and is first asked to close it".to_owned());
    } else if open.cache.contains(CacheState::WRITE) && !shared_part(asked.access).is_empty() {
        effects.push(
            "its client caches what it writes: another open waits until that is written back".to_owned(),
        );
    }
    let touches = asked
        .access
        .intersects(AccessMask::FILE_READ_DATA | AccessMask::FILE_WRITE_DATA | AccessMask::FILE_APPEND_DATA);
    if open.lock_count != 0 && touches {
        effects.push(format!(
            "it has locked {} range{} of bytes: reads or writes there fail with STATUS_FILE_LOCK_CONFLICT",
            open.lock_count,
            if open.lock_count == 1 { "" } else { "s" }
        ));
    }
    if open.delete_on_close {
        effects.push("the file is deleted when it is closed".to_owned());
    }
    effects.join("; ")
}
