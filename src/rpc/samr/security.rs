//! [MS-SAMR] 2.2.1.3 to 2.2.1.7: rights of the objects; 3.1.5.12.2.2 SamrQuerySecurityObject (Non-DC Configuration).
//!
//! The descriptors are those that Windows begins with; they cannot be changed. Who is no administrator never gets as far as
//! them: [`super::server`] lets nobody else connect.

use freehold_acl::SecurityDescriptor;
use freehold_dtyp::{NtStatus, Sid};

use super::super::dispatch::{Call, Object};
use super::super::objects::{self, Class, Reply, allow};

/// The right to remove an object.
pub(super) const DELETE: u32 = 0x0001_0000;

/// 2.2.1.3 Server ACCESS_MASK Values.
pub(super) const SAM_SERVER_ENUMERATE_DOMAINS: u32 = 0x0000_0010;
pub(super) const SAM_SERVER_LOOKUP_DOMAIN: u32 = 0x0000_0020;
pub(super) const SERVER: Class = Class::new(0x0002_0010, 0x0002_000E, 0x0002_0021, 0x000F_003F);

/// 2.2.1.4 Domain ACCESS_MASK Values.
pub(super) const DOMAIN_READ_PASSWORD_PARAMETERS: u32 = 0x0000_0001;
pub(super) const DOMAIN_READ_OTHER_PARAMETERS: u32 = 0x0000_0004;
pub(super) const DOMAIN_CREATE_ALIAS: u32 = 0x0000_0040;
pub(super) const DOMAIN_GET_ALIAS_MEMBERSHIP: u32 = 0x0000_0080;
pub(super) const DOMAIN_LIST_ACCOUNTS: u32 = 0x0000_0100;
pub(super) const DOMAIN_LOOKUP: u32 = 0x0000_0200;
pub(super) const DOMAIN: Class = Class::new(0x0002_0084, 0x0002_047A, 0x0002_0301, 0x000F_07FF);

/// 2.2.1.5 Group ACCESS_MASK Values.
pub(super) const GROUP_READ_INFORMATION: u32 = 0x0000_0001;
pub(super) const GROUP_LIST_MEMBERS: u32 = 0x0000_0010;
pub(super) const GROUP: Class = Class::new(0x0002_0010, 0x0002_000E, 0x0002_0001, 0x000F_001F);

/// 2.2.1.6 Alias ACCESS_MASK Values.
pub(super) const ALIAS_ADD_MEMBER: u32 = 0x0000_0001;
pub(super) const ALIAS_REMOVE_MEMBER: u32 = 0x0000_0002;
pub(super) const ALIAS_LIST_MEMBERS: u32 = 0x0000_0004;
pub(super) const ALIAS_READ_INFORMATION: u32 = 0x0000_0008;
pub(super) const ALIAS_WRITE_ACCOUNT: u32 = 0x0000_0010;
pub(super) const ALIAS: Class = Class::new(0x0002_0004, 0x0002_0013, 0x0002_0008, 0x000F_001F);

/// 2.2.1.7 User ACCESS_MASK Values.
pub(super) const USER_READ_GENERAL: u32 = 0x0000_0001;
pub(super) const USER_READ_PREFERENCES: u32 = 0x0000_0002;
pub(super) const USER_READ_LOGON: u32 = 0x0000_0008;
pub(super) const USER_READ_ACCOUNT: u32 = 0x0000_0010;
pub(super) const USER_WRITE_ACCOUNT: u32 = 0x0000_0020;
pub(super) const USER_LIST_GROUPS: u32 = 0x0000_0100;
pub(super) const USER: Class = Class::new(0x0002_031A, 0x0002_0044, 0x0002_0041, 0x000F_07FF);

/// Everybody may read and use an object of `class`, administrators may do all with it.
fn common(class: &Class) -> [objects::Entry; 2] {
    let everybody = class.mapping.read.union(class.mapping.execute).0;
    [allow(Sid::EVERYONE, everybody), allow(Sid::ADMINISTRATORS, class.mapping.all.0)]
}

/// The rights of an object and its descriptor; `None` for what is no object of this interface.
pub(super) fn of(object: &Object) -> Option<(&'static Class, SecurityDescriptor)> {
    let (class, descriptor) = match object {
        Object::SamServer => (&SERVER, objects::descriptor(common(&SERVER))),
        Object::SamDomain(_) => (&DOMAIN, objects::descriptor(common(&DOMAIN))),
        Object::SamGroup(_) => (&GROUP, objects::descriptor(common(&GROUP))),
        Object::SamAlias(_) => (&ALIAS, objects::descriptor(common(&ALIAS))),
        // A user may change the own password.
        Object::SamUser(sid) => {
            let own = allow(*sid, USER.mapping.write.0);
            (&USER, objects::descriptor(common(&USER).into_iter().chain([own])))
        }
        Object::Policy | Object::LsaAccount(_) | Object::ShareDeletion(_) => return None,
    };
    Some((class, descriptor))
}

/// SamrQuerySecurityObject.
pub(super) fn query(call: &mut Call<'_, '_>) -> Reply {
    let handle = objects::handle(call)?;
    let (_, descriptor) = of(&handle.object).ok_or(NtStatus::INVALID_HANDLE)?;
    objects::query_security(call, handle, &descriptor)
}
