//! [MS-NLMP] 2.2.2.1 AV_PAIR: the list of attributes that server and client tell each other.

use freehold_dtyp::{DecodeError, DecodeReason, FileTime, Reader, Writer};

/// AvId of [MS-NLMP] 2.2.2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AvId(pub(super) u16);

impl AvId {
    pub(super) const EOL: AvId = AvId(0);
    pub(super) const NB_COMPUTER_NAME: AvId = AvId(1);
    pub(super) const NB_DOMAIN_NAME: AvId = AvId(2);
    pub(super) const DNS_COMPUTER_NAME: AvId = AvId(3);
    pub(super) const DNS_DOMAIN_NAME: AvId = AvId(4);
    pub(super) const DNS_TREE_NAME: AvId = AvId(5);
    pub(super) const FLAGS: AvId = AvId(6);
    pub(super) const TIMESTAMP: AvId = AvId(7);
    pub(super) const TARGET_NAME: AvId = AvId(9);
    pub(super) const CHANNEL_BINDINGS: AvId = AvId(10);
}

/// MsvAvFlags: the AUTHENTICATE message carries a MIC.
pub(super) const AV_FLAG_MIC: u32 = 0x0000_0002;
/// MsvAvFlags: the target name comes from an untrusted source.
pub(super) const AV_FLAG_UNTRUSTED_TARGET: u32 = 0x0000_0004;

/// What a list says, as far as anybody here asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct AvPairs<'a> {
    /// MsvAvFlags; the union when there are several, so that nobody can take a flag away by adding a pair.
    pub(super) flags: u32,
    /// MsvAvTimestamp.
    pub(super) timestamp: Option<FileTime>,
    /// MsvAvTargetName, UTF-16LE.
    pub(super) target_name: Option<&'a [u8]>,
    /// MsvAvChannelBindings, unless it is all zeros, which means none.
    pub(super) channel_bindings: Option<[u8; 16]>,
}

impl<'a> AvPairs<'a> {
    /// Reads a list up to MsvAvEOL or the end of `bytes`.
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut pairs = AvPairs::default();
        let mut reader = Reader::new(bytes);
        while let Some((id, value)) = next_pair(&mut reader)? {
            let wrong_length = reader.error("AvLen", DecodeReason::Invalid);
            match id {
                AvId::FLAGS => {
                    pairs.flags |= u32::from_le_bytes(value.try_into().map_err(|_| wrong_length)?);
                }
                AvId::TIMESTAMP => {
                    let time = u64::from_le_bytes(value.try_into().map_err(|_| wrong_length)?);
                    pairs.timestamp = Some(FileTime(time));
                }
                AvId::TARGET_NAME => pairs.target_name = Some(value),
                AvId::CHANNEL_BINDINGS => {
                    let hash: [u8; 16] = value.try_into().map_err(|_| wrong_length)?;
                    pairs.channel_bindings = (hash != [0; 16]).then_some(hash);
                }
                _ => {}
            }
        }
        Ok(pairs)
    }
}

/// The next pair; `None` at MsvAvEOL and at the end.
pub(super) fn next_pair<'a>(reader: &mut Reader<'a>) -> Result<Option<(AvId, &'a [u8])>, DecodeError> {
    if reader.is_empty() {
        return Ok(None);
    }
    let id = AvId(reader.u16("AvId")?);
    let length = reader.u16("AvLen")?;
    let value = reader.bytes("Value", usize::from(length))?;
    Ok((id != AvId::EOL).then_some((id, value)))
}

/// Appends a pair; a value that is longer than a pair can be is left out.
pub(super) fn put_pair(writer: &mut Writer, id: AvId, value: &[u8]) {
    if let Ok(length) = u16::try_from(value.len()) {
        writer.u16(id.0);
        writer.u16(length);
        writer.bytes(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_second_flags_pair_takes_no_flag_away() {
        let mut writer = Writer::new();
        put_pair(&mut writer, AvId::FLAGS, &AV_FLAG_MIC.to_le_bytes());
        put_pair(&mut writer, AvId::FLAGS, &0u32.to_le_bytes());
        put_pair(&mut writer, AvId::EOL, &[]);
        assert_eq!(AvPairs::decode(writer.as_slice()).map(|pairs| pairs.flags), Ok(AV_FLAG_MIC));
    }

    #[test]
    fn what_follows_the_end_of_the_list_is_ignored() {
        assert_eq!(AvPairs::decode(&[0, 0, 0, 0, 0xff]), Ok(AvPairs::default()));
        assert!(AvPairs::decode(&[0xff]).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged_without_panic(bytes: Vec<u8>) {
            let _ = AvPairs::decode(&bytes);
        }
    }
}
