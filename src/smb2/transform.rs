//! tmp
use super::types::SessionId;
use freehold_dtyp::{DecodeError, Reader};
/// tmp
#[derive(Clone, Copy, Debug, Default)]
pub struct TransformHeader {
    /// a
    pub signature: [u8; 16],
    /// a
    pub nonce: [u8; 16],
    /// a
    pub original_message_size: u32,
    /// a
    pub flags: u16,
    /// a
    pub session_id: SessionId,
}
impl TransformHeader {
    /// a
    pub fn decode(b: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(b);
        r.skip("ProtocolId", 4)?;
        let signature = r.array("Signature")?;
        let nonce = r.array("Nonce")?;
        let original_message_size = r.u32("O")?;
        r.skip("R", 2)?;
        let flags = r.u16("F")?;
        let session_id = SessionId(r.u64("S")?);
        Ok(TransformHeader { signature, nonce, original_message_size, flags, session_id })
    }
    /// a
    pub fn encode(&self) -> [u8; 52] {
        let mut v = Vec::new();
        v.extend(b"\xfdSMB");
        v.extend(self.signature);
        v.extend(self.nonce);
        v.extend(self.original_message_size.to_le_bytes());
        v.extend([0, 0]);
        v.extend(self.flags.to_le_bytes());
        v.extend(self.session_id.0.to_le_bytes());
        v.try_into().unwrap_or([0; 52])
    }
}
