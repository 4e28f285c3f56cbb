//! [MS-KILE], [MS-PAC], RFC 4120: what an acceptor does with arbitrary tokens, with AP-REQs that are well-formed on the outside and
//! encrypted well, and with PACs that are signed well. Nobody gets in as somebody whom no domain controller has vouched for.
#![no_main]

use std::sync::Arc;

use freehold::auth::kerberos::{KerberosConfig, ServiceKey, ServiceNames};
use freehold::auth::spnego::{Mechanism, NegTokenResp, encode_init};
use freehold::auth::{AcceptStep, Accepted, Acceptor, AcceptorConfig, AcceptorRandomness};
use libfuzzer_sys::fuzz_target;

use testing::{Order, Pac, aes256, now};

/// As the compiled-in module names it.
mod auth {
    pub use freehold::auth::{der, kerberos};
}

#[allow(dead_code)]
#[path = "../../src/auth/kerberos/testing.rs"]
mod testing;

fn config() -> Arc<AcceptorConfig> {
    let key = aes256(1);
    let service_key = ServiceKey {
        kvno: 3,
        encryption_type: key.encryption_type(),
        key: key.as_bytes().to_vec().into(),
        not_after: None,
    };
    Arc::new(AcceptorConfig {
        kerberos: Some(Arc::new(KerberosConfig {
            realm: "CORP.EXAMPLE".to_owned(),
            names: ServiceNames::new(["fileserver"], "FILESERVER$"),
            keys: vec![service_key],
            allow_rc4: true,
            replays: Arc::default(),
        })),
        ..AcceptorConfig::default()
    })
}

fn acceptor() -> Acceptor {
    Acceptor::new(config(), now(), AcceptorRandomness::new(&[9; AcceptorRandomness::SIZE]))
}

/// Gives a token to an acceptor, bare or in SPNEGO.
fn log_on(token: &[u8], wrapped: bool) -> Option<Box<Accepted>> {
    let mut logon = acceptor();
    let step = if wrapped {
        logon.step(&encode_init(&[Mechanism::MsKerberos, Mechanism::Ntlm], Some(token)))
    } else {
        logon.step(token)
    };
    match step {
        AcceptStep::Done(accepted) => Some(accepted),
        AcceptStep::TryAgain(..) => {
            // The same again is refused again, for good.
            let again = NegTokenResp { response_token: Some(token), ..NegTokenResp::default() }.encode();
            let step = logon.step(if wrapped { &again } else { token });
            assert!(matches!(step, AcceptStep::Failed(_)), "refused, then let in");
            None
        }
        AcceptStep::Continue(_) | AcceptStep::NeedAccount(_) | AcceptStep::Failed(_) => None,
    }
}

/// A slice of the input with two bytes of length in front.
fn take<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let Some((length, tail)) = rest.split_first_chunk::<2>() else { return &[] };
    let length = usize::from(u16::from_le_bytes(*length)).min(tail.len());
    let (taken, tail) = tail.split_at(length);
    *rest = tail;
    taken
}

fuzz_target!(|input: &[u8]| {
    let Some((head, mut rest)) = input.split_first_chunk::<2>() else { return };
    let [choice, option] = *head;
    let wrapped = option & 1 != 0;
    let mut order = Order::new(aes256(1));
    match choice % 4 {
        // Any bytes.
        0 => {
            assert!(log_on(rest, wrapped).is_none(), "no ticket, and let in");
        }
        // An honest token with changes.
        1 => {
            let mut token = order.token();
            for change in rest.chunks_exact(3).take(8) {
                let place = usize::from(u16::from_le_bytes([change[0], change[1]])) % token.len();
                token[place] ^= change[2];
            }
            if let Some(accepted) = log_on(&token, wrapped) {
                let authorization = accepted.authorization.expect("a domain user");
                assert_eq!(authorization.user.to_string(), "S-1-5-21-7-8-9-1103");
            }
        }
        // What clients choose: the authenticator and the options.
        2 => {
            order.ap_options = u32::from(option) << 24;
            order.client = vec![String::from_utf8_lossy(take(&mut rest)).into_owned()];
            order.pac = Some(Pac::new(&order).build(&aes256(1)));
            order.checksum = Some((0x8003, take(&mut rest).to_vec()));
            order.microseconds = i64::from(option) * 7919;
            order.framed = option & 2 != 0;
            let _ = log_on(&order.token(), wrapped);
        }
        // What domain controllers say.
        _ => {
            let mut pac = Pac::new(&order);
            pac.logon_info = (option & 2 != 0).then(|| take(&mut rest).to_vec());
            while !rest.is_empty() && pac.more.len() < 8 {
                let kind = u32::from(rest[0]) % 24;
                rest = &rest[1..];
                pac.more.push((kind, take(&mut rest).to_vec()));
            }
            order.pac = Some(pac.build(&aes256(1)));
            let _ = log_on(&order.token(), wrapped);
        }
    }
});
