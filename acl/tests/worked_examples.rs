//! Examples that Microsoft publishes: what they say must come out.

use freehold_acl::{
    AccessError, AccessMask, Ace, AceFlags, AceType, Claim, ClaimValues, GenericMapping, SecurityDescriptor,
    Token, TokenClaims, Truth, access_check, condition_value,
};
use freehold_dtyp::{Decode as _, Encode as _, Sid};

/// [MS-DTYP] 2.5.1.4: a descriptor as text and as bytes (SACL, DACL, owner, group).
#[test]
fn the_descriptor_of_the_sddl_example() {
    let text =
        "O:BAG:BAD:P(A;OICI;GXGR;;;BU)(A;OICI;GA;;;BA)(A;OICI;GA;;;SY)(A;OICI;GA;;;CO)S:P(AU;FA;GR;;;WD)";
    #[rustfmt::skip]
    let bytes = [
        0x01, 0x00, 0x14, 0xB0, 0x90, 0, 0, 0, 0xA0, 0, 0, 0, 0x14, 0, 0, 0, 0x30, 0, 0, 0,
        0x02, 0x00, 0x1C, 0x00, 0x01, 0, 0, 0,
        0x02, 0x80, 0x14, 0x00, 0, 0, 0, 0x80, 0x01, 0x01, 0, 0, 0, 0, 0, 0x01, 0, 0, 0, 0,
        0x02, 0x00, 0x60, 0x00, 0x04, 0, 0, 0,
        0x00, 0x03, 0x18, 0x00, 0, 0, 0, 0xA0, 0x01, 0x02, 0, 0, 0, 0, 0, 0x05, 0x20, 0, 0, 0, 0x21, 0x02, 0, 0,
        0x00, 0x03, 0x18, 0x00, 0, 0, 0, 0x10, 0x01, 0x02, 0, 0, 0, 0, 0, 0x05, 0x20, 0, 0, 0, 0x20, 0x02, 0, 0,
        0x00, 0x03, 0x14, 0x00, 0, 0, 0, 0x10, 0x01, 0x01, 0, 0, 0, 0, 0, 0x05, 0x12, 0, 0, 0,
        0x00, 0x03, 0x14, 0x00, 0, 0, 0, 0x10, 0x01, 0x01, 0, 0, 0, 0, 0, 0x03, 0, 0, 0, 0,
        0x01, 0x02, 0, 0, 0, 0, 0, 0x05, 0x20, 0, 0, 0, 0x20, 0x02, 0, 0,
        0x01, 0x02, 0, 0, 0, 0, 0, 0x05, 0x20, 0, 0, 0, 0x20, 0x02, 0, 0,
    ];
    let parsed: SecurityDescriptor = text.parse().unwrap();
    assert_eq!(SecurityDescriptor::from_bytes(&bytes).unwrap(), parsed);
    assert_eq!(parsed.to_sddl(), text);
    // Ours has the parts in another order, which means the same.
    assert_eq!(parsed.to_bytes().len(), bytes.len());
}

fn account(rid: u32) -> Sid {
    Sid::from_parts([0, 0, 0, 0, 0, 5], &[21, 1, 2, 3, rid]).unwrap()
}

/// Windows' documentation, "How DACLs control access to an object": thread A is Andrew's, thread B is Jane's; both are in
/// Group A.
#[test]
fn the_two_threads_of_the_dacl_example() {
    let (andrew, jane, group_a) = (account(1), account(2), account(100));
    let text = format!("O:SYG:SYD:(D;;FRFWFX;;;{andrew})(A;;FW;;;{group_a})(A;;FRFX;;;WD)");
    let sd: SecurityDescriptor = text.parse().unwrap();
    let thread = |user| Token::builder(user).groups([group_a, Sid::EVERYONE]).build();
    let ask = |user, access| access_check(&sd, &thread(user), access, &GenericMapping::FILE);
    let all = AccessMask::GENERIC_READ | AccessMask::GENERIC_WRITE | AccessMask::GENERIC_EXECUTE;
    assert_eq!(ask(andrew, AccessMask::GENERIC_READ), Err(AccessError::Denied));
    assert_eq!(ask(andrew, all), Err(AccessError::Denied));
    assert_eq!(ask(jane, all), Ok(GenericMapping::FILE.map_generic(all)));
}

/// The same page: without a DACL everybody may do everything, with an empty one nobody anything.
#[test]
fn null_and_empty_dacls() {
    let check = |text: &str| {
        let sd: SecurityDescriptor = text.parse().unwrap();
        access_check(&sd, &Token::builder(account(1)).build(), AccessMask::GENERIC_ALL, &GenericMapping::FILE)
    };
    assert_eq!(check("O:SYG:SYD:NO_ACCESS_CONTROL"), Ok(AccessMask::FILE_ALL_ACCESS));
    assert_eq!(check("O:SYG:SY"), Ok(AccessMask::FILE_ALL_ACCESS));
    assert_eq!(check("O:SYG:SYD:"), Err(AccessError::Denied));
}

/// [MS-DTYP] 2.4.4.17.9: the expression `(Title=="VP")` as bytes, and what it is for two users.
#[test]
fn the_condition_example() {
    #[rustfmt::skip]
    let data = vec![
        0x61, 0x72, 0x74, 0x78, 0xF8, 0x0A, 0, 0, 0, 0x54, 0, 0x69, 0, 0x74, 0, 0x6C, 0, 0x65, 0,
        0x10, 0x04, 0, 0, 0, 0x56, 0, 0x50, 0, 0x80, 0x00, 0x00, 0x00,
    ];
    let ace = Ace::new(
        AceType::ACCESS_ALLOWED_CALLBACK,
        AceFlags::EMPTY,
        AccessMask::FILE_GENERIC_EXECUTE,
        Sid::EVERYONE,
    );
    let ace = ace.unwrap().with_data(data).unwrap();
    assert_eq!(ace.to_sddl(), "(XA;;FX;;;WD;(Title == \"VP\"))");
    let with_title = |title: &str| {
        let local = vec![Claim::new("Title", ClaimValues::String(vec![title.to_owned()]))];
        Token::builder(account(1)).claims(TokenClaims { local, ..TokenClaims::default() }).build()
    };
    assert_eq!(condition_value(&ace, &with_title("VP"), None), Truth::True);
    assert_eq!(condition_value(&ace, &with_title("PM"), None), Truth::False);
    assert_eq!(condition_value(&ace, &Token::builder(account(1)).build(), None), Truth::Unknown);
}

/// The remaining examples of [MS-DTYP] 2.4.4.17.9 and of the documentation of conditional entries in SDDL: users as they
/// describe them.
#[test]
fn the_sddl_condition_examples() {
    let strings =
        |values: &[&str]| ClaimValues::String(values.iter().map(|value| (*value).to_owned()).collect());
    let user = |claims: Vec<Claim>, groups: &[Sid]| {
        let claims = TokenClaims { user: claims, ..TokenClaims::default() };
        Token::builder(account(1))
            .groups(groups.iter().copied().chain([Sid::EVERYONE]))
            .claims(claims)
            .build()
    };
    let check = |text: &str, token: &Token| {
        let sd: SecurityDescriptor = format!("O:SYG:SY{text}").parse().unwrap();
        access_check(&sd, token, AccessMask::FILE_GENERIC_EXECUTE, &GenericMapping::FILE).is_ok()
    };
    // A PM in Finance or Sales.
    let text = "D:(XA; ;FX;;;S-1-1-0; (@User.Title==\"PM\" && (@User.Division==\"Finance\" || @User.Division ==\"Sales\")))";
    let pm = |division| {
        user(vec![Claim::new("Title", strings(&["PM"])), Claim::new("Division", strings(&[division]))], &[])
    };
    assert!(check(text, &pm("Sales")));
    assert!(check(text, &pm("Finance")));
    assert!(!check(text, &pm("Legal")));
    assert!(!check(text, &user(vec![Claim::new("Division", strings(&["Sales"]))], &[])));
    // One of the user's projects is one of the file's.
    let text = "D:(XA; ;FX;;;S-1-1-0; (@User.Project Any_of @Resource.Project))S:(RA;;;;;WD;(\"Project\",TS,0,\"Windows\",\"SQL\"))";
    assert!(check(text, &user(vec![Claim::new("Project", strings(&["SQL", "Exchange"]))], &[])));
    assert!(!check(text, &user(vec![Claim::new("Project", strings(&["Exchange"]))], &[])));
    // Read with a smart card for members of both groups.
    let text = "D:(XA; ;FX;;;S-1-1-0; (Member_of {SID(BO)} && Member_of_Any {SID(BA), SID(BU)}))";
    assert!(check(text, &user(Vec::new(), &[Sid::BACKUP_OPERATORS, Sid::USERS])));
    assert!(!check(text, &user(Vec::new(), &[Sid::BACKUP_OPERATORS])));
    assert!(!check(text, &user(Vec::new(), &[Sid::USERS])));
}
