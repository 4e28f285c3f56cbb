//! Entries of the directory as namespaces and folders, and back ([MS-DFSNM] 2.3.4). Pure.
//!
//! What an entry has beyond what the model keeps, properties that are not known and parts of its list of targets, is kept beside it
//! and written back with a change.

use freehold_dfs::check::MAX_TTL_SECONDS;
use freehold_dfs::{Folder, FolderOptions, Kind, Namespace, NamespaceOptions, State as DfsState, Target};
use freehold_dtyp::{FileTime, Guid};

use super::target_list::{TargetList, TargetListError};
use crate::domain::ldap::{Change, Entry};

/// Attributes of an entry, as an LDAP add takes them.
pub(super) type Attributes = Vec<(String, Vec<Vec<u8>>)>;

/// msDFS-SchemaMajorVersion of what is understood.
const MAJOR_VERSION: i64 = 2;
/// The DN of the entry of a link begins so; its identity follows.
const LINK_PREFIX: &str = "link-";
/// The same of the dynamic entry that is left of a link.
const DELETED_PREFIX: &str = "deleted-link-";
/// How long what is left of a link stays, in seconds: servers that were away for longer read all links anew.
const DELETED_TTL_SECONDS: u32 = 7 * 24 * 3600;

/// What is read of the entry of a namespace.
pub(super) const NAMESPACE_ATTRIBUTES: [&str; 10] = [
    "cn",
    "msDFS-SchemaMajorVersion",
    "msDFS-NamespaceIdentityGUIDv2",
    "msDFS-GenerationGUIDv2",
    "msDFS-Ttlv2",
    "msDFS-TargetListv2",
    "msDFS-Propertiesv2",
    "msDFS-Commentv2",
    "uSNChanged",
    "uSNCreated",
];
/// What is read of the entry of a link, or of what is left of one.
pub(super) const LINK_ATTRIBUTES: [&str; 11] = [
    "objectClass",
    "msDFS-LinkIdentityGUIDv2",
    "msDFS-GenerationGUIDv2",
    "msDFS-LinkPathv2",
    "msDFS-LinkSecurityDescriptorv2",
    "msDFS-Ttlv2",
    "msDFS-TargetListv2",
    "msDFS-Propertiesv2",
    "msDFS-Commentv2",
    "uSNChanged",
    "uSNCreated",
];

/// An entry that is no namespace or link of version 2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// A mandatory attribute is missing or not of its syntax.
    #[error("{0} is missing or malformed")]
    Attribute(&'static str),
    /// It is of a version that is not understood.
    #[error("msDFS-SchemaMajorVersion is {0}; version {MAJOR_VERSION} is understood")]
    Version(i64),
    /// Its list of targets cannot be read.
    #[error("msDFS-TargetListv2: {0}")]
    Targets(#[from] TargetListError),
}

/// What is the same of both kinds of entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// Distinguished name.
    pub(super) dn: String,
    /// Update sequence number of the last change at the domain controller that was asked.
    pub(super) usn: i64,
    /// The same of its making.
    pub(super) created: i64,
    /// What the next change replaces.
    pub(super) generation: Guid,
    list: TargetList,
    /// Properties that are not known.
    properties: Vec<String>,
    comment: bool,
    security: bool,
}

/// The entry of a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamespaceEntry {
    pub(super) origin: Origin,
    pub(super) namespace: Namespace,
}

/// The entry of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LinkEntry {
    pub(super) origin: Origin,
    pub(super) folder: Folder,
}

impl NamespaceEntry {
    /// Reads an entry of the class msDFS-Namespacev2.
    pub(super) fn of(entry: &Entry, domain: &str) -> Result<Self, EntryError> {
        let version = entry.integer("msDFS-SchemaMajorVersion").unwrap_or_default();
        if version != MAJOR_VERSION {
            return Err(EntryError::Version(version));
        }
        let properties = Properties::of(entry);
        let origin = Origin::of(entry, properties.unknown(&NAMESPACE_PROPERTIES))?;
        Ok(NamespaceEntry {
            namespace: Namespace {
                name: entry.text("cn").ok_or(EntryError::Attribute("cn"))?.to_owned(),
                guid: guid(entry, "msDFS-NamespaceIdentityGUIDv2")?,
                kind: Kind::DomainBased { domain: domain.to_owned() },
                comment: entry.text("msDFS-Commentv2").unwrap_or_default().to_owned(),
                state: properties.state(),
                ttl_seconds: ttl(entry)?,
                options: NamespaceOptions {
                    insite_referrals: properties.has(INSITE),
                    root_scalability: properties.has(SCALABILITY),
                    site_costing: properties.has(SITE_COSTING),
                    target_failback: properties.has(FAILBACK),
                    access_based_enumeration: properties.has(ABDE),
                },
                targets: origin.list.targets.clone(),
            },
            origin,
        })
    }

    /// What makes the namespace of this entry another one. Refused by the directory when somebody else was faster.
    pub(super) fn changes(&self, after: &Namespace, generation: Guid, now: FileTime) -> Vec<Change> {
        let mut changes = self.origin.claim(generation, now);
        let before = &self.namespace;
        if before.ttl_seconds != after.ttl_seconds {
            changes.push(replace("msDFS-Ttlv2", ttl_text(after.ttl_seconds)));
        }
        if before.comment != after.comment {
            changes.extend(self.origin.comment(&after.comment));
        }
        if before.options != after.options || before.state != after.state {
            changes.push(Change::Replace(
                "msDFS-Propertiesv2".to_owned(),
                self.origin.properties(namespace_properties(after)),
            ));
        }
        if before.targets != after.targets {
            changes.push(self.origin.targets(&after.targets));
        }
        changes
    }

    /// What says that something below has changed, for those who are told by the namespace alone.
    pub(super) fn touch(&self, generation: Guid, now: FileTime) -> Vec<Change> {
        self.origin.claim(generation, now)
    }
}

impl LinkEntry {
    /// Reads an entry of the class msDFS-Linkv2.
    pub(super) fn of(entry: &Entry) -> Result<Self, EntryError> {
        let properties = Properties::of(entry);
        let origin = Origin::of(entry, properties.unknown(&LINK_PROPERTIES))?;
        Ok(LinkEntry {
            folder: Folder {
                path: path(entry)?,
                guid: guid(entry, "msDFS-LinkIdentityGUIDv2")?,
                comment: entry.text("msDFS-Commentv2").unwrap_or_default().to_owned(),
                state: properties.state(),
                ttl_seconds: ttl(entry)?,
                options: FolderOptions {
                    insite_referrals: properties.has(INSITE),
                    target_failback: properties.has(FAILBACK),
                    interlink: properties.has(INTERLINK),
                },
                security: entry.bytes("msDFS-LinkSecurityDescriptorv2").map(<[u8]>::to_vec),
                targets: origin.list.targets.clone(),
            },
            origin,
        })
    }

    /// What makes the link of this entry another one. Refused by the directory when somebody else was faster.
    pub(super) fn changes(&self, after: &Folder, generation: Guid, now: FileTime) -> Vec<Change> {
        let mut changes = self.origin.claim(generation, now);
        let before = &self.folder;
        if before.path != after.path {
            changes.push(replace("msDFS-LinkPathv2", slashes(&after.path)));
        }
        if before.ttl_seconds != after.ttl_seconds {
            changes.push(replace("msDFS-Ttlv2", ttl_text(after.ttl_seconds)));
        }
        if before.comment != after.comment {
            changes.extend(self.origin.comment(&after.comment));
        }
        if before.security != after.security {
            let name = "msDFS-LinkSecurityDescriptorv2".to_owned();
            match &after.security {
                Some(bytes) => changes.push(Change::Replace(name, vec![bytes.clone()])),
                None if self.origin.security => changes.push(Change::Delete(name, Vec::new())),
                None => {}
            }
        }
        if before.options != after.options || before.state != after.state {
            changes.push(Change::Replace(
                "msDFS-Propertiesv2".to_owned(),
                self.origin.properties(link_properties(after)),
            ));
        }
        if before.targets != after.targets {
            changes.push(self.origin.targets(&after.targets));
        }
        changes
    }
}

impl Origin {
    fn of(entry: &Entry, properties: Vec<String>) -> Result<Self, EntryError> {
        let list = entry.bytes("msDFS-TargetListv2").ok_or(EntryError::Attribute("msDFS-TargetListv2"))?;
        Ok(Origin {
            dn: entry.dn.clone(),
            usn: entry.integer("uSNChanged").unwrap_or_default(),
            created: entry.integer("uSNCreated").unwrap_or_default(),
            generation: guid(entry, "msDFS-GenerationGUIDv2")?,
            list: TargetList::decode(list)?,
            properties,
            comment: entry.bytes("msDFS-Commentv2").is_some(),
            security: entry.bytes("msDFS-LinkSecurityDescriptorv2").is_some(),
        })
    }

    /// Takes the generation away that was read, so that of two who change the same entry the second is refused.
    fn claim(&self, generation: Guid, now: FileTime) -> Vec<Change> {
        let name = "msDFS-GenerationGUIDv2".to_owned();
        vec![
            Change::Delete(name.clone(), vec![self.generation.0.to_vec()]),
            Change::Add(name, vec![generation.0.to_vec()]),
            replace("msDFS-LastModifiedv2", generalized_time(now)),
        ]
    }

    fn comment(&self, comment: &str) -> Option<Change> {
        let name = "msDFS-Commentv2";
        match comment {
            "" => self.comment.then(|| Change::Delete(name.to_owned(), Vec::new())),
            comment => Some(replace(name, comment.to_owned())),
        }
    }

    fn properties(&self, known: Vec<String>) -> Vec<Vec<u8>> {
        known.iter().chain(&self.properties).map(|property| property.as_bytes().to_vec()).collect()
    }

    fn targets(&self, targets: &[Target]) -> Change {
        Change::Replace("msDFS-TargetListv2".to_owned(), vec![self.list.encode(targets)])
    }
}

/// What is below the container `base` for the namespace `name`: its anchor ([MS-DFSNM] 2.3.4.1).
pub(super) fn anchor_dn(container: &str, name: &str) -> String {
    format!("CN={},{container}", ldap3_escape(name))
}

/// The entry of the namespace itself, below its anchor.
pub(super) fn namespace_dn(container: &str, name: &str) -> String {
    format!("CN={},{}", ldap3_escape(name), anchor_dn(container, name))
}

/// The entry of a link.
pub(super) fn link_dn(namespace: &str, guid: Guid) -> String {
    format!("CN={LINK_PREFIX}{guid},{namespace}")
}

/// The entry that is left of a link.
pub(super) fn deleted_link_dn(namespace: &str, guid: Guid) -> String {
    format!("CN={DELETED_PREFIX}{guid},{namespace}")
}

fn ldap3_escape(name: &str) -> String {
    crate::domain::ldap::dn_escape(name).into_owned()
}

/// The attributes of a new anchor.
pub(super) fn new_anchor() -> Attributes {
    vec![texts("objectClass", &["msDFS-NamespaceAnchor"]), texts("msDFS-SchemaMajorVersion", &["2"])]
}

/// The attributes of a new namespace ([MS-DFSNM] 2.3.4.2).
pub(super) fn new_namespace(namespace: &Namespace, generation: Guid, now: FileTime) -> Attributes {
    let mut attributes = vec![
        texts("objectClass", &["msDFS-Namespacev2"]),
        texts("msDFS-SchemaMajorVersion", &["2"]),
        texts("msDFS-SchemaMinorVersion", &["0"]),
        octets("msDFS-NamespaceIdentityGUIDv2", namespace.guid.0.to_vec()),
        octets("msDFS-GenerationGUIDv2", generation.0.to_vec()),
        texts("msDFS-LastModifiedv2", &[&generalized_time(now)]),
        texts("msDFS-Ttlv2", &[&ttl_text(namespace.ttl_seconds)]),
        octets("msDFS-TargetListv2", TargetList::default().encode(&namespace.targets)),
        properties("msDFS-Propertiesv2", namespace_properties(namespace)),
    ];
    if !namespace.comment.is_empty() {
        attributes.push(texts("msDFS-Commentv2", &[&namespace.comment]));
    }
    attributes
}

/// The attributes of a new link ([MS-DFSNM] 2.3.4.3).
pub(super) fn new_link(namespace: Guid, folder: &Folder, generation: Guid, now: FileTime) -> Attributes {
    let mut attributes = vec![
        texts("objectClass", &["msDFS-Linkv2"]),
        octets("msDFS-NamespaceIdentityGUIDv2", namespace.0.to_vec()),
        octets("msDFS-LinkIdentityGUIDv2", folder.guid.0.to_vec()),
        octets("msDFS-GenerationGUIDv2", generation.0.to_vec()),
        texts("msDFS-LinkPathv2", &[&slashes(&folder.path)]),
        texts("msDFS-LastModifiedv2", &[&generalized_time(now)]),
        texts("msDFS-Ttlv2", &[&ttl_text(folder.ttl_seconds)]),
        octets("msDFS-TargetListv2", TargetList::default().encode(&folder.targets)),
        properties("msDFS-Propertiesv2", link_properties(folder)),
    ];
    if !folder.comment.is_empty() {
        attributes.push(texts("msDFS-Commentv2", &[&folder.comment]));
    }
    if let Some(security) = &folder.security {
        attributes.push(octets("msDFS-LinkSecurityDescriptorv2", security.clone()));
    }
    attributes
}

/// The attributes of what is left of a link ([MS-DFSNM] 2.3.4.4): a dynamic entry, which the directory takes away by itself.
pub(super) fn deleted_link(namespace: Guid, folder: &Folder, now: FileTime) -> Attributes {
    vec![
        texts("objectClass", &["msDFS-DeletedLinkv2", "dynamicObject"]),
        texts("entryTTL", &[&DELETED_TTL_SECONDS.to_string()]),
        octets("msDFS-NamespaceIdentityGUIDv2", namespace.0.to_vec()),
        octets("msDFS-LinkIdentityGUIDv2", folder.guid.0.to_vec()),
        texts("msDFS-LastModifiedv2", &[&generalized_time(now)]),
        texts("msDFS-LinkPathv2", &[&slashes(&folder.path)]),
    ]
}

/// The identity of a link, whole or what is left of it.
pub(super) fn link_guid(entry: &Entry) -> Option<Guid> {
    entry.guid("msDFS-LinkIdentityGUIDv2")
}

/// It is what is left of a link.
pub(super) fn is_deleted(entry: &Entry) -> bool {
    entry.texts("objectClass").any(|class| class.eq_ignore_ascii_case("msDFS-DeletedLinkv2"))
}

const ABDE: &str = "ABDE=on";
const INSITE: &str = "InsiteReferral=on";
const SITE_COSTING: &str = "ReferralSiteCosting=on";
const SCALABILITY: &str = "RootScalability=on";
const FAILBACK: &str = "TargetFailback=on";
const INTERLINK: &str = "Interlink=on";
const OKAY: &str = "State=Okay";
const OFFLINE: &str = "State=Offline";
const ONLINE: &str = "State=Online";
/// Properties of a namespace that the model keeps.
const NAMESPACE_PROPERTIES: [&str; 8] =
    [ABDE, INSITE, SITE_COSTING, SCALABILITY, FAILBACK, OKAY, OFFLINE, ONLINE];
/// Those of a link: costing of a single link is not in the model, and stays as it is.
const LINK_PROPERTIES: [&str; 6] = [INSITE, FAILBACK, INTERLINK, OKAY, OFFLINE, ONLINE];

/// msDFS-Propertiesv2. A comparison of strings is all it takes, says [MS-DFSNM] 2.3.4.2.
struct Properties<'e>(Vec<&'e str>);

impl<'e> Properties<'e> {
    fn of(entry: &'e Entry) -> Self {
        Properties(entry.texts("msDFS-Propertiesv2").collect())
    }

    fn has(&self, property: &str) -> bool {
        self.0.iter().any(|one| one.eq_ignore_ascii_case(property))
    }

    fn state(&self) -> DfsState {
        if self.has(OFFLINE) { DfsState::Offline } else { DfsState::Online }
    }

    fn unknown(&self, known: &[&str]) -> Vec<String> {
        let is_known = |property: &str| known.iter().any(|one| one.eq_ignore_ascii_case(property));
        self.0.iter().filter(|property| !is_known(property)).map(|property| (*property).to_owned()).collect()
    }
}

fn namespace_properties(namespace: &Namespace) -> Vec<String> {
    let options = &namespace.options;
    set(&[
        (ABDE, options.access_based_enumeration),
        (INSITE, options.insite_referrals),
        (SITE_COSTING, options.site_costing),
        (SCALABILITY, options.root_scalability),
        (FAILBACK, options.target_failback),
        (OKAY, namespace.state == DfsState::Online),
        (OFFLINE, namespace.state == DfsState::Offline),
    ])
}

fn link_properties(folder: &Folder) -> Vec<String> {
    let options = &folder.options;
    set(&[
        (INSITE, options.insite_referrals),
        (FAILBACK, options.target_failback),
        (INTERLINK, options.interlink),
        (OKAY, folder.state == DfsState::Online),
        (OFFLINE, folder.state == DfsState::Offline),
    ])
}

fn set(properties: &[(&str, bool)]) -> Vec<String> {
    properties.iter().filter(|(_, set)| *set).map(|(name, _)| (*name).to_owned()).collect()
}

fn guid(entry: &Entry, name: &'static str) -> Result<Guid, EntryError> {
    entry.guid(name).ok_or(EntryError::Attribute(name))
}

/// A 32-bit number that is signed in the directory and not in the protocol; brought into what clients may be told.
fn ttl(entry: &Entry) -> Result<u32, EntryError> {
    let found = entry.integer("msDFS-Ttlv2").and_then(|ttl| i32::try_from(ttl).ok());
    let seconds = found.ok_or(EntryError::Attribute("msDFS-Ttlv2"))?.cast_unsigned();
    Ok(seconds.clamp(1, MAX_TTL_SECONDS))
}

fn ttl_text(seconds: u32) -> String {
    seconds.cast_signed().to_string()
}

/// Separators are slashes in the directory.
fn path(entry: &Entry) -> Result<String, EntryError> {
    let path = entry.text("msDFS-LinkPathv2").ok_or(EntryError::Attribute("msDFS-LinkPathv2"))?;
    Ok(path.replace('/', "\\").trim_matches('\\').to_owned())
}

/// A path as the directory has it.
pub(super) fn slashes(path: &str) -> String {
    path.replace('\\', "/")
}

fn texts(name: &str, values: &[&str]) -> (String, Vec<Vec<u8>>) {
    (name.to_owned(), values.iter().map(|value| value.as_bytes().to_vec()).collect())
}

fn octets(name: &str, value: Vec<u8>) -> (String, Vec<Vec<u8>>) {
    (name.to_owned(), vec![value])
}

fn properties(name: &str, values: Vec<String>) -> (String, Vec<Vec<u8>>) {
    (name.to_owned(), values.into_iter().map(String::into_bytes).collect())
}

fn replace(name: &str, value: String) -> Change {
    Change::Replace(name.to_owned(), vec![value.into_bytes()])
}

/// YYYYMMDDHHMMSS.0Z ([MS-DFSNM] 2.3.4.2 msDFS-LastModifiedv2).
fn generalized_time(time: FileTime) -> String {
    let (seconds, _) = time.to_unix();
    let stamp = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    stamp.strftime("%Y%m%d%H%M%S.0Z").to_string()
}

#[cfg(test)]
mod tests;
