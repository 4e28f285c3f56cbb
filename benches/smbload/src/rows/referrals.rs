//! Row that asks for DFS referrals ([MS-SMB2] 3.3.5.15.2, [MS-DFSC] 2.2.2).

use anyhow::{Context as _, ensure};
use freehold::fscc::fsctl::FsctlCode;
use freehold::smb2::ioctl::{IoctlFlags, IoctlRequest, IoctlResponse};
use freehold::smb2::{Command, DecodeMessage, FileId, Smb2Header};
use freehold_dtyp::NtStatus;

use super::{Meter, Run};
use crate::engine::Work;
use crate::link::{Link, Packet};

/// More than a referral of two targets.
const ANSWER_BYTES: u32 = 4096;
/// MaxReferralLevel.
const LEVEL: u16 = 4;
/// Bytes of a response in front of its entries: PathConsumed, NumberOfReferrals, flags.
const RESPONSE_HEADER_BYTES: usize = 8;

/// FSCTL_DFS_GET_REFERRALS of one path after the other.
struct Asking {
    requests: Vec<Vec<u8>>,
    next: usize,
}

impl Work for Asking {
    fn next(&mut self, _: usize, packet: &mut Packet<'_>) -> anyhow::Result<bool> {
        let request = self.requests.get(self.next).context("no path to ask for")?;
        self.next = (self.next + 1) % self.requests.len();
        let request = IoctlRequest {
            ctl_code: FsctlCode::DFS_GET_REFERRALS.0,
            file_id: FileId { persistent: u64::MAX, volatile: u64::MAX },
            input: request,
            max_input_response: 0,
            output: &[],
            max_output_response: ANSWER_BYTES,
            flags: IoctlFlags::IS_FSCTL,
        };
        packet.add(Command::IOCTL, &request, ANSWER_BYTES);
        Ok(true)
    }

    fn reply(&mut self, _: usize, _: usize, header: &Smb2Header, message: &[u8]) -> anyhow::Result<u64> {
        ensure!(header.status == NtStatus::SUCCESS, "the server answered {}", header.status);
        let response = IoctlResponse::decode(message)?;
        let count = response.output.get(2..4).context("the referral is too short")?;
        ensure!(
            count != [0, 0] && response.output.len() > RESPONSE_HEADER_BYTES,
            "the referral has no target"
        );
        Ok(1)
    }
}

/// Row: referrals of the paths of `--dfs-paths`, in turn.
pub fn row(run: &Run, link: &mut Link, meter: &mut Meter<'_>) -> anyhow::Result<()> {
    ensure!(!run.dfs_paths.is_empty(), "give the paths that are asked for with --dfs-paths FILE");
    let request = |path: &String| {
        let units = path.encode_utf16().chain([0]);
        LEVEL.to_le_bytes().into_iter().chain(units.flat_map(u16::to_le_bytes)).collect()
    };
    let requests = run.dfs_paths.iter().map(request).collect();
    meter.drive(link, &mut Asking { requests, next: 0 })
}
