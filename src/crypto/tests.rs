//! Published vectors, and what must not be accepted.
//!
//! Microsoft's are from the Open Specifications blog: "Encryption in SMB 3.0: A protocol perspective" (2012), "SMB 3.1.1
//! Pre-authentication integrity in Windows 10", "SMB 3.1.1 Encryption in Windows 10" (2015) and "SMB 2 and SMB 3 security
//! in Windows 10: the anatomy of signing and cryptographic keys" (2017). The keys in them are named from the client's side.

use super::sealing::AeadKey;
use super::*;
use proptest::prelude::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn key_16(text: &str) -> SigningKeyBytes {
    SigningKeyBytes::new(hex(text).try_into().unwrap())
}

fn preauth(text: &str) -> PreauthHash {
    PreauthHash::from_bytes(hex(text).try_into().unwrap())
}

const PREAUTH_FINAL: &str = "0DD13628CC3ED218EF9DF9772D436D0887AB9814BFAE63A80AA845F36909DB79\
    28622DDDAD522D9751640A459762C5A9D6BB084CBB3CE6BDADEF5D5BCE3C6C01";

#[test]
fn keys_of_dialect_3_0_are_those_that_microsoft_published() {
    let session_key = SessionKey::new(&hex("7CD451825D0450D235424E44BA6E78CC"));
    let keys = SessionKeys::derive(KeyContext::Smb30, &session_key, Some(Cipher::Aes128Ccm)).unwrap();
    assert_eq!(keys.signing.as_bytes()[..], hex("0B7E9C5CAC36C0F6EA9AB275298CEDCE"));
    assert_eq!(keys.application.as_bytes()[..], hex("BB23A4575AA26C721AF525AF15A87B4F"));
    assert_eq!(keys.decryption.unwrap().as_bytes(), hex("FAD27796665B313EBB578F388632B4F7"));
    assert_eq!(keys.encryption.unwrap().as_bytes(), hex("B0F0427F7CEB416D1D9DCC0CD4F99447"));
}

#[test]
fn keys_of_dialect_3_1_1_are_those_that_microsoft_published() {
    let session_key = SessionKey::new(&hex("270E1BA896585EEB7AF3472D3B4C75A7"));
    let hash = preauth(PREAUTH_FINAL);
    let context = KeyContext::Smb311(&hash);
    let keys = SessionKeys::derive(context, &session_key, Some(Cipher::Aes128Gcm)).unwrap();
    assert_eq!(keys.signing.as_bytes()[..], hex("73FE7A9A77BEF0BDE49C650D8CCB5F76"));
    assert_eq!(keys.application.as_bytes()[..], hex("6D7AD7954E9EC61E907B4D473DC178FF"));
    assert_eq!(keys.decryption.unwrap().as_bytes(), hex("629BCBC54422A0F572B97F45989B6073"));
    assert_eq!(keys.encryption.unwrap().as_bytes(), hex("E2AF0DCEFAC68DA71A0DFBD0D1350D74"));
}

/// One block of SP800-108 with HMAC-SHA256 is all of a 256-bit key, so HMAC itself can be the judge.
#[test]
fn a_256_bit_cipher_takes_the_full_session_key_and_the_others_its_first_16_bytes() {
    use aws_lc_rs::hmac;
    let full: Vec<u8> = (0..32).collect();
    let hash = preauth(PREAUTH_FINAL);
    let context = KeyContext::Smb311(&hash);
    let one_block = |key: &[u8], label: &[u8], length_bits: u32| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        let info = [&[0, 0, 0, 1], label, &[0], &hash.as_bytes()[..], &length_bits.to_be_bytes()].concat();
        hmac::sign(&key, &info).as_ref().to_vec()
    };
    let keys = SessionKeys::derive(context, &SessionKey::new(&full), Some(Cipher::Aes256Gcm)).unwrap();
    assert_eq!(keys.encryption.unwrap().as_bytes(), one_block(&full, b"SMBS2CCipherKey\0", 256));
    assert_eq!(keys.decryption.unwrap().as_bytes(), one_block(&full, b"SMBC2SCipherKey\0", 256));
    assert_eq!(keys.signing.as_bytes()[..], one_block(&full[..16], b"SMBSigningKey\0", 128)[..16]);
    let keys = SessionKeys::derive(context, &SessionKey::new(&full), Some(Cipher::Aes128Ccm)).unwrap();
    assert_eq!(keys.encryption.unwrap().as_bytes(), &one_block(&full[..16], b"SMBS2CCipherKey\0", 128)[..16]);
}

#[test]
fn dialect_2_signs_with_the_padded_session_key() {
    let keys = SessionKeys::derive(KeyContext::Smb2, &SessionKey::new(&[7; 8]), None).unwrap();
    assert_eq!(keys.signing.as_bytes(), &[7, 7, 7, 7, 7, 7, 7, 7, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert!(keys.encryption.is_none() && keys.decryption.is_none());
}

#[test]
fn the_preauth_hash_chain_is_the_one_that_microsoft_published() {
    let mut hash = PreauthHash::new();
    // NEGOTIATE, its response, SESSION_SETUP, its response, SESSION_SETUP.
    for (message, expected) in [
        (
            "FE534D4240000100000000000000800000000000000000000100000000000000FFFE0000000000000000000000
         0000000000000000000000000000000000000024000500000000003F000000ECD86F326276024F9F7752B89BB3
         3F3A70000000020000000202100200030203110300000100260000000000010020000100FA49E6578F1F3A9F4C
         D3E9CC14A67AA884B3D05844E0E5A118225C15887F32FF00000200060000000000020002000100",
            "DD94EFC5321BB618A2E208BA8920D2F422992526947A409B5037DE1E0FE8C736
         2B8C47122594CDE0CE26AA9DFC8BCDBDE0621957672623351A7540F1E54A0426",
        ),
        (
            "FE534D4240000100000000000000010001000000000000000100000000000000FFFE0000000000000000000000
         00000000000000000000000000000000000000410001001103020039CBCAF329714942BDCE5D60F09AB3FB2F00
         0000000080000000800000008000D8DAE5ADCBAED00109094AB095AED00180004001C00100006082013C06062B
         0601050502A08201303082012CA01A3018060A2B06010401823702021E060A2B06010401823702020AA282010C
         048201084E45474F45585453010000000000000060000000700000007C7CC0FD06D6362D02DDE1CF343BFE2929
         00F49750B4AA97934D9C4296B26E51FD370471B235E15A50DAE15BD5489C870000000000000000600000000100
         000000000000000000005C33530DEAF90D4DB2EC4AE3786EC3084E45474F455854530300000001000000400000
         00980000007C7CC0FD06D6362D02DDE1CF343BFE295C33530DEAF90D4DB2EC4AE3786EC3084000000058000000
         3056A05430523027802530233121301F06035504031318546F6B656E205369676E696E67205075626C6963204B
         65793027802530233121301F06035504031318546F6B656E205369676E696E67205075626C6963204B65790100
         26000000000001002000010060A3C3B95C3C7CCD51EC536648D9B3AC74C483CA5B65385A251117BEB30712E500
         00020004000000000001000200",
            "324BFA92A4F3A190E466EBEA08D9C110DC88BFED758D9846ECC6F541CC1D02AE
         3C94A79F36011E997E13F841B91B50957AD07B19C8E2539C0B23FDAE09D2C513",
        ),
        (
            "FE534D4240000100000000000100800000000000000000000200000000000000FFFE0000000000000000000000
         0000000000000000000000000000000000000019000001010000000000000058004A0000000000000000006048
         06062B0601050502A03E303CA00E300C060A2B06010401823702020AA22A04284E544C4D535350000100000097
         8208E200000000000000000000000000000000060380250000000F",
            "AC0B0F2B9986257700365E416D142A6EDC96DF03594A19E52A15F6BD0D041CD5
         D432F8ED42C55E33197A50C9EC00F1462B50C592211B1471A04B56088FDFD5F9",
        ),
        (
            "FE534D4240000100160000C00100010001000000000000000200000000000000FFFE0000000000001900000000
         10000000000000000000000000000000000000090000004800B300A181B03081ADA0030A0101A10C060A2B0601
         0401823702020AA281970481944E544C4D53535000020000000C000C003800000015828AE20D1D8BA31179D008
         000000000000000050005000440000000A0092270000000F53005500540033003100310002000C005300550054
         0033003100310001000C0053005500540033003100310004000C0053005500540033003100310003000C005300
         5500540033003100310007000800A1A1F5ADCBAED00100000000",
            "2729E3440DFDDD839E37193F6E8F20C20CEFB3469E453A70CD980EEC06B88357
         40A73760085633364C8989895ECE81BF102DEEB14D4B7D48AFA76901A7A38387",
        ),
        (
            "FE534D4240000100000000000100800000000000000000000300000000000000FFFE0000000000001900000000
         100000000000000000000000000000000000001900000101000000000000005800CF010000000000000000A182
         01CB308201C7A0030A0101A28201AA048201A64E544C4D53535000030000001800180090000000EE00EE00A800
         00000C000C00580000001A001A0064000000120012007E0000001000100096010000158288E206038025000000
         0FECAC77A5F385A8BF9C38C706EEEDDCD3530055005400330031003100610064006D0069006E00690073007400
         7200610074006F0072004400520049005600450052003300310031000000000000000000000000000000000000
         0000000000000063078EB639FE03E20A231C3AE3BF23080101000000000000A1A1F5ADCBAED001BC4AD05F223C
         C90F0000000002000C0053005500540033003100310001000C0053005500540033003100310004000C00530055
         00540033003100310003000C0053005500540033003100310007000800A1A1F5ADCBAED0010600040002000000
         0800300030000000000000000000000000300000B61FEFCAA857EA57BF1EDCEBF8974B8E0EBA5A6DFD9D07A31D
         11B548F8C9D0CC0A001000000000000000000000000000000000000900160063006900660073002F0053005500
         54003300310031000000000000000000000000003B9BDFF38F5EE8F9663F11A0F4C03A78A31204100100000063
         775A9A5FD97F0600000000",
            "0DD13628CC3ED218EF9DF9772D436D0887AB9814BFAE63A80AA845F36909DB79
         28622DDDAD522D9751640A459762C5A9D6BB084CBB3CE6BDADEF5D5BCE3C6C01",
        ),
    ] {
        hash.update(&hex(message));
        assert_eq!(hash.as_bytes()[..], hex(expected));
    }
}

#[test]
fn a_windows_session_setup_response_verifies_with_aes_cmac() {
    let mut message = hex("FE534D4240000100000000000100800009000000000000000300000000000000FFFE00000000000019000000
        00100000EBE146DA120BA25FC3376A49DFE31BC10900000048001D00A11B3019A0030A0100A3120410010000003B453CDC35241642
        00000000");
    let key =
        SigningKey::new(SigningAlgorithm::AesCmac, &key_16("73FE7A9A77BEF0BDE49C650D8CCB5F76")).unwrap();
    let original = message.clone();
    assert_eq!(key.verify(&mut message, Sender::Server), Ok(()));
    assert_eq!(message, original, "verifying leaves the message as it was");
    message[48..64].fill(0);
    key.sign(&mut message, Sender::Server).unwrap();
    assert_eq!(message, original);
}

#[test]
fn aes_cmac_is_the_one_of_rfc_4493() {
    // The vectors of RFC 4493 section 4 are shorter than a header, so they go to the primitive that `SigningKey` uses.
    use aws_lc_rs::cmac;
    let key = cmac::Key::new(cmac::AES_128, &hex("2b7e151628aed2a6abf7158809cf4f3c")).unwrap();
    let message =
        hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52
        eff69f2445df4f9b17ad2b417be66c3710");
    for (length, tag) in [
        (0, "bb1d6929e95937287fa37d129b756746"),
        (16, "070a16b46b4d4144f79bdd9dd04a287c"),
        (40, "dfa66747de9ae63030ca32611497c827"),
        (64, "51f0bebf7e3b9d92fc49741779363cfe"),
    ] {
        assert_eq!(cmac::sign(&key, &message[..length]).unwrap().as_ref(), hex(tag));
    }
}

/// GMAC is GCM without a text: the signature must be the tag of GCM over the message as associated data.
#[test]
fn the_nonce_of_aes_gmac_holds_the_message_id_the_sender_and_cancel() {
    use aws_lc_rs::aead;
    let key_bytes = [0x42; 16];
    let key = SigningKey::new(SigningAlgorithm::AesGmac, &SigningKeyBytes::new(key_bytes)).unwrap();
    let gcm = aead::LessSafeKey::new(aead::UnboundKey::new(&aead::AES_128_GCM, &key_bytes).unwrap());
    for (command, sender, role) in
        [(8u16, Sender::Client, 0), (8, Sender::Server, 1), (12, Sender::Client, 2), (12, Sender::Server, 1)]
    {
        let mut message = vec![0u8; 100];
        message[12..14].copy_from_slice(&command.to_le_bytes());
        message[24..32].copy_from_slice(&0x0102_0304_0506_0708u64.to_le_bytes());
        let nonce = aead::Nonce::assume_unique_for_key([8, 7, 6, 5, 4, 3, 2, 1, role, 0, 0, 0]);
        let tag = gcm.seal_in_place_separate_tag(nonce, aead::Aad::from(&message), &mut []).unwrap();
        message[48..64].fill(0xaa);
        key.sign(&mut message, sender).unwrap();
        assert_eq!(&message[48..64], tag.as_ref(), "command {command} from {sender:?}");
    }
}

#[test]
fn a_message_signed_by_one_side_does_not_verify_as_the_others_with_aes_gmac() {
    let key = SigningKey::new(SigningAlgorithm::AesGmac, &SigningKeyBytes::new([3; 16])).unwrap();
    let mut message = vec![1u8; 80];
    key.sign(&mut message, Sender::Server).unwrap();
    assert_eq!(key.verify(&mut message, Sender::Server), Ok(()));
    assert_eq!(key.verify(&mut message, Sender::Client), Err(CryptoError::BadSignature));
}

#[test]
fn hmac_sha256_signs_with_the_first_16_bytes() {
    use aws_lc_rs::hmac;
    let key = SigningKey::new(SigningAlgorithm::HmacSha256, &SigningKeyBytes::new([9; 16])).unwrap();
    let mut message: Vec<u8> = (0..200).collect();
    let mut zeroed = message.clone();
    zeroed[48..64].fill(0);
    let expected = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[9; 16]), &zeroed);
    key.sign(&mut message, Sender::Client).unwrap();
    assert_eq!(message[48..64], expected.as_ref()[..16]);
}

#[test]
fn a_message_without_a_whole_header_is_neither_signed_nor_verified() {
    for algorithm in [SigningAlgorithm::HmacSha256, SigningAlgorithm::AesCmac, SigningAlgorithm::AesGmac] {
        let key = SigningKey::new(algorithm, &SigningKeyBytes::new([3; 16])).unwrap();
        for length in 0..64 {
            let mut message = vec![0; length];
            assert_eq!(key.sign(&mut message, Sender::Client), Err(CryptoError::MessageTooShort));
            assert_eq!(key.verify(&mut message, Sender::Client), Err(CryptoError::MessageTooShort));
        }
    }
}

/// The key that opens `message`, a transform header with what follows, and what is in it.
fn opens(key: &CipherKey, message: &str, expected: &str) {
    let mut message = hex(message);
    let (header, body) = message.split_first_chunk_mut::<TRANSFORM_HEADER_SIZE>().unwrap();
    OpenKey::new(key).unwrap().open(header, body).unwrap();
    assert_eq!(body, hex(expected));
}

#[test]
fn messages_of_dialect_3_0_that_microsoft_published_open() {
    let session_key = SessionKey::new(&hex("B4546771B515F766A86735532DD6C4F0"));
    let keys = SessionKeys::derive(KeyContext::Smb30, &session_key, Some(Cipher::Aes128Ccm)).unwrap();
    let (server_to_client, client_to_server) = (keys.encryption.unwrap(), keys.decryption.unwrap());
    assert_eq!(client_to_server.as_bytes(), hex("261B72350558F2E9DCF613070383EDBF"));
    assert_eq!(server_to_client.as_bytes(), hex("8FE2B57EC34D2DB5B1A9727F526BBDB5"));
    // The nonce field of the request has random bytes behind the 11 that count.
    opens(
        &client_to_server,
        "FD534D4281A286535415445DAE393921E44FA42E66E69A111892584FB5ED524A744DA3EE87000000000001001100001400E40800
         25C8FEE16605A437832D1CD52DA9F4645333482A175FE5384563F45FCDAFAEF38BC62BA4D5C62897996625A44C29BE5658DE2E61
         17585779E7B59FFD971278D08580D7FA899E410E910EABF5AA1DB43050B33B49182637759AC15D84BFCDF5B6B238993C0F4CF4D6
         012023F6C627297075D84B7803912D0A9639634453595EF3E33FFE4E7AC2AB",
        "FE534D4240000100000000000900400008000000000000000400000000000000FFFE0000010000001100001400E4080000000000
         0000000000000000000000003100700017000000000000000000000015010000390000020100000039020000000000000000000070
         00000000000000536D623320656E6372797074696F6E2074657374696E67",
    );
    opens(
        &server_to_client,
        "FD534D42A6015530A18F6D9AFFE22AFAE8E6648486000000000000001100001400E4080050000000000001001100001400E40800
         DBF46435C5F14169293CE079E344479BF670227E49873F458672C3098DAC467DD5809F369D674091665157871483E01F7BECD020
         64EAC3E235F913668BBC2F097980D4B378F1993EFF6E60D177309E5B",
        "FE534D4240000100000000000900210009000000000000000400000000000000FFFE0000010000001100001400E4080000000000
         00000000000000000000000011000000170000000000000000000000",
    );
}

#[test]
fn messages_of_dialect_3_1_1_that_microsoft_published_open() {
    let session_key = SessionKey::new(&hex("419FDDF34C1E001909D362AE7FB6AF79"));
    let hash = preauth(
        "B23F3CBFD69487D9832B79B1594A367CDD950909B774C3A4C412B4FCEA9EDDDB
         A7DB256BA2EA30E977F11F9B113247578E0E915C6D2A513B8F2FCA5707DC8770",
    );
    let context = KeyContext::Smb311(&hash);
    let keys = SessionKeys::derive(context, &session_key, Some(Cipher::Aes128Gcm)).unwrap();
    let (server_to_client, client_to_server) = (keys.encryption.unwrap(), keys.decryption.unwrap());
    assert_eq!(client_to_server.as_bytes(), hex("A2F5E80E5D59103034F32E52F698E5EC"));
    assert_eq!(server_to_client.as_bytes(), hex("748C50868C90F302962A5C35F5F9A8BF"));
    opens(
        &client_to_server,
        "FD534D42BD73D97D2BC9001BCAFAC0FDFF5FEEBCC7D6822D269CAF48904C664C0000000087000000000001002500000000100000
         6ECDD2A7AFC7B47763057A041B8FD4DAFFE990B70C9E09D36C084E02D14EF247F8BDE38ACF6256F8B1D3B56F77FBDEB312FEA5E9
         2CBCC1ED8FB2EBBFAA75E49A4A394BB44576545567C24D4C014D47C9FBDFDAFD2C4F9B72F8D256452620A299F48E29E53D6B61D1
         C13A19E91AF013F00D17E3ABC2FC3D36C8C1B6B93973253852DBD442E46EE8",
        "FE534D4240000100000000000900010008000000000000000500000000000000FFFE000001000000250000000010000000000000
         0000000000000000000000003100700017000000000000000000000006000000040000000100000004000000000000000000000070
         00000000000000536D623320656E6372797074696F6E2074657374696E67",
    );
    opens(
        &server_to_client,
        "FD534D42ACBE1CB7ED343ADF1725EF144D90D4B0E06831DD2E8EB7B4000000000000000050000000000001002500000000100000
         26BBBF949983A6C1C796559D0F2C510CB651D1F7B6AC8DED32A2A0B8F2D793A815C6F6B848D69767A215841A42D400AE6DDB5F0B
         44173A014973321FDD7950DA6179159B82E03C9E18A050FF0EA1C967",
        "FE534D4240000100000000000900010001000000000000000500000000000000FFFE000001000000250000000010000000000000
         00000000000000000000000011000000170000000000000000000000",
    );
}

/// Test cases 4 (AES-128) and 16 (AES-256) of "The Galois/Counter Mode of Operation" (McGrew, Viega).
#[test]
fn aes_gcm_is_the_one_of_its_specification() {
    let text = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aed
        f5aa0de657ba637b39";
    let aad = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    let mut nonce = [0; 16];
    nonce[..12].copy_from_slice(&hex("cafebabefacedbaddecaf888"));
    for (cipher, key, sealed, tag) in [
        (
            Cipher::Aes128Gcm,
            "feffe9928665731c6d6a8f9467308308",
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b
             396a0aac973d58e091",
            "5bc94fbc3221a5db94fae95ae7121a47",
        ),
        (
            Cipher::Aes256Gcm,
            "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e
             6393ba7a0abcc9f662",
            "76fc6ece0f4e1768cddf8853bb2d551b",
        ),
    ] {
        let key = AeadKey::new(&CipherKey::new(cipher, &hex(key)).unwrap()).unwrap();
        let mut message = hex(text);
        assert_eq!(key.seal(&nonce, &aad, &mut message).unwrap()[..], hex(tag));
        assert_eq!(message, hex(sealed));
    }
}

#[test]
fn no_two_messages_get_the_same_nonce_and_the_last_is_refused() {
    for cipher in [Cipher::Aes128Ccm, Cipher::Aes128Gcm, Cipher::Aes256Ccm, Cipher::Aes256Gcm] {
        let key = CipherKey::new(cipher, &vec![5; cipher.key_size()]).unwrap();
        let key = SealKey::starting_at(&key, [0xaa; 4], MESSAGES_PER_KEY_LIMIT - 3).unwrap();
        let mut nonces = std::collections::HashSet::new();
        for _ in 0..3 {
            let mut header = [0; TRANSFORM_HEADER_SIZE];
            key.seal(&mut header, &mut [1, 2, 3]).unwrap();
            let used = if matches!(cipher, Cipher::Aes128Ccm | Cipher::Aes256Ccm) { 11 } else { 12 };
            assert!(
                header[20 + used..36].iter().all(|byte| *byte == 0),
                "what the cipher does not use is zero"
            );
            assert!(nonces.insert(header[20..20 + used].to_vec()));
        }
        for _ in 0..3 {
            let mut message = [1, 2, 3];
            let result = key.seal(&mut [0; TRANSFORM_HEADER_SIZE], &mut message);
            assert_eq!(result, Err(CryptoError::NoncesExhausted));
            assert_eq!(message, [1, 2, 3]);
        }
    }
}

#[test]
fn keys_print_nothing() {
    let session_key = SessionKey::new(&[0xab; 16]);
    let keys = SessionKeys::derive(KeyContext::Smb30, &session_key, Some(Cipher::Aes128Ccm)).unwrap();
    let signing = SigningKey::new(SigningAlgorithm::AesCmac, &keys.signing).unwrap();
    let printed = format!("{session_key:?} {keys:?} {:?} {signing:?}", keys.signing);
    assert_eq!(printed, "SessionKey(..) SessionKeys(..) SigningKeyBytes(..) SigningKey(AesCmac)");
}

proptest! {
    #[test]
    fn what_is_signed_verifies_and_a_changed_byte_does_not(
        algorithm in 0u16..3, key: [u8; 16], mut message in proptest::collection::vec(any::<u8>(), 64..300),
        split: prop::sample::Index, place: prop::sample::Index, change in 1u8..=255,
    ) {
        let key = SigningKey::new(SigningAlgorithm::from_wire(algorithm).unwrap(), &SigningKeyBytes::new(key)).unwrap();
        let mut parts = message.clone();
        key.sign(&mut message, Sender::Server).unwrap();
        let (header, payload) = parts.split_at_mut(64);
        let (one, two) = payload.split_at(if payload.is_empty() { 0 } else { split.index(payload.len()) });
        key.sign_parts(header, &[one, two], Sender::Server).unwrap();
        prop_assert_eq!(&parts, &message, "parts are signed as the whole");
        prop_assert_eq!(key.verify(&mut message, Sender::Server), Ok(()));
        let place = place.index(message.len());
        message[place] ^= change;
        prop_assert_eq!(key.verify(&mut message, Sender::Server), Err(CryptoError::BadSignature));
    }

    #[test]
    fn what_is_sealed_opens_and_a_changed_byte_does_not(
        cipher in 1u16..5, key: [u8; 32], salt: [u8; 4], message in proptest::collection::vec(any::<u8>(), 0..300),
        place: prop::sample::Index, change in 1u8..=255,
    ) {
        let cipher = Cipher::from_wire(cipher).unwrap();
        let key = CipherKey::new(cipher, &key[..cipher.key_size()]).unwrap();
        let (seal, open) = (SealKey::new(&key, salt).unwrap(), OpenKey::new(&key).unwrap());
        let mut header = [7; TRANSFORM_HEADER_SIZE];
        let mut sealed = message.clone();
        seal.seal(&mut header, &mut sealed).unwrap();
        prop_assert_eq!(&header[..4], &[7; 4]);
        prop_assert_eq!(&header[36..], &[7; 16]);
        let mut opened = sealed.clone();
        prop_assert_eq!(open.open(&header, &mut opened), Ok(()));
        prop_assert_eq!(&opened, &message);
        // Everything but ProtocolId, and the bytes of Nonce that the cipher does not take, is protected.
        let mut whole = [&header[4..], &sealed[..]].concat();
        let place = place.index(whole.len());
        whole[place] ^= change;
        header[4..].copy_from_slice(&whole[..48]);
        prop_assert_eq!(open.open(&header, &mut whole[48..]), Err(CryptoError::BadSignature));
    }
}
