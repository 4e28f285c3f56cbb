//! Who this server is: made once, the same for ever.

use freehold_dtyp::{FileTime, Guid, Sid};
use rusqlite::{OptionalExtension, Transaction};

use super::{StateError, time_from_sql, time_to_sql};

/// Who this server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// [MS-SMB2] 3.3.1.5 ServerGuid.
    pub server_guid: Guid,
    /// SID of this machine, `S-1-5-21-x-y-z`: the SIDs of local accounts and groups start with it.
    pub machine_sid: Sid,
    /// When this identity was made.
    pub created: FileTime,
}

pub(super) fn load_or_make(transaction: &Transaction<'_>, now: FileTime) -> Result<Identity, StateError> {
    let row: Option<([u8; 16], String, i64)> = transaction
        .query_row("SELECT server_guid, machine_sid, created FROM identity", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    if let Some((guid, sid, created)) = row {
        let machine_sid = sid.parse().map_err(|_| StateError::Damaged { what: "identity.machine_sid" })?;
        return Ok(Identity { server_guid: Guid(guid), machine_sid, created: time_from_sql(created) });
    }
    let identity = Identity { server_guid: random_guid()?, machine_sid: random_machine_sid()?, created: now };
    transaction.execute(
        "INSERT INTO identity (id, server_guid, machine_sid, created, next_rid) VALUES (1, ?1, ?2, ?3, ?4)",
        (identity.server_guid.0, identity.machine_sid.to_string(), time_to_sql(identity.created), FIRST_RID),
    )?;
    Ok(identity)
}

/// RID of the first account or group that an administrator makes.
pub(super) const FIRST_RID: u32 = 1_000;

/// The next free RID. RIDs are never given out twice, even after a removal.
pub(super) fn take_rid(transaction: &Transaction<'_>) -> Result<u32, StateError> {
    let rid = transaction.query_row("SELECT next_rid FROM identity", [], |row| row.get(0))?;
    if rid == u32::MAX {
        return Err(StateError::Refused("no account number is left on this server"));
    }
    transaction.execute("UPDATE identity SET next_rid = ?1", [rid + 1])?;
    Ok(rid)
}

fn random<const N: usize>() -> Result<[u8; N], StateError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| StateError::Random)?;
    Ok(bytes)
}

/// [MS-DTYP] 2.3.4: a random GUID (version 4 of RFC 9562; the first three fields are little-endian on the wire).
pub(super) fn random_guid() -> Result<Guid, StateError> {
    let mut bytes: [u8; 16] = random()?;
    bytes[7] = (bytes[7] & 0x0F) | 0x40;
    bytes[8] = (bytes[8] & 0x3F) | 0x80;
    Ok(Guid(bytes))
}

fn random_machine_sid() -> Result<Sid, StateError> {
    let mut parts = [21, 0, 0, 0];
    for part in &mut parts[1..] {
        *part = u32::from_le_bytes(random()?);
    }
    Sid::from_parts([0, 0, 0, 0, 0, 5], &parts).ok_or(StateError::Damaged { what: "machine SID" })
}
