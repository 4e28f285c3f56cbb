//! [MS-SPNG], [MS-NLMP]: what an acceptor does with arbitrary tokens, at once or after a valid first leg. Nobody gets in
//! without the password.
#![no_main]

use std::sync::Arc;

use freehold::auth::ntlm::client::{Credentials, Initiator, InitiatorOptions, MicMode, Randomness};
use freehold::auth::spnego::{Mechanism, NegTokenInit, NegTokenResp};
use freehold::auth::{
    AcceptStep, Acceptor, AcceptorConfig, AcceptorRandomness, AccountAnswer, AuthError, ChannelBinding, LogonKind, ServerNames,
    nt_hash,
};
use freehold_dtyp::FileTime;
use libfuzzer_sys::fuzz_target;

const NOW: FileTime = FileTime(133_000_000_000_000_000);

fn initiator(choice: u8) -> Initiator {
    let mechanisms = match choice & 3 {
        0 => vec![Mechanism::Ntlm],
        1 => vec![],
        2 => vec![Mechanism::Kerberos, Mechanism::Ntlm],
        _ => vec![Mechanism::Ntlm, Mechanism::Kerberos],
    };
    let credentials = Credentials {
        user: "anna".to_owned(),
        domain: String::new(),
        workstation: "PC".to_owned(),
        nt_hash: nt_hash("right"),
    };
    let randomness = Randomness { client_challenge: [1; 8], exported_session_key: [2; 16] };
    let mic = if choice & 4 == 0 { MicMode::Send } else { MicMode::Without };
    Initiator::new(credentials, randomness, InitiatorOptions { mechanisms, mic, ..InitiatorOptions::default() })
}

/// Steps an acceptor; `Some` is the next token for the client.
fn step(acceptor: &mut Acceptor, token: &[u8], answer: u8) -> Option<Vec<u8>> {
    let mut step = acceptor.step(token);
    if matches!(step, AcceptStep::NeedAccount(_)) {
        step = acceptor.resume(match answer % 5 {
            // The client does not know this password.
            0 => AccountAnswer::Secret { nt_hash: nt_hash("another"), restriction: None },
            1 => AccountAnswer::Unknown,
            2 => AccountAnswer::Refused(AuthError::AccountDisabled),
            3 => AccountAnswer::Secret {
                nt_hash: nt_hash("another"),
                restriction: Some(AuthError::AccountDisabled),
            },
            _ => AccountAnswer::Secret { nt_hash: nt_hash("right"), restriction: None },
        });
    }
    match step {
        AcceptStep::Continue(token) => Some(token),
        AcceptStep::Failed(_) | AcceptStep::TryAgain(..) => None,
        AcceptStep::NeedAccount(_) => panic!("asked for an account twice"),
        AcceptStep::Done(accepted) => {
            let honest = answer % 5 == 4;
            assert!(honest || accepted.identity.kind == LogonKind::Anonymous, "a logon without a password");
            None
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((head, mut rest)) = input.split_first_chunk::<3>() else { return };
    let [choice, answer, policy] = *head;
    let names = ServerNames {
        netbios_computer: "FILES".to_owned(),
        netbios_domain: "FILES".to_owned(),
        dns_computer: "files.example".to_owned(),
        dns_domain: "files.example".to_owned(),
        ..ServerNames::default()
    };
    let config = AcceptorConfig {
        names,
        allow_anonymous: policy & 1 != 0,
        require_mic: policy & 2 != 0,
        channel_binding: if policy & 4 != 0 { ChannelBinding::IfSent([3; 16]) } else { ChannelBinding::Ignore },
        ..AcceptorConfig::default()
    };
    let mut acceptor = Acceptor::new(Arc::new(config), NOW, AcceptorRandomness::new(&[9; AcceptorRandomness::SIZE]));
    if choice & 8 != 0 {
        let mut client = initiator(choice);
        let first = client.start();
        let Some(challenge) = step(&mut acceptor, &first, answer) else { return };
        // Perhaps the client's own second leg, changed at one place.
        if choice & 16 != 0
            && let Ok(mut second) = client.step(&challenge)
        {
            if let Some((change, tail)) = rest.split_first_chunk::<3>() {
                let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % second.len();
                second[at] ^= change[2];
                rest = tail;
            }
            let _ = step(&mut acceptor, &second, answer);
        }
    }
    // Tokens with a 2-byte length in front.
    for _ in 0..4 {
        let Some((length, tail)) = rest.split_first_chunk::<2>() else { break };
        let length = usize::from(u16::from_le_bytes(*length)).min(tail.len());
        let (token, tail) = tail.split_at(length);
        rest = tail;
        let _ = step(&mut acceptor, token, answer);
        if let Ok(found) = NegTokenInit::decode(token) {
            let _ = found.mechanisms().count();
        }
        if let Ok(found) = NegTokenResp::decode(token) {
            let _ = NegTokenResp::decode(&found.encode()).expect("what was encoded");
        }
        let mut client = initiator(choice);
        let _ = client.start();
        let _ = client.step(token);
        let _ = client.finish(token);
    }
});
