//! [MS-SAMR] 3.1.5.9.2 SamrGetAliasMembership: which local groups of a domain some SIDs are in.

use std::collections::BTreeSet;

use super::super::dispatch::Call;
use super::super::ndr::NdrWriter;
use super::super::objects::{Reply, success};
use super::security::DOMAIN_GET_ALIAS_MEMBERSHIP;
use super::{domain_handle, numbers, sids};

/// SamrGetAliasMembership. Groups in groups count, as they do at a logon.
pub(super) fn aliases_of(call: &mut Call<'_, '_>) -> Reply {
    let (handle, domain) = domain_handle(call)?;
    let sids = sids(&mut call.parameters)?;
    handle.need(DOMAIN_GET_ALIAS_MEMBERSHIP)?;
    let accounts = call.cx.accounts;
    let rids: BTreeSet<u32> = sids
        .iter()
        .flat_map(|sid| accounts.groups_of(sid))
        .filter_map(|group| group.split_rid())
        .filter(|(group_domain, _)| *group_domain == domain)
        .map(|(_, rid)| rid)
        .collect();
    let mut results = NdrWriter::new();
    numbers(&mut results, rids.into_iter());
    success(results)
}
