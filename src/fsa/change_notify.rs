//! [MS-FSA] 2.1.1.9 ChangeNotifyEntry: what one open of a directory watches, and the changes it has not been told yet
//! (2.1.4.1 and 2.1.5.11).
//!
//! Owns filtering, order and limits. Knows nothing of paths above the watched directory, of requests that wait or of replies.

use std::collections::VecDeque;

use freehold_dtyp::{Wtf8, Wtf8Buf};

use crate::fscc::notify::{CompletionFilter, NotifyAction};

/// Bytes in front of the name of a [MS-FSCC] 2.7.1 entry.
const ENTRY_FIXED_BYTES: usize = 12;
/// Entries begin at multiples of this.
const ENTRY_ALIGNMENT: usize = 4;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What happened.
    pub action: NotifyAction,
    /// Path from the watched directory, components separated by `/`.
    pub name: Wtf8Buf,
}

/// What is there to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Nothing yet.
    Nothing,
    /// More than was kept: the client must list the directory again.
    Overflow,
    /// These, oldest first.
    Changes(Vec<Change>),
}

/// The changes that one open has not been told yet. Filter and size are those of its first request: later requests of the
/// same open cannot change them.
#[derive(Clone, Debug)]
pub struct ChangeBuffer {
    filter: CompletionFilter,
    /// Most bytes of changes that are kept.
    limit_bytes: usize,
    changes: VecDeque<Change>,
    /// Bytes of `changes` on the wire.
    used_bytes: usize,
    overflowed: bool,
}

impl ChangeBuffer {
    /// An empty buffer that keeps at most `limit_bytes` of changes, counted as they are on the wire.
    #[must_use]
    pub const fn new(filter: CompletionFilter, limit_bytes: usize) -> Self {
        ChangeBuffer { filter, limit_bytes, changes: VecDeque::new(), used_bytes: 0, overflowed: false }
    }

    /// True when a change of this kind is watched for.
    #[must_use]
    pub const fn matches(&self, filter: CompletionFilter) -> bool {
        self.filter.intersects(filter)
    }

    /// Keeps a change. One that only repeats the change before says nothing new.
    pub fn push(&mut self, action: NotifyAction, name: Wtf8<'_>) {
        if self.overflowed {
            return;
        }
        let repeated =
            self.changes.back().is_some_and(|last| last.action == action && last.name.as_wtf8() == name);
        if repeated {
            return;
        }
        let end = self.used_bytes.next_multiple_of(ENTRY_ALIGNMENT).saturating_add(entry_bytes(name));
        if end > self.limit_bytes {
            self.overflowed = true;
            self.changes = VecDeque::new();
            self.used_bytes = 0;
            return;
        }
        self.used_bytes = end;
        self.changes.push_back(Change { action, name: name.to_owned() });
    }

    /// True when there is something to tell.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.overflowed || !self.changes.is_empty()
    }

    /// Takes everything out. More than `limit_bytes` on the wire counts as an overflow: what cannot be told is lost.
    pub fn take(&mut self, limit_bytes: usize) -> Told {
        let overflowed = std::mem::take(&mut self.overflowed);
        let used_bytes = std::mem::take(&mut self.used_bytes);
        let changes = std::mem::take(&mut self.changes);
        if overflowed || used_bytes > limit_bytes {
            Told::Overflow
        } else if changes.is_empty() {
            Told::Nothing
        } else {
            Told::Changes(changes.into())
        }
    }
}

/// Bytes of an entry on the wire, without padding.
fn entry_bytes(name: Wtf8<'_>) -> usize {
    name.utf16_length().saturating_mul(2).saturating_add(ENTRY_FIXED_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fscc::notify::NotifyInformation;
    use crate::fscc::{Append, ChainWriter};
    use proptest::prelude::*;

    fn buffer(limit_bytes: usize) -> ChangeBuffer {
        ChangeBuffer::new(CompletionFilter::FILE_NAME | CompletionFilter::SIZE, limit_bytes)
    }

    fn push(buffer: &mut ChangeBuffer, names: &[&str]) {
        for name in names {
            buffer.push(NotifyAction::ADDED, Wtf8::from(*name));
        }
    }

    fn names(told: Told) -> Vec<String> {
        let Told::Changes(changes) = told else { panic!("{told:?}") };
        changes.into_iter().map(|change| change.name.to_string()).collect()
    }

    #[test]
    fn changes_come_out_once_and_in_order() {
        let mut buffer = buffer(1000);
        assert_eq!(buffer.take(1000), Told::Nothing);
        push(&mut buffer, &["b", "a", "c"]);
        assert!(buffer.is_ready());
        assert_eq!(names(buffer.take(1000)), ["b", "a", "c"]);
        assert!(!buffer.is_ready());
        assert_eq!(buffer.take(1000), Told::Nothing);
    }

    #[test]
    fn a_repeated_change_is_told_once() {
        let mut buffer = buffer(1000);
        push(&mut buffer, &["a", "a", "b", "a"]);
        buffer.push(NotifyAction::MODIFIED, Wtf8::from("a"));
        assert_eq!(names(buffer.take(1000)), ["a", "b", "a", "a"]);
    }

    #[test]
    fn what_does_not_fit_makes_the_client_list_again_and_is_forgotten() {
        let mut small = buffer(1);
        push(&mut small, &["a"]);
        assert_eq!(small.take(1000), Told::Overflow);
        push(&mut small, &["a"]);
        assert_eq!(small.take(1000), Told::Overflow, "the size is that of the first request");

        let mut large = buffer(1000);
        push(&mut large, &["a"]);
        assert_eq!(large.take(0), Told::Overflow);
        push(&mut large, &["b"]);
        assert_eq!(names(large.take(1000)), ["b"], "changes after an overflow are told again");
    }

    #[test]
    fn only_the_kinds_of_the_filter_match() {
        let buffer = buffer(1000);
        assert!(buffer.matches(CompletionFilter::SIZE | CompletionFilter::LAST_WRITE));
        assert!(!buffer.matches(CompletionFilter::DIR_NAME));
        assert!(!buffer.matches(CompletionFilter::empty()));
    }

    proptest! {
        /// The limit is counted as the encoder counts: what is kept can always be written, and one byte less cannot.
        #[test]
        fn sizes_are_those_on_the_wire(names in prop::collection::vec("[a-zé/]{1,9}", 1..8)) {
            let mut buffer = buffer(1 << 16);
            push(&mut buffer, &names.iter().map(String::as_str).collect::<Vec<_>>());
            let used = buffer.used_bytes;
            let mut twin = buffer.clone();
            prop_assert_eq!(twin.take(used - 1), Told::Overflow);
            let Told::Changes(changes) = buffer.take(used) else { panic!() };
            let mut output = Vec::new();
            let mut chain = ChainWriter::new(&mut output, used);
            for change in &changes {
                let information = NotifyInformation { action: change.action, file_name: change.name.as_wtf8() };
                prop_assert_eq!(chain.append(&information), Append::Written);
            }
            prop_assert_eq!(output.len(), used);
        }
    }
}
