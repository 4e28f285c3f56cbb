//! What a member server has nothing of (trusted domains, secrets: [MS-LSAD] 3.1.4.6, 3.1.4.7), and what is not changed
//! over RPC (policy, rights: 3.1.4.4.5, 3.1.4.5).

use freehold_dtyp::NtStatus;

use super::super::dispatch::Call;
use super::super::ndr::NdrWriter;
use super::super::objects::{self, Reply, ended};
use super::{POLICY_GET_PRIVATE_INFORMATION, POLICY_VIEW_LOCAL_INFORMATION, policy_handle};

/// A change of policy, rights, secrets or descriptors: who has a handle may look only.
pub(super) fn change(call: &mut Call<'_, '_>) -> Reply {
    objects::handle(call)?;
    Err(NtStatus::ACCESS_DENIED.into())
}

/// Opnum 1: there is no such call any more ([MS-LSAD] 3.1.4, Opnum1NotUsedOnWire), and old clients know this answer.
pub(super) fn delete(call: &mut Call<'_, '_>) -> Reply {
    objects::handle(call)?;
    Err(NtStatus::NOT_SUPPORTED.into())
}

/// Trusted domains are a domain controller's ([MS-LSAD] 3.1.4.7).
pub(super) fn change_trust(call: &mut Call<'_, '_>) -> Reply {
    policy_handle(call)?;
    Err(NtStatus::DIRECTORY_SERVICE_REQUIRED.into())
}

/// LsarOpenTrustedDomain, LsarQueryTrustedDomainInfo: by SID, and there is none.
pub(super) fn open_trust(call: &mut Call<'_, '_>) -> Reply {
    policy_handle(call)?;
    call.parameters.sid("TrustedDomainSid")?;
    Err(NtStatus::NO_SUCH_DOMAIN.into())
}

/// LsarOpenTrustedDomainByName, LsarQueryTrustedDomainInfoByName.
pub(super) fn open_trust_by_name(call: &mut Call<'_, '_>) -> Reply {
    policy_handle(call)?;
    Err(NtStatus::OBJECT_NAME_NOT_FOUND.into())
}

/// 3.1.4.7.8 LsarEnumerateTrustedDomainsEx and LsarEnumerateTrustedDomains: none. EnumerationContext grows all the same, or some
/// clients ask for ever.
pub(super) fn enumerate_trusts(call: &mut Call<'_, '_>) -> Reply {
    let handle = policy_handle(call)?;
    let context = call.parameters.u32("EnumerationContext")?;
    call.parameters.u32("PreferedMaximumLength")?;
    handle.need(POLICY_VIEW_LOCAL_INFORMATION)?;
    let mut results = NdrWriter::new();
    results.u32(context.saturating_add(1));
    results.u32(0);
    results.null();
    ended(results, NtStatus::NO_MORE_ENTRIES)
}

/// 3.1.4.6.2 LsarOpenSecret: there is none.
pub(super) fn open_secret(call: &mut Call<'_, '_>) -> Reply {
    policy_handle(call)?;
    let header = call.parameters.unicode_string_header("SecretName")?;
    call.parameters.unicode_string_buffer("SecretName", header)?;
    Err(NtStatus::OBJECT_NAME_NOT_FOUND.into())
}

/// 3.1.4.6.6 LsarRetrievePrivateData.
pub(super) fn retrieve_private_data(call: &mut Call<'_, '_>) -> Reply {
    let handle = policy_handle(call)?;
    handle.need(POLICY_GET_PRIVATE_INFORMATION)?;
    Err(NtStatus::OBJECT_NAME_NOT_FOUND.into())
}

/// What takes the handle of a secret or a trusted domain: no handle is one.
pub(super) fn no_such_object(call: &mut Call<'_, '_>) -> Reply {
    objects::handle(call)?;
    Err(NtStatus::INVALID_HANDLE.into())
}

#[cfg(test)]
mod tests {
    use super::super::super::ndr::NdrWriter;
    use super::super::super::testing::{Client, Fixture};
    use super::*;

    #[test]
    fn a_member_has_no_trusts_and_no_secrets() {
        let fixture = Fixture::new().joined();
        let mut client = Client::lsarpc(&fixture);
        let policy = client.open_policy();
        for operation in [13, 50] {
            let request = [policy.as_slice(), &[7, 0, 0, 0, 0, 1, 0, 0]].concat();
            let none = [8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].to_vec();
            assert_eq!(client.outcome(operation, &request), (none, NtStatus::NO_MORE_ENTRIES.0));
        }
        let mut secret = NdrWriter::new();
        secret.bytes(&policy);
        secret.unicode_string_header("G$X");
        secret.unicode_string_buffer("G$X");
        let not_found = NtStatus::OBJECT_NAME_NOT_FOUND.0;
        assert_eq!(client.outcome(28, &secret.into_bytes()), (vec![0; 20], not_found));
        assert_eq!(client.outcome(43, &policy), (vec![0; 4], not_found));
        let elsewhere = NtStatus::DIRECTORY_SERVICE_REQUIRED.0;
        for (operation, empty) in [(12, 20), (51, 20), (59, 20), (129, 20), (41, 0), (73, 4)] {
            assert_eq!(client.outcome(operation, &policy), (vec![0; empty], elsewhere), "{operation}");
        }
        assert_eq!(client.outcome(30, &policy), (vec![0; 16], NtStatus::INVALID_HANDLE.0));
    }
}
