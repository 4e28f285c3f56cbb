//! [MS-SMB2] 3.3.5.15.2 Handling a DFS Referral Information Request.

use core::net::IpAddr;

use freehold_dfs::wire::{ReferralRequest, ResponseError};
use freehold_dfs::{ReferralError, Surroundings};
use freehold_dtyp::NtStatus;

use super::super::super::context::{Context, StepResult};
use super::super::super::server::{Entropy, Server};
use super::Call;
use crate::fscc::fsctl::FsctlCode;

/// Answers for the namespaces of this server.
///
/// # Errors
/// FS_DRIVER_REQUIRED without any namespace, which clients that ask at every mount must be told in just this way;
/// INVALID_PARAMETER for a request that cannot be read or is for a domain controller; NOT_FOUND for no such namespace;
/// BUFFER_OVERFLOW when not one target fits.
pub(super) fn referrals(cx: &mut Context<'_>, call: &Call) -> StepResult {
    let namespaces = cx.server.namespaces.load_full();
    if namespaces.is_empty() {
        return Err(NtStatus::FS_DRIVER_REQUIRED.into());
    }
    let request = match call.code {
        FsctlCode::DFS_GET_REFERRALS_EX => ReferralRequest::from_bytes_ex(&call.input),
        _ => ReferralRequest::from_bytes(&call.input),
    };
    let request = request.map_err(|_| NtStatus::INVALID_PARAMETER)?;
    let path: Vec<u16> = request.path().collect();
    // Without sites no target is nearer than another ([MS-DFSC] 3.2.1.1).
    let sites = cx.server.sites.load();
    let client = match sites.is_empty() {
        true => None,
        false => sites.of_client(request.site().as_deref(), cx.link.peer.parse().ok()),
    };
    let dead = cx.server.dead_dfs_servers.load();
    let around = Surroundings {
        distance: &|target| sites.distance(client, &target.server),
        is_dead: &|target| !dead.is_empty() && dead.contains(&target.server.to_lowercase()),
        is_own: &|name| is_own_name(cx.server, name),
    };
    let mut draws = Draws::new(&*cx.server.entropy);
    let answer =
        namespaces.refer(&path, &around, &mut |below| draws.below(below)).map_err(|error| match error {
            ReferralError::NotAController => NtStatus::INVALID_PARAMETER,
            ReferralError::NoNamespace => NtStatus::NOT_FOUND,
        })?;
    match answer.encode(&path, request.max_referral_level, call.max_output) {
        Ok(output) => call.answer_bytes(cx, &output, NtStatus::SUCCESS),
        // 3.3.5.15.2: a response of the usual form, with what DFS has returned: nothing.
        Err(ResponseError::BufferOverflow) => call.answer_bytes(cx, &[], NtStatus::BUFFER_OVERFLOW),
        Err(ResponseError::Version) => Err(NtStatus::INVALID_PARAMETER.into()),
    }
}

/// A name or address by which clients reach this server, as far as it knows them.
fn is_own_name(server: &Server, name: &str) -> bool {
    let config = &server.config;
    let same = |own: &str| own.eq_ignore_ascii_case(name);
    same(&config.netbios_name)
        || same(&config.dns_name)
        || same("localhost")
        || server.domain.load().as_ref().is_some_and(|domain| domain.host_names.iter().any(|own| same(own)))
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| config.interfaces.iter().any(|interface| interface.address == address))
}

/// Numbers for the order of targets, from one draw of the server's: they spread load, nobody guesses them to gain by it.
struct Draws(u64);

impl Draws {
    fn new(entropy: &dyn Entropy) -> Self {
        let mut seed = [0; 8];
        entropy.fill(&mut seed);
        Draws(u64::from_le_bytes(seed))
    }

    /// A number below `below`; SplitMix64.
    fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let below = u64::try_from(below).unwrap_or(u64::MAX);
        usize::try_from((mixed ^ (mixed >> 31)).checked_rem(below).unwrap_or(0)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_reach_every_number_below_the_bound() {
        let mut draws = Draws(7);
        let mut seen = [0_u32; 5];
        for _ in 0..5000 {
            seen[draws.below(5)] += 1;
        }
        assert!(seen.iter().all(|count| (800..1200).contains(count)), "{seen:?}");
        assert_eq!(draws.below(0), 0);
    }
}
