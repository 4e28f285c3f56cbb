//! Entries and what is made of them.

use freehold_dfs::{Priority, PriorityClass};

use super::*;

const CONTAINER: &str = "CN=Dfs-Configuration,CN=System,DC=corp,DC=example";

fn namespace() -> Namespace {
    let mut second = Target::new("fs2.corp.example", "files", "");
    second.priority = Priority { class: PriorityClass::GlobalLow, rank: 3 };
    Namespace {
        name: "files".to_owned(),
        guid: Guid([7; 16]),
        kind: Kind::DomainBased { domain: "corp.example".to_owned() },
        comment: "All files".to_owned(),
        state: DfsState::Online,
        ttl_seconds: 300,
        options: NamespaceOptions { site_costing: true, target_failback: true, ..Default::default() },
        targets: vec![Target::new("fs1.corp.example", "files", ""), second],
    }
}

fn folder() -> Folder {
    Folder {
        path: r"projects\x".to_owned(),
        guid: Guid([9; 16]),
        comment: String::new(),
        state: DfsState::Offline,
        ttl_seconds: 1800,
        options: FolderOptions { interlink: true, ..Default::default() },
        security: Some(vec![1, 2, 3]),
        targets: vec![Target::new("fs3", "projects", "x")],
    }
}

fn time() -> FileTime {
    FileTime::from_unix(1_795_838_400, 0)
}

/// What the directory holds after an add.
fn entry(dn: &str, mut attributes: Attributes) -> Entry {
    attributes.push(texts("cn", &["files"]));
    attributes.push(texts("uSNChanged", &["41"]));
    attributes.push(texts("uSNCreated", &["40"]));
    Entry::new(dn, attributes)
}

fn link_entry() -> Entry {
    entry("CN=link-x", new_link(Guid([7; 16]), &folder(), Guid([1; 16]), time()))
}

/// What the directory holds after a modify.
fn apply(entry: &Entry, changes: &[Change]) -> Result<Entry, &'static str> {
    let mut attributes: Attributes =
        entry.attributes().map(|(name, values)| (name.to_owned(), values.to_vec())).collect();
    for change in changes {
        let (Change::Add(name, _) | Change::Delete(name, _) | Change::Replace(name, _)) = change;
        let place = attributes.iter().position(|(present, _)| present == name);
        match (change, place) {
            (Change::Add(_, values), Some(place)) => attributes[place].1.extend(values.clone()),
            (Change::Add(_, values), None) => attributes.push((name.clone(), values.clone())),
            (Change::Delete(..), None) => return Err("no such attribute"),
            (Change::Delete(_, values), Some(place)) if values.is_empty() => drop(attributes.remove(place)),
            (Change::Delete(_, values), Some(place)) => {
                let there = &mut attributes[place].1;
                if !values.iter().all(|value| there.contains(value)) {
                    return Err("no such value");
                }
                there.retain(|value| !values.contains(value));
            }
            (Change::Replace(_, values), Some(place)) => attributes[place].1.clone_from(values),
            (Change::Replace(_, values), None) => attributes.push((name.clone(), values.clone())),
        }
    }
    Ok(Entry::new(&entry.dn, attributes))
}

#[test]
fn names_are_those_of_the_specification() {
    let dn = namespace_dn(CONTAINER, "files");
    assert_eq!(dn, "CN=files,CN=files,CN=Dfs-Configuration,CN=System,DC=corp,DC=example");
    assert_eq!(anchor_dn(CONTAINER, "a,b"), format!("CN=a\\2cb,{CONTAINER}"));
    assert_eq!(generalized_time(time()), "20261128040000.0Z");
}

#[test]
fn a_new_namespace_has_every_mandatory_attribute_and_is_read_again() {
    let attributes = new_namespace(&namespace(), Guid([1; 16]), time());
    let names: Vec<&str> = attributes.iter().map(|(name, _)| name.as_str()).collect();
    // [MS-DFSNM] 2.3.4.2.
    for mandatory in [
        "msDFS-SchemaMajorVersion",
        "msDFS-SchemaMinorVersion",
        "msDFS-NamespaceIdentityGUIDv2",
        "msDFS-GenerationGUIDv2",
        "msDFS-LastModifiedv2",
        "msDFS-Ttlv2",
        "msDFS-TargetListv2",
        "msDFS-Propertiesv2",
    ] {
        assert!(names.contains(&mandatory), "{mandatory}");
    }
    let read = NamespaceEntry::of(&entry("CN=files", attributes), "corp.example").unwrap();
    assert_eq!(read.namespace, namespace());
    assert_eq!((read.origin.usn, read.origin.created, read.origin.generation), (41, 40, Guid([1; 16])));
}

#[test]
fn a_new_link_has_every_mandatory_attribute_and_is_read_again() {
    let entry = link_entry();
    // [MS-DFSNM] 2.3.4.3.
    assert_eq!(entry.text("msDFS-LinkPathv2"), Some("projects/x"));
    assert_eq!(entry.guid("msDFS-NamespaceIdentityGUIDv2"), Some(Guid([7; 16])));
    assert_eq!(entry.text("msDFS-LastModifiedv2"), Some("20261128040000.0Z"));
    let properties: Vec<&str> = entry.texts("msDFS-Propertiesv2").collect();
    assert_eq!(properties, ["Interlink=on", "State=Offline"]);
    assert_eq!(LinkEntry::of(&entry).unwrap().folder, folder());
    assert!(!is_deleted(&entry));
}

#[test]
fn what_is_left_of_a_link_has_its_identity() {
    let entry = entry("CN=x", deleted_link(Guid([7; 16]), &folder(), time()));
    assert!(is_deleted(&entry));
    assert_eq!(link_guid(&entry), Some(Guid([9; 16])));
    assert_eq!(entry.text("msDFS-LinkPathv2"), Some("projects/x"));
    assert_eq!(LinkEntry::of(&entry), Err(EntryError::Attribute("msDFS-TargetListv2")));
}

#[test]
fn a_change_writes_what_differs_and_keeps_what_is_not_known() {
    let mut given = link_entry();
    given = apply(
        &given,
        &[Change::Add(
            "msDFS-Propertiesv2".to_owned(),
            vec![b"Colour=red".to_vec(), b"ReferralSiteCosting=on".to_vec()],
        )],
    )
    .unwrap();
    let read = LinkEntry::of(&given).unwrap();
    let mut after = read.folder.clone();
    after.state = DfsState::Online;
    after.security = None;
    after.comment = "new".to_owned();
    after.targets.push(Target::new("fs4", "projects", ""));
    let changes = read.changes(&after, Guid([2; 16]), time());
    let now = apply(&given, &changes).unwrap();
    let again = LinkEntry::of(&now).unwrap();
    assert_eq!(again.folder, after);
    assert_eq!(again.origin.generation, Guid([2; 16]));
    assert_eq!(again.origin.properties, ["Colour=red", "ReferralSiteCosting=on"]);
    // The second of two who read the same is refused: what it would take away is not there any more.
    assert_eq!(apply(&now, &read.changes(&read.folder, Guid([3; 16]), time())).unwrap_err(), "no such value");
    // Nothing but the generation and the time is written for what stays.
    assert_eq!(read.changes(&read.folder, Guid([3; 16]), time()).len(), 3);
}

#[test]
fn a_namespace_is_changed_in_the_same_way() {
    let given = entry("CN=files", new_namespace(&namespace(), Guid([1; 16]), time()));
    let read = NamespaceEntry::of(&given, "corp.example").unwrap();
    let mut after = read.namespace.clone();
    after.comment.clear();
    after.options.access_based_enumeration = true;
    after.ttl_seconds = 600;
    after.targets.remove(0);
    let now = apply(&given, &read.changes(&after, Guid([2; 16]), time())).unwrap();
    assert_eq!(NamespaceEntry::of(&now, "corp.example").unwrap().namespace, after);
    assert!(now.bytes("msDFS-Commentv2").is_none());
}

#[test]
fn what_is_malformed_is_named() {
    let without = |name: &str| {
        let entry = link_entry();
        let kept = entry.attributes().filter(|(present, _)| *present != name);
        let attributes = kept.map(|(name, values)| (name.to_owned(), values.to_vec())).collect();
        LinkEntry::of(&Entry::new("CN=x", attributes)).unwrap_err().to_string()
    };
    for name in [
        "msDFS-LinkPathv2",
        "msDFS-LinkIdentityGUIDv2",
        "msDFS-GenerationGUIDv2",
        "msDFS-Ttlv2",
        "msDFS-TargetListv2",
    ] {
        assert_eq!(without(name), format!("{name} is missing or malformed"));
    }
    let of_version = |version: &str| {
        let mut attributes = new_namespace(&namespace(), Guid([1; 16]), time());
        attributes.retain(|(name, _)| name != "msDFS-SchemaMajorVersion");
        attributes.push(texts("msDFS-SchemaMajorVersion", &[version]));
        NamespaceEntry::of(&entry("CN=x", attributes), "d")
    };
    assert_eq!(of_version("3"), Err(EntryError::Version(3)));
    // The directory's number is signed.
    let mut attributes = new_link(Guid([7; 16]), &folder(), Guid([1; 16]), time());
    attributes.retain(|(name, _)| name != "msDFS-Ttlv2");
    attributes.push(texts("msDFS-Ttlv2", &["-1"]));
    assert_eq!(LinkEntry::of(&entry("CN=x", attributes)).unwrap().folder.ttl_seconds, MAX_TTL_SECONDS);
}
