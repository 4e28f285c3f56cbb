//! Entries as a domain controller sends them: names of attributes in any case, values as octets.

use freehold_dtyp::{Decode, Guid, Reader, Sid};
use ldap3::ResultEntry;
use ldap3::asn1::{PL, StructureTag};

/// One entry of the directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its distinguished name.
    pub dn: String,
    attributes: Vec<(String, Vec<Vec<u8>>)>,
}

impl Entry {
    /// An entry, for tests of those who read entries.
    #[must_use]
    pub fn new(dn: &str, attributes: Vec<(String, Vec<Vec<u8>>)>) -> Self {
        Self { dn: dn.to_owned(), attributes }
    }

    /// The attributes that are there, with their values.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &[Vec<u8>])> {
        self.attributes.iter().map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    /// The values of an attribute; empty when it is not there.
    #[must_use]
    pub fn values(&self, name: &str) -> &[Vec<u8>] {
        let found = self.attributes.iter().find(|(present, _)| present.eq_ignore_ascii_case(name));
        found.map_or(&[], |(_, values)| values)
    }

    /// The first value.
    #[must_use]
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.values(name).first().map(Vec::as_slice)
    }

    /// The first value, if it is text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.bytes(name)?).ok()
    }

    /// The values that are text.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values(name).iter().filter_map(|value| std::str::from_utf8(value).ok())
    }

    /// The first value, if it is an integer in text ([MS-ADTS] 3.1.1.2.2.2: the syntaxes Integer and LargeInteger).
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    /// The first value, if it is a SID.
    #[must_use]
    pub fn sid(&self, name: &str) -> Option<Sid> {
        self.sids(name).next()
    }

    /// The values that are SIDs.
    pub fn sids(&self, name: &str) -> impl Iterator<Item = Sid> {
        self.values(name).iter().filter_map(|value| {
            let mut reader = Reader::new(value);
            Sid::decode(&mut reader).ok().filter(|_| reader.is_empty())
        })
    }

    /// The first value, if it is a GUID.
    #[must_use]
    pub fn guid(&self, name: &str) -> Option<Guid> {
        Some(Guid(self.bytes(name)?.try_into().ok()?))
    }

    /// Reads what ldap3 hands over; `None` for what is no entry.
    pub(super) fn of(entry: ResultEntry) -> Option<Self> {
        const SEARCH_RESULT_ENTRY: u64 = 4;
        if entry.0.id != SEARCH_RESULT_ENTRY {
            return None;
        }
        let mut parts = children(entry.0)?.into_iter();
        let dn = String::from_utf8(octets(parts.next()?)?).ok()?;
        let attributes = children(parts.next()?)?
            .into_iter()
            .map(|attribute| {
                let mut parts = children(attribute)?.into_iter();
                let name = String::from_utf8(octets(parts.next()?)?).ok()?;
                let values = children(parts.next()?)?.into_iter().map(octets).collect::<Option<_>>()?;
                Some((name, values))
            })
            .collect::<Option<_>>()?;
        Some(Self { dn, attributes })
    }

    /// Takes out an attribute of which only some values came (`member;range=0-1499`, [MS-ADTS] 3.1.1.3.1.3.3): its name, the place
    /// of the next value, or `None` when these are the last, and the values.
    pub(super) fn take_range(&mut self) -> Option<(String, Option<usize>, Vec<Vec<u8>>)> {
        let place =
            self.attributes.iter().position(|(name, _)| name.to_ascii_lowercase().contains(";range="))?;
        let (option, values) = self.attributes.remove(place);
        let (name, range) = option.split_at(option.to_ascii_lowercase().find(";range=")?);
        let (_, last) = range.get(";range=".len()..)?.split_once('-')?;
        let next = last.parse::<usize>().ok().map(|last| last.saturating_add(1));
        Some((name.to_owned(), next, values))
    }

    /// Adds values to an attribute. One of no values is there as well then, in place of the empty one beside a range.
    pub(super) fn extend(&mut self, name: &str, more: Vec<Vec<u8>>) {
        match self.attributes.iter_mut().find(|(present, _)| present.eq_ignore_ascii_case(name)) {
            Some((_, values)) => values.extend(more),
            None => self.attributes.push((name.to_owned(), more)),
        }
    }

    /// Number of values of all attributes.
    pub(super) fn count(&self) -> usize {
        self.attributes.iter().map(|(_, values)| values.len()).sum()
    }
}

fn children(tag: StructureTag) -> Option<Vec<StructureTag>> {
    match tag.payload {
        PL::C(children) => Some(children),
        PL::P(_) => None,
    }
}

fn octets(tag: StructureTag) -> Option<Vec<u8>> {
    match tag.payload {
        PL::P(octets) => Some(octets),
        PL::C(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Entry;

    fn entry(attributes: &[(&str, &[&[u8]])]) -> Entry {
        let attributes = attributes
            .iter()
            .map(|(name, values)| ((*name).to_owned(), values.iter().map(|value| value.to_vec()).collect()))
            .collect();
        Entry::new("CN=a", attributes)
    }

    #[test]
    fn a_sid_is_read_also_when_its_octets_are_text() {
        // S-1-5-32-544 and S-1-5-4660: all octets below 0x80, which ldap3's own entries call text.
        let admins: &[u8] = &[1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0];
        let entry =
            entry(&[("tokenGroups", &[admins, b"junk", &[1, 1, 0, 0, 0, 0, 0, 5, 0x34, 0x12, 0, 0]])]);
        let sids: Vec<String> = entry.sids("TOKENGROUPS").map(|sid| sid.to_string()).collect();
        assert_eq!(sids, ["S-1-5-32-544", "S-1-5-4660"]);
    }

    #[test]
    fn ranges_are_told_apart_from_attributes() {
        let mut some = entry(&[("cn", &[b"a"]), ("member", &[]), ("member;Range=0-1499", &[b"x"])]);
        assert_eq!(some.take_range(), Some(("member".to_owned(), Some(1500), vec![b"x".to_vec()])));
        assert_eq!(some.take_range(), None);
        let mut last = entry(&[("member;range=1500-*", &[b"y"])]);
        assert_eq!(last.take_range(), Some(("member".to_owned(), None, vec![b"y".to_vec()])));
    }
}
