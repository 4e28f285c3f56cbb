//! NetrLogonSamLogonEx as this member asks it and a domain controller (Samba 4.17.12, 2026-11-27) answers, out of the sealed
//! channel: judy of the test domain, whose password is `Passw0rd.judy`, from the one workstation that she may use; and a refusal.

use super::messages::{self, CallNames, SAM_INFO4};
use crate::auth::{AccountQuery, PassThrough, nt_hash, ntlm};
use crate::rpc::ndr::NdrReader;
use freehold_dtyp::NtStatus;

const REQUEST: &str = "000002001300000000000000130000005c005c006400630031002e0063006f00720070002e006500780061006d0070006c006500\
    0000000004000200080000000000000008000000460048004e0054004c004d00310000000200020008000200080008000c000200\
    300800000000000000000000080008001000020012001200140002006040bfd97b214a503001300118000200180018001c000200\
    04000000000000000400000043004f00520050000400000000000000040000006a00750064007900090000000000000009000000\
    4f004e004c0059005400480045005200450000003001000000000000300100000451b9f777ee1224f1fd92dadb270df801010000\
    0000000034d43faba27edd0145cfd3d2cb79d74f000000000200080043004f005200500001000e00460048004e0054004c004d00\
    31000400180063006f00720070002e006500780061006d0070006c00650003002800660068006e0074006c006d0031002e006300\
    6f00720070002e006500780061006d0070006c0065000500180063006f00720070002e006500780061006d0070006c0065000700\
    080034d43faba27edd0106000400020000000800300030000000000000000000000000000000c19da3ebc011bc46c7cb88872a47\
    775118bb6e8b5458243e827c2e63c5f21dab0a0010000000000000000000000000000000000009001e0063006900660073002f00\
    310030002e00370037002e0030002e00320030000000000018000000000000001800000000000000000000000000000000000000\
    00000000000000000600000000000000";

const ANSWER: &str = "06000000200002000000000000000000ffffffffffffff7fffffffffffffff7f6c094338987edd016c094338987edd01ffffffff\
    ffffff7f08000800240002001400140028000200000000002c00020000000000300002002c002c00340002000400040038000200\
    000000005504000001020000010000003c000200000000005fd77b7a2fc3d6e82d242e9c316eaf2f060008004000020008000a00\
    44000200480002005fd77b7a2fc3d6e8100000000000000000000000000000000000000000000000000000000000000000000000\
    00000000180018004c00020022002200500002000000000000000000000000000000000000000000000000000000000000000000\
    00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000004000000\
    00000000040000006a007500640079000a000000000000000a0000004a0075006400790020004a006f006e006500730000000000\
    00000000000000000000000000000000000000001600000000000000160000005c005c00660069006c0065007300650072007600\
    650072005c0068006f006d0065005c006a0075006400790002000000000000000200000048003a00010000000102000007000000\
    040000000000000003000000440043003100000005000000000000000400000043004f0052005000040000000104000000000005\
    15000000c7353a428e6b748455a1aec60c000000000000000c00000063006f00720070002e006500780061006d0070006c006500\
    1100000000000000110000006a00750064007900400063006f00720070002e006500780061006d0070006c006500010000000000\
    00000000";

const REFUSAL: &str = "06000000000000000100000000000000720000c0";

fn bytes(text: &str) -> Vec<u8> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    text.as_bytes().chunks(2).map(pair).collect()
}

/// What the client of REQUEST answered: the parameters, read by hand.
fn query(request: &[u8]) -> AccountQuery {
    let mut reader = NdrReader::new(request);
    for name in ["LogonServer", "ComputerName"] {
        assert!(reader.pointer(name).unwrap());
        reader.wide_string(name).unwrap();
    }
    reader.u32("LogonLevel and tag").unwrap();
    assert!(reader.pointer("Network").unwrap());
    let domain = reader.unicode_string_header("LogonDomainName").unwrap();
    reader.bytes("ParameterControl, Reserved", 12).unwrap();
    let user = reader.unicode_string_header("UserName").unwrap();
    let workstation = reader.unicode_string_header("Workstation").unwrap();
    let server_challenge = reader.array("LmChallenge").unwrap();
    let responses = ["Nt", "Lm"].map(|name| reader.unicode_string_header(name).unwrap());
    let [domain, user, workstation] = [domain, user, workstation]
        .map(|header| reader.unicode_string_buffer("name", header).unwrap().to_string());
    let [nt_response, lm_response] = responses.map(|(length, _)| {
        reader.u32("maximum").unwrap();
        reader.u32("offset").unwrap();
        assert_eq!(reader.u32("actual").unwrap(), u32::from(length));
        reader.bytes("response", usize::from(length)).unwrap().to_vec()
    });
    AccountQuery {
        user,
        domain,
        workstation,
        pass_through: PassThrough { server_challenge, nt_response, lm_response },
    }
}

#[test]
fn a_question_is_what_the_domain_controller_understood() {
    let request = bytes(REQUEST);
    let query = query(&request);
    assert_eq!((&*query.domain, &*query.user, &*query.workstation), ("CORP", "judy", "ONLYTHERE"));
    let names = CallNames {
        controller: r"\\dc1.corp.example".to_owned(),
        computer: "FHNTLM1".to_owned(),
        account: "FHNTLM1$".to_owned(),
    };
    assert_eq!(messages::encode_sam_logon_ex(&names, &query, SAM_INFO4), request);
    assert!(ntlm::proves(&nt_hash("Passw0rd.judy"), &query));
    assert!(!ntlm::proves(&nt_hash("Passw0rd.carl"), &query));
}

#[test]
fn an_answer_says_who_that_is() {
    let result = messages::decode_sam_logon_ex(&bytes(ANSWER)).unwrap();
    assert_eq!((result.status, result.authoritative), (NtStatus::SUCCESS, true));
    let validation = result.validation.unwrap();
    let user = &validation.authorization;
    assert_eq!((&*user.domain_name, &*user.account_name, &*user.full_name), ("CORP", "judy", "Judy Jones"));
    assert_eq!(user.user_principal_name.as_deref(), Some("judy@corp.example"));
    let domain = "S-1-5-21-1111111111-2222222222-3333333333";
    assert_eq!(user.user.to_string(), format!("{domain}-1109"));
    assert_eq!(user.primary_group.to_string(), format!("{domain}-513"));
    let groups: Vec<_> = user.groups.iter().map(|group| (group.sid, group.attributes.0)).collect();
    assert_eq!(groups, [(user.primary_group, 7)]);
    assert_eq!(validation.session_key[..4], [0x5f, 0xd7, 0x7b, 0x7a]);
    assert!(!validation.is_guest && !validation.key_is_encrypted);
}

#[test]
fn a_refusal_has_its_status() {
    let result = messages::decode_sam_logon_ex(&bytes(REFUSAL)).unwrap();
    assert_eq!((result.status, result.authoritative), (NtStatus::ACCOUNT_DISABLED, true));
    assert!(result.validation.is_none());
}
