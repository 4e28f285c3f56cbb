//! [MS-LSAD] and [MS-LSAT]: names of accounts, the policy of this computer, account rights as they are. Nothing is changed here: what
//! changes policy, rights, secrets or trusts is refused.

mod accounts;
mod lookup;
mod policy;
mod privileges;
mod refused;
mod rights;

use freehold_acl::SecurityDescriptor;
use freehold_dtyp::{NtStatus, Sid};

use super::dispatch::{Call, HANDLE_SIZE, Handle, Object};
use super::fault::Fault;
use super::ndr::NdrWriter;
use super::objects::{self, Class, Operation, Refusal, allow, deny};

/// [MS-LSAD] 2.2.1.1.2 ACCESS_MASK for Policy Objects.
const POLICY_VIEW_LOCAL_INFORMATION: u32 = 0x0000_0001;
const POLICY_VIEW_AUDIT_INFORMATION: u32 = 0x0000_0002;
const POLICY_GET_PRIVATE_INFORMATION: u32 = 0x0000_0004;
const POLICY_LOOKUP_NAMES: u32 = 0x0000_0800;
const POLICY_NOTIFICATION: u32 = 0x0000_1000;
const POLICY_ALL_ACCESS: u32 = 0x000F_1FFF;
const POLICY: Class = Class::new(0x0002_0006, 0x0002_07F8, 0x0002_0801, 0x000F_0FFF);

/// [MS-LSAD] 2.2.1.1.3 ACCESS_MASK for Account Objects.
const ACCOUNT_VIEW: u32 = 0x0000_0001;
const ACCOUNT_ALL_ACCESS: u32 = 0x000F_000F;
const ACCOUNT: Class = Class::new(0x0002_0001, 0x0002_000E, 0x0002_0000, 0x000F_000F);

/// READ_CONTROL.
const READ_CONTROL: u32 = 0x0002_0000;

/// The operations. Behind each: the bytes of its results when it is refused.
static OPERATIONS: &[Operation] = &[
    Operation::new(0, objects::close, HANDLE_SIZE),
    Operation::new(1, refused::delete, 0),
    Operation::new(2, privileges::enumerate, 12),
    Operation::new(3, policy::query_security, 4),
    Operation::new(4, refused::change, 0),
    Operation::new(6, policy::open_policy, HANDLE_SIZE),
    Operation::new(7, policy::query_information, 4),
    Operation::new(8, refused::change, 0),
    Operation::new(10, refused::change, HANDLE_SIZE),
    Operation::new(11, accounts::enumerate, 12),
    Operation::new(12, refused::change_trust, HANDLE_SIZE),
    Operation::new(13, refused::enumerate_trusts, 12),
    Operation::new(14, lookup::lookup_names, 16),
    Operation::new(15, lookup::lookup_sids, 16),
    Operation::new(16, refused::change, HANDLE_SIZE),
    Operation::new(17, accounts::open, HANDLE_SIZE),
    Operation::new(18, accounts::enumerate_privileges, 4),
    Operation::new(19, refused::change, 0),
    Operation::new(20, refused::change, 0),
    Operation::new(23, accounts::system_access, 4),
    Operation::new(24, refused::change, 0),
    Operation::new(25, refused::open_trust, HANDLE_SIZE),
    Operation::new(26, refused::no_such_object, 4),
    Operation::new(27, refused::no_such_object, 0),
    Operation::new(28, refused::open_secret, HANDLE_SIZE),
    Operation::new(29, refused::no_such_object, 0),
    Operation::new(30, refused::no_such_object, 16),
    Operation::new(31, privileges::lookup_value, 8),
    Operation::new(32, privileges::lookup_name, 4),
    Operation::new(33, privileges::lookup_display_name, 8),
    Operation::new(34, refused::change, HANDLE_SIZE),
    Operation::new(35, accounts::enumerate_with_right, 8),
    Operation::new(36, accounts::enumerate_rights, 8),
    Operation::new(37, refused::change, 0),
    Operation::new(38, refused::change, 0),
    Operation::new(39, refused::open_trust, 4),
    Operation::new(40, refused::change_trust, 0),
    Operation::new(41, refused::change_trust, 0),
    Operation::new(42, refused::change, 0),
    Operation::new(43, refused::retrieve_private_data, 4),
    Operation::new(44, policy::open_policy_2, HANDLE_SIZE),
    Operation::new(45, policy::get_user_name, 8),
    Operation::new(46, policy::query_information, 4),
    Operation::new(47, refused::change, 0),
    Operation::new(48, refused::open_trust_by_name, 4),
    Operation::new(49, refused::change_trust, 0),
    Operation::new(50, refused::enumerate_trusts, 12),
    Operation::new(51, refused::change_trust, HANDLE_SIZE),
    Operation::new(53, policy::query_domain_information, 4),
    Operation::new(54, refused::change, 0),
    Operation::new(55, refused::open_trust_by_name, HANDLE_SIZE),
    Operation::new(57, lookup::lookup_sids_2, 16),
    Operation::new(58, lookup::lookup_names_2, 16),
    Operation::new(59, refused::change_trust, HANDLE_SIZE),
    Operation::new(68, lookup::lookup_names_3, 16),
    Operation::new(73, refused::change_trust, 4),
    Operation::new(74, refused::change_trust, 4),
    Operation::new(76, lookup::without_handle, 16),
    Operation::new(77, lookup::without_handle, 16),
    Operation::new(129, refused::change_trust, HANDLE_SIZE),
    Operation::new(130, policy::open_policy_3, policy::OPEN_3_SIZE),
];

/// [MS-LSAD] 3.1.4 and [MS-LSAT] 3.1.4 Message Processing Events and Sequencing Rules.
pub(super) fn call(call: &mut Call<'_, '_>, operation: u16) -> Result<NdrWriter, Fault> {
    objects::call(OPERATIONS, call, operation)
}

/// A policy handle that was granted `rights`.
fn policy_handle(call: &mut Call<'_, '_>) -> Result<Handle, Refusal> {
    let handle = objects::handle(call)?;
    if handle.object == Object::Policy { Ok(handle) } else { Err(NtStatus::INVALID_HANDLE.into()) }
}

/// The descriptor of the policy object. Callers without an account neither see nor look up.
fn policy_security() -> SecurityDescriptor {
    let hidden = POLICY_VIEW_LOCAL_INFORMATION | POLICY_LOOKUP_NAMES;
    objects::descriptor([
        deny(Sid::ANONYMOUS, hidden),
        allow(Sid::ADMINISTRATORS, POLICY_ALL_ACCESS),
        allow(Sid::EVERYONE, hidden | READ_CONTROL),
        allow(Sid::SYSTEM, POLICY_NOTIFICATION),
    ])
}

/// The descriptor of an account object: rights are for administrators to see.
fn account_security() -> SecurityDescriptor {
    objects::descriptor([allow(Sid::ADMINISTRATORS, ACCOUNT_ALL_ACCESS), allow(Sid::EVERYONE, READ_CONTROL)])
}
