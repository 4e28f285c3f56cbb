//! Whole exchanges between our client and our acceptor, the honest and the others.

use super::ntlm::client::{Credentials, Initiator, InitiatorOptions, MicMode, Randomness, ResponseKind};
use super::*;
use crate::crypto::SessionKey;
use freehold_dtyp::FileTime;
use proptest::prelude::*;
use std::sync::Arc;

const NOW: FileTime = FileTime(133_000_000_000_000_000);
const KERBEROS_FIRST: &[Mechanism] = &[Mechanism::MsKerberos, Mechanism::Kerberos, Mechanism::Ntlm];

/// Random bytes with this challenge in front.
fn randomness(challenge: [u8; 8]) -> AcceptorRandomness {
    let mut bytes = [0; AcceptorRandomness::SIZE];
    bytes[..8].copy_from_slice(&challenge);
    AcceptorRandomness::new(&bytes)
}

fn names() -> ServerNames {
    ServerNames {
        netbios_computer: "FREEHOLD".into(),
        netbios_domain: "FREEHOLD".into(),
        dns_computer: "freehold.example.org".into(),
        dns_domain: "freehold.example.org".into(),
        dns_tree: String::new(),
        is_domain_member: false,
    }
}

fn config() -> AcceptorConfig {
    AcceptorConfig { names: names(), ..AcceptorConfig::default() }
}

fn credentials(user: &str, password: &str) -> Credentials {
    Credentials {
        user: user.into(),
        domain: "WORKGROUP".into(),
        workstation: "CLIENT".into(),
        nt_hash: nt_hash(password),
    }
}

fn initiator(user: &str, password: &str, options: InitiatorOptions) -> Initiator {
    let randomness = Randomness { client_challenge: [7; 8], exported_session_key: [9; 16] };
    Initiator::new(credentials(user, password), randomness, options)
}

/// The accounts of these tests: Alice with her password, and one of every kind of trouble.
fn answer(query: &AccountQuery) -> AccountAnswer {
    let secret =
        |password: &str, restriction| AccountAnswer::Secret { nt_hash: nt_hash(password), restriction };
    match query.user.to_lowercase().as_str() {
        "alice" | "ålice" => secret("correct", None),
        "disabled" => secret("correct", Some(AuthError::AccountDisabled)),
        "locked" => AccountAnswer::Refused(AuthError::AccountLockedOut),
        "guest" => AccountAnswer::Guest,
        _ => AccountAnswer::Unknown,
    }
}

/// Runs an exchange with everything that the client sends passed through `tamper`, which gets the number of the token.
fn exchange(
    config: AcceptorConfig,
    mut client: Initiator,
    mut tamper: impl FnMut(usize, &mut Vec<u8>),
) -> Result<(Box<Accepted>, SessionKey), AuthError> {
    let mut acceptor = Acceptor::new(Arc::new(config), NOW, randomness([1, 2, 3, 4, 5, 6, 7, 8]));
    let mut token = client.start();
    for leg in 0..5 {
        tamper(leg, &mut token);
        let mut step = acceptor.step(&token);
        if let AcceptStep::NeedAccount(query) = step {
            step = acceptor.resume(answer(&query));
        }
        match step {
            AcceptStep::Continue(reply) => token = client.step(&reply)?,
            AcceptStep::Done(accepted) => {
                client.finish(&accepted.token_out)?;
                assert!(matches!(acceptor.step(&token), AcceptStep::Failed(_)), "an acceptor is used once");
                let theirs = client.session_key().expect("the client is done");
                return Ok((accepted, theirs));
            }
            AcceptStep::Failed(error) | AcceptStep::TryAgain(_, error) => return Err(error),
            AcceptStep::NeedAccount(_) => panic!("an answer leads to a decision"),
        }
    }
    panic!("the exchange does not end");
}

fn honest(config: AcceptorConfig, client: Initiator) -> Result<Box<Accepted>, AuthError> {
    let (accepted, theirs) = exchange(config, client, |_, _| {})?;
    if accepted.identity.kind != LogonKind::Guest {
        assert_eq!(theirs.full(), accepted.session_key.full());
    }
    Ok(accepted)
}

fn raw() -> InitiatorOptions {
    InitiatorOptions { mechanisms: Vec::new(), ..InitiatorOptions::default() }
}

fn every_framing() -> Vec<InitiatorOptions> {
    let mut all = Vec::new();
    for mechanisms in
        [vec![], vec![Mechanism::Ntlm], vec![Mechanism::Ntlm, Mechanism::Kerberos], KERBEROS_FIRST.to_vec()]
    {
        for key_exchange in [true, false] {
            for mic in [MicMode::Send, MicMode::Without] {
                let mechanisms = mechanisms.clone();
                all.push(InitiatorOptions { mechanisms, key_exchange, mic, ..InitiatorOptions::default() });
            }
        }
    }
    all
}

#[test]
fn the_right_password_is_let_in_however_it_is_framed() {
    for options in every_framing() {
        let accepted = honest(config(), initiator("alice", "correct", options.clone()))
            .unwrap_or_else(|error| panic!("{options:?}: {error}"));
        assert_eq!(accepted.identity.user, "alice");
        assert_eq!(accepted.identity.domain, "WORKGROUP");
        assert_eq!(accepted.identity.workstation, "CLIENT");
        assert_eq!(accepted.identity.kind, LogonKind::User);
        if options.key_exchange {
            assert_eq!(accepted.session_key.full(), [9; 16]);
        }
    }
}

/// The AUTHENTICATE_MESSAGE of [MS-NLMP] 4.2.4.3, whose client sends no MIC.
const AUTHENTICATE_OF_THE_SPECIFICATION: &str = "
        4e544c4d5353500003000000180018006c00000054005400840000000c000c0048000000080008005400000010001000
        5c00000010001000d8000000358288e20501280a0000000f44006f006d00610069006e00550073006500720043004f00
        4d005000550054004500520086c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa68cd0ab851e51c96aabc927b
        ebef6a1c01010000000000000000000000000000aaaaaaaaaaaaaaaa0000000002000c0044006f006d00610069006e00
        01000c005300650072007600650072000000000000000000c5dad2544fc9799094ce1ce90bc9d03e";

#[test]
fn the_logon_of_the_specification_is_let_in() {
    let digits: Vec<u8> = AUTHENTICATE_OF_THE_SPECIFICATION.bytes().filter(u8::is_ascii_hexdigit).collect();
    let message: Vec<u8> = digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    let logon = |password: &str| {
        let challenge = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
        let mut acceptor = Acceptor::new(Arc::new(config()), NOW, randomness(challenge));
        assert!(matches!(acceptor.step(&initiator("", "", raw()).start()), AcceptStep::Continue(_)));
        let AcceptStep::NeedAccount(query) = acceptor.step(&message) else { panic!("no question") };
        assert_eq!((query.user.as_str(), query.domain.as_str()), ("User", "Domain"));
        assert_eq!(query.workstation, "COMPUTER");
        acceptor.resume(AccountAnswer::Secret { nt_hash: nt_hash(password), restriction: None })
    };
    let AcceptStep::Done(accepted) = logon("Password") else { panic!("not let in") };
    assert_eq!(accepted.session_key.full(), [0x55; 16]);
    assert!(matches!(logon("password"), AcceptStep::Failed(AuthError::LogonFailure)));
}

#[test]
fn user_names_are_compared_without_case_and_beyond_ascii() {
    for user in ["ALICE", "Alice", "Ålice", "ÅLICE"] {
        assert!(honest(config(), initiator(user, "correct", raw())).is_ok(), "{user}");
    }
}

#[test]
fn a_wrong_password_is_refused_however_it_is_framed() {
    for mic in [MicMode::Send, MicMode::AnnounceOnly, MicMode::Without] {
        for options in every_framing() {
            let options = InitiatorOptions { mic, ..options };
            let client = initiator("alice", "wrong", options.clone());
            assert_eq!(honest(config(), client).err(), Some(AuthError::LogonFailure), "{options:?}");
        }
    }
}

#[test]
fn an_unknown_user_is_refused_even_with_the_stand_in_hash() {
    let mut credentials = credentials("nobody", "");
    credentials.nt_hash = NtHash::from_bytes([0; 16]);
    let randomness = Randomness { client_challenge: [7; 8], exported_session_key: [9; 16] };
    let client = Initiator::new(credentials, randomness, raw());
    assert_eq!(honest(config(), client).err(), Some(AuthError::LogonFailure));
}

#[test]
fn an_announced_mic_that_is_left_out_is_missed() {
    for options in every_framing() {
        let options = InitiatorOptions { mic: MicMode::AnnounceOnly, ..options };
        let client = initiator("alice", "correct", options.clone());
        assert_eq!(honest(config(), client).err(), Some(AuthError::MessageAltered), "{options:?}");
    }
}

#[test]
fn a_mic_of_zeros_is_wrong() {
    let client = initiator("alice", "correct", raw());
    let result = exchange(config(), client, |leg, token| {
        if leg == 1 {
            token[72..88].fill(0);
        }
    });
    assert_eq!(result.err(), Some(AuthError::MessageAltered));
}

#[test]
fn a_client_without_mic_is_refused_when_the_policy_says_so() {
    let options = InitiatorOptions { mic: MicMode::Without, ..raw() };
    let strict = AcceptorConfig { require_mic: true, ..config() };
    let client = initiator("alice", "correct", options);
    assert_eq!(honest(strict.clone(), client).err(), Some(AuthError::MessageAltered));
    assert!(honest(strict, initiator("alice", "correct", raw())).is_ok());
}

#[test]
fn responses_of_version_1_are_refused_before_an_account_is_asked_for() {
    let options = InitiatorOptions { response: ResponseKind::V1Size, ..raw() };
    let mut client = initiator("alice", "correct", options);
    let mut acceptor = Acceptor::new(Arc::new(config()), NOW, randomness([3; 8]));
    let AcceptStep::Continue(challenge) = acceptor.step(&client.start()) else { panic!("no challenge") };
    let authenticate = client.step(&challenge).expect("a message");
    assert!(matches!(acceptor.step(&authenticate), AcceptStep::Failed(AuthError::LogonFailure)));
}

#[test]
fn anonymous_is_refused_unless_allowed() {
    for options in every_framing() {
        let client = || initiator("", "", options.clone());
        assert_eq!(honest(config(), client()).err(), Some(AuthError::AnonymousRefused));
        let open = AcceptorConfig { allow_anonymous: true, ..config() };
        let accepted = honest(open, client()).expect("allowed");
        assert_eq!(accepted.identity.kind, LogonKind::Anonymous);
    }
}

/// smbj's AUTHENTICATE of an anonymous logon has neither flag: there is no name that it would be about.
#[test]
fn an_anonymous_client_need_not_say_in_which_alphabet_it_writes_nothing() {
    let result = |user, password| {
        let open = AcceptorConfig { allow_anonymous: true, ..config() };
        exchange(open, initiator(user, password, raw()), |leg, token| {
            if leg == 1 {
                token[60] &= !3; // NegotiateFlags without UNICODE and OEM
            }
        })
    };
    assert_eq!(result("", "").map(|(accepted, _)| accepted.identity.kind), Ok(LogonKind::Anonymous));
    assert_eq!(result("alice", "correct").err(), Some(AuthError::InvalidToken));
}

/// Libraries for Node.js that descend from one of 2012 offer nothing newer than NTLMv1, without extended session security.
#[test]
fn a_client_of_ntlm_v1_gets_as_far_as_a_logon_that_fails() {
    let result = |options: InitiatorOptions| {
        exchange(config(), initiator("alice", "correct", options), |leg, token| {
            let flags = if leg == 0 { 12 } else { 60 };
            token[flags + 2] &= !8; // NegotiateFlags without EXTENDED_SESSIONSECURITY
        })
    };
    let v1 = InitiatorOptions { response: ResponseKind::V1Size, ..raw() };
    assert_eq!(result(v1).err(), Some(AuthError::LogonFailure));
    // NTLMv2 comes with it, always.
    assert_eq!(result(raw()).err(), Some(AuthError::InvalidToken));
}

#[test]
fn an_empty_user_with_a_response_is_not_anonymous() {
    let open = AcceptorConfig { allow_anonymous: true, ..config() };
    let result = exchange(open, initiator("alice", "correct", raw()), |leg, token| {
        if leg == 1 {
            token[36..40].fill(0); // Len and MaxLen of UserName
        }
    });
    assert_eq!(result.err(), Some(AuthError::LogonFailure));
}

#[test]
fn guest_is_refused_unless_allowed() {
    let client = || initiator("guest", "anything", InitiatorOptions::default());
    assert_eq!(honest(config(), client()).err(), Some(AuthError::AnonymousRefused));
    let open = AcceptorConfig { allow_guest: true, ..config() };
    assert_eq!(honest(open, client()).map(|accepted| accepted.identity.kind), Ok(LogonKind::Guest));
}

#[test]
fn a_slash_in_the_user_name_means_nothing() {
    for options in every_framing() {
        let result = honest(config(), initiator("/guest", "anything", options));
        assert_eq!(result.err(), Some(AuthError::LogonFailure));
    }
}

#[test]
fn a_restriction_shows_only_to_who_knows_the_password() {
    let logon = |user, password| honest(config(), initiator(user, password, raw())).err();
    assert_eq!(logon("disabled", "wrong"), Some(AuthError::LogonFailure));
    assert_eq!(logon("disabled", "correct"), Some(AuthError::AccountDisabled));
    assert_eq!(logon("locked", "wrong"), Some(AuthError::AccountLockedOut));
}

#[test]
fn a_replayed_authenticate_is_refused_by_another_exchange() {
    let config = Arc::new(config());
    let mut client = initiator("alice", "correct", raw());
    let mut first = Acceptor::new(config.clone(), NOW, randomness([1; 8]));
    let AcceptStep::Continue(challenge) = first.step(&client.start()) else { panic!("no challenge") };
    let authenticate = client.step(&challenge).expect("a message");
    let mut second = Acceptor::new(config, NOW, randomness([2; 8]));
    assert!(matches!(second.step(&client.start()), AcceptStep::Continue(_)));
    let AcceptStep::NeedAccount(query) = second.step(&authenticate) else { panic!("no question") };
    assert!(matches!(second.resume(answer(&query)), AcceptStep::Failed(AuthError::LogonFailure)));
    // The first exchange still takes it, once.
    let AcceptStep::NeedAccount(query) = first.step(&authenticate) else { panic!("no question") };
    assert!(matches!(first.resume(answer(&query)), AcceptStep::Done(_)));
    assert!(matches!(first.step(&authenticate), AcceptStep::Failed(AuthError::InvalidToken)));
    assert!(matches!(first.resume(answer(&query)), AcceptStep::Failed(AuthError::InvalidToken)));
}

#[test]
fn a_changed_negotiate_message_is_caught_by_the_mic() {
    for bit in [0x4000_0000u32, 0x2000_0000, 0x10, 0x8000_0000] {
        let result = exchange(config(), initiator("alice", "correct", raw()), |leg, token| {
            if leg == 0 {
                let flags = u32::from_le_bytes(token[12..16].try_into().unwrap()) & !bit;
                token[12..16].copy_from_slice(&flags.to_le_bytes());
            }
        });
        assert_eq!(result.err(), Some(AuthError::MessageAltered), "{bit:x}");
    }
}

#[test]
fn a_flag_that_was_not_agreed_on_has_no_effect() {
    let options = InitiatorOptions { mic: MicMode::Without, key_exchange: false, ..raw() };
    let (accepted, theirs) = exchange(config(), initiator("alice", "correct", options), |leg, token| {
        if leg == 1 {
            token[63] |= 0x40; // KEY_EXCH in NegotiateFlags
        }
    })
    .expect("let in");
    assert_eq!(accepted.session_key.full(), theirs.full());
}

#[test]
fn a_challenge_changed_on_its_way_is_caught_by_the_mic() {
    let mut client = initiator("alice", "correct", raw());
    let mut acceptor = Acceptor::new(Arc::new(config()), NOW, randomness([1; 8]));
    let AcceptStep::Continue(mut challenge) = acceptor.step(&client.start()) else { panic!("no challenge") };
    challenge[20] ^= 0x10; // SIGN in NegotiateFlags
    let authenticate = client.step(&challenge).expect("a message");
    let AcceptStep::NeedAccount(query) = acceptor.step(&authenticate) else { panic!("no question") };
    assert!(matches!(acceptor.resume(answer(&query)), AcceptStep::Failed(AuthError::MessageAltered)));
}

#[test]
fn a_mechanism_list_changed_on_its_way_is_caught_by_its_mic() {
    let options = InitiatorOptions { mechanisms: KERBEROS_FIRST.to_vec(), ..InitiatorOptions::default() };
    // Somebody takes Kerberos away, so that NTLM looks like the client's first choice; the first token of NTLM follows
    // in the client's second token either way.
    let result = exchange(config(), initiator("alice", "correct", options), |leg, token| {
        if leg == 0 {
            *token = spnego::encode_init(&[Mechanism::Ntlm], None);
        }
    });
    assert_eq!(result.err(), Some(AuthError::MessageAltered));
}

#[test]
fn a_required_mechanism_list_mic_that_never_comes_ends_the_exchange() {
    let options = InitiatorOptions { mechanisms: KERBEROS_FIRST.to_vec(), ..InitiatorOptions::default() };
    let mut client = initiator("alice", "correct", options);
    let mut acceptor = Acceptor::new(Arc::new(config()), NOW, randomness([1; 8]));
    let AcceptStep::Continue(reply) = acceptor.step(&client.start()) else { panic!("no reply") };
    let AcceptStep::Continue(reply) = acceptor.step(&client.step(&reply).expect("negotiate")) else {
        panic!("no challenge")
    };
    let token = client.step(&reply).expect("authenticate");
    let mut without = spnego::NegTokenResp::decode(&token).expect("our own token");
    assert!(without.mech_list_mic.take().is_some());
    let AcceptStep::NeedAccount(query) = acceptor.step(&without.encode()) else { panic!("no question") };
    let AcceptStep::Continue(reply) = acceptor.resume(answer(&query)) else { panic!("let in without a MIC") };
    // The honest way on: the client sends its MIC alone.
    let mic = client.step(&reply).expect("the server's MIC is right");
    let empty = spnego::NegTokenResp::default().encode();
    assert!(matches!(acceptor.step(&empty), AcceptStep::Failed(AuthError::MessageAltered)));
    assert!(matches!(acceptor.step(&mic), AcceptStep::Failed(_)), "a failed exchange stays failed");
}

#[test]
fn a_client_may_send_its_mechanism_list_mic_last() {
    let options = InitiatorOptions { mechanisms: KERBEROS_FIRST.to_vec(), ..InitiatorOptions::default() };
    let result = exchange(config(), initiator("alice", "correct", options), |leg, token| {
        if leg == 2 {
            let mut decoded = spnego::NegTokenResp::decode(token).expect("our own token");
            decoded.mech_list_mic = None;
            *token = decoded.encode();
        }
    });
    assert_eq!(result.map(|(accepted, _)| accepted.identity.kind), Ok(LogonKind::User));
}

#[test]
fn the_acceptor_itself_refuses_a_wrong_mechanism_list_mic_early_and_late() {
    for late in [false, true] {
        let options = InitiatorOptions { mechanisms: KERBEROS_FIRST.to_vec(), ..InitiatorOptions::default() };
        let mut client = initiator("alice", "correct", options);
        let mut acceptor = Acceptor::new(Arc::new(config()), NOW, randomness([1; 8]));
        let mut token = client.start();
        for _ in 0..2 {
            let AcceptStep::Continue(reply) = acceptor.step(&token) else { panic!("no reply") };
            token = client.step(&reply).expect("a token");
        }
        let decoded = spnego::NegTokenResp::decode(&token).expect("our own token");
        let mut mic = decoded.mech_list_mic.expect("a MIC").to_vec();
        mic[5] ^= 1;
        let wrong = Some(mic.as_slice());
        let last =
            spnego::NegTokenResp { mech_list_mic: if late { None } else { wrong }, ..decoded }.encode();
        let AcceptStep::NeedAccount(query) = acceptor.step(&last) else { panic!("no question") };
        let mut step = acceptor.resume(answer(&query));
        if late {
            assert!(matches!(step, AcceptStep::Continue(_)));
            let alone = spnego::NegTokenResp { mech_list_mic: wrong, ..Default::default() };
            step = acceptor.step(&alone.encode());
        }
        assert!(matches!(step, AcceptStep::Failed(AuthError::MessageAltered)), "late: {late}");
    }
}

#[test]
fn channel_bindings_follow_the_policy() {
    let logon = |policy, sent| {
        let config = AcceptorConfig { channel_binding: policy, ..config() };
        let options = InitiatorOptions { channel_binding: sent, ..raw() };
        honest(config, initiator("alice", "correct", options)).err()
    };
    assert_eq!(logon(ChannelBinding::Ignore, Some([1; 16])), None);
    assert_eq!(logon(ChannelBinding::IfSent([1; 16]), None), None);
    assert_eq!(logon(ChannelBinding::IfSent([1; 16]), Some([0; 16])), None);
    assert_eq!(logon(ChannelBinding::IfSent([1; 16]), Some([1; 16])), None);
    assert_eq!(logon(ChannelBinding::IfSent([1; 16]), Some([2; 16])), Some(AuthError::BadBindings));
    assert_eq!(logon(ChannelBinding::Required([1; 16]), Some([1; 16])), None);
    assert_eq!(logon(ChannelBinding::Required([1; 16]), None), Some(AuthError::BadBindings));
    assert_eq!(logon(ChannelBinding::Required([1; 16]), Some([0; 16])), Some(AuthError::BadBindings));
}

#[test]
fn the_target_name_is_told() {
    let options = InitiatorOptions { target_name: Some("cifs/freehold".into()), ..raw() };
    let accepted = honest(config(), initiator("alice", "correct", options)).expect("let in");
    assert_eq!(accepted.identity.target_name.as_deref(), Some("cifs/freehold"));
    assert!(!accepted.identity.target_name_untrusted);
}

#[test]
fn a_domain_controller_can_verify_in_our_place() {
    let mut client = initiator("alice", "correct", raw());
    let mut acceptor = Acceptor::new(Arc::new(config()), NOW, randomness([1; 8]));
    let AcceptStep::Continue(challenge) = acceptor.step(&client.start()) else { panic!("no challenge") };
    let token = client.step(&challenge).expect("a message");
    let AcceptStep::NeedAccount(query) = acceptor.step(&token) else { panic!("no question") };
    assert_eq!(query.pass_through.server_challenge, [1; 8]);
    assert!(query.pass_through.nt_response.len() > 44);
    // A key that is not the user's cannot open the exchanged key, so the MIC is wrong.
    let step = acceptor.resume(AccountAnswer::Verified { session_base_key: [5; 16] });
    assert!(matches!(step, AcceptStep::Failed(AuthError::MessageAltered)));
}

#[test]
fn tokens_out_of_order_fail() {
    let client = initiator("alice", "correct", raw());
    let mut acceptor = Acceptor::new(Arc::new(config()), NOW, randomness([1; 8]));
    assert!(matches!(acceptor.resume(AccountAnswer::Unknown), AcceptStep::Failed(AuthError::InvalidToken)));
    assert!(matches!(acceptor.step(&client.start()), AcceptStep::Failed(AuthError::InvalidToken)));
    let mut acceptor = Acceptor::new(Arc::new(config()), NOW, randomness([1; 8]));
    assert!(matches!(acceptor.step(&client.start()), AcceptStep::Continue(_)));
    assert!(matches!(acceptor.step(&client.start()), AcceptStep::Failed(AuthError::InvalidToken)));
}

#[test]
fn what_an_exchange_keeps_is_limited() {
    let step = |token: &[u8]| Acceptor::new(Arc::new(config()), NOW, randomness([1; 8])).step(token);
    let mut negotiate = initiator("alice", "correct", raw()).start();
    assert!(matches!(step(&negotiate), AcceptStep::Continue(_)));
    negotiate.resize(3000, 0);
    assert!(matches!(step(&negotiate), AcceptStep::Failed(AuthError::InvalidToken)));
    let long_list = spnego::encode_init(&[Mechanism::Ntlm; 200], Some(b"x"));
    assert!(matches!(step(&long_list), AcceptStep::Failed(AuthError::InvalidToken)));
    let long_token = vec![0x60; TOKEN_SIZE_LIMIT + 1];
    assert!(matches!(step(&long_token), AcceptStep::Failed(AuthError::InvalidToken)));
}

#[test]
fn no_mechanism_in_common_is_told_apart() {
    let token = spnego::encode_init(&[Mechanism::Kerberos], Some(b"x"));
    let mut acceptor = Acceptor::new(Arc::new(config()), NOW, randomness([1; 8]));
    assert!(matches!(acceptor.step(&token), AcceptStep::Failed(AuthError::NoCommonMechanism)));
}

#[test]
fn nothing_secret_is_printed() {
    let client = initiator("alice", "correct", raw());
    let secret = format!("{:?}", nt_hash("correct").as_bytes());
    let printed = format!("{client:?} {:?} {:?}", credentials("alice", "correct"), nt_hash("correct"));
    assert!(!printed.contains(&secret) && printed.contains("NtHash(..)"));
}

proptest! {
    #[test]
    fn any_first_token_is_judged_without_panic(bytes: Vec<u8>) {
        let mut acceptor = Acceptor::new(Arc::new(config()), NOW, randomness([1; 8]));
        let _ = acceptor.step(&bytes);
    }

    #[test]
    fn any_change_of_any_token_lets_nobody_else_in(
        leg in 0usize..3, place: prop::sample::Index, change in 1u8..=255, framing in 0usize..16,
    ) {
        // A changed token may still be accepted where nothing depends on the byte (a version, say): then as Alice.
        let client = initiator("alice", "correct", every_framing()[framing].clone());
        let result = exchange(config(), client, |at, token| {
            if at == leg && !token.is_empty() {
                let place = place.index(token.len());
                token[place] ^= change;
            }
        });
        if let Ok((accepted, _)) = result {
            prop_assert_eq!(accepted.identity.user.to_lowercase(), "alice");
        }
    }

    #[test]
    fn any_authenticate_is_judged_without_panic(bytes: Vec<u8>, cut in 0usize..300) {
        let mut client = initiator("alice", "correct", raw());
        let mut acceptor = Acceptor::new(Arc::new(config()), NOW, randomness([1; 8]));
        let AcceptStep::Continue(challenge) = acceptor.step(&client.start()) else { panic!("no challenge") };
        let mut token = client.step(&challenge).expect("a message");
        token.truncate(cut);
        token.extend(bytes);
        if let AcceptStep::NeedAccount(query) = acceptor.step(&token) {
            let _ = acceptor.resume(answer(&query));
        }
    }
}
