//! Runs `ordering.txt`: each case as a namespace with one folder, asked for it, its version 4 referral read back.

use std::sync::Arc;

use freehold_dfs::wire::{Entry, EntryFlags, HeaderFlags, ReferralResponse};
use freehold_dfs::{
    Distance, Fold, Folder, Kind, Namespace, NamespaceIndex, Namespaces, PriorityClass, State, Surroundings,
    Target, TargetState,
};
use freehold_dtyp::Guid;

/// A target with what the case says of it: where it is, and that it is dead.
struct Row {
    target: Target,
    distance: Distance,
    dead: bool,
}

fn row(text: &str) -> Row {
    let (rest, fate) = text.split_once('!').unwrap_or((text, ""));
    let (name, rest) = rest.split_once('@').unwrap_or_else(|| panic!("`{text}` has no site"));
    let mut parts = rest.split(':');
    let distance = match parts.next() {
        Some("same") => Distance::SameSite,
        Some("?") => Distance::Unknown,
        Some(cost) => Distance::Cost(cost.parse().unwrap()),
        None => panic!("`{text}` has no site"),
    };
    let mut target = Target::new(name, "share", "");
    target.priority.class = match parts.next().unwrap_or("sn") {
        "gh" => PriorityClass::GlobalHigh,
        "sh" => PriorityClass::SiteCostHigh,
        "sn" => PriorityClass::SiteCostNormal,
        "sl" => PriorityClass::SiteCostLow,
        "gl" => PriorityClass::GlobalLow,
        other => panic!("`{other}` is no class"),
    };
    target.priority.rank = parts.next().map_or(0, |rank| rank.parse().unwrap());
    match fate {
        "" | "dead" => {}
        "offline" => target.state = TargetState::Offline,
        other => panic!("`{other}` is no fate"),
    }
    Row { target, distance, dead: fate == "dead" }
}

fn namespaces(rules: &str, rows: &[Row]) -> Namespaces {
    let mut namespace = Namespace {
        name: "n".into(),
        guid: Guid([1; 16]),
        kind: Kind::StandAlone,
        comment: String::new(),
        state: State::Online,
        ttl_seconds: 300,
        options: Default::default(),
        targets: Vec::new(),
    };
    let mut folder = Folder {
        path: "l".into(),
        guid: Guid([2; 16]),
        comment: String::new(),
        state: State::Online,
        ttl_seconds: 1800,
        options: Default::default(),
        security: None,
        targets: rows.iter().map(|row| row.target.clone()).collect(),
    };
    for rule in rules.split_whitespace() {
        match rule {
            "none" => {}
            "costing" => namespace.options.site_costing = true,
            "insite" => namespace.options.insite_referrals = true,
            "link-insite" => folder.options.insite_referrals = true,
            "failback" => namespace.options.target_failback = true,
            "link-failback" => folder.options.target_failback = true,
            other => panic!("`{other}` is no rule"),
        }
    }
    let mut index = NamespaceIndex::new(Arc::new(namespace));
    index.insert(Fold::ASCII, Arc::new(folder)).unwrap();
    Namespaces::new(Fold::ASCII, [index])
}

/// The referral as the table writes it, members of a set by name.
fn told(all: &Namespaces, rows: &[Row], random: &mut dyn FnMut(usize) -> usize) -> String {
    let of = |target: &Target| rows.iter().find(|row| row.target.server == target.server).unwrap();
    let around = Surroundings {
        distance: &|target| of(target).distance,
        is_dead: &|target| of(target).dead,
        is_own: &|_| false,
    };
    let path: Vec<u16> = r"\server\n\l".encode_utf16().collect();
    let answer = all.refer(&path, &around, random).unwrap();
    assert_eq!(answer.told.len() + answer.left_out.len(), rows.len(), "nobody goes without a reason");
    let bytes = answer.encode(&path, 4, 4096).unwrap();
    let response = ReferralResponse::from_bytes(&bytes).unwrap();
    let mut sets: Vec<Vec<char>> = Vec::new();
    for entry in &response.entries {
        let Entry::Target { flags, address, .. } = entry else { panic!("{entry:?}") };
        if flags.contains(EntryFlags::TARGET_SET_BOUNDARY) {
            sets.push(Vec::new());
        }
        let name = char::from(address[2]);
        sets.last_mut().expect("the first entry starts a set").push(name);
    }
    let mut text: Vec<String> = Vec::new();
    for mut set in sets {
        set.sort_unstable();
        let names: Vec<_> = set.iter().map(char::to_string).collect();
        text.push(format!("[{}]", names.join(" ")));
    }
    if response.flags.contains(HeaderFlags::TARGET_FAILBACK) {
        text.push("T".into());
    }
    text.join(" ")
}

#[test]
fn the_table() {
    let mut cases = 0;
    for line in include_str!("ordering.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let [name, rules, targets, expected] = line.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
            panic!("`{line}` has not four columns");
        };
        let rows: Vec<Row> = targets.split_whitespace().map(row).collect();
        let all = namespaces(rules, &rows);
        // Whatever is drawn, the sets are the same.
        for seed in 0..20_usize {
            let mut draws = seed;
            let mut random = |below: usize| {
                draws = draws.wrapping_mul(31).wrapping_add(7);
                (draws >> 3) % below
            };
            assert_eq!(told(&all, &rows, &mut random), expected, "{name}");
        }
        cases += 1;
    }
    assert!(cases >= 30, "{cases} cases");
}
