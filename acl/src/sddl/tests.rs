//! Texts that Windows writes, what they mean, and round trips.

use crate::test_support::{account, descriptor};
use crate::{
    AccessMask, Ace, AceFlags, AceType, Acl, AclPart, Control, ObjectTypes, SddlDomains, SecurityDescriptor,
};
use freehold_dtyp::{Decode as _, Encode as _, Guid, Sid};
use proptest::prelude::*;

fn parse(text: &str) -> SecurityDescriptor {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn aces(text: &str) -> Vec<Ace> {
    parse(text).dacl.acl().unwrap().aces().to_vec()
}

/// Texts that are written as they are read.
#[test]
fn canonical_texts_round_trip() {
    for text in [
        "",
        "O:BA",
        "O:BAG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICIIO;GA;;;CO)",
        "O:S-1-5-21-1-2-3-1000G:DUD:AI(A;ID;0x1301bf;;;AU)(D;;SDRC;;;WD)".replace("DU", "S-1-5-21-1-2-3-513").as_str(),
        "D:NO_ACCESS_CONTROL",
        "D:PNO_ACCESS_CONTROL",
        "D:",
        "D:S:",
        "D:ARAI(A;;FRFX;;;WD)".replace("FRFX", "0x1200a9").as_str(),
        "D:(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;SY)",
        "S:PARAI(AU;OICISAFA;FA;;;WD)(ML;OICI;NWNRNX;;;HI)",
        "D:(OA;CI;RPWP;bf967950-0de6-11d0-a285-00aa003049e2;4828cc14-1437-45bc-9b07-ad6f015e5f28;PS)",
        "D:(OD;;CR;;bf967aba-0de6-11d0-a285-00aa003049e2;AN)",
        "S:(SP;;;;;S-1-17-1)(TL;;FA;;;S-1-19-512-1024)",
        "D:(A;;FA;;;S-1-0x123456789ABC-7)",
        "D:(XA;;FX;;;S-1-1-0;(@User.Title == \"PM\" && (@User.Division == \"Finance\" || @User.Division == \"Sales\")))".replace("S-1-1-0", "WD").as_str(),
        "D:(XD;;FX;;;WD;(Member_of {SID(BA), SID(S-1-5-21-1-2-3-1000)}))",
        "D:(XA;;FR;;;WD;(@User.Project Any_of @Resource.Project))",
        "D:(XA;;FR;;;WD;(!(Exists @Device.Managed) || Not_Device_Member_of_Any {SID(BG)}))",
        "D:(XA;;FR;;;WD;(level >= -5 && level < 0x1f && bits != 017 && blob == #00ff))",
        "D:(XA;;FR;;;WD;(@User.Cost-Centre;#1 == @Device.[x])(A;;GAGXGWGR;;;WD)".replace(")(A", "))(A").as_str(),
        "D:(XA;;FR;;;WD;(name Contains {\"a%0022b\", \"%0025\"}))",
        "D:(ZA;;RP;bf967950-0de6-11d0-a285-00aa003049e2;;WD;(a))",
        "S:(XU;SA;FA;;;WD;(@Resource.Secrecy > 3))",
        "S:(RA;CI;;;;WD;(\"Project\",TS,0x0,\"Blue\",\"Red\"))",
        "S:(RA;;;;;WD;(\"n\",TI,0x1,-9223372036854775808,7))(RA;;;;;WD;(\"u\",TU,0x0,18446744073709551615))",
        "S:(RA;;;;;WD;(\"d\",TD,0x0,BA,S-1-5-21-1-2-3-4))(RA;;;;;WD;(\"b\",TB,0x0,1,0))(RA;;;;;WD;(\"x\",TX,0x0,#0102))",
        "S:(RA;;;;;WD;(\"none\",TS,0x2))",
        "D:(0x0c;;CC;;;WD;#0badcafe)(0x16;OI;;;;;#01020304)(0x80;;;;;)",
        "D:(A;;FA;;;WD;#01020304)",
    ] {
        let descriptor = parse(text);
        assert_eq!(descriptor.to_sddl(), text);
        assert_eq!(SecurityDescriptor::from_bytes(&descriptor.to_bytes()).as_ref(), Ok(&descriptor), "{text}");
    }
}

#[test]
fn texts_mean_what_the_specification_says() {
    let sd = parse("O:BAG:SYD:PAI(A;OICIIO;FA;;;CO)(D;ID;SD;;;WD)");
    assert_eq!((sd.owner, sd.group), (Some(Sid::ADMINISTRATORS), Some(Sid::SYSTEM)));
    assert_eq!(sd.control, Control::DACL_PROTECTED | Control::DACL_AUTO_INHERITED);
    assert_eq!(sd.sacl, AclPart::Absent);
    let aces = sd.dacl.acl().unwrap().aces();
    let flags = AceFlags::OBJECT_INHERIT | AceFlags::CONTAINER_INHERIT | AceFlags::INHERIT_ONLY;
    assert_eq!(aces[0], Ace::allow(Sid::CREATOR_OWNER, AccessMask::FILE_ALL_ACCESS, flags));
    assert_eq!(aces[1], Ace::deny(Sid::EVERYONE, AccessMask::DELETE, AceFlags::INHERITED));

    let sd = parse("S:PARAI");
    let control = Control::SACL_PROTECTED | Control::SACL_AUTO_INHERIT_REQ | Control::SACL_AUTO_INHERITED;
    assert_eq!(sd.control, control);
    assert_eq!(sd.sacl, AclPart::Present(Acl::new()));

    let types = ObjectTypes::new(None, Some(Guid([0; 16])));
    let flags = AceFlags::EMPTY;
    let ace = Ace::object(AceType::ACCESS_ALLOWED_OBJECT, flags, AccessMask(1), types, account(5)).unwrap();
    let text = "D:(OA;;CC;;00000000-0000-0000-0000-000000000000;S-1-5-21-1-2-3-5)";
    assert_eq!(self::aces(text), [ace]);
}

/// Other spellings of the same thing.
#[test]
fn spaces_case_and_numbers_are_free() {
    let same = |one: &str, other: &str| assert_eq!(parse(one), parse(other), "{one} and {other}");
    same("D:(A;;FA;;;WD)", " d: ( a ; ; fa ; ; ; wd ) ");
    same("D:(A;;FA;;;WD)", "D:(A;;0x1f01ff;;;S-1-1-0)");
    same("D:(A;;FA;;;WD)", "D:(A;;2032127;;;S-1-1-0)");
    same("D:(A;;FA;;;WD)", "D:(0;;07600777;;;S-1-1-0)");
    same("D:(A;;0x1200a9;;;WD)", "D:(A;;FRFX;;;WD)");
    same("O:BAG:SYD:PAI", "D:AIPG:SYO:BA");
    same("D:(A;;FA;;;WD)S:(AU;SA;FA;;;WD)", "S:(AU;SA;FA;;;WD)D:(A;;FA;;;WD)");
    same("D:(XA;;FX;;;WD;(@User.a==1))", "D:(XA;;FX;;;WD; ( @USER.a  ==  1 ) )");
    same("D:(XA;;FX;;;WD;(a && b && c))", "D:(XA;;FX;;;WD;((a && b) && c))");
    same("D:(XA;;FX;;;WD;(a && b || c))", "D:(XA;;FX;;;WD;((a && b) || c))");
    same("D: AI (A;CI;RP LC;;;WD)", "D:AI(A;CI;LCRP;;;WD)");
    same("D:(XA;;FX;;;WD;(Member_of SID(BA)))", "D:(XA;;FX;;;WD;(Member_of(SID(BA))))");
    same("D:(XA;;FX;;;WD;(!a))", "D:(XA;;FX;;;WD;(!(a)))");
    same("D:(XA;;FX;;;WD;(a == #010203))", "D:(XA;;FX;;;WD;(a == ##1#2#3))");
    same("S:(RA;;;;;WD;(\"a\",TX,0,0102))", "S:(RA;;;;;WD;(\"a\",TX,0x0,#0102))");
    same("S:(RA;;;;;WD;(\"a\",TD,0,SID(BA)))", "S:(RA;;;;;WD;(\"a\",TD,0x0,BA))");
    assert_ne!(parse("D:(XA;;FX;;;WD;(a && (b || c)))"), parse("D:(XA;;FX;;;WD;(a && b || c))"));
}

#[test]
fn names_of_a_domain_need_the_domain() {
    let domain = Sid::from_parts([0, 0, 0, 0, 0, 5], &[21, 1, 2, 3]).unwrap();
    let sd = SecurityDescriptor::from_sddl("O:LAD:(A;;FA;;;DU)", Some(&domain)).unwrap();
    assert_eq!(sd.owner, Some(account(500)));
    assert_eq!(sd.dacl.acl().unwrap().aces()[0].sid(), &account(513));
    let error = SecurityDescriptor::from_sddl("O:LA", None).unwrap_err();
    assert_eq!(error.position, 2);
    assert!(error.expected.contains("domain"), "{error}");
}

/// [MS-DTYP] 2.4.4.17.9: the bytes of `(Title=="VP")`.
#[test]
fn a_condition_has_the_bytes_of_the_specification() {
    let ace = &aces("D:(XA;;FX;;;WD;(Title==\"VP\"))")[0];
    let mut bytes = b"artx\xF8\x0A\0\0\0T\0i\0t\0l\0e\0".to_vec();
    bytes.extend(b"\x10\x04\0\0\0V\0P\0\x80");
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    assert_eq!(ace.data(), bytes);

    let ace = &aces("D:(XA;;FX;;;WD;(@Device.n == -2))")[0];
    let mut bytes = b"artx\xFB\x02\0\0\0n\0\x04".to_vec();
    bytes.extend((-2i64).to_le_bytes());
    bytes.extend([2, 2, 0x80]);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    assert_eq!(ace.data(), bytes);

    let ace = &aces("D:(XA;;FX;;;WD;(Member_of{SID(BA)}))")[0];
    let mut bytes = b"artx\x50\x15\0\0\0\x51\x10\0\0\0".to_vec();
    bytes.extend(Sid::ADMINISTRATORS.to_bytes());
    bytes.push(0x89);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    assert_eq!(ace.data(), bytes);
}

#[test]
fn a_resource_attribute_has_the_bytes_of_the_specification() {
    let sd = parse("S:(RA;;;;;WD;(\"P\",TS,0x1,\"ab\"))");
    let data = sd.sacl.acl().unwrap().aces()[0].data().to_vec();
    #[rustfmt::skip]
    let bytes = [
        20, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, // Name, ValueType, Reserved, Flags, ValueCount
        24, 0, 0, 0, // Values
        b'P', 0, 0, 0, b'a', 0, b'b', 0, 0, 0, 0, 0, // and padding
    ];
    assert_eq!(data, bytes);
}

#[test]
fn names_of_attributes_that_mean_something_else_are_encoded() {
    for name in ["%0045xists", "%004dember_of_Any", "%0031st", "a%0020b", "%d800", "Member_of_x", "é:/._1"] {
        let text = format!("D:(XA;;FX;;;WD;({name} == {name}))");
        assert_eq!(parse(&text).to_sddl(), text);
    }
}

#[test]
fn data_that_is_no_condition_is_written_as_bytes() {
    for data in [
        &b"arty"[..],
        b"artx",                                  // nothing
        b"artx\x80\0\0\0",                        // no operands
        b"artx\xF8\x02\0\0\0a\0\xA2\xF8\x02\0\0", // cut short
        b"artx\xF8\0\0\0\0\0\0\0",                // no name
        b"artx\xF8\x02\0\0\0a\0\0\x01",           // padding that is not zero
    ] {
        let ace = Ace::new(AceType::ACCESS_ALLOWED_CALLBACK, AceFlags::EMPTY, AccessMask(1), Sid::EVERYONE);
        let ace = ace.unwrap().with_data(data.to_vec()).unwrap();
        let sd = SecurityDescriptor {
            dacl: Acl::from_aces([ace]).unwrap().into(),
            ..SecurityDescriptor::default()
        };
        let text = sd.to_sddl();
        assert!(text.contains(";#"), "{text}");
        assert_eq!(parse(&text), sd);
    }
}

#[test]
fn nesting_is_bounded_both_ways() {
    let nested = |depth: usize| {
        let (open, close) = ("(".repeat(depth), ")".repeat(depth));
        format!("D:(XA;;FX;;;WD;{open}a{close})").parse::<SecurityDescriptor>()
    };
    assert!(nested(64).is_ok());
    assert!(nested(66).is_err());
    assert!(nested(100_000).is_err());
    // Bytes that are nested deeper than a text may be are written as bytes.
    let mut data = b"artx\xF8\x02\0\0\0a\0".to_vec();
    data.resize(60_000, 0xA2);
    let ace = Ace::new(AceType::ACCESS_ALLOWED_CALLBACK, AceFlags::EMPTY, AccessMask(1), Sid::EVERYONE);
    let ace = ace.unwrap().with_data(data).unwrap();
    let sd =
        SecurityDescriptor { dacl: Acl::from_aces([ace]).unwrap().into(), ..SecurityDescriptor::default() };
    assert_eq!(parse(&sd.to_sddl()), sd);
}

#[test]
fn a_single_entry_is_read_and_written() {
    for text in ["(A;OICI;FA;;;BA)", "(XA;;FR;;;WD;(@Resource.Level > 2))"] {
        assert_eq!(Ace::from_sddl(text, None).unwrap().to_sddl(), text);
    }
    for (text, position) in
        [("", 0), ("A;;FA;;;WD", 0), ("(A;;FA;;;WD)(A;;FA;;;WD)", 12), ("(A;;FA;;;WD", 11)]
    {
        assert_eq!(Ace::from_sddl(text, None).unwrap_err().position, position, "{text}");
    }
}

#[test]
fn errors_say_where_and_what_was_expected() {
    for (text, position, expected) in [
        ("X:BA", 0, "O:"),
        ("O:", 2, "SID"),
        ("O:QQ", 2, "SID"),
        ("O:S-1-", 2, "SID"),
        ("O:BAO:BA", 4, "once"),
        ("D:X", 2, "NO_ACCESS_CONTROL"),
        ("D:(", 3, "type"),
        ("D:(Q;;;;;WD)", 3, "type"),
        ("D:(256;;;;;WD)", 3, "type"),
        ("D:(A", 4, "semicolon"),
        ("D:(A;QQ;;;;WD)", 5, "flag"),
        ("D:(A;;QQ;;;WD)", 6, "right"),
        ("D:(A;;0x1ffffffff;;;WD)", 6, "32 bits"),
        ("D:(A;;0x;;;WD)", 8, "number"),
        ("D:(A;;FA;1;;WD)", 9, "GUID"),
        ("D:(A;;FA;bf967950-0de6-11d0-a285-00aa003049e2;;WD)", 9, "no GUIDs"),
        ("D:(A;;FA;;;WD", 13, "parenthesis"),
        ("D:(A;;FA;;;WD;(a))", 14, "parenthesis"),
        ("D:(A;;FA;;;WD;#123)", 15, "even"),
        ("D:NO_ACCESS_CONTROL(A;;FA;;;WD)", 19, "no entries"),
        ("D:(XA;;FA;;;WD;a)", 15, "parentheses"),
        ("D:(XA;;FA;;;WD;())", 16, "attribute"),
        ("D:(XA;;FA;;;WD;(a ==))", 20, "attribute"),
        ("D:(XA;;FA;;;WD;(a == \"x))", 25, "quote"),
        ("D:(XA;;FA;;;WD;(a & b))", 18, "&&"),
        ("D:(XA;;FA;;;WD;(a == {1 2}))", 24, "comma"),
        ("D:(XA;;FA;;;WD;(a == 9223372036854775808))", 21, "64 bits"),
        ("S:(RA;;;;;WD;(\"a\",TQ,0))", 18, "type"),
        ("S:(RA;;;;;WD;(\"a\",TB,0,2))", 23, "0 or 1"),
        ("S:(RA;;;;;WD;(a,TB,0,2))", 14, "double quotes"),
        ("D:(0x80;;;;;;#0102)", 3, "multiples of 4"),
    ] {
        let error = text.parse::<SecurityDescriptor>().unwrap_err();
        assert_eq!(error.position, position, "{text}: {error}");
        assert!(error.expected.contains(expected), "{text}: {error}");
    }
}

/// What the language can say of a descriptor.
fn sayable(descriptor: &SecurityDescriptor) -> SecurityDescriptor {
    let dacl = Control::DACL_PROTECTED | Control::DACL_AUTO_INHERIT_REQ | Control::DACL_AUTO_INHERITED;
    let sacl = Control::SACL_PROTECTED | Control::SACL_AUTO_INHERIT_REQ | Control::SACL_AUTO_INHERITED;
    let kept =
        Control::EMPTY.with(dacl, descriptor.dacl.is_present()).with(sacl, descriptor.sacl.is_present());
    SecurityDescriptor { control: descriptor.control & kept, rm_control: 0, ..descriptor.clone() }
}

/// A condition, from random choices.
fn condition() -> impl Strategy<Value = String> {
    let attribute = prop_oneof![
        "[a-z_][A-Za-z0-9_.:/]{0,6}".prop_filter("no operator", |name| !name.eq_ignore_ascii_case("exists")),
        "@User\\.[A-Za-z0-9_]{1,5}",
        "@Resource\\.[A-Za-z0-9_]{1,5}",
        "@Device\\.[A-Za-z0-9_]{1,5}",
    ];
    let value = prop_oneof![
        any::<i64>().prop_map(|value| value.to_string()),
        any::<u32>().prop_map(|value| format!("0x{value:x}")),
        "\"[ -!#-$&-~é€]{0,8}\"",
        "#([0-9a-f]{2}){0,4}",
        Just("SID(BA)".to_owned()),
        Just("{1, \"x\", SID(S-1-5-21-1-2-3)}".to_owned()),
    ];
    let relation =
        prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">=", "Contains", "Any_of", "Not_Contains"]);
    let term = prop_oneof![
        (attribute.clone(), relation, value).prop_map(|(a, r, v)| format!("{a} {r} {v}")),
        attribute.clone(),
        attribute.prop_map(|a| format!("Exists {a}")),
        Just("Member_of {SID(BA), SID(BU)}".to_owned()),
    ];
    term.prop_recursive(5, 24, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} || {b}")),
            inner.prop_map(|a| format!("!({a})")),
        ]
    })
}

proptest! {
    #[test]
    fn every_descriptor_round_trips_as_text(descriptor in descriptor()) {
        let text = descriptor.to_sddl();
        prop_assert_eq!(text.parse(), Ok(sayable(&descriptor)), "{}", text);
    }

    #[test]
    fn conditions_round_trip(condition in condition()) {
        let text = format!("D:(XA;;FX;;;WD;({condition}))");
        let descriptor = parse(&text);
        let written = descriptor.to_sddl();
        prop_assert!(!written.contains(";#"), "{} became {}", text, written);
        prop_assert_eq!(parse(&written), descriptor, "{} became {}", text, written);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[ODGSAXIRP:();#@\"{}&|!=0-9a-zé%, ]{0,60}") {
        if let Ok(descriptor) = text.parse::<SecurityDescriptor>() {
            prop_assert_eq!(descriptor.to_sddl().parse(), Ok(descriptor));
        }
    }

    #[test]
    fn damaged_texts_do_not_panic(descriptor in descriptor(), at: prop::sample::Index, with: char) {
        let mut text: Vec<char> = descriptor.to_sddl().chars().collect();
        if !text.is_empty() {
            let at = at.index(text.len());
            text[at] = with;
        }
        let _ = text.into_iter().collect::<String>().parse::<SecurityDescriptor>();
    }

    #[test]
    fn any_condition_bytes_are_written(
        tokens in prop::collection::vec(
            prop_oneof![
                Just(b"\xF8\x02\0\0\0a\0".to_vec()),
                Just(b"\x04\x05\0\0\0\0\0\0\0\x03\x02".to_vec()),
                Just(b"\x50\0\0\0\0".to_vec()),
                (0x80u8..0xA3).prop_map(|code| vec![code]),
                prop::collection::vec(any::<u8>(), 1..4),
            ],
            0..12,
        ),
    ) {
        let data = [b"artx".to_vec(), tokens.concat()].concat();
        let ace = Ace::new(AceType::ACCESS_ALLOWED_CALLBACK, AceFlags::EMPTY, AccessMask(1), Sid::EVERYONE);
        let ace = ace.unwrap().with_data(data).unwrap();
        let dacl = Acl::from_aces([ace]).unwrap().into();
        let descriptor = SecurityDescriptor { dacl, ..SecurityDescriptor::default() };
        let text = descriptor.to_sddl();
        // What was read from text is written the same again.
        prop_assert_eq!(parse(&text).to_sddl(), text);
    }

    #[test]
    fn any_attribute_bytes_are_written(header in prop::collection::vec(0u8..40, 16..17), rest in prop::collection::vec(0u8..40, 0..60)) {
        let ace = Ace::new(AceType::SYSTEM_RESOURCE_ATTRIBUTE, AceFlags::EMPTY, AccessMask(0), Sid::EVERYONE);
        let ace = ace.unwrap().with_data([header, rest].concat()).unwrap();
        let sacl = Acl::from_aces([ace]).unwrap().into();
        let descriptor = SecurityDescriptor { sacl, ..SecurityDescriptor::default() };
        let text = descriptor.to_sddl();
        prop_assert_eq!(parse(&text).to_sddl(), text);
    }
}

/// Short names of a member's own accounts, of its domain's and of its forest's ([MS-DTYP] 2.5.1.1).
#[test]
fn short_names_of_a_member_are_of_machine_domain_and_forest() {
    let sid = |text: &str| text.parse::<Sid>().unwrap();
    let domains = SddlDomains {
        machine: sid("S-1-5-21-1-1-1"),
        domain: sid("S-1-5-21-2-2-2"),
        forest: Some(sid("S-1-5-21-3-3-3")),
    };
    for (name, wanted) in [
        ("LA", "S-1-5-21-1-1-1-500"),
        ("LG", "S-1-5-21-1-1-1-501"),
        ("DA", "S-1-5-21-2-2-2-512"),
        ("DU", "S-1-5-21-2-2-2-513"),
        ("CA", "S-1-5-21-2-2-2-517"),
        ("EA", "S-1-5-21-3-3-3-519"),
        ("SA", "S-1-5-21-3-3-3-518"),
        ("RO", "S-1-5-21-3-3-3-498"),
        ("BA", "S-1-5-32-544"),
    ] {
        let text = format!("O:{name}D:(A;;FA;;;{name})");
        let read = SecurityDescriptor::from_sddl_of(&text, &domains).unwrap();
        assert_eq!(read.owner, Some(sid(wanted)), "{name}");
        assert_eq!(*read.dacl.acl().unwrap().aces()[0].sid(), sid(wanted), "{name}");
        assert_eq!(
            *Ace::from_sddl_of(&text[text.find('(').unwrap()..], &domains).unwrap().sid(),
            sid(wanted)
        );
    }
    let unknown = SddlDomains { forest: None, ..domains };
    assert!(SecurityDescriptor::from_sddl_of("O:EA", &unknown).is_err());
    assert!(SecurityDescriptor::from_sddl_of("O:DA", &unknown).is_ok());
}
