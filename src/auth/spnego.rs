//! [MS-SPNG] and RFC 4178: the tokens of SPNEGO, in DER with definite lengths. No recursion, no allocation on reading.

use super::der::{
    Der, DerError, TAG_ENUMERATED, TAG_GENERAL_STRING, TAG_OCTET_STRING, TAG_OID, TAG_SEQUENCE, application,
    context, tlv,
};

/// mechTypes that are looked at in one list; further ones are ignored.
const MECHANISMS_LIMIT: usize = 32;

const OID_SPNEGO: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x02];
const OID_NTLMSSP: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a];
const OID_NEGOEX: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x1e];
const OID_KERBEROS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02];
const OID_MS_KERBEROS: &[u8] = &[0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 0x01, 0x02, 0x02];
/// [MS-SPNG] 3.2.5.2: hintName of every NegTokenInit2.
const HINT_NAME: &[u8] = b"not_defined_in_RFC4178@please_ignore";

const TAG_CONTEXT_0: u8 = context(0);
const TAG_CONTEXT_1: u8 = context(1);
const TAG_CONTEXT_2: u8 = context(2);
const TAG_CONTEXT_3: u8 = context(3);
const TAG_CONTEXT_4: u8 = context(4);

/// A mechanism that SPNEGO can negotiate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// NTLM Security Support Provider.
    Ntlm,
    /// Kerberos 5.
    Kerberos,
    /// Kerberos 5 under the object identifier that Windows 2000 wrote wrong and everybody has kept since.
    MsKerberos,
    /// [MS-NEGOEX].
    NegoEx,
}

/// RFC 4178 4.2.2 negState.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NegState {
    /// accept-completed.
    AcceptCompleted,
    /// accept-incomplete.
    AcceptIncomplete,
    /// reject.
    Reject,
    /// request-mic.
    RequestMic,
}

/// A token is not what its grammar says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed SPNEGO token")]
pub struct SpnegoError;

impl From<DerError> for SpnegoError {
    fn from(_: DerError) -> Self {
        SpnegoError
    }
}

/// RFC 4178 4.2.1 NegTokenInit, or [MS-SPNG] 2.2.1 NegTokenInit2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NegTokenInit<'a> {
    /// The DER encoding of MechTypeList: what mechListMIC is computed over.
    pub mech_types: &'a [u8],
    /// The first token of the first mechanism in the list.
    pub mech_token: Option<&'a [u8]>,
    /// mechListMIC, where the first token is a mechanism's last one; clients leave it out.
    pub mech_list_mic: Option<&'a [u8]>,
}

/// RFC 4178 4.2.2 NegTokenResp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NegTokenResp<'a> {
    /// negState; clients leave it out.
    pub neg_state: Option<NegState>,
    /// supportedMech, when it is one that we know.
    pub supported_mech: Option<Mechanism>,
    /// responseToken.
    pub response_token: Option<&'a [u8]>,
    /// mechListMIC.
    pub mech_list_mic: Option<&'a [u8]>,
}

impl Mechanism {
    fn from_oid(oid: &[u8]) -> Option<Self> {
        match oid {
            OID_NTLMSSP => Some(Mechanism::Ntlm),
            OID_KERBEROS => Some(Mechanism::Kerberos),
            OID_MS_KERBEROS => Some(Mechanism::MsKerberos),
            OID_NEGOEX => Some(Mechanism::NegoEx),
            _ => None,
        }
    }

    const fn oid(self) -> &'static [u8] {
        match self {
            Mechanism::Ntlm => OID_NTLMSSP,
            Mechanism::Kerberos => OID_KERBEROS,
            Mechanism::MsKerberos => OID_MS_KERBEROS,
            Mechanism::NegoEx => OID_NEGOEX,
        }
    }
}

/// The server's token in the SMB2 NEGOTIATE Response: NegTokenInit2 with `mechanisms` in order of preference.
#[must_use]
pub fn encode_hint(mechanisms: &[Mechanism]) -> Vec<u8> {
    let hints = tlv(TAG_SEQUENCE, &tlv(TAG_CONTEXT_0, &tlv(TAG_GENERAL_STRING, HINT_NAME)));
    let mut fields = tlv(TAG_CONTEXT_0, &encode_mech_types(mechanisms));
    fields.extend(tlv(TAG_CONTEXT_3, &hints));
    wrap_init(&fields)
}

/// MechTypeList in DER, for NegTokenInit and for mechListMIC.
#[must_use]
pub fn encode_mech_types(mechanisms: &[Mechanism]) -> Vec<u8> {
    let list: Vec<u8> = mechanisms.iter().flat_map(|mechanism| tlv(TAG_OID, mechanism.oid())).collect();
    tlv(TAG_SEQUENCE, &list)
}

/// A client's NegTokenInit.
#[must_use]
pub fn encode_init(mechanisms: &[Mechanism], mech_token: Option<&[u8]>) -> Vec<u8> {
    let mut fields = tlv(TAG_CONTEXT_0, &encode_mech_types(mechanisms));
    if let Some(token) = mech_token {
        fields.extend(tlv(TAG_CONTEXT_2, &tlv(TAG_OCTET_STRING, token)));
    }
    wrap_init(&fields)
}

/// True for a token that starts as NegTokenInit or another initial token in the framing of RFC 2743 3.1.
#[must_use]
pub fn is_initial_token(token: &[u8]) -> bool {
    token.first().copied() == Some(application(0))
}

impl<'a> NegTokenInit<'a> {
    /// Reads a NegTokenInit or NegTokenInit2 with its framing.
    ///
    /// # Errors
    /// [`SpnegoError`].
    pub fn decode(token: &'a [u8]) -> Result<Self, SpnegoError> {
        let mut framed = Der(Der(token).tagged(application(0))?);
        if framed.tagged(TAG_OID)? != OID_SPNEGO {
            return Err(SpnegoError);
        }
        let mut fields = Der(Der(framed.tagged(TAG_CONTEXT_0)?).tagged(TAG_SEQUENCE)?);
        let mut mech_types = None;
        let mut mech_token = None;
        let mut mech_list_mic = None;
        while let Some((tag, content)) = fields.next()? {
            match tag {
                TAG_CONTEXT_0 if mech_types.is_none() => {
                    Der(content).tagged(TAG_SEQUENCE)?;
                    mech_types = Some(content);
                }
                TAG_CONTEXT_2 if mech_token.is_none() => {
                    mech_token = Some(Der(content).tagged(TAG_OCTET_STRING)?);
                }
                TAG_CONTEXT_0 | TAG_CONTEXT_2 => return Err(SpnegoError),
                // In NegTokenInit2 [3] is negHints, which are no OCTET STRING.
                TAG_CONTEXT_3 | TAG_CONTEXT_4 => {
                    mech_list_mic = Der(content).tagged(TAG_OCTET_STRING).ok().or(mech_list_mic);
                }
                // reqFlags: nothing depends on them.
                _ => {}
            }
        }
        Ok(NegTokenInit { mech_types: mech_types.ok_or(SpnegoError)?, mech_token, mech_list_mic })
    }

    /// The mechanisms in the client's order; `None` for those we do not know.
    pub fn mechanisms(&self) -> impl Iterator<Item = Option<Mechanism>> + Clone + use<'a> {
        let mut list = Der(Der(self.mech_types).tagged(TAG_SEQUENCE).unwrap_or_default());
        core::iter::from_fn(move || list.next().ok().flatten())
            .take(MECHANISMS_LIMIT)
            .map(|(tag, content)| if tag == TAG_OID { Mechanism::from_oid(content) } else { None })
    }
}

impl<'a> NegTokenResp<'a> {
    /// Reads a NegTokenResp.
    ///
    /// # Errors
    /// [`SpnegoError`].
    pub fn decode(token: &'a [u8]) -> Result<Self, SpnegoError> {
        let mut fields = Der(Der(Der(token).tagged(TAG_CONTEXT_1)?).tagged(TAG_SEQUENCE)?);
        let mut decoded = NegTokenResp::default();
        while let Some((tag, content)) = fields.next()? {
            match tag {
                TAG_CONTEXT_0 => {
                    decoded.neg_state = Some(match Der(content).tagged(TAG_ENUMERATED)? {
                        [0] => NegState::AcceptCompleted,
                        [1] => NegState::AcceptIncomplete,
                        [2] => NegState::Reject,
                        [3] => NegState::RequestMic,
                        _ => return Err(SpnegoError),
                    });
                }
                TAG_CONTEXT_1 => decoded.supported_mech = Mechanism::from_oid(Der(content).tagged(TAG_OID)?),
                TAG_CONTEXT_2 => decoded.response_token = Some(Der(content).tagged(TAG_OCTET_STRING)?),
                TAG_CONTEXT_3 => decoded.mech_list_mic = Some(Der(content).tagged(TAG_OCTET_STRING)?),
                _ => {}
            }
        }
        Ok(decoded)
    }

    /// The token's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut fields = Vec::new();
        if let Some(state) = self.neg_state {
            let value = match state {
                NegState::AcceptCompleted => 0,
                NegState::AcceptIncomplete => 1,
                NegState::Reject => 2,
                NegState::RequestMic => 3,
            };
            fields.extend(tlv(TAG_CONTEXT_0, &tlv(TAG_ENUMERATED, &[value])));
        }
        if let Some(mechanism) = self.supported_mech {
            fields.extend(tlv(TAG_CONTEXT_1, &tlv(TAG_OID, mechanism.oid())));
        }
        if let Some(token) = self.response_token {
            fields.extend(tlv(TAG_CONTEXT_2, &tlv(TAG_OCTET_STRING, token)));
        }
        if let Some(mic) = self.mech_list_mic {
            fields.extend(tlv(TAG_CONTEXT_3, &tlv(TAG_OCTET_STRING, mic)));
        }
        tlv(TAG_CONTEXT_1, &tlv(TAG_SEQUENCE, &fields))
    }
}

/// The framing of RFC 2743 3.1 around the fields of a NegTokenInit.
fn wrap_init(fields: &[u8]) -> Vec<u8> {
    let mut content = tlv(TAG_OID, OID_SPNEGO);
    content.extend(tlv(TAG_CONTEXT_0, &tlv(TAG_SEQUENCE, fields)));
    tlv(application(0), &content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    // A logon of Windows 10 to Windows Server 2016, from "SMB 3.1.1 Pre-authentication integrity in Windows 10"
    // (Open Specifications blog, 2015).
    const WINDOWS_INIT: &str =
        "604806062b0601050502a03e303ca00e300c060a2b06010401823702020aa22a04284e544c4d53535000010000
     00978208e200000000000000000000000000000000060380250000000f";
    const WINDOWS_CHALLENGE: &str =
        "a181b03081ada0030a0101a10c060a2b06010401823702020aa281970481944e544c4d53535000020000000c00
     0c003800000015828ae20d1d8ba31179d008000000000000000050005000440000000a0092270000000f530055
     00540033003100310002000c0053005500540033003100310001000c0053005500540033003100310004000c00
     53005500540033003100310003000c0053005500540033003100310007000800a1a1f5adcbaed00100000000";
    const WINDOWS_AUTHENTICATE: &str =
        "a18201cb308201c7a0030a0101a28201aa048201a64e544c4d53535000030000001800180090000000ee00ee00
     a80000000c000c00580000001a001a0064000000120012007e0000001000100096010000158288e20603802500
     00000fecac77a5f385a8bf9c38c706eeeddcd3530055005400330031003100610064006d0069006e0069007300
     74007200610074006f007200440052004900560045005200330031003100000000000000000000000000000000
     00000000000000000063078eb639fe03e20a231c3ae3bf23080101000000000000a1a1f5adcbaed001bc4ad05f
     223cc90f0000000002000c0053005500540033003100310001000c0053005500540033003100310004000c0053
     005500540033003100310003000c0053005500540033003100310007000800a1a1f5adcbaed001060004000200
     00000800300030000000000000000000000000300000b61fefcaa857ea57bf1edcebf8974b8e0eba5a6dfd9d07
     a31d11b548f8c9d0cc0a001000000000000000000000000000000000000900160063006900660073002f005300
     550054003300310031000000000000000000000000003b9bdff38f5ee8f9663f11a0f4c03a78a3120410010000
     0063775a9a5fd97f0600000000";
    const WINDOWS_COMPLETED: &str = "a11b3019a0030a0100a3120410010000003b453cdc3524164200000000";

    #[test]
    fn the_first_token_of_windows_is_read_and_written_alike() {
        let bytes = hex(WINDOWS_INIT);
        let init = NegTokenInit::decode(&bytes).unwrap();
        assert_eq!(init.mechanisms().collect::<Vec<_>>(), [Some(Mechanism::Ntlm)]);
        assert_eq!(init.mech_types, encode_mech_types(&[Mechanism::Ntlm]));
        assert!(init.mech_token.unwrap().starts_with(b"NTLMSSP\0"));
        assert_eq!(encode_init(&[Mechanism::Ntlm], init.mech_token), bytes);
    }

    #[test]
    fn the_further_tokens_of_windows_are_read_and_written_alike() {
        for (text, state, mechanism, has_token, has_mic) in [
            (WINDOWS_CHALLENGE, NegState::AcceptIncomplete, Some(Mechanism::Ntlm), true, false),
            (WINDOWS_AUTHENTICATE, NegState::AcceptIncomplete, None, true, true),
            (WINDOWS_COMPLETED, NegState::AcceptCompleted, None, false, true),
        ] {
            let bytes = hex(text);
            let token = NegTokenResp::decode(&bytes).unwrap();
            assert_eq!((token.neg_state, token.supported_mech), (Some(state), mechanism));
            assert_eq!((token.response_token.is_some(), token.mech_list_mic.is_some()), (has_token, has_mic));
            assert_eq!(token.encode(), bytes);
        }
    }

    #[test]
    fn the_hint_is_a_token_with_the_mechanisms_in_order() {
        let hint =
            encode_hint(&[Mechanism::MsKerberos, Mechanism::Kerberos, Mechanism::Ntlm, Mechanism::NegoEx]);
        assert!(hint.windows(HINT_NAME.len()).any(|window| window == HINT_NAME));
        let init = NegTokenInit::decode(&hint).unwrap();
        let order: Vec<_> = init.mechanisms().flatten().collect();
        assert_eq!(order, [Mechanism::MsKerberos, Mechanism::Kerberos, Mechanism::Ntlm, Mechanism::NegoEx]);
        assert_eq!(init.mech_token, None);
    }

    #[test]
    fn a_length_in_more_bytes_than_needed_is_read() {
        let token = hex("a18400000007 308200 03 a0820000");
        assert_eq!(NegTokenResp::decode(&token), Err(SpnegoError), "an empty negState is none");
        let token = hex("a18400000009 30820005 a0030a0100");
        assert_eq!(NegTokenResp::decode(&token).unwrap().neg_state, Some(NegState::AcceptCompleted));
    }

    #[test]
    fn indefinite_and_oversized_lengths_and_long_tags_are_refused() {
        for text in ["a180 3000 0000", "a1 ffffffffff", "a1 8500000000 00", "bf8101 00", "a1", "a105 30", ""]
        {
            assert_eq!(NegTokenResp::decode(&hex(text)), Err(SpnegoError), "{text}");
        }
    }

    #[test]
    fn a_list_of_mechanisms_is_read_up_to_its_limit() {
        let many = vec![Mechanism::NegoEx; 1000];
        let token = encode_init(&many, None);
        assert_eq!(NegTokenInit::decode(&token).unwrap().mechanisms().count(), MECHANISMS_LIMIT);
    }

    #[test]
    fn a_field_that_comes_twice_is_refused() {
        let list = tlv(TAG_CONTEXT_0, &encode_mech_types(&[Mechanism::Ntlm]));
        let token = wrap_init(&[list.clone(), list].concat());
        assert_eq!(NegTokenInit::decode(&token), Err(SpnegoError));
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged_without_panic(bytes: Vec<u8>) {
            if let Ok(init) = NegTokenInit::decode(&bytes) {
                init.mechanisms().for_each(drop);
            }
            let _ = NegTokenResp::decode(&bytes);
        }

        #[test]
        fn a_cut_or_changed_token_is_judged_without_panic(
            which in 0usize..4, cut: prop::sample::Index, place: prop::sample::Index, change: u8,
        ) {
            let mut bytes = hex([WINDOWS_INIT, WINDOWS_CHALLENGE, WINDOWS_AUTHENTICATE, WINDOWS_COMPLETED][which]);
            let place = place.index(bytes.len());
            bytes[place] = change;
            bytes.truncate(cut.index(bytes.len() + 1));
            if let Ok(init) = NegTokenInit::decode(&bytes) {
                init.mechanisms().for_each(drop);
            }
            let _ = NegTokenResp::decode(&bytes);
        }

        #[test]
        fn responses_round_trip(
            state in prop::option::of(prop::sample::select(vec![
                NegState::AcceptCompleted, NegState::AcceptIncomplete, NegState::Reject, NegState::RequestMic,
            ])),
            token: Option<Vec<u8>>, mic: Option<Vec<u8>>, long in 0usize..70_000,
        ) {
            let token = token.map(|mut token| { token.resize(long, 7); token });
            let response = NegTokenResp {
                neg_state: state,
                supported_mech: Some(Mechanism::Kerberos),
                response_token: token.as_deref(),
                mech_list_mic: mic.as_deref(),
            };
            let bytes = response.encode();
            prop_assert_eq!(NegTokenResp::decode(&bytes), Ok(response));
        }
    }
}
