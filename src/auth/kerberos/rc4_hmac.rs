//! RFC 4757: RC4-HMAC. Only where the policy allows it.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use rc4::{Rc4, StreamCipher};
use zeroize::Zeroizing;

use super::crypto::{CONFOUNDER_SIZE, IntegrityError};

/// RFC 4757 section 5: the confounder.
const CONFOUNDER: usize = 8;
const MAC: usize = 16;

/// RFC 4757 section 5 DECRYPT.
pub(super) fn decrypt(key: &[u8], usage: u32, cipher: &[u8]) -> Result<Zeroizing<Vec<u8>>, IntegrityError> {
    let (mac, body) = cipher.split_first_chunk::<MAC>().ok_or(IntegrityError)?;
    let usage_key = hmac_md5(key, &[&usage.to_le_bytes()]);
    let mut plain = Zeroizing::new(body.to_vec());
    stream(&hmac_md5(&*usage_key, &[mac]), &mut plain);
    verify_slices_are_equal(&*hmac_md5(&*usage_key, &[&plain]), mac).map_err(|_| IntegrityError)?;
    if plain.len() < CONFOUNDER {
        return Err(IntegrityError);
    }
    plain.drain(..CONFOUNDER);
    Ok(plain)
}

/// RFC 4757 section 5 ENCRYPT.
pub(super) fn encrypt(key: &[u8], usage: u32, confounder: &[u8; CONFOUNDER_SIZE], plain: &[u8]) -> Vec<u8> {
    let usage_key = hmac_md5(key, &[&usage.to_le_bytes()]);
    let mut body = [confounder.get(..CONFOUNDER).unwrap_or_default(), plain].concat();
    let mac = hmac_md5(&*usage_key, &[&body]);
    stream(&hmac_md5(&*usage_key, &[&*mac]), &mut body);
    [mac.as_slice(), &body].concat()
}

/// RFC 4757 section 4: HMAC-MD5 checksum, which is [MS-PAC]'s KERB_CHECKSUM_HMAC_MD5.
pub(super) fn checksum(key: &[u8], usage: u32, parts: &[&[u8]]) -> [u8; MAC] {
    let signing = hmac_md5(key, &[b"signaturekey\0"]);
    let mut digest = Md5::new();
    digest.update(usage.to_le_bytes());
    for part in parts {
        digest.update(part);
    }
    *hmac_md5(&*signing, &[&digest.finalize()])
}

fn stream(key: &[u8; MAC], data: &mut [u8]) {
    if let Ok(mut cipher) = Rc4::new_from_slice(key) {
        cipher.apply_keystream(data);
    }
}

fn hmac_md5(key: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; MAC]> {
    let mut output = Zeroizing::new([0; MAC]);
    if let Ok(mut mac) = Hmac::<Md5>::new_from_slice(key) {
        for part in parts {
            mac.update(part);
        }
        output.copy_from_slice(&mac.finalize().into_bytes());
    }
    output
}
