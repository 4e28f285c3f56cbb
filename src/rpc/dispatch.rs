//! Which interface answers on which pipe, and the context handles of a pipe.

use freehold_acl::AccessMask;
use freehold_dtyp::{Guid, Sid};

use super::fault::Fault;
use super::ndr::{NdrReader, NdrWriter};
use super::pdu::Syntax;
use super::task::{Commission, Done, Task, TaskError};
use super::{Endpoint, RpcContext, dssetup, lsarpc, netdfs, samr, srvsvc, wkssvc};

/// Most context handles that are open on one pipe.
const MAX_HANDLES: usize = 256;

/// One interface: its identity and the function that runs its operations.
pub(super) struct Interface {
    endpoint: Endpoint,
    uuid: Guid,
    version: u32,
    call: Operation,
}

/// Runs operation `u16` with the parameters in the reader. Parameters are decoded before anything is decided.
type Operation = fn(&mut Call<'_, '_>, u16) -> Result<NdrWriter, Fault>;

impl Interface {
    /// What it is called in binds.
    pub(super) const fn syntax(&self) -> Syntax {
        Syntax { uuid: self.uuid, version: self.version }
    }
}

impl std::fmt::Debug for Interface {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} v{}", self.uuid, self.version)
    }
}

/// One call that is being run.
pub(super) struct Call<'c, 'a> {
    pub(super) cx: &'c RpcContext<'a>,
    pub(super) handles: &'c mut Handles,
    pub(super) parameters: NdrReader<'c>,
    /// What came of the task that the call had done, in its second run.
    done: Option<Result<Done, TaskError>>,
    /// What it wants done before it runs again.
    wanted: Option<Task>,
    /// The caller may have that done: see [`Call::allow_if`].
    allowed: bool,
}

impl Call<'_, '_> {
    /// Whether the caller may have the call's task done, for `prepare` of [`Call::task`]. The task of who may not is handed out all
    /// the same, so that the refusal is recorded where changes are; nothing may be told about it beyond that it is refused.
    pub(super) fn allow_if(&mut self, may: bool) -> bool {
        self.allowed = may;
        may
    }

    /// Has a task done. In the first run of a call `prepare` checks whether it may and says what to do, which ends the run; in the
    /// second one, nothing is checked again and this is what came of it. A call has one task.
    ///
    /// # Errors
    /// To be passed on: the call is put aside.
    pub(super) fn task<E: From<TaskError>>(
        &mut self,
        prepare: impl FnOnce(&mut Self) -> Result<Task, E>,
    ) -> Result<Result<Done, E>, Fault> {
        if let Some(done) = self.done.take() {
            return Ok(done.map_err(E::from));
        }
        match prepare(self) {
            Ok(task) => {
                self.wanted = Some(task);
                Err(Fault::PUT_ASIDE)
            }
            Err(refusal) => Ok(Err(refusal)),
        }
    }
}

static INTERFACES: [Interface; 6] = [
    Interface {
        endpoint: Endpoint::Srvsvc,
        uuid: Guid::new(0x4B32_4FC8, 0x1670, 0x01D3, [0x12, 0x78, 0x5A, 0x47, 0xBF, 0x6E, 0xE1, 0x88]),
        version: 3,
        call: srvsvc::call,
    },
    Interface {
        endpoint: Endpoint::Wkssvc,
        uuid: Guid::new(0x6BFF_D098, 0xA112, 0x3610, [0x98, 0x33, 0x46, 0xC3, 0xF8, 0x7E, 0x34, 0x5A]),
        version: 1,
        call: wkssvc::call,
    },
    Interface {
        endpoint: Endpoint::Lsarpc,
        uuid: Guid::new(0x1234_5778, 0x1234, 0xABCD, [0xEF, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xAB]),
        version: 0,
        call: lsarpc::call,
    },
    Interface {
        endpoint: Endpoint::Samr,
        uuid: Guid::new(0x1234_5778, 0x1234, 0xABCD, [0xEF, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xAC]),
        version: 1,
        call: samr::call,
    },
    Interface {
        endpoint: Endpoint::Lsarpc,
        uuid: Guid::new(0x3919_286A, 0xB10C, 0x11D0, [0x9B, 0xA8, 0x00, 0xC0, 0x4F, 0xD9, 0x2E, 0xF5]),
        version: 0,
        call: dssetup::call,
    },
    Interface {
        endpoint: Endpoint::Netdfs,
        uuid: Guid::new(0x4FC7_42E0, 0x4A10, 0x11CF, [0x82, 0x73, 0x00, 0xAA, 0x00, 0x4A, 0xE6, 0x73]),
        version: 3,
        call: netdfs::call,
    },
];

/// The interface that `syntax` names on the pipe `endpoint`. The minor version may be lower than ours.
pub(super) fn find(endpoint: Endpoint, syntax: &Syntax) -> Option<&'static Interface> {
    INTERFACES.iter().find(|interface| {
        interface.endpoint == endpoint && interface.uuid == syntax.uuid && interface.version == syntax.version
    })
}

/// What came of a run of an operation.
pub(super) enum Ran {
    /// The stub of its response.
    Response(Vec<u8>),
    /// A fault.
    Fault(Fault),
    /// The task has to be done before the operation runs again.
    Wants(Box<Commission>),
}

/// Runs one operation; `done` is what came of the task that it had done.
pub(super) fn call(
    interface: &Interface,
    cx: &RpcContext<'_>,
    handles: &mut Handles,
    operation: u16,
    stub: &[u8],
    done: Option<Result<Done, TaskError>>,
) -> Ran {
    let mut call = Call { cx, handles, parameters: NdrReader::new(stub), done, wanted: None, allowed: true };
    let outcome = (interface.call)(&mut call, operation);
    match (call.wanted, outcome) {
        (Some(task), _) => {
            Ran::Wants(Box::new(Commission { task, caller: cx.owned_caller(), allowed: call.allowed }))
        }
        (None, Ok(writer)) => Ran::Response(writer.into_bytes()),
        (None, Err(fault)) => Ran::Fault(fault),
    }
}

/// What a context handle stands for, and the rights that it was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Handle {
    pub(super) object: Object,
    pub(super) granted: AccessMask,
}

/// An object behind a context handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Object {
    /// [MS-LSAD] 3.1.1.1: the policy object.
    Policy,
    /// [MS-LSAD] 3.1.1.3: an account with rights.
    LsaAccount(Sid),
    /// [MS-SAMR] 3.1.1: the server object.
    SamServer,
    /// A domain, by its SID.
    SamDomain(Sid),
    /// A group of a domain.
    SamGroup(Sid),
    /// An alias.
    SamAlias(Sid),
    /// A user.
    SamUser(Sid),
    /// [MS-SRVS] 2.2.1.3 SHARE_DEL_HANDLE: a share that is to be deleted, by its number.
    ShareDeletion(i64),
}

/// The context handles that were given out on one pipe (C706 14.2.16.6 ndr_context_handle).
#[derive(Debug, Default)]
pub(super) struct Handles {
    last: u32,
    open: Vec<(u32, Handle)>,
}

/// Bytes of a context handle on the wire: attributes 4, UUID 16.
pub(super) const HANDLE_SIZE: usize = 4 + 16;

impl Handles {
    /// Gives out a handle.
    pub(super) fn add(&mut self, handle: Handle) -> Result<[u8; HANDLE_SIZE], Fault> {
        if self.open.len() >= MAX_HANDLES {
            return Err(Fault::NO_MEMORY);
        }
        self.last = self.last.wrapping_add(1).max(1);
        self.open.push((self.last, handle));
        Ok(wire_form(self.last))
    }

    /// What `wire` stands for.
    pub(super) fn find(&self, wire: &[u8; HANDLE_SIZE]) -> Result<Handle, Fault> {
        let found = self.open.iter().find(|(number, _)| wire_form(*number) == *wire);
        found.map(|(_, handle)| *handle).ok_or(Fault::CONTEXT_MISMATCH)
    }

    /// Takes a handle back.
    pub(super) fn remove(&mut self, wire: &[u8; HANDLE_SIZE]) -> Result<(), Fault> {
        self.find(wire)?;
        self.open.retain(|(number, _)| wire_form(*number) != *wire);
        Ok(())
    }
}

/// A handle means something on its own pipe only, so that its number needs no secrecy.
fn wire_form(number: u32) -> [u8; HANDLE_SIZE] {
    let [a, b, c, d] = number.to_le_bytes();
    [0, 0, 0, 0, a, b, c, d, 0x66, 0x72, 0x65, 0x65, 0x68, 0x6F, 0x6C, 0x64, 0, 0, 0, 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Handle = Handle { object: Object::Policy, granted: AccessMask::EMPTY };

    #[test]
    fn handles_are_known_until_they_are_closed() {
        let mut handles = Handles::default();
        let first = handles.add(POLICY).unwrap();
        let second = handles.add(POLICY).unwrap();
        assert_ne!(first, second);
        handles.remove(&first).unwrap();
        assert_eq!(handles.find(&first), Err(Fault::CONTEXT_MISMATCH));
        assert_eq!(handles.find(&second), Ok(POLICY));
        assert_eq!(handles.find(&[0; HANDLE_SIZE]), Err(Fault::CONTEXT_MISMATCH));
    }

    #[test]
    fn handles_are_bounded() {
        let mut handles = Handles::default();
        let outcome = (0..=MAX_HANDLES).find_map(|_| handles.add(POLICY).err());
        assert_eq!(outcome, Some(Fault::NO_MEMORY));
    }
}
