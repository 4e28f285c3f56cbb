//! What a CREATE asks for beyond the life of its session ([MS-SMB2] 3.3.5.9.6, .7, .10, .12, .13), and what it gets.

use std::time::Duration;

use freehold_dtyp::{Guid, NtStatus};

use super::super::super::context::Context;
use super::super::super::durable::{AppInstance, Created, Durability, Kept, PendingCreate};
use super::super::super::limits;
use super::super::super::status::CommandError;
use super::super::super::tree_connect::TreeConnect;
use crate::fsa::disposition::CreateAction;
use crate::fsa::{CacheState, Granted, OplockLevel};
use crate::smb2::create::CreateRequest;
use crate::smb2::create_context::{
    AppInstanceVersion, DurableHandleV2Flags, DurableHandleV2Request, Lease, RequestContext, ResponseContext,
};
use crate::smb2::{Capabilities, Dialect, FileId, LeaseKey};

/// An open that a request wants to take up again.
#[derive(Clone, Copy)]
pub(super) struct Reconnect {
    /// Which.
    pub file_id: FileId,
    /// CreateGuid and flags of the second version.
    pub v2: Option<(Guid, DurableHandleV2Flags)>,
}

/// The contexts that matter here.
#[derive(Default)]
pub(super) struct Asked {
    /// DHnQ
    pub v1: bool,
    /// DH2Q
    pub v2: Option<DurableHandleV2Request>,
    /// DHnC or DH2C
    pub reconnect: Option<Reconnect>,
    /// RqLs
    pub lease: Option<Lease>,
    /// The key of each version of RqLs that is there, also where the dialect has none.
    pub lease_keys: [Option<LeaseKey>; 2],
    /// Application instance, complete or not.
    pub app_instance: Option<AppInstance>,
    /// QFid
    pub on_disk_id: bool,
}

impl Asked {
    /// Reads the contexts of a request; those that its dialect does not have are ignored.
    ///
    /// # Errors
    /// INVALID_PARAMETER for a malformed context, or for two that exclude each other.
    pub fn read(dialect: Dialect, request: &CreateRequest<'_>) -> Result<Self, CommandError> {
        let mut asked = Asked::default();
        if request.contexts.is_empty() {
            return Ok(asked);
        }
        let mut version: Option<AppInstanceVersion> = None;
        let (mut reconnects_v1, mut reconnects_v2) = (false, false);
        let mut names_v2 = false;
        for context in request.contexts.iter() {
            let context = context?;
            names_v2 |= matches!(
                context,
                RequestContext::DurableHandleV2(_) | RequestContext::DurableHandleV2Reconnect(_)
            );
            if let RequestContext::Lease(lease) = &context {
                let [first, second] = &mut asked.lease_keys;
                *(if lease.v2.is_some() { second } else { first }) = Some(lease.key);
            }
            match context {
                RequestContext::DurableHandle => asked.v1 = true,
                RequestContext::DurableHandleReconnect(file_id) => {
                    reconnects_v1 = true;
                    asked.reconnect = Some(Reconnect { file_id, v2: None });
                }
                RequestContext::DurableHandleV2(wanted) if dialect.is_3x() => asked.v2 = Some(wanted),
                RequestContext::DurableHandleV2Reconnect(wanted) if dialect.is_3x() => {
                    reconnects_v2 = true;
                    let v2 = Some((wanted.create_guid, wanted.flags));
                    asked.reconnect = Some(Reconnect { file_id: wanted.file_id, v2 });
                }
                RequestContext::Lease(lease)
                    if dialect.is_3x() || (dialect > Dialect::SMB_2_0_2 && lease.v2.is_none()) =>
                {
                    asked.lease = Some(lease);
                }
                RequestContext::AppInstanceId(id) if dialect.is_3x() => {
                    asked.app_instance = Some(AppInstance { id, version: None });
                }
                RequestContext::AppInstanceVersion(wanted) if dialect == Dialect::SMB_3_1_1 => {
                    version = Some(wanted);
                }
                RequestContext::QueryOnDiskId => asked.on_disk_id = true,
                _ => {}
            }
        }
        if let Some(instance) = &mut asked.app_instance {
            instance.version = version;
        }
        // 3.3.5.9.7 ignores DHnQ beside DHnC; all other pairs exclude each other.
        let pairs = u8::from(asked.v1 && !reconnects_v1)
            .saturating_add(u8::from(asked.v2.is_some()))
            .saturating_add(u8::from(reconnects_v1))
            .saturating_add(u8::from(reconnects_v2));
        // 3.3.5.9.6 and 3.3.5.9.7 know the second version of whatever dialect: it is ignored only where it is alone.
        if pairs > 1 || ((asked.v1 || reconnects_v1) && names_v2) {
            return Err(NtStatus::INVALID_PARAMETER.into());
        }
        Ok(asked)
    }
}

/// What a new open wants, kept until it is there.
pub(super) struct Wanted {
    v1: bool,
    v2: Option<DurableHandleV2Request>,
    app_instance: Option<AppInstance>,
    desired_access: u32,
    share_access: u32,
    create_options: u32,
    /// The request's place among those that can be replayed.
    pub pending: Option<PendingCreate>,
}

impl Wanted {
    /// Of a request; `None` when it wants nothing of all this.
    pub fn new(
        asked: &Asked,
        request: &CreateRequest<'_>,
        pending: Option<PendingCreate>,
    ) -> Option<Box<Self>> {
        if !asked.v1 && asked.v2.is_none() && asked.app_instance.is_none() {
            return None;
        }
        Some(Box::new(Wanted {
            v1: asked.v1,
            v2: asked.v2,
            app_instance: asked.app_instance,
            desired_access: request.desired_access,
            share_access: request.share_access.bits(),
            create_options: request.create_options.bits(),
            pending,
        }))
    }

    /// The application instance.
    pub fn app_instance(&self) -> Option<&AppInstance> {
        self.app_instance.as_ref()
    }

    /// What the open gets, given what it may cache. A directory is persistent or not kept at all, and what is in a snapshot is not
    /// kept over a restart.
    pub fn grant(
        &self,
        cx: &Context<'_>,
        tree: &TreeConnect,
        caches: &Granted,
        action: CreateAction,
        is_directory: bool,
        in_snapshot: bool,
    ) -> Result<Durability, CommandError> {
        let identity = cx.session()?.identity.load_full();
        let persistent = self.v2.is_some_and(|v2| v2.flags.contains(DurableHandleV2Flags::PERSISTENT))
            && keeps_persistent(cx, tree)
            && !in_snapshot;
        let (kept, timeout) = match self.v2 {
            Some(v2) if persistent => (Kept::Persistent, timeout_v2(v2.timeout_ms, tree.share.ca_timeout)),
            _ if is_directory => (Kept::No, Duration::ZERO),
            Some(v2) if covers_handle(caches) => (Kept::Durable, timeout_v2(v2.timeout_ms, Duration::ZERO)),
            None if self.v1 && covers_handle(caches) => (Kept::Durable, limits::DURABLE_TIMEOUT_V1),
            Some(_) | None => (Kept::No, Duration::ZERO),
        };
        Ok(Durability {
            kept,
            timeout,
            client_guid: client_guid(cx),
            owner: *identity.token.user(),
            user: identity.user.clone(),
            created: self.v2.map(|v2| Created {
                guid: v2.create_guid,
                action,
                desired_access: self.desired_access,
                share_access: self.share_access,
                create_options: self.create_options,
            }),
            app_instance: self.app_instance,
            lock_version: 0,
            marks_version: 0,
            deadline: None,
        })
    }

    /// The context that tells the client.
    pub fn answer(&self, granted: &Durability) -> Option<ResponseContext<'static>> {
        match (granted.kept, self.v2) {
            (Kept::No, _) => None,
            (_, Some(_)) => Some(answer_v2(granted)),
            (_, None) => Some(ResponseContext::DurableHandle),
        }
    }
}

/// 2.2.14.2.12 SMB2_CREATE_DURABLE_HANDLE_RESPONSE_V2.
pub(super) fn answer_v2(granted: &Durability) -> ResponseContext<'static> {
    let mut flags = DurableHandleV2Flags::empty();
    flags.set(DurableHandleV2Flags::PERSISTENT, granted.kept == Kept::Persistent);
    let timeout_ms = u32::try_from(granted.timeout.as_millis()).unwrap_or(u32::MAX);
    ResponseContext::DurableHandleV2 { timeout_ms, flags }
}

/// 3.3.5.9.10: what the client asks for, as far as the limit goes; where it leaves it to the server, the share's CATimeout.
fn timeout_v2(asked_ms: u32, ca_timeout: Duration) -> Duration {
    match asked_ms {
        0 if ca_timeout.is_zero() => limits::DURABLE_TIMEOUT_V2,
        0 => ca_timeout.min(limits::MAX_DURABLE_TIMEOUT),
        asked => Duration::from_millis(u64::from(asked)).min(limits::MAX_DURABLE_TIMEOUT),
    }
}

fn covers_handle(caches: &Granted) -> bool {
    match caches {
        Granted::Oplock(level) => *level == OplockLevel::Batch,
        Granted::Lease(lease) => lease.state.contains(CacheState::HANDLE) && !lease.breaking,
    }
}

/// True where persistent handles are kept: on this connection, and by this share.
pub(super) fn keeps_persistent(cx: &Context<'_>, tree: &TreeConnect) -> bool {
    tree.share.continuously_available
        && cx
            .link
            .negotiated
            .as_ref()
            .is_some_and(|settled| settled.server_capabilities.contains(Capabilities::PERSISTENT_HANDLES))
}

/// ClientGuid of the connection.
pub(super) fn client_guid(cx: &Context<'_>) -> Guid {
    cx.link.negotiated.as_ref().map(|negotiated| negotiated.client_guid).unwrap_or_default()
}
