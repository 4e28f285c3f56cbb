//! The worked examples of the specification, each operator on each type of value, three-valued logic, and what is not
//! well-formed.

use super::*;
use crate::test_support::account;
use crate::{AccessMask, AceFlags, AclPart, Group, GroupAttributes, SecurityDescriptor, TokenClaims};
use proptest::prelude::*;

fn strings(values: &[&str]) -> ClaimValues {
    ClaimValues::String(values.iter().map(|value| (*value).to_owned()).collect())
}

/// Whoever the examples of this file speak of.
fn token() -> Token {
    let member = |sid| Group { sid, attributes: GroupAttributes::MEMBER };
    Token::builder(account(1))
        .groups([account(100), Sid::EVERYONE])
        .deny_only(Sid::ADMINISTRATORS)
        .claims(TokenClaims {
            user: vec![
                Claim::new("Title", strings(&["PM"])),
                Claim::new("Division", strings(&["Finance"])),
                Claim::new("Project", strings(&["Blue", "Red"])),
                Claim::new("clearanceLevel", ClaimValues::Int64(vec![5])),
                Claim::new("big", ClaimValues::Uint64(vec![u64::MAX])),
                Claim::new("levels", ClaimValues::Int64(vec![1, 2, 3])),
                Claim::new("zero", ClaimValues::Int64(vec![0])),
                Claim::new("empty", strings(&[""])),
                Claim::new("yes", ClaimValues::Boolean(vec![true])),
                Claim::new("boss", ClaimValues::Sid(vec![account(7)])),
                Claim::new("blob", ClaimValues::OctetString(vec![vec![1, 2]])),
                Claim::new("nothing", ClaimValues::Int64(vec![])),
                Claim { flags: ClaimFlags::DISABLED, ..Claim::new("off", ClaimValues::Int64(vec![1])) },
                Claim {
                    flags: ClaimFlags::USE_FOR_DENY_ONLY,
                    ..Claim::new("against", ClaimValues::Int64(vec![1]))
                },
                Claim { flags: ClaimFlags::VALUE_CASE_SENSITIVE, ..Claim::new("Exact", strings(&["Blue"])) },
            ],
            device: vec![Claim::new("Managed", ClaimValues::Boolean(vec![true]))],
            local: vec![Claim::new("Title", strings(&["VP"]))],
            device_groups: vec![member(account(200))],
        })
        .build()
}

/// Resource attributes of the file.
const ATTRIBUTES: &str = "S:(RA;;;;;WD;(\"Project\",TS,0x0,\"red\",\"Green\"))(RA;;;;;WD;(\"Secrecy\",TI,0x0,3))\
    (RA;OICIIO;;;;WD;(\"Below\",TI,0x0,1))(RA;;;;;WD;(\"twice\",TI,0x0,1,1))(RA;;;;;WD;(\"requiredClearance\",TU,0x0,4))";

fn ace(kind: &str, condition: &str) -> Ace {
    let sd: SecurityDescriptor = format!("D:({kind};;FA;;;WD;{condition})").parse().unwrap_or_else(|error| {
        panic!("{condition}: {error}");
    });
    sd.dacl.acl().unwrap().aces()[0].clone()
}

fn value_in(kind: &str, condition: &str) -> Truth {
    let file: SecurityDescriptor = ATTRIBUTES.parse().unwrap();
    condition_value(&ace(kind, condition), &token(), file.sacl.acl())
}

fn value(condition: &str) -> Truth {
    value_in("XA", condition)
}

/// The value of an expression that text cannot say.
fn value_of_bytes(tokens: &[&[u8]]) -> Truth {
    let data = [&SIGNATURE[..], &tokens.concat()].concat();
    let ace = Ace::new(AceType::ACCESS_ALLOWED_CALLBACK, AceFlags::EMPTY, AccessMask(1), Sid::EVERYONE);
    condition_value(&ace.unwrap().with_data(data).unwrap(), &token(), None)
}

/// [MS-DTYP] 2.4.4.17.9 and the examples of Windows' documentation of conditional entries.
#[test]
fn the_worked_examples() {
    for (condition, expected) in [
        ("(Title==\"VP\")", Truth::True),
        ("(@User.Title==\"PM\" && (@User.Division==\"Finance\" || @User.Division ==\"Sales\"))", Truth::True),
        (
            "(@User.Title==\"VP\" && (@User.Division==\"Finance\" || @User.Division ==\"Sales\"))",
            Truth::False,
        ),
        ("(@User.Project Any_of @Resource.Project)", Truth::True),
        ("((@User.clearanceLevel>=@Resource.requiredClearance) || (Member_of{SID(BA)}))", Truth::True),
        ("(@User.clearanceLevel<@Resource.requiredClearance)", Truth::False),
    ] {
        assert_eq!(value(condition), expected, "{condition}");
    }
}

#[test]
fn operators_on_each_type_of_value() {
    for (condition, expected) in [
        // integers, signed with unsigned
        ("(@User.clearanceLevel == 5)", true),
        ("(@User.clearanceLevel == 0x5)", true),
        ("(@User.clearanceLevel != 5)", false),
        ("(@User.clearanceLevel > -1)", true),
        ("(@User.big > 9223372036854775807)", true),
        ("(@User.big == @User.clearanceLevel)", false),
        ("(@User.clearanceLevel <= @Resource.requiredClearance)", false),
        // texts, without case unless the claim says otherwise
        ("(@User.Title == \"pm\")", true),
        ("(@user.title == \"PM\")", true),
        ("(@User.Title < \"QA\")", true),
        ("(@User.Exact == \"blue\")", false),
        ("(@User.Exact == \"Blue\")", true),
        ("(@User.Exact Any_of @Resource.Project)", false),
        // truth values
        ("(@User.yes == 1)", true),
        ("(@User.yes != 0)", true),
        ("(@Device.Managed == @User.yes)", true),
        // SIDs and bytes
        ("(@User.boss == SID(S-1-5-21-1-2-3-7))", true),
        ("(@User.boss != SID(BA))", true),
        ("(@User.blob == #0102)", true),
        ("(@User.blob < #0103)", true),
        ("(@User.boss Any_of {SID(BA), SID(S-1-5-21-1-2-3-7)})", true),
        // sets
        ("(@User.Project == {\"red\", \"blue\"})", true),
        ("(@User.Project == {\"red\", \"blue\", \"RED\"})", true),
        ("(@User.Project == {\"red\"})", false),
        ("(@User.Project == {})", false),
        ("(@User.Project != {\"red\"})", true),
        ("(@User.Title == {\"PM\"})", true),
        ("(@User.Project Contains \"red\")", true),
        ("(@User.Project Contains {\"red\", \"green\"})", false),
        ("(@User.Project Not_Contains {\"red\", \"green\"})", true),
        ("(@User.Project Any_of {\"green\", \"red\"})", true),
        ("(@User.Project Not_Any_of {\"green\"})", true),
        ("(@User.levels Contains {1, 2})", true),
        ("(@User.Title Contains \"PM\")", true),
        // existence
        ("(Exists @User.Title)", true),
        ("(Exists @User.none)", false),
        ("(Not_Exists @User.none)", true),
        ("(Exists Title)", true),
        ("(Exists @Resource.Secrecy)", true),
        ("(Exists @Resource.Below)", false),
        ("(Exists @Resource.twice)", false),
        ("(Exists @User.nothing)", false),
        ("(Exists @User.off)", false),
        ("(Exists @User.against)", false),
        // membership
        ("(Member_of {SID(WD), SID(S-1-5-21-1-2-3-100)})", true),
        ("(Member_of {SID(WD), SID(BU)})", false),
        ("(Member_of_Any {SID(WD), SID(BU)})", true),
        ("(Member_of SID(WD))", true),
        ("(Member_of SID(S-1-5-21-1-2-3-1))", true),
        ("(Not_Member_of {SID(BU)})", true),
        ("(Not_Member_of_Any {SID(WD), SID(BU)})", false),
        ("(Device_Member_of {SID(S-1-5-21-1-2-3-200)})", true),
        ("(Device_Member_of {SID(WD)})", false),
        ("(Device_Member_of_Any {SID(WD), SID(S-1-5-21-1-2-3-200)})", true),
        ("(Not_Device_Member_of {SID(WD)})", true),
        ("(Not_Device_Member_of_Any {SID(WD)})", true),
        ("(Member_of {SID(BA)})", false),
        // an attribute alone
        ("(@User.Title)", true),
        ("(@User.zero)", false),
        ("(@User.empty)", false),
        ("(!(@User.zero))", true),
    ] {
        assert_eq!(value(condition), Truth::from(expected), "{condition}");
    }
}

#[test]
fn what_is_not_there_is_unknown_and_logic_has_three_values() {
    for (condition, expected) in [
        ("(@User.none == 1)", Truth::Unknown),
        ("(@User.none != 1)", Truth::Unknown),
        ("(@User.Title == @User.none)", Truth::Unknown),
        ("(@User.none Contains 1)", Truth::Unknown),
        ("(@User.none)", Truth::Unknown),
        ("(!(@User.none))", Truth::Unknown),
        ("(@User.none || @User.Title)", Truth::True),
        ("(@User.none || @User.zero)", Truth::Unknown),
        ("(@User.none && @User.Title)", Truth::Unknown),
        ("(@User.none && @User.zero)", Truth::False),
        ("(@User.none && @User.none)", Truth::Unknown),
        // several values have no order, and no truth of their own
        ("(@User.levels < 5)", Truth::Unknown),
        ("(@User.clearanceLevel < {1, 2})", Truth::Unknown),
        ("(@User.levels)", Truth::Unknown),
        ("(@User.boss)", Truth::Unknown),
    ] {
        assert_eq!(value(condition), expected, "{condition}");
    }
}

#[test]
fn a_broken_rule_makes_the_whole_expression_unknown() {
    for condition in [
        // types that do not match
        "(@User.Title == 1 || @User.Title)",
        "(@User.clearanceLevel == \"5\" || @User.Title)",
        "(@User.levels Contains {1, \"2\"} || @User.Title)",
        "(@User.yes == 2 || @User.Title)",
        // no order
        "(@User.boss < SID(BA) || @User.Title)",
        "(@User.yes > 0 || @User.Title)",
        // empty sets where members are wanted
        "(@User.levels Contains {} || @User.Title)",
        "(@User.levels Any_of {} || @User.Title)",
        "(Member_of {} || @User.Title)",
        "(Member_of {1} || @User.Title)",
    ] {
        assert_eq!(value(condition), Truth::Unknown, "{condition}");
    }
}

#[test]
fn what_is_for_denials_counts_only_against() {
    for (condition, deny, allow) in [
        ("(Exists @User.against)", Truth::True, Truth::False),
        ("(@User.against == 1)", Truth::True, Truth::Unknown),
        ("(Member_of {SID(BA)})", Truth::True, Truth::False),
        ("(Exists @User.off)", Truth::False, Truth::False),
    ] {
        assert_eq!(value_in("XD", condition), deny, "{condition}");
        assert_eq!(value_in("XA", condition), allow, "{condition}");
    }
}

const A: &[u8] = b"\xF9\x0A\0\0\0T\0i\0t\0l\0e\0";
const ONE: &[u8] = b"\x04\x01\0\0\0\0\0\0\0\x03\x02";

#[test]
fn bytes_that_no_text_makes() {
    assert_eq!(value_of_bytes(&[A]), Truth::True);
    for tokens in [
        &[][..],
        &[ONE],                                  // a literal has no truth
        &[A, A],                                 // two results
        &[b"\xA2"],                              // nothing to negate
        &[A, b"\xA0"],                           // one operand for two
        &[ONE, A, b"\x80"],                      // a literal on the left
        &[A, A, A, b"\x80", b"\x80"],            // a result on the right
        &[ONE, b"\x87"],                         // Exists of a literal
        &[A, b"\x89"],                           // Member_of an attribute
        &[A, b"\xA2", b"\x87"],                  // Exists of a result
        &[A, b"\0\x01"],                         // padding that is not zero
        &[A, b"\x10\xFF\xFF\xFF\xFF"],           // a length beyond the end
        &[A, b"\x10\x01\0\0\0x\x80"],            // half a unit
        &[A, b"\x51\x01\0\0\0x\x80"],            // half a SID
        &[A, b"\x50\x05\0\0\0\x50\0\0\0\0\x80"], // a list in a list
        &[A, b"\xF0"],                           // an unknown code
    ] {
        assert_eq!(value_of_bytes(tokens), Truth::Unknown, "{tokens:02x?}");
    }
    let unsigned = Ace::new(AceType::ACCESS_ALLOWED_CALLBACK, AceFlags::EMPTY, AccessMask(1), Sid::EVERYONE);
    let plain = unsigned.unwrap().with_data(b"text".to_vec()).unwrap();
    assert_eq!(condition_value(&plain, &token(), None), Truth::Unknown);
}

/// A condition of 64 KiB that compares a long attribute with itself over and over ends, and is unknown.
#[test]
fn a_condition_that_costs_too_much_is_unknown() {
    let values: Vec<String> = (0..2000).map(|value| value.to_string()).collect();
    let text = format!("S:(RA;;;;;WD;(\"a\",TI,0x0,{}))", values.join(","));
    let file: SecurityDescriptor = text.parse().unwrap();
    let once = "@Resource.a == @Resource.a";
    let few = ace("XA", &format!("({once})"));
    assert_eq!(condition_value(&few, &token(), file.sacl.acl()), Truth::True);
    let many = ace("XA", &format!("({})", vec![once; 2000].join(" && ")));
    assert_eq!(condition_value(&many, &token(), file.sacl.acl()), Truth::Unknown);
    // The budget is one check's, not one entry's.
    let sd = SecurityDescriptor {
        dacl: Acl::from_aces(vec![few; 50]).unwrap().into(),
        sacl: file.sacl,
        ..SecurityDescriptor::default()
    };
    let token = token();
    let mut conditions = Conditions::new(&token, sd.sacl.acl());
    let found: Vec<Truth> =
        sd.dacl.acl().unwrap().aces().iter().map(|ace| conditions.value(ace, &mut ())).collect();
    assert_eq!(found[0], Truth::True);
    assert_eq!(found[49], Truth::Unknown);
}

#[test]
fn ordinary_entries_have_no_condition_to_fail() {
    let ace = Ace::allow(Sid::EVERYONE, AccessMask(1), AceFlags::EMPTY);
    assert_eq!(condition_value(&ace, &token(), AclPart::Absent.acl()), Truth::True);
}

/// [MS-DTYP] 2.4.4.17.6: every relation of two operands with one of them, or both, not there is UNKNOWN, and so is a whole
/// expression that compares values of different types, whatever stands beside it.
#[test]
fn every_relation_of_what_is_not_there_or_does_not_match() {
    let relations = ["==", "!=", "<", "<=", ">", ">=", "Contains", "Any_of", "Not_Contains", "Not_Any_of"];
    // An attribute of each type with a literal of that type.
    let typed = [
        ("@User.clearanceLevel", "5"),
        ("@User.Title", "\"PM\""),
        ("@User.boss", "SID(BA)"),
        ("@User.blob", "#0102"),
    ];
    for relation in relations {
        for (left, right) in
            [("@User.none", "1"), ("@User.Title", "@User.none"), ("@Device.none", "@Resource.none")]
        {
            let condition = format!("({left} {relation} {right})");
            assert_eq!(value(&condition), Truth::Unknown, "{condition}");
            // Only a part is unknown: the rest can decide.
            assert_eq!(value(&format!("({left} {relation} {right} || @User.Title)")), Truth::True);
            assert_eq!(value(&format!("({left} {relation} {right} && @User.zero)")), Truth::False);
        }
        for (left, own) in typed {
            for (_, right) in typed.iter().filter(|(_, right)| *right != own) {
                let condition = format!("({left} {relation} {right} || @User.Title)");
                assert_eq!(value(&condition), Truth::Unknown, "{condition}");
            }
        }
    }
    for membership in [
        "Member_of",
        "Member_of_Any",
        "Device_Member_of",
        "Device_Member_of_Any",
        "Not_Member_of",
        "Not_Member_of_Any",
        "Not_Device_Member_of",
        "Not_Device_Member_of_Any",
    ] {
        for wrong in ["{}", "{1}", "{\"BA\"}", "{SID(WD), #0102}"] {
            let condition = format!("({membership} {wrong} || @User.Title)");
            assert_eq!(value(&condition), Truth::Unknown, "{condition}");
        }
    }
}

/// [MS-DTYP] 2.4.4.17.7: the tables of AND, OR and NOT, whole.
#[test]
fn the_tables_of_the_logical_operators() {
    use Truth::{False, True, Unknown};
    let operand = [(True, "@User.Title"), (False, "@User.zero"), (Unknown, "@User.none")];
    // In the order of the operands above: rows are the left side.
    let and = [[True, False, Unknown], [False, False, False], [Unknown, False, Unknown]];
    let or = [[True, True, True], [True, False, Unknown], [True, Unknown, Unknown]];
    for (row, (left, left_text)) in operand.iter().enumerate() {
        for (column, (_, right_text)) in operand.iter().enumerate() {
            assert_eq!(value(&format!("({left_text} && {right_text})")), and[row][column]);
            assert_eq!(value(&format!("({left_text} || {right_text})")), or[row][column]);
        }
        let negated = [False, True, Unknown][row];
        assert_eq!(value(&format!("(!({left_text}))")), negated, "{left}");
    }
}

/// Negations and chains as deep as a descriptor has room for: as bytes they have a value, as text they have a limit.
#[test]
fn depth_costs_no_stack() {
    let deep = 20_000;
    let negations = [A.to_vec(), vec![code::NOT; deep]].concat();
    assert_eq!(value_of_bytes(&[&negations]), Truth::True);
    // All operands first, so that they wait on the stack.
    let count = 3_000;
    let waiting = [A.repeat(count), vec![code::AND; count - 1]].concat();
    assert_eq!(value_of_bytes(&[&waiting]), Truth::True);
    assert_eq!(value_of_bytes(&[&A.repeat(count)]), Truth::Unknown);
    for text in [
        format!("D:(XA;;FA;;;WD;{}@User.a{})", "(".repeat(30_000), ")".repeat(30_000)),
        format!("D:(XA;;FA;;;WD;({}@User.a))", "!".repeat(60_000)),
        format!("D:(XA;;FA;;;WD;({}", "(".repeat(60_000)),
    ] {
        assert!(text.parse::<SecurityDescriptor>().is_err());
    }
    // What is too deep for text is still written, as bytes, and read back the same.
    let entry =
        Ace::new(AceType::ACCESS_ALLOWED_CALLBACK, AceFlags::EMPTY, AccessMask(1), Sid::EVERYONE).unwrap();
    let entry = entry.with_data([&SIGNATURE[..], &negations, &[0]].concat()).unwrap();
    let sd =
        SecurityDescriptor { dacl: Acl::from_aces([entry]).unwrap().into(), ..SecurityDescriptor::default() };
    assert_eq!(sd.to_sddl().parse::<SecurityDescriptor>(), Ok(sd));
}

proptest! {
    #[test]
    fn any_bytes_have_a_value(
        tokens in prop::collection::vec(
            prop_oneof![
                Just(A.to_vec()),
                Just(ONE.to_vec()),
                Just(b"\x50\x0B\0\0\0\x04\x01\0\0\0\0\0\0\0\x03\x02".to_vec()),
                Just(b"\xF9\x0C\0\0\0l\0e\0v\0e\0l\0s\0".to_vec()),
                Just(b"\xF9\x02\0\0\0x\0".to_vec()),
                (0x80u8..0xA3).prop_map(|code| vec![code]),
                prop::collection::vec(any::<u8>(), 1..4),
            ],
            0..12,
        ),
    ) {
        let tokens: Vec<&[u8]> = tokens.iter().map(Vec::as_slice).collect();
        let _ = value_of_bytes(&tokens);
    }
}
