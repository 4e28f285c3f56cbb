//! The objects of lsarpc and samr: what a handle of each class is granted when it is opened, what a call needs of it
//! ([MS-LSAD] 3.1.4.2.2, [MS-SAMR] 3.1.5.1.8), and the reply of a call that is refused.
//!
//! An interface is a table of [`Operation`]s. Knows nothing of a single call.

use freehold_acl::{
    AccessMask, Ace, AceFlags, Acl, GenericMapping, SecurityDescriptor, SecurityInformation, Token,
    access_check, access_to_query, query,
};
use freehold_dtyp::{DecodeError, Encode, NtStatus, Sid};

use super::dispatch::{Call, HANDLE_SIZE, Handle, Object};
use super::fault::Fault;
use super::ndr::NdrWriter;

/// Why a call has no results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It was not run at all: a fault PDU.
    Fault(Fault),
    /// It ends with this status, its results empty.
    Status(NtStatus),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Refusal {
        Refusal::Fault(fault)
    }
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Refusal {
        Refusal::Fault(error.into())
    }
}

impl From<NtStatus> for Refusal {
    fn from(status: NtStatus) -> Refusal {
        Refusal::Status(status)
    }
}

/// The results of a call, its status included.
pub(super) type Reply = Result<NdrWriter, Refusal>;

/// One operation of an interface.
pub(super) struct Operation {
    /// opnum.
    pub(super) number: u16,
    /// Reads the parameters and runs it.
    pub(super) run: fn(&mut Call<'_, '_>) -> Reply,
    /// Bytes of the results of a call that is refused: null pointers, counts of zero, null handles, all of them zero.
    pub(super) empty: usize,
}

impl Operation {
    pub(super) const fn new(number: u16, run: fn(&mut Call<'_, '_>) -> Reply, empty: usize) -> Operation {
        Operation { number, run, empty }
    }
}

/// Runs operation `number` of an interface.
pub(super) fn call(
    operations: &[Operation],
    call: &mut Call<'_, '_>,
    number: u16,
) -> Result<NdrWriter, Fault> {
    let operation = operations.iter().find(|operation| operation.number == number).ok_or(Fault::OP_RANGE)?;
    match (operation.run)(call) {
        Ok(results) => Ok(results),
        Err(Refusal::Fault(fault)) => Err(fault),
        Err(Refusal::Status(status)) => {
            let mut results = NdrWriter::new();
            results.bytes(&vec![0; operation.empty]);
            results.u32(status.0);
            Ok(results)
        }
    }
}

/// Ends the results of a call that succeeds.
pub(super) fn success(mut results: NdrWriter) -> Reply {
    results.u32(NtStatus::SUCCESS.0);
    Ok(results)
}

/// Ends the results of a call that succeeds in part, or has results all the same.
pub(super) fn ended(mut results: NdrWriter, status: NtStatus) -> Reply {
    results.u32(status.0);
    Ok(results)
}

/// What the rights of one class of objects are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Class {
    /// What generic rights stand for.
    pub(super) mapping: GenericMapping,
}

impl Class {
    /// From what GENERIC_READ, GENERIC_WRITE, GENERIC_EXECUTE and GENERIC_ALL stand for.
    pub(super) const fn new(read: u32, write: u32, execute: u32, all: u32) -> Class {
        Class {
            mapping: GenericMapping {
                read: AccessMask(read),
                write: AccessMask(write),
                execute: AccessMask(execute),
                all: AccessMask(all),
            },
        }
    }
}

/// An entry of a list below: whom, and which rights.
pub(super) struct Entry {
    /// It denies.
    deny: bool,
    sid: Sid,
    rights: u32,
}

pub(super) const fn allow(sid: Sid, rights: u32) -> Entry {
    Entry { deny: false, sid, rights }
}

pub(super) const fn deny(sid: Sid, rights: u32) -> Entry {
    Entry { deny: true, sid, rights }
}

/// The descriptor of an object: it belongs to Administrators.
pub(super) fn descriptor(entries: impl IntoIterator<Item = Entry>) -> SecurityDescriptor {
    let aces = entries.into_iter().map(|entry| {
        let make = if entry.deny { Ace::deny } else { Ace::allow };
        make(entry.sid, AccessMask(entry.rights), AceFlags(0))
    });
    // A handful of entries: they fit.
    SecurityDescriptor::new(
        Sid::ADMINISTRATORS,
        Sid::ADMINISTRATORS,
        Acl::from_aces(aces).unwrap_or_default(),
    )
}

/// Opens an object: the rights that are granted, or ACCESS_DENIED.
pub(super) fn grant(
    caller: &Token,
    descriptor: &SecurityDescriptor,
    class: &Class,
    desired: u32,
) -> Result<AccessMask, NtStatus> {
    access_check(descriptor, caller, AccessMask(desired), &class.mapping).map_err(|_| NtStatus::ACCESS_DENIED)
}

/// Gives out a handle and writes it.
pub(super) fn give(
    call: &mut Call<'_, '_>,
    results: &mut NdrWriter,
    object: Object,
    granted: AccessMask,
) -> Result<(), Refusal> {
    let handle = call.handles.add(Handle { object, granted })?;
    results.align(4);
    results.bytes(&handle);
    Ok(())
}

/// Takes a handle back: LsarClose, SamrCloseHandle.
pub(super) fn close(call: &mut Call<'_, '_>) -> Reply {
    let handle = call.parameters.array("ObjectHandle")?;
    call.handles.remove(&handle)?;
    let mut results = NdrWriter::new();
    results.bytes(&[0; HANDLE_SIZE]);
    success(results)
}

/// Reads a handle.
pub(super) fn handle(call: &mut Call<'_, '_>) -> Result<Handle, Refusal> {
    call.parameters.align(4)?;
    let wire = call.parameters.array("Handle")?;
    Ok(call.handles.find(&wire)?)
}

impl Handle {
    /// A call that takes `rights` of the object may go on.
    pub(super) fn need(&self, rights: u32) -> Result<(), NtStatus> {
        if self.granted.contains(AccessMask(rights)) { Ok(()) } else { Err(NtStatus::ACCESS_DENIED) }
    }
}

/// LsarQuerySecurityObject and SamrQuerySecurityObject from SecurityInformation on: [MS-LSAD] 2.2.3.1
/// LSAPR_SR_SECURITY_DESCRIPTOR and [MS-SAMR] 2.2.7.3 SAMPR_SR_SECURITY_DESCRIPTOR are the same on the wire.
pub(super) fn query_security(
    call: &mut Call<'_, '_>,
    handle: Handle,
    descriptor: &SecurityDescriptor,
) -> Reply {
    let information = SecurityInformation(call.parameters.u32("SecurityInformation")?);
    handle.need(access_to_query(information).0)?;
    let bytes = query(descriptor, information).to_bytes();
    let mut results = NdrWriter::new();
    results.pointer();
    results.count(bytes.len());
    results.pointer();
    results.count(bytes.len());
    results.bytes(&bytes);
    success(results)
}
