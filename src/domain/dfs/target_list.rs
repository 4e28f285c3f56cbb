//! [MS-DFSNM] 8: the XML document of `msDFS-TargetListv2`, which lists the targets of a root or a link. Pure.
//!
//! What this program does not know of a document, elements and attributes, is kept when the document is written anew. The length
//! in bytes that the document states of its strings is of the server and the share of each target, each with its terminator.

use std::fmt::Write as _;

use freehold_dfs::{Priority, PriorityClass, Target, TargetState};
use quick_xml::Reader;
use quick_xml::escape::{escape, unescape};
use quick_xml::events::{BytesStart, Event};

/// Largest document, in bytes ([MS-DFSNM] 2.3.4.2).
pub(super) const MAX_DOCUMENT_BYTES: usize = 2 * 1024 * 1024;
/// Most attributes of one element: the schema has six.
const MAX_ATTRIBUTES: usize = 32;
/// Deepest nesting of elements that are not known.
const MAX_DEPTH: usize = 16;
/// The namespace of the schema.
const SCHEMA: &str = "http://schemas.microsoft.com/dfs/2007/03";
/// majorVersion of the documents that are understood.
const MAJOR_VERSION: &str = "2";
/// Before UTF-16 in little-endian order.
const BYTE_ORDER_MARK: u16 = 0xFEFF;
/// Attributes of `targets` that are written anew.
const OWN_OF_LIST: [&str; 5] =
    ["majorVersion", "minorVersion", "targetCount", "totalStringLengthInBytes", "xmlns"];
/// Attributes of `target` that are written anew.
const OWN_OF_TARGET: [&str; 3] = ["state", "priorityClass", "priorityRank"];

/// A document that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetListError {
    /// It is too long.
    #[error("its {0} bytes are more than the {MAX_DOCUMENT_BYTES} that a list of targets has")]
    TooLong(usize),
    /// It is no text.
    #[error("it is not UTF-16")]
    Encoding,
    /// It is not well-formed.
    #[error("it is no XML: {0}")]
    Xml(String),
    /// It is another document.
    #[error("it is no list of targets of version {MAJOR_VERSION}")]
    NotAList,
    /// An attribute has a value that the schema has not.
    #[error("{field} is {value:?}")]
    Value {
        /// The attribute, or the element.
        field: &'static str,
        /// What it has.
        value: String,
    },
}

/// A document that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetList {
    /// The targets in the order of the document.
    pub targets: Vec<Target>,
    /// Attributes of each target that are not known, by its place: raw, with a space before.
    target_extras: Vec<String>,
    /// Attributes of the list that are not known: raw, with a space before.
    extras: String,
    /// Elements of the list that are not known, raw.
    elements: String,
}

impl TargetList {
    /// Reads a document.
    ///
    /// # Errors
    /// [`TargetListError`].
    pub fn decode(bytes: &[u8]) -> Result<TargetList, TargetListError> {
        let text = text_of(bytes)?;
        let mut reader = Reader::from_str(&text);
        reader.config_mut().expand_empty_elements = true;
        loop {
            match next(&mut reader)? {
                Event::Start(element) if is(&element, "targets") => {
                    let mut list = TargetList { extras: list_extras(&element)?, ..TargetList::default() };
                    list.read_elements(&mut reader)?;
                    return Ok(list);
                }
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::Text(_) => {}
                _ => return Err(TargetListError::NotAList),
            }
        }
    }

    fn read_elements(&mut self, reader: &mut Reader<&[u8]>) -> Result<(), TargetListError> {
        loop {
            match next(reader)? {
                Event::Start(element) if is(&element, "target") => {
                    let (state, priority, extras) = target_attributes(&element)?;
                    let unc = text_of_element(reader)?;
                    let target = Target::from_unc(&unc)
                        .filter(|_| unc.starts_with("\\\\"))
                        .ok_or(TargetListError::Value { field: "target", value: shown(&unc) })?;
                    self.targets.push(Target { state, priority, ..target });
                    self.target_extras.push(extras);
                }
                Event::Start(element) => {
                    let name = raw(&element)?;
                    let _ = write!(self.elements, "<{name}>");
                    copy_element(reader, &mut self.elements, element.name().as_ref())?;
                }
                Event::End(_) => return Ok(()),
                Event::Comment(_) | Event::PI(_) | Event::Text(_) => {}
                _ => return Err(TargetListError::NotAList),
            }
        }
    }

    /// The document with these targets in place of its own.
    #[must_use]
    pub fn encode(&self, targets: &[Target]) -> Vec<u8> {
        let mut text = String::with_capacity(targets.len().saturating_mul(160).saturating_add(256));
        let _ = write!(
            text,
            "<?xml version=\"1.0\"?><targets majorVersion=\"{MAJOR_VERSION}\" minorVersion=\"0\" \
             totalStringLengthInBytes=\"{}\" targetCount=\"{}\" xmlns=\"{SCHEMA}\"{}>",
            string_bytes(targets),
            targets.len(),
            self.extras
        );
        for target in targets {
            let _ = write!(
                text,
                "<target priorityClass=\"{}\" priorityRank=\"{}\" state=\"{}\"{}>{}</target>",
                class_name(target.priority.class),
                target.priority.rank,
                if target.state == TargetState::Online { "online" } else { "offline" },
                self.extras_of(target),
                escape(target.unc())
            );
        }
        text.push_str(&self.elements);
        text.push_str("</targets>");
        std::iter::once(BYTE_ORDER_MARK).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    }

    fn extras_of(&self, target: &Target) -> &str {
        let unc = target.unc();
        let place = self.targets.iter().position(|one| crate::state::dfs::same_target(one, &unc));
        place.and_then(|place| self.target_extras.get(place)).map_or("", String::as_str)
    }
}

/// totalStringLengthInBytes: server and share of each target in UTF-16, each with its terminator.
fn string_bytes(targets: &[Target]) -> usize {
    let bytes = |text: &str| text.encode_utf16().count().saturating_add(1).saturating_mul(2);
    targets.iter().fold(0, |sum, target| {
        let Target { server, share, path, .. } = target;
        let below = if path.is_empty() { 0 } else { bytes(path) };
        sum.saturating_add(bytes(server)).saturating_add(bytes(share)).saturating_add(below)
    })
}

fn text_of(bytes: &[u8]) -> Result<String, TargetListError> {
    if bytes.len() > MAX_DOCUMENT_BYTES {
        return Err(TargetListError::TooLong(bytes.len()));
    }
    let (units, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(TargetListError::Encoding);
    }
    let mut units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
    if units.first() == Some(&BYTE_ORDER_MARK.swap_bytes()) {
        units.iter_mut().for_each(|unit| *unit = unit.swap_bytes());
    }
    let start = usize::from(units.first() == Some(&BYTE_ORDER_MARK));
    let text = units.get(start..).unwrap_or_default();
    // A terminator may be there.
    let end = text.iter().position(|unit| *unit == 0).unwrap_or(text.len());
    String::from_utf16(text.get(..end).unwrap_or_default()).map_err(|_| TargetListError::Encoding)
}

fn next<'a>(reader: &mut Reader<&'a [u8]>) -> Result<Event<'a>, TargetListError> {
    match reader.read_event() {
        Ok(Event::Eof) => Err(TargetListError::Xml("it ends too early".to_owned())),
        // Entities of a document's own could grow without end.
        Ok(Event::DocType(_)) => Err(TargetListError::Xml("it has a document type".to_owned())),
        Ok(event) => Ok(event),
        Err(error) => Err(xml(&error)),
    }
}

fn xml(error: &dyn std::fmt::Display) -> TargetListError {
    TargetListError::Xml(shown(&error.to_string()))
}

fn shown(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(80).collect()
}

/// The element has this name, whatever its prefix.
fn is(element: &BytesStart<'_>, name: &str) -> bool {
    element.local_name().as_ref() == name.as_bytes()
}

/// What stands between the angle brackets.
fn raw(element: &BytesStart<'_>) -> Result<String, TargetListError> {
    std::str::from_utf8(element).map(str::to_owned).map_err(|_| TargetListError::Encoding)
}

/// The attributes: name, raw value, value.
fn attributes(element: &BytesStart<'_>) -> Result<Vec<(String, String, String)>, TargetListError> {
    let mut found = Vec::new();
    for attribute in element.attributes().with_checks(false) {
        let attribute = attribute.map_err(|error| xml(&error))?;
        if found.len() == MAX_ATTRIBUTES {
            return Err(TargetListError::Xml("an element has too many attributes".to_owned()));
        }
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| TargetListError::Encoding);
        let raw = text(&attribute.value)?;
        let value = unescape(&raw).map_err(|error| xml(&error))?.into_owned();
        found.push((text(attribute.key.as_ref())?, raw, value));
    }
    Ok(found)
}

fn extra(extras: &mut String, name: &str, raw: &str) {
    let quote = if raw.contains('"') { '\'' } else { '"' };
    let _ = write!(extras, " {name}={quote}{raw}{quote}");
}

fn list_extras(element: &BytesStart<'_>) -> Result<String, TargetListError> {
    let mut extras = String::new();
    let mut version = String::new();
    for (name, raw, value) in attributes(element)? {
        if name == "majorVersion" {
            version = value;
        } else if !OWN_OF_LIST.contains(&name.as_str()) {
            extra(&mut extras, &name, &raw);
        }
    }
    if version == MAJOR_VERSION { Ok(extras) } else { Err(TargetListError::NotAList) }
}

/// State, priority, and the attributes that are not known.
fn target_attributes(element: &BytesStart<'_>) -> Result<(TargetState, Priority, String), TargetListError> {
    let (mut state, mut priority) = (TargetState::default(), Priority::default());
    let mut extras = String::new();
    for (name, raw, value) in attributes(element)? {
        let token = value.trim();
        let wrong = |field| TargetListError::Value { field, value: shown(&value) };
        match name.as_str() {
            "state" => {
                state = match token {
                    "online" => TargetState::Online,
                    "offline" => TargetState::Offline,
                    _ => return Err(wrong("state")),
                }
            }
            "priorityClass" => priority.class = class_of(token).ok_or_else(|| wrong("priorityClass"))?,
            "priorityRank" => {
                let rank = token.parse().ok().filter(|rank| *rank <= Priority::MAX_RANK);
                priority.rank = rank.ok_or_else(|| wrong("priorityRank"))?;
            }
            _ if OWN_OF_TARGET.contains(&name.as_str()) => {}
            _ => extra(&mut extras, &name, &raw),
        }
    }
    Ok((state, priority, extras))
}

/// The character data of an element that has nothing else, up to its end.
fn text_of_element(reader: &mut Reader<&[u8]>) -> Result<String, TargetListError> {
    let mut raw = String::new();
    loop {
        match next(reader)? {
            Event::Text(text) => raw.push_str(&text.decode().map_err(|error| xml(&error))?),
            Event::GeneralRef(name) => {
                let name = name.decode().map_err(|error| xml(&error))?;
                let _ = write!(raw, "&{name};");
            }
            Event::CData(data) => raw.push_str(&escape(data.decode().map_err(|error| xml(&error))?)),
            Event::Comment(_) | Event::PI(_) => {}
            Event::End(_) => break,
            _ => return Err(TargetListError::NotAList),
        }
    }
    let text = unescape(&raw).map_err(|error| xml(&error))?;
    Ok(text.trim().to_owned())
}

/// Copies an element that is not known, behind its start tag, up to its end.
fn copy_element(reader: &mut Reader<&[u8]>, into: &mut String, name: &[u8]) -> Result<(), TargetListError> {
    let utf8 = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| TargetListError::Encoding);
    let mut open = vec![utf8(name)?];
    while let Some(inner) = open.last() {
        match next(reader)? {
            Event::Start(element) => {
                if open.len() == MAX_DEPTH {
                    return Err(TargetListError::Xml("its elements are nested too deep".to_owned()));
                }
                let _ = write!(into, "<{}>", raw(&element)?);
                open.push(utf8(element.name().as_ref())?);
            }
            Event::End(_) => {
                let _ = write!(into, "</{inner}>");
                open.pop();
            }
            Event::Text(text) => into.push_str(&text.decode().map_err(|error| xml(&error))?),
            Event::GeneralRef(name) => {
                let _ = write!(into, "&{};", name.decode().map_err(|error| xml(&error))?);
            }
            Event::CData(data) => into.push_str(&escape(data.decode().map_err(|error| xml(&error))?)),
            _ => {}
        }
    }
    Ok(())
}

/// TargetPriorityClassType.
fn class_name(class: PriorityClass) -> &'static str {
    match class {
        PriorityClass::SiteCostNormal => "siteCostNormal",
        PriorityClass::GlobalHigh => "globalHigh",
        PriorityClass::SiteCostHigh => "siteCostHigh",
        PriorityClass::SiteCostLow => "siteCostLow",
        PriorityClass::GlobalLow => "globalLow",
    }
}

fn class_of(name: &str) -> Option<PriorityClass> {
    PriorityClass::ALL.into_iter().find(|class| class_name(*class) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str) -> Vec<u8> {
        std::iter::once(BYTE_ORDER_MARK).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    }

    fn list(inner: &str) -> Result<TargetList, TargetListError> {
        TargetList::decode(&utf16(&format!(
            "<?xml version=\"1.0\" encoding=\"utf-16\"?>\r\n<targets majorVersion=\"2\" minorVersion=\"0\" \
             targetCount=\"1\" totalStringLengthInBytes=\"20\" xmlns=\"{SCHEMA}\">{inner}</targets>"
        )))
    }

    #[test]
    fn a_document_of_the_schema_is_read() {
        let read = list(
            "\r\n <target state=\"online\" priorityClass=\"siteCostNormal\" priorityRank=\"0\">\\\\fs1\\data</target>\
             <!-- a word --><target priorityRank=\"31\" state='offline' priorityClass=\"globalLow\">\\\\fs2.corp.example\\d&amp;d\\x\\</target>\
             <target>\\\\fs3\\<![CDATA[a&b]]></target>",
        )
        .unwrap();
        let uncs: Vec<String> = read.targets.iter().map(Target::unc).collect();
        assert_eq!(uncs, [r"\\fs1\data", r"\\fs2.corp.example\d&d\x", r"\\fs3\a&b"]);
        // The defaults of the schema.
        assert_eq!(read.targets[2].state, TargetState::Online);
        assert_eq!(read.targets[2].priority, Priority::default());
        assert_eq!(read.targets[1].state, TargetState::Offline);
        assert_eq!(read.targets[1].priority, Priority { class: PriorityClass::GlobalLow, rank: 31 });
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut targets = vec![Target::new("fs1", "data", ""), Target::new("fs2", "a&<b>", r"x\zoë")];
        targets[1].priority = Priority { class: PriorityClass::SiteCostHigh, rank: 7 };
        targets[0].state = TargetState::Offline;
        let bytes = TargetList::default().encode(&targets);
        assert_eq!(TargetList::decode(&bytes).unwrap().targets, targets);
        let text = text_of(&bytes).unwrap();
        assert!(text.contains("targetCount=\"2\""), "{text}");
        // fs1 data: 8 + 10; fs2 a&<b> x\zoë: 8 + 12 + 12.
        assert!(text.contains("totalStringLengthInBytes=\"50\""), "{text}");
    }

    #[test]
    fn what_is_not_known_survives_a_change() {
        let read = list(
            "<target state=\"online\" weight=\"a&quot;b\">\\\\FS1\\data</target><target>\\\\fs2\\data</target>\
             <x:policy xmlns:x=\"urn:x\" a='\"'><x:rule/>t&amp;t</x:policy>",
        )
        .unwrap();
        let changed = [Target::new("fs3", "data", ""), Target::new("fs1", "data", "")];
        let bytes = read.encode(&changed);
        let text = text_of(&bytes).unwrap();
        assert!(text.contains("state=\"online\" weight=\"a&quot;b\">\\\\fs1\\data</target>"), "{text}");
        let policy = "<x:policy xmlns:x=\"urn:x\" a='\"'><x:rule></x:rule>t&amp;t</x:policy></targets>";
        assert!(text.ends_with(policy), "{text}");
        let again = TargetList::decode(&bytes).unwrap();
        assert_eq!(again.targets, changed);
        assert_eq!(again.encode(&changed), bytes);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        assert_eq!(list("<target>fs1\\data</target>").unwrap_err().to_string(), "target is \"fs1\\\\data\"");
        assert!(matches!(
            list("<target state=\"up\">\\\\a\\b</target>"),
            Err(TargetListError::Value { field: "state", .. })
        ));
        assert!(matches!(
            list("<target priorityRank=\"32\">\\\\a\\b</target>"),
            Err(TargetListError::Value { .. })
        ));
        assert!(matches!(list("<target>&own;</target>"), Err(TargetListError::Xml(_))));
        assert!(matches!(list(&"<a>".repeat(20)), Err(TargetListError::Xml(_))));
        let many: String = (0..40).map(|n| format!(" a{n}=\"\"")).collect();
        assert!(matches!(list(&format!("<target{many}>\\\\a\\b</target>")), Err(TargetListError::Xml(_))));
        for bad in
            ["", "<targets/>", "<targets majorVersion=\"3\"/>", "<other/>", "<targets majorVersion=\"2\">"]
        {
            assert!(TargetList::decode(&utf16(bad)).is_err(), "{bad}");
        }
        let doctype = "<!DOCTYPE targets [<!ENTITY a \"b\">]><targets majorVersion=\"2\"></targets>";
        assert!(TargetList::decode(&utf16(doctype)).is_err());
        assert_eq!(TargetList::decode(b"abc"), Err(TargetListError::Encoding));
        assert_eq!(TargetList::decode(&[0, 0xD8]), Err(TargetListError::Encoding));
        assert!(matches!(
            TargetList::decode(&vec![0; MAX_DOCUMENT_BYTES + 2]),
            Err(TargetListError::TooLong(_))
        ));
    }

    #[test]
    fn both_byte_orders_and_a_terminator_are_read() {
        let text = "<targets majorVersion=\"2\"><target>\\\\a\\b</target></targets>\0";
        let big: Vec<u8> =
            std::iter::once(BYTE_ORDER_MARK).chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
        let bare: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [big, bare] {
            assert_eq!(TargetList::decode(&bytes).unwrap().targets, [Target::new("a", "b", "")]);
        }
    }
}
