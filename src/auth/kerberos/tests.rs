//! Logons with tickets made to order, the honest and the others.

use std::sync::Arc;

use freehold_acl::{Group, GroupAttributes};
use freehold_dtyp::FileTime;
use proptest::prelude::*;

use super::crypto::{EncryptionKey, usage};
use super::gss::MicKeys;
use super::messages::{self, EncApRepPart};
use super::testing::{NOW, Order, Pac, aes256, authorization_data, gss_checksum, key, now};
use super::*;
use crate::auth::der::{
    Der, Fields, TAG_OCTET_STRING, TAG_OID, application, context, integer, sequence, tlv,
};
use crate::auth::spnego::{NegState, NegTokenResp, encode_init, encode_mech_types};
use crate::auth::{
    AcceptStep, Accepted, Acceptor, AcceptorConfig, AcceptorRandomness, AuthError, ChannelBinding, Mechanism,
};

const LIST: &[Mechanism] = &[Mechanism::MsKerberos, Mechanism::Kerberos, Mechanism::NegoEx, Mechanism::Ntlm];

fn service_key(key: &EncryptionKey, kvno: u32, not_after: Option<FileTime>) -> ServiceKey {
    let bytes = key.as_bytes().to_vec().into();
    ServiceKey { kvno, encryption_type: key.encryption_type(), key: bytes, not_after }
}

fn kerberos_config() -> KerberosConfig {
    KerberosConfig {
        realm: "CORP.EXAMPLE".to_owned(),
        names: ServiceNames::new(["FILESERVER", "fileserver.corp.example", "archive"], "FILESERVER$"),
        keys: vec![
            service_key(&aes256(1), 3, None),
            service_key(&key(EncryptionType::AES128_CTS_HMAC_SHA1_96, 2), 3, None),
            service_key(&key(EncryptionType::AES128_CTS_HMAC_SHA256_128, 5), 3, None),
            service_key(&key(EncryptionType::AES256_CTS_HMAC_SHA384_192, 6), 3, None),
            service_key(&key(EncryptionType::RC4_HMAC, 3), 3, None),
            service_key(&aes256(4), 2, Some(FileTime::from_unix(NOW + 60, 0))),
        ],
        allow_rc4: false,
        replays: Arc::default(),
    }
}

fn config() -> AcceptorConfig {
    AcceptorConfig { kerberos: Some(Arc::new(kerberos_config())), ..AcceptorConfig::default() }
}

fn order() -> Order {
    Order::new(aes256(1))
}

fn acceptor(config: &AcceptorConfig) -> Acceptor {
    Acceptor::new(Arc::new(config.clone()), now(), AcceptorRandomness::new(&[9; AcceptorRandomness::SIZE]))
}

/// Logs on without SPNEGO around the token.
fn log_on(config: &AcceptorConfig, order: &Order) -> Result<Box<Accepted>, AuthError> {
    match acceptor(config).step(&order.token()) {
        AcceptStep::Done(accepted) => Ok(accepted),
        AcceptStep::TryAgain(_, error) | AcceptStep::Failed(error) => Err(error),
        step => panic!("{step:?}"),
    }
}

fn refusal(config: &AcceptorConfig, order: &Order) -> KerberosError {
    match log_on(config, order) {
        Err(AuthError::Kerberos(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// The part of an AP-REP in its frame, read as the client does.
fn read_reply(token: &[u8], order: &Order) -> EncApRepPart {
    let mut content = Der(Der(token).tagged(application(0)).unwrap());
    content.tagged(TAG_OID).unwrap();
    assert_eq!(content.0[..2], [2, 0]);
    let (kind, cipher) = messages::decode_ap_rep(&content.0[2..]).unwrap();
    assert_eq!(kind, order.session_key.encryption_type());
    EncApRepPart::decode(&order.session_key.decrypt(usage::AP_REP, cipher).unwrap()).unwrap()
}

/// error-code, stime and e-data of a KRB-ERROR in its frame.
fn read_error(token: &[u8]) -> (i64, Vec<u8>, Option<Vec<u8>>) {
    let mut content = Der(Der(token).tagged(application(0)).unwrap());
    content.tagged(TAG_OID).unwrap();
    assert_eq!(content.0[..2], [3, 0]);
    let mut fields = Fields::of_application(30, &content.0[2..]).unwrap();
    let time = fields.required(4).unwrap().to_vec();
    let code = integer(fields.required(6).unwrap()).unwrap();
    let data = fields.optional(12).unwrap().map(|data| Der(data).tagged(TAG_OCTET_STRING).unwrap().to_vec());
    (code, time, data)
}

#[test]
fn a_ticket_says_who_the_user_is() {
    let order = order();
    let accepted = log_on(&config(), &order).unwrap();
    let authorization = accepted.authorization.as_ref().unwrap();
    let sid = |text: &str| text.parse().unwrap();
    let member = |text: &str| Group { sid: sid(text), attributes: GroupAttributes::MEMBER };
    assert_eq!(authorization.user, sid("S-1-5-21-7-8-9-1103"));
    assert_eq!(authorization.primary_group, sid("S-1-5-21-7-8-9-513"));
    assert_eq!(
        authorization.groups,
        [
            member("S-1-5-21-7-8-9-513"),
            member("S-1-5-21-7-8-9-1118"),
            member("S-1-18-1"),
            member("S-1-5-21-7-8-9-1120"),
        ]
    );
    assert_eq!((accepted.identity.user.as_str(), accepted.identity.domain.as_str()), ("alice", "CORP"));
    assert_eq!(authorization.full_name, "Alice Example");
    assert_eq!(accepted.expires, Some(FileTime::from_unix(order.end_time, 0)));
    // The client finds its own time in the reply, and the sub-key that both sides go on with.
    let part = read_reply(&accepted.token_out, &order);
    assert_eq!((part.seconds, part.microseconds), (now(), order.microseconds));
    assert_eq!(part.sub_key.unwrap().as_bytes(), accepted.session_key.full());
}

#[test]
fn without_mutual_authentication_the_clients_key_is_the_sessions() {
    let mut order = order();
    order.ap_options = 0;
    order.checksum = Some(gss_checksum([0; 16], 0));
    let accepted = log_on(&config(), &order).unwrap();
    assert!(accepted.token_out.is_empty());
    assert_eq!(accepted.session_key.full(), aes256(0x52).as_bytes());
    // Without a sub-key: the ticket's. A client that is no GSS-API initiator has no such checksum.
    order.sub_key = None;
    order.microseconds += 1;
    for checksum in [None, Some((7, vec![1; 16])), Some((0x8003, Vec::new()))] {
        order.checksum = checksum;
        order.microseconds += 1;
        let accepted = log_on(&config(), &order).unwrap();
        assert_eq!(accepted.session_key.full(), order.session_key.as_bytes());
    }
}

#[test]
fn every_encryption_type_of_a_ticket_and_of_its_key_is_taken() {
    for (kind, fill) in [
        (EncryptionType::AES128_CTS_HMAC_SHA1_96, 2),
        (EncryptionType::AES256_CTS_HMAC_SHA1_96, 1),
        (EncryptionType::AES128_CTS_HMAC_SHA256_128, 5),
        (EncryptionType::AES256_CTS_HMAC_SHA384_192, 6),
    ] {
        for session in [EncryptionType::AES128_CTS_HMAC_SHA1_96, EncryptionType::AES256_CTS_HMAC_SHA384_192] {
            let mut order = Order::new(key(kind, fill));
            order.session_key = key(session, 0x51);
            order.sub_key = None;
            let accepted = log_on(&config(), &order).unwrap();
            let sub_key = read_reply(&accepted.token_out, &order).sub_key.unwrap();
            assert_eq!(sub_key.encryption_type(), session);
        }
    }
}

#[test]
fn rc4_is_refused_unless_the_policy_allows_it() {
    let rc4 = EncryptionType::RC4_HMAC;
    let allowing = AcceptorConfig {
        kerberos: Some(Arc::new(KerberosConfig { allow_rc4: true, ..kerberos_config() })),
        ..config()
    };
    let ticket = Order::new(key(rc4, 3));
    let session_key = Order { session_key: key(rc4, 0x51), ..order() };
    let sub_key = Order { sub_key: Some(key(rc4, 0x51)), ..order() };
    for order in [ticket, session_key, sub_key] {
        assert_eq!(refusal(&config(), &order), KerberosError::EncryptionType);
        assert!(log_on(&allowing, &order).is_ok());
    }
}

#[test]
fn keys_of_an_earlier_password_count_until_their_end() {
    let old = Order { kvno: Some(2), ..Order::new(aes256(4)) };
    assert!(log_on(&config(), &old).is_ok());
    // The number is a hint: it may be missing, or have a read-only domain controller's in its upper half.
    for kvno in [None, Some(0x0001_0002), Some(99)] {
        assert!(log_on(&config(), &Order { kvno, ..old.clone() }).is_ok(), "{kvno:?}");
    }
    let kerberos = KerberosConfig {
        keys: vec![
            service_key(&aes256(4), 2, Some(FileTime::from_unix(NOW - 1, 0))),
            service_key(&aes256(1), 3, None),
        ],
        ..kerberos_config()
    };
    let config = AcceptorConfig { kerberos: Some(Arc::new(kerberos)), ..config() };
    assert_eq!(refusal(&config, &old), KerberosError::Key);
}

#[test]
fn a_ticket_of_a_foreign_key_is_refused() {
    assert_eq!(refusal(&config(), &Order::new(aes256(99))), KerberosError::Key);
    let unknown = KerberosConfig { keys: Vec::new(), ..kerberos_config() };
    let config = AcceptorConfig { kerberos: Some(Arc::new(unknown)), ..config() };
    assert_eq!(refusal(&config, &order()), KerberosError::EncryptionType);
}

#[test]
fn a_ticket_for_another_service_is_refused() {
    let service = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    for spelling in [
        &["CIFS", "Archive"][..],
        &["host", "FILESERVER.corp.EXAMPLE"],
        &["HTTP", "archive"],
        &["FileServer$"],
    ] {
        assert!(log_on(&config(), &Order { service: service(spelling), ..order() }).is_ok(), "{spelling:?}");
    }
    for other in [&["ldap", "fileserver"][..], &["cifs", "dc1.corp.example"], &["krbtgt", "CORP.EXAMPLE"]] {
        let order = Order { service: service(other), ..order() };
        assert_eq!(refusal(&config(), &order), KerberosError::WrongPrincipal);
    }
    let order = Order { realm: "OTHER.EXAMPLE".to_owned(), ..order() };
    assert_eq!(refusal(&config(), &order), KerberosError::WrongPrincipal);
}

#[test]
fn times_count_with_a_skew_of_five_minutes() {
    let at = |client_time| Order { client_time, microseconds: 0, ..order() };
    for offset in [-300, -299, 0, 300] {
        assert!(log_on(&config(), &at(NOW + offset)).is_ok(), "{offset}");
    }
    for offset in [-301, 301, -100_000, 100_000] {
        assert_eq!(refusal(&config(), &at(NOW + offset)), KerberosError::ClockSkew, "{offset}");
    }
    let later = Order { start_time: Some(NOW + 299), ..order() };
    assert!(log_on(&config(), &later).is_ok());
    let later = Order { start_time: Some(NOW + 301), ..order() };
    assert_eq!(refusal(&config(), &later), KerberosError::TicketNotYetValid);
    let invalid = Order { ticket_flags: 0x0100_0000, ..order() };
    assert_eq!(refusal(&config(), &invalid), KerberosError::TicketNotYetValid);
    // Over by both clocks.
    let over = Order { end_time: NOW, ..at(NOW) };
    assert_eq!(refusal(&config(), &over), KerberosError::TicketExpired);
    // Good still by the clock of the client, which gets what is left by that.
    let behind = Order { end_time: NOW - 60, ..at(NOW - 100) };
    assert_eq!(log_on(&config(), &behind).unwrap().expires, Some(FileTime::from_unix(NOW + 40, 0)));
    let ahead = Order { end_time: NOW + 60, ..at(NOW + 100) };
    assert_eq!(log_on(&config(), &ahead).unwrap().expires, Some(FileTime::from_unix(NOW + 60, 0)));
}

#[test]
fn an_authenticator_counts_once_on_all_connections() {
    let config = config();
    assert!(log_on(&config, &order()).is_ok());
    assert_eq!(refusal(&config, &order()), KerberosError::Replay);
    assert!(log_on(&config, &Order { microseconds: 1, ..order() }).is_ok());
    // A refused one was not used.
    let stranger = Order { pac: None, microseconds: 2, ..order() };
    assert_eq!(refusal(&config, &stranger), KerberosError::PacMissing);
    assert_eq!(refusal(&config, &stranger), KerberosError::PacMissing);
}

#[test]
fn the_authenticator_must_be_of_the_tickets_client_and_key() {
    let other = Order { authenticator_client: Some(vec!["bob".to_owned()]), ..order() };
    assert_eq!(refusal(&config(), &other), KerberosError::ClientMismatch);
    // Somebody who saw the ticket go by has not its key.
    let good = order().token();
    let thief = Order { session_key: aes256(0x77), ..order() }.token();
    let cut = |token: &[u8]| {
        let content = Der(token).tagged(application(0)).unwrap();
        content[2 + 9 + 2..].to_vec()
    };
    let (good, thief) = (cut(&good), cut(&thief));
    let parts = |message: &[u8]| -> Vec<Vec<u8>> {
        let mut fields = Fields::of_application(14, message).unwrap();
        (0..5).map(|number| messages::field(number, fields.required(number).unwrap())).collect()
    };
    let mut mixed = parts(&good);
    mixed[4] = parts(&thief)[4].clone();
    let message = tlv(application(14), &sequence(&mixed));
    match acceptor(&config()).step(&message) {
        AcceptStep::TryAgain(token, AuthError::Kerberos(KerberosError::Authenticator)) => {
            // [MS-KILE] 3.4.5: KRB_AP_ERR_MODIFIED. Bare as the request, but for the frame that read_error takes off.
            let framed = [&[6, 1, 0, 3, 0][..], &token].concat();
            assert_eq!(read_error(&tlv(application(0), &framed)).0, 41);
        }
        step => panic!("{step:?}"),
    }
}

#[test]
fn a_ticket_without_a_good_pac_is_refused() {
    assert_eq!(refusal(&config(), &Order { pac: None, ..order() }), KerberosError::PacMissing);
    let with = |pac: Vec<u8>| Order { pac: Some(pac), ..order() };
    let honest = Pac::new(&order());
    // Signed with the key of somebody else, such as a user who made up a PAC.
    assert_eq!(refusal(&config(), &with(honest.build(&aes256(0x51)))), KerberosError::PacSignature);
    let weak = key(EncryptionType::RC4_HMAC, 3);
    assert_eq!(refusal(&config(), &with(honest.build(&weak))), KerberosError::PacSignature);
    // Another user's, and another ticket's.
    let bobs = Pac { client: "bob".to_owned(), ..honest.clone() };
    assert_eq!(refusal(&config(), &with(bobs.build(&aes256(1)))), KerberosError::PacClient);
    let earlier = Pac { client_time: NOW - 7200, ..honest.clone() };
    assert_eq!(refusal(&config(), &with(earlier.build(&aes256(1)))), KerberosError::PacClient);
    let shouted = Pac { client: "ALICE".to_owned(), ..honest };
    assert!(log_on(&config(), &with(shouted.build(&aes256(1)))).is_ok());
}

/// RFC 4120 5.2.6: an element of an unknown type is a restriction that must be understood, unless it is in AD-IF-RELEVANT.
#[test]
fn a_ticket_with_unknown_authorization_data_is_refused() {
    let with = |kind, content: &[u8]| Order { more: vec![(kind, content.to_vec())], ..order() };
    let unknown = sequence(&[authorization_data(0x7777, b"x")]);
    for order in [with(0x7777, b"x"), with(4, b"x"), with(128, b"x")] {
        assert_eq!(refusal(&config(), &order), KerberosError::AuthorizationData);
    }
    assert!(log_on(&config(), &with(1, &unknown)).is_ok(), "AD-IF-RELEVANT");
    assert!(log_on(&config(), &with(8, &unknown)).is_ok(), "AD-MANDATORY-FOR-KDC");
}

#[test]
fn user_to_user_is_refused() {
    let order = Order { ap_options: 0x4000_0000, ..order() };
    assert_eq!(refusal(&config(), &order), KerberosError::UserToUser);
}

#[test]
fn names_are_utf_8() {
    let mut order = Order { client: vec!["zoë".to_owned()], ..order() };
    order.pac = Some(Pac::new(&order).build(&aes256(1)));
    assert_eq!(log_on(&config(), &order).unwrap().identity.user, "zoë");
}

#[test]
fn the_channel_binding_is_held_against_what_is_demanded() {
    let with = |channel_binding| AcceptorConfig { channel_binding, ..config() };
    let sent = |binding| Order { checksum: Some(gss_checksum(binding, 2)), ..order() };
    assert!(log_on(&with(ChannelBinding::IfSent([1; 16])), &sent([0; 16])).is_ok());
    assert!(log_on(&with(ChannelBinding::IfSent([1; 16])), &sent([1; 16])).is_ok());
    assert!(log_on(&with(ChannelBinding::Required([1; 16])), &sent([1; 16])).is_ok());
    for (demanded, order) in [
        (ChannelBinding::IfSent([1; 16]), sent([2; 16])),
        (ChannelBinding::Required([1; 16]), sent([0; 16])),
        (ChannelBinding::Required([1; 16]), Order { checksum: None, ..order() }),
    ] {
        assert_eq!(log_on(&with(demanded), &order).err(), Some(AuthError::BadBindings));
    }
}

#[test]
fn who_is_refused_is_told_why_and_may_try_once_more() {
    let config = config();
    let mut logon = acceptor(&config);
    let late = Order { client_time: NOW - 4000, ..order() };
    let AcceptStep::TryAgain(token, _) = logon.step(&late.token()) else { panic!() };
    let (code, time, data) = read_error(&token);
    assert_eq!((code, time), (37, messages::encode_time(now())));
    // [MS-KILE] 2.2.2: SEQUENCE { data-type [1] 2 }.
    assert_eq!(data.as_deref(), Some(&[0x30, 5, 0xa1, 3, 2, 1, 2][..]));
    assert!(matches!(logon.step(&order().token()), AcceptStep::Done(_)), "with the time it was told");
    let mut logon = acceptor(&config);
    for (number, (order, expected)) in [(Order::new(aes256(99)), 41), (late, 37)].into_iter().enumerate() {
        match logon.step(&order.token()) {
            AcceptStep::TryAgain(token, _) if number == 0 => assert_eq!(read_error(&token).0, expected),
            AcceptStep::Failed(AuthError::Kerberos(KerberosError::ClockSkew)) if number == 1 => {}
            step => panic!("{step:?}"),
        }
    }
    assert!(matches!(logon.step(&order().token()), AcceptStep::Failed(_)), "and no more");
}

#[test]
fn spnego_takes_the_first_mechanism_of_the_client_that_is_there() {
    let token = order().token();
    let AcceptStep::Done(accepted) = acceptor(&config()).step(&encode_init(LIST, Some(&token))) else {
        panic!()
    };
    let reply = NegTokenResp::decode(&accepted.token_out).unwrap();
    assert_eq!(reply.neg_state, Some(NegState::AcceptCompleted));
    assert_eq!(reply.supported_mech, Some(Mechanism::MsKerberos));
    read_reply(reply.response_token.unwrap(), &order());
    assert_eq!(reply.mech_list_mic, None);
    // A server that is no member goes on with NTLM.
    let alone = AcceptorConfig::default();
    let AcceptStep::Continue(reply) = acceptor(&alone).step(&encode_init(LIST, Some(&token))) else {
        panic!()
    };
    let reply = NegTokenResp::decode(&reply).unwrap();
    assert_eq!((reply.neg_state, reply.supported_mech), (Some(NegState::RequestMic), Some(Mechanism::Ntlm)));
    assert!(matches!(acceptor(&alone).step(&token), AcceptStep::Failed(AuthError::NoCommonMechanism)));
    // The policy can leave Kerberos alone.
    let strict = AcceptorConfig { refuse_ntlm: true, ..config() };
    let init = encode_init(&[Mechanism::Ntlm], None);
    assert!(matches!(acceptor(&strict).step(&init), AcceptStep::Failed(AuthError::NtlmBlocked)));
    let raw = b"NTLMSSP\0\x01\0\0\0";
    assert!(matches!(acceptor(&strict).step(raw), AcceptStep::Failed(AuthError::NtlmBlocked)));
}

#[test]
fn an_error_in_spnego_leaves_the_negotiation_open() {
    let mut logon = acceptor(&config());
    let late = Order { client_time: NOW - 4000, ..order() }.token();
    let AcceptStep::TryAgain(token, _) = logon.step(&encode_init(LIST, Some(&late))) else { panic!() };
    let reply = NegTokenResp::decode(&token).unwrap();
    assert_eq!(reply.neg_state, Some(NegState::AcceptIncomplete));
    assert_eq!(read_error(reply.response_token.unwrap()).0, 37);
    let again = order().token();
    let again = NegTokenResp { response_token: Some(&again), ..NegTokenResp::default() }.encode();
    assert!(matches!(logon.step(&again), AcceptStep::Done(_)));
}

/// The list with a mechanism in front that the server has not: both MICs are owed (RFC 4178 section 5).
#[test]
fn a_mechanism_that_is_not_the_first_choice_needs_both_mics() {
    let list = &[Mechanism::NegoEx, Mechanism::Kerberos];
    let mech_types = encode_mech_types(list);
    let begin = || {
        let mut logon = acceptor(&config());
        let AcceptStep::Continue(reply) = logon.step(&encode_init(list, Some(b"negoex"))) else { panic!() };
        assert_eq!(NegTokenResp::decode(&reply).unwrap().neg_state, Some(NegState::RequestMic));
        let token = order().token();
        let token = NegTokenResp { response_token: Some(&token), ..NegTokenResp::default() }.encode();
        let AcceptStep::Continue(reply) = logon.step(&token) else { panic!() };
        (logon, reply)
    };
    let (mut logon, reply) = begin();
    let reply = NegTokenResp::decode(&reply).unwrap();
    assert_eq!(reply.neg_state, Some(NegState::AcceptIncomplete));
    let part = read_reply(reply.response_token.unwrap(), &order());
    let sub_key = part.sub_key.unwrap();
    // Ours is made with the sub-key that we asserted.
    let ours = reply.mech_list_mic.unwrap();
    let (header, checksum) = ours.split_at(16);
    assert_eq!(header[..8], [4, 4, 5, 255, 255, 255, 255, 255]);
    assert_eq!(header[8..], u64::from(part.sequence_number.unwrap()).to_be_bytes());
    sub_key.verify_checksum(usage::ACCEPTOR_SIGN, &[&mech_types, header], checksum).unwrap();
    let client_mic = |key: &EncryptionKey, flags: u8, list: &[u8]| {
        let mut token = vec![4, 4, flags, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 77];
        let checksum = key.checksum(usage::INITIATOR_SIGN, &[list, &token]);
        token.extend(checksum);
        NegTokenResp { mech_list_mic: Some(&token), ..NegTokenResp::default() }.encode()
    };
    let AcceptStep::Done(accepted) = logon.step(&client_mic(&sub_key, 4, &mech_types)) else { panic!() };
    assert_eq!(accepted.session_key.full(), sub_key.as_bytes());
    // The initiator's own key does too (flag AcceptorSubkey clear); nothing else does.
    let own = client_mic(&aes256(0x52), 0, &mech_types);
    assert!(matches!(begin().0.step(&own), AcceptStep::Done(_)));
    for wrong in [
        client_mic(&sub_key, 0, &mech_types),
        client_mic(&sub_key, 5, &mech_types),
        client_mic(&sub_key, 4, &encode_mech_types(&[Mechanism::Kerberos])),
        NegTokenResp::default().encode(),
    ] {
        assert!(matches!(begin().0.step(&wrong), AcceptStep::Failed(AuthError::MessageAltered)));
    }
}

/// RFC 4178 4.2.1: a client whose first token is the mechanism's last may send its MIC along.
#[test]
fn a_mic_beside_the_first_token_counts() {
    let list = &[Mechanism::Kerberos];
    let mech_types = encode_mech_types(list);
    let mic = |list: &[u8]| {
        let mut token = vec![4, 4, 0, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 77];
        let checksum = aes256(0x52).checksum(usage::INITIATOR_SIGN, &[list, &token]);
        token.extend(checksum);
        token
    };
    let init = |mic: &[u8]| {
        let fields = [
            tlv(context(0), &mech_types),
            tlv(context(2), &tlv(TAG_OCTET_STRING, &order().token())),
            tlv(context(3), &tlv(TAG_OCTET_STRING, mic)),
        ];
        let spnego = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x02];
        let token = tlv(context(0), &sequence(&fields));
        tlv(application(0), &[tlv(TAG_OID, &spnego), token].concat())
    };
    let AcceptStep::Done(accepted) = acceptor(&config()).step(&init(&mic(&mech_types))) else { panic!() };
    let reply = NegTokenResp::decode(&accepted.token_out).unwrap();
    assert_eq!(reply.neg_state, Some(NegState::AcceptCompleted));
    assert!(reply.mech_list_mic.is_some(), "and has the server's in return");
    let other = mic(&encode_mech_types(&[Mechanism::Kerberos, Mechanism::Ntlm]));
    for wrong in [&other[..], b"", &[0; 28]] {
        let step = acceptor(&config()).step(&init(wrong));
        assert!(matches!(step, AcceptStep::Failed(AuthError::MessageAltered)), "{step:?}");
    }
}

#[test]
fn a_dce_style_exchange_has_a_third_leg() {
    let order = Order { checksum: Some(gss_checksum([0; 16], 0x1002)), framed: false, ..order() };
    let third = |sequence_number| {
        let part = EncApRepPart { seconds: now(), microseconds: 1, sub_key: None, sequence_number };
        let cipher = order.session_key.encrypt(usage::AP_REP, &[0; 16], &part.encode());
        messages::encode_ap_rep(order.session_key.encryption_type(), &cipher)
    };
    let begin = |config: &AcceptorConfig| {
        let mut logon = acceptor(config);
        let AcceptStep::Continue(reply) = logon.step(&order.token()) else { panic!() };
        let (_, cipher) = messages::decode_ap_rep(&reply).unwrap();
        let plain = order.session_key.decrypt(usage::AP_REP, cipher).unwrap();
        (logon, EncApRepPart::decode(&plain).unwrap())
    };
    let (mut logon, part) = begin(&config());
    let AcceptStep::Done(accepted) = logon.step(&third(part.sequence_number)) else { panic!() };
    assert_eq!(accepted.session_key.full(), part.sub_key.unwrap().as_bytes());
    for number in [None, Some(1)] {
        let (mut logon, _) = begin(&config());
        assert!(matches!(logon.step(&third(number)), AcceptStep::Failed(AuthError::MessageAltered)));
    }
}

#[test]
fn the_hint_has_kerberos_first_where_there_is_a_domain() {
    use crate::auth::spnego::NegTokenInit;
    let list = |config: &AcceptorConfig| {
        let hint = Acceptor::hint(config);
        NegTokenInit::decode(&hint).unwrap().mechanisms().flatten().collect::<Vec<_>>()
    };
    assert_eq!(list(&config()), [Mechanism::MsKerberos, Mechanism::Kerberos, Mechanism::Ntlm]);
    assert_eq!(list(&AcceptorConfig::default()), [Mechanism::Ntlm]);
    let strict = AcceptorConfig { refuse_ntlm: true, ..config() };
    assert_eq!(list(&strict), [Mechanism::MsKerberos, Mechanism::Kerberos]);
}

#[test]
fn rc4_contexts_make_no_mic() {
    let rc4 = key(EncryptionType::RC4_HMAC, 1);
    let keys = MicKeys { acceptor: Some(rc4.clone()), initiator: rc4, sequence_number: 0 };
    assert_eq!(keys.make(b"list"), None);
    assert_eq!(keys.verify(b"list", &[0; 32]), Err(AuthError::MessageAltered));
}

/// A buffer of the honest PAC.
fn pac_buffer(kind: u32) -> Vec<u8> {
    let pac = order().pac.unwrap();
    let at = |place: usize| u32::from_le_bytes(*pac[place..].first_chunk().unwrap()) as usize;
    let place = (0..at(0)).map(|index| 8 + 16 * index).find(|place| at(*place) == kind as usize).unwrap();
    pac[at(place + 8)..][..at(place + 4)].to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever is changed between the ticket's service name and the end of a token, nobody gets in by it: all that counts is
    /// encrypted or leads to a refusal. Changes that leave the same meaning (a length in another form, an unread field) are
    /// honest.
    #[test]
    fn a_changed_token_gives_nobody_more(place: prop::sample::Index, bit in 0u8..8) {
        let honest = log_on(&config(), &order()).unwrap();
        let mut token = order().token();
        let place = place.index(token.len());
        token[place] ^= 1 << bit;
        if let AcceptStep::Done(accepted) = acceptor(&config()).step(&token) {
            prop_assert_eq!(&accepted.authorization, &honest.authorization);
            prop_assert_eq!(accepted.expires, honest.expires);
        }
    }

    /// A change of any bit of a signed PAC, in a ticket that is encrypted well.
    #[test]
    fn a_changed_pac_is_refused(place: prop::sample::Index, bit in 0u8..8) {
        let mut order = order();
        let pac = order.pac.as_mut().unwrap();
        let place = place.index(pac.len());
        pac[place] ^= 1 << bit;
        match log_on(&config(), &order) {
            Err(_) => {}
            // The KDC's signature is for the KDC; it is the last buffer.
            Ok(_) => prop_assert!(place + 24 > order.pac.as_ref().unwrap().len(), "at {}", place),
        }
    }

    /// Who a user is, in any bytes, signed well.
    #[test]
    fn any_logon_information_is_judged_without_panic(place: prop::sample::Index, change: u8, cut: prop::sample::Index) {
        let mut info = pac_buffer(1);
        let place = place.index(info.len());
        info[place] = change;
        let with = |info: Vec<u8>| {
            let pac = Pac { logon_info: Some(info), ..Pac::new(&order()) }.build(&aes256(1));
            log_on(&config(), &Order { pac: Some(pac), ..order() })
        };
        let length = cut.index(info.len());
        let _ = with(info[..length].to_vec());
        let _ = with(info);
    }

    /// A PAC of any bytes, signed well: a domain controller is a peer too.
    #[test]
    fn any_bytes_of_a_buffer_are_judged_without_panic(kind in 1u32..20, content: Vec<u8>, cut: prop::sample::Index) {
        let mut pac = Pac::new(&order());
        pac.more.push((kind, content));
        let mut bytes = pac.build(&aes256(1));
        let _ = log_on(&config(), &Order { pac: Some(bytes.clone()), ..order() });
        bytes.truncate(cut.index(bytes.len()));
        let _ = log_on(&config(), &Order { pac: Some(bytes), ..order() });
    }

    #[test]
    fn any_bytes_are_judged_without_panic(bytes: Vec<u8>) {
        let mut logon = acceptor(&config());
        let _ = (logon.step(&bytes), logon.step(&bytes));
        let framed = [&[0x60, bytes.len().min(100) as u8 + 13, 6, 9][..],
            &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2, 1, 0], &bytes[..bytes.len().min(100)]].concat();
        let _ = acceptor(&config()).step(&framed);
    }
}
