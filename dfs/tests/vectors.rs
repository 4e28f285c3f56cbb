//! Referrals of Samba's servers, byte for byte (`tests/vectors/samba.txt`, made by `tests/ad/capture_dfs.py`): every request is
//! read and written to the same bytes; every reply is read as what the servers were set up to say, and written by this crate
//! to the same bytes where the specification leaves no choice. Where it differs, a test says in what and why.

use freehold_dfs::wire::{
    Entry, EntryFlags, HeaderFlags, Referral, ReferralRequest, ReferralResponse, Row, encode_name_list,
};
use freehold_dtyp::Writer;

const CAPTURED: &str = include_str!("vectors/samba.txt");

/// Who was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Server {
    StandAlone,
    /// The only controller of its domain.
    Controller,
    /// One of two controllers.
    OneOfTwo,
}

/// A request and its reply.
struct Vector {
    server: Server,
    /// What is asked for, without the level.
    what: &'static str,
    level: u16,
    extended: bool,
    request: Vec<u8>,
    status: u32,
    reply: Option<Vec<u8>>,
}

fn hex(digits: &str) -> Vec<u8> {
    let digits = digits.as_bytes();
    assert_eq!(digits.len() % 2, 0);
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn vectors() -> Vec<Vector> {
    let mut found = Vec::new();
    for section in CAPTURED.split("# ").skip(1) {
        let (origin, rest) = section.split_once('\n').unwrap();
        let server = match origin {
            _ if origin.contains("as one of two domain controllers") => Server::OneOfTwo,
            _ if origin.contains("as a domain controller") => Server::Controller,
            _ => Server::StandAlone,
        };
        for text in rest.split("= ").skip(1) {
            let mut lines = text.lines();
            let (what, level) = lines.next().unwrap().rsplit_once(", level ").unwrap();
            let field = |name: &str| {
                let mut values = text.lines().skip(1).filter_map(|line| line.split_once(' '));
                values.find(|(key, _)| *key == name).map(|(_, value)| value)
            };
            found.push(Vector {
                server,
                what,
                level: level.parse().unwrap(),
                extended: field("code") == Some("ex"),
                request: hex(field("request").unwrap()),
                status: u32::from_str_radix(field("status").unwrap().trim_start_matches("0x"), 16).unwrap(),
                reply: field("reply").map(hex),
            });
        }
    }
    found
}

fn le(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// What a server was set up to answer.
struct Expected {
    path: &'static str,
    root: bool,
    flags: HeaderFlags,
    ttl_seconds: u32,
    targets: &'static [&'static str],
}

/// The answers with targets, as `tests/ad/capture_dfs.py` made the shares and links; the times to live are Samba's.
fn expected(vector: &Vector) -> Option<Expected> {
    let link = |path, targets| Expected {
        path,
        root: false,
        flags: HeaderFlags::STORAGE_SERVERS,
        ttl_seconds: 600,
        targets,
    };
    let sysvol = |path, targets| Expected {
        // Its referrals of version 4 are to be kept longer.
        ttl_seconds: if vector.level == 4 { 900 } else { 600 },
        ..link(path, targets)
    };
    Some(match (vector.server, vector.what) {
        (Server::StandAlone, "root") => Expected {
            path: r"\127.0.0.1\files",
            root: true,
            flags: HeaderFlags::REFERRAL_SERVERS | HeaderFlags::STORAGE_SERVERS,
            ttl_seconds: 600,
            targets: &[r"\127.0.0.1\files"],
        },
        (Server::StandAlone, "link" | "path below a link") => {
            link(r"\127.0.0.1\files\one", &[r"\second.example\data"])
        }
        (Server::StandAlone, "link in other case") => {
            link(r"\127.0.0.1\FILES\ONE", &[r"\second.example\data"])
        }
        (Server::StandAlone, "link with three targets") => link(
            r"\127.0.0.1\files\three",
            &[r"\second.example\data", r"\third.example\data\deep", r"\10.1.2.3\data"],
        ),
        (Server::StandAlone, "link outside of ASCII") => {
            link("\\127.0.0.1\\files\\ümlaut", &["\\zweite.example\\Daten ü"])
        }
        (Server::Controller, "sysvol") => sysvol(r"\corp.example\sysvol", &[r"\dc1.corp.example\sysvol"]),
        (Server::Controller, "netlogon by the short name") => sysvol(r"\CORP\netlogon", &[r"\DC1\netlogon"]),
        _ => return None,
    })
}

/// Answers with names: each special name with its expanded ones.
fn expected_names(vector: &Vector) -> Option<&'static [(&'static str, &'static [&'static str])]> {
    match (vector.server, vector.what) {
        (Server::Controller, "domains") => Some(&[(r"\CORP", &[]), (r"\corp.example", &[])]),
        // DIFFERS from [MS-DFSC] 2.2.5.3.2, where SpecialName begins with a backslash as the expanded names do.
        (Server::Controller, "controllers of the domain") => {
            Some(&[("corp.example", &[r"\dc1.corp.example"])])
        }
        (Server::Controller, "controllers of the domain by its short name") => Some(&[("CORP", &[r"\DC1"])]),
        _ => None,
    }
}

fn each(mut judge: impl FnMut(&Vector)) {
    let vectors = vectors();
    assert_eq!(vectors.len(), 86, "all that were captured");
    for vector in &vectors {
        println!("{:?}: {}, level {}", vector.server, vector.what, vector.level);
        judge(vector);
    }
}

#[test]
fn every_request_is_read_and_written_to_the_same_bytes() {
    each(|vector| {
        let mut writer = Writer::new();
        if vector.extended {
            let request = ReferralRequest::from_bytes_ex(&vector.request).unwrap();
            assert_eq!(request.max_referral_level, vector.level);
            let site = vector.what.contains("with a site").then(|| le("Default-First-Site-Name"));
            assert_eq!(request.site_name, site.as_deref());
            request.encode_ex(&mut writer);
        } else {
            let request = ReferralRequest::from_bytes(&vector.request).unwrap();
            assert_eq!(request.max_referral_level, vector.level);
            if let Some(expected) = expected(vector) {
                assert!(request.request_file_name.starts_with(&le(expected.path)));
            }
            request.encode(&mut writer);
        }
        assert_eq!(writer.into_bytes(), vector.request);
    });
}

/// The version that Samba answers in: its smbd has neither 1 nor 4, its controller none below 3 and 4 for SYSVOL only.
fn samba_version(vector: &Vector) -> u16 {
    match vector.level {
        1 | 2 => 2,
        4 if vector.server == Server::Controller && expected(vector).is_some() => 4,
        _ => 3,
    }
}

#[test]
fn every_reply_is_read_as_what_the_server_was_set_up_to_say() {
    let mut with_targets = 0;
    each(|vector| {
        let Some(bytes) = &vector.reply else { return };
        let Some(wanted) = expected(vector) else { return };
        with_targets += 1;
        let reply = ReferralResponse::from_bytes(bytes).unwrap();
        assert_eq!(usize::from(reply.path_consumed), le(wanted.path).len());
        assert_eq!(reply.flags, wanted.flags);
        assert_eq!(reply.entries.len(), wanted.targets.len());
        for (place, (entry, target)) in reply.entries.iter().zip(wanted.targets).enumerate() {
            let version = samba_version(vector);
            let boundary = version == 4 && place == 0;
            assert_eq!(
                *entry,
                Entry::Target {
                    version,
                    root: wanted.root,
                    flags: if boundary { EntryFlags::TARGET_SET_BOUNDARY } else { EntryFlags::empty() },
                    ttl_seconds: wanted.ttl_seconds,
                    path: &le(wanted.path),
                    alternate: &le(wanted.path),
                    address: &le(target),
                }
            );
        }
    });
    assert_eq!(with_targets, 6 * 4 + 2 * 2);
}

#[test]
fn lists_of_names_are_read() {
    let mut lists = 0;
    each(|vector| {
        let (Some(bytes), Some(wanted)) = (&vector.reply, expected_names(vector)) else { return };
        lists += 1;
        let reply = ReferralResponse::from_bytes(bytes).unwrap();
        assert_eq!((reply.path_consumed, reply.flags), (0, HeaderFlags::empty()));
        let found: Vec<_> = reply.entries.iter().map(named).collect();
        assert_eq!(found, spelled(wanted));
        // DIFFERS in layout: Samba pads these entries with 16 bytes to the size of the others, which 2.2.5.3.2 leaves to the
        // server. What is said is the same.
        let ours = encode_name_list(600, HeaderFlags::empty(), wanted);
        assert_eq!(ours.len() + 16 * wanted.len(), bytes.len());
        let again = ReferralResponse::from_bytes(&ours).unwrap();
        assert_eq!(again.entries.iter().map(named).collect::<Vec<_>>(), spelled(wanted));
    });
    assert_eq!(lists, 3 * 2);
}

/// An entry with names, in bytes of its own.
#[derive(Debug, PartialEq, Eq)]
struct NameList {
    version: u16,
    ttl_seconds: u32,
    special: Vec<u8>,
    expanded: Vec<Vec<u8>>,
}

fn named(entry: &Entry<'_>) -> NameList {
    let Entry::Names { version, ttl_seconds, special, expanded } = entry else { panic!("{entry:?}") };
    NameList {
        version: *version,
        ttl_seconds: *ttl_seconds,
        special: special.to_vec(),
        expanded: expanded.iter().map(|name| name.to_vec()).collect(),
    }
}

fn spelled(lists: &[(&str, &[&str])]) -> Vec<NameList> {
    let list = |(special, expanded): &(&str, &[&str])| NameList {
        version: 3,
        ttl_seconds: 600,
        special: le(special),
        expanded: expanded.iter().map(|name| le(name)).collect(),
    };
    lists.iter().map(list).collect()
}

#[test]
fn replies_with_one_target_are_written_to_the_same_bytes() {
    let mut same = 0;
    each(|vector| {
        let (Some(bytes), Some(wanted)) = (&vector.reply, expected(vector)) else { return };
        let path: Vec<u16> = wanted.path.encode_utf16().collect();
        let referral =
            Referral { path: &path, root: wanted.root, flags: wanted.flags, ttl_seconds: wanted.ttl_seconds };
        let rows: Vec<_> = wanted
            .targets
            .iter()
            .enumerate()
            .map(|(place, target)| Row { target, starts_set: place == 0 })
            .collect();
        let ours = referral.encode(samba_version(vector), 4096, &rows).unwrap();
        if wanted.targets.len() == 1 {
            assert_eq!(ours, *bytes);
            same += 1;
            return;
        }
        // DIFFERS in layout: Samba writes the path and its alternate once for each target, Windows ([MS-DFSC] 4.5) and this
        // crate once for all. The fixed parts are the same but for the offsets, and so is what they lead to.
        assert!(ours.len() < bytes.len());
        let (ours, theirs) =
            (ReferralResponse::from_bytes(&ours).unwrap(), ReferralResponse::from_bytes(bytes).unwrap());
        assert_eq!(ours, theirs);
    });
    assert_eq!(same, 5 * 4 + 2 * 2);
}

/// Two controllers are told in an order that changes from answer to answer; in version 4 the first of them starts the only target
/// set.
#[test]
fn two_controllers_are_told_in_any_order() {
    let mut answers = 0;
    each(|vector| {
        if vector.server != Server::OneOfTwo {
            return;
        }
        answers += 1;
        let bytes = vector.reply.as_ref().unwrap();
        let reply = ReferralResponse::from_bytes(bytes).unwrap();
        if vector.what == "controllers of the domain" {
            let [Entry::Names { version: 3, ttl_seconds: 600, special, expanded }] = &reply.entries[..]
            else {
                panic!("{reply:?}")
            };
            assert_eq!(*special, le("corp.example"));
            let mut names = expanded.clone();
            names.sort_unstable();
            assert_eq!(names, [le(r"\dc1.corp.example"), le(r"\dc2.corp.example")]);
            return;
        }
        let (path, targets) = match vector.what {
            "sysvol" => (r"\corp.example\sysvol", [r"\dc1.corp.example\sysvol", r"\dc2.corp.example\sysvol"]),
            _ => (r"\CORP\netlogon", [r"\DC1\netlogon", r"\DC2\netlogon"]),
        };
        let told: Vec<&str> = reply
            .entries
            .iter()
            .map(|entry| {
                let Entry::Target { address, .. } = entry else { panic!("{entry:?}") };
                *targets.iter().find(|target| le(target) == *address).unwrap()
            })
            .collect();
        assert!(told == targets || told.iter().rev().eq(&targets), "{told:?}");
        // What they say in that order is what this crate writes.
        let units: Vec<u16> = path.encode_utf16().collect();
        let ttl_seconds = if vector.level == 4 { 900 } else { 600 };
        let referral =
            Referral { path: &units, root: false, flags: HeaderFlags::STORAGE_SERVERS, ttl_seconds };
        let rows: Vec<_> =
            told.iter().enumerate().map(|(place, target)| Row { target, starts_set: place == 0 }).collect();
        let ours = referral.encode(vector.level, 4096, &rows).unwrap();
        assert_eq!(ReferralResponse::from_bytes(&ours).unwrap(), reply);
    });
    assert_eq!(answers, 6);
}

/// What this crate says at the levels where Samba answers in another version than it was asked for: [MS-DFSC] 3.2.5.5 has the
/// server answer in the highest version that both know.
#[test]
fn levels_are_answered_in_their_own_version() {
    each(|vector| {
        let Some(wanted) = expected(vector) else { return };
        let path: Vec<u16> = wanted.path.encode_utf16().collect();
        let referral =
            Referral { path: &path, root: wanted.root, flags: wanted.flags, ttl_seconds: wanted.ttl_seconds };
        let rows: Vec<_> = wanted.targets.iter().map(|target| Row { target, starts_set: true }).collect();
        let ours = referral.encode(vector.level, 4096, &rows).unwrap();
        let reply = ReferralResponse::from_bytes(&ours).unwrap();
        for entry in &reply.entries {
            match entry {
                Entry::Share { root, .. } => assert_eq!((vector.level, *root), (1, wanted.root)),
                Entry::Target { version, .. } => assert_eq!(*version, vector.level),
                Entry::Names { .. } => panic!("no names were asked for"),
            }
        }
    });
}

/// Statuses of what is refused, and where this server answers another.
#[test]
fn refusals_are_as_captured() {
    each(|vector| {
        let wanted = match (vector.server, vector.what) {
            // Neither server knows the extended form: FS_DRIVER_REQUIRED. This one answers it.
            (_, what) if what.starts_with("extended") => 0xC000_019C,
            // DIFFERS: of a path that is no link this server gives the referral of the root ([MS-DFSC] 3.2.5.5).
            (Server::StandAlone, "path that is no link") => 0xC000_003A,
            // DIFFERS: this server says INVALID_PARAMETER ([MS-DFSC] 3.2.5.2 and 3.2.5.3: no controller).
            (Server::StandAlone, "domains" | "server only") => 0xC000_0225,
            (Server::StandAlone, "share that is no root" | "no such share") => 0xC000_0225,
            (Server::Controller, "path in sysvol" | "share of the domain that is no root") => 0xC000_0225,
            (Server::Controller, "controllers of another domain") => 0xC000_000D,
            (Server::Controller, _) if vector.level < 3 => 0xC000_0001,
            _ => 0,
        };
        assert_eq!(vector.status, wanted);
        assert_eq!(vector.reply.is_some(), wanted == 0);
    });
}
