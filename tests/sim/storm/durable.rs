//! Clients that come back for what they had open, and requests that come twice ([MS-SMB2] 3.3.5.9.10, 3.3.5.9.12).

use freehold::smb2::HeaderFlags;
use freehold::smb2::create_context::{
    DurableHandleV2Flags, DurableHandleV2Reconnect, DurableHandleV2Request,
};
use freehold_dtyp::Guid;

use super::*;

/// Opens that are waited for at most.
const MOST_KEPT: usize = 12;

/// An open that outlives its connection.
#[derive(Clone)]
pub struct Kept {
    pub user: &'static str,
    pub machine: Guid,
    pub manner: Manner,
    pub name: String,
    pub id: FileId,
    pub guid: Guid,
    pub access: u32,
    pub share: u32,
    pub lease: Option<LeaseKey>,
}

/// What makes an open durable.
pub fn request(guid: Guid) -> RequestContext<'static> {
    RequestContext::DurableHandleV2(DurableHandleV2Request {
        timeout_ms: 60_000,
        flags: DurableHandleV2Flags::empty(),
        create_guid: guid,
    })
}

impl Storm {
    /// A CreateGuid that nobody has.
    pub fn guid(&mut self) -> Guid {
        let mut guid = [0; 16];
        for half in guid.chunks_mut(8) {
            half.copy_from_slice(&self.world.random.next().to_le_bytes());
        }
        Guid(guid)
    }

    /// Who has left, and all that waits for its machine; `None` for somebody new.
    pub fn who_returns(&mut self) -> Option<Vec<Kept>> {
        if self.kept.is_empty() || self.world.random.one_in(3) {
            return None;
        }
        let at = usize::try_from(self.below(self.kept.len() as u64)).unwrap();
        let machine = self.kept[at].machine;
        Some(self.kept.extract_if(.., |kept| kept.machine == machine).collect())
    }

    /// A client is gone: what it had durable waits for it.
    pub fn keep(&mut self, client: ClientId) {
        let mut gone: Vec<_> = self.durable.extract_if(|(of, _), _| *of == client).collect();
        gone.sort_by_key(|((_, id), _)| id.volatile);
        self.kept.extend(gone.into_iter().map(|(_, kept)| kept));
        let too_many = self.kept.len().saturating_sub(MOST_KEPT);
        self.kept.drain(..too_many);
    }

    /// Asks for what was open.
    pub fn take_up(&mut self, seat: usize, kept: Kept) {
        let v2 = kept.manner.dialect.is_3x().then(LeaseV2::default);
        let mut contexts = vec![
            RequestContext::QueryOnDiskId,
            RequestContext::DurableHandleV2Reconnect(DurableHandleV2Reconnect {
                file_id: kept.id,
                create_guid: kept.guid,
                flags: DurableHandleV2Flags::empty(),
            }),
        ];
        contexts.extend(kept.lease.map(|key| {
            let state = LeaseState::from_bits_retain(7);
            RequestContext::Lease(Lease { key, state, flags: LeaseFlags::empty(), v2 })
        }));
        let wire = Utf16Buf::from(kept.name.as_str());
        let request = CreateRequest {
            requested_oplock_level: if kept.lease.is_some() {
                OplockLevel::LEASE
            } else {
                OplockLevel::BATCH
            },
            impersonation_level: ImpersonationLevel::IMPERSONATION,
            desired_access: kept.access,
            file_attributes: 0,
            share_access: ShareAccess::from_bits_retain(kept.share),
            create_disposition: CreateDisposition::OPEN_IF,
            create_options: CreateOptions::NON_DIRECTORY_FILE,
            name: wire.as_utf16(),
            contexts: CreateContexts::from(contexts.as_slice()),
        };
        let tree = self.seats[seat].trees[0];
        if self.is_traced {
            eprintln!("of {} again, as {:?} under {:?}", kept.name, kept.id, kept.lease);
        }
        let asked = Asked::Create {
            name: kept.name,
            access: kept.access,
            share: kept.share,
            lease: kept.lease,
            tree: tree.0,
            empties: false,
            durable: Some(kept.guid),
            back: Some(kept.id),
        };
        self.ask(seat, Command::CREATE, tree, &body(&request), asked);
    }

    /// Sends a CREATE once more, as a replay.
    pub fn replay(&mut self, seat: usize, tree: TreeId, body: &Body, asked: Asked) {
        let id = self.seats[seat].client;
        let client = &mut self.world.clients[id].client;
        let mut packet = client.compound();
        let message = client.append(&mut packet, Command::CREATE, tree, body, 0, false);
        let flags = HeaderFlags::REPLAY_OPERATION.bits().to_le_bytes();
        packet[16..20].iter_mut().zip(flags).for_each(|(place, flag)| *place |= flag);
        self.world.send_compound(id, packet, &[(message, Command::CREATE)]);
        if self.is_traced {
            eprintln!("client {id} asks {}: the same again", message.0);
        }
        self.asked.insert((id, message.0), asked);
    }
}
