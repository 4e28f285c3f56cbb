//! An ordered map of many entries whose copies share what they have in common.
//!
//! The entries lie in chunks of at most [`MOST`]. A copy copies the list of chunks; a change copies the chunk that it is about.
//! So a change among 50,000 entries costs microseconds while readers keep the map that they began with, and two copies are
//! compared by the chunks in which they differ.

use core::cmp::Ordering;
use std::sync::Arc;

/// Entries that a chunk has at most.
const MOST: usize = 128;

/// A key and its value.
type Entry<V> = (Arc<[u16]>, Arc<V>);

/// The value before and the value now of one key; not both are `None`.
pub(crate) type Pair<'a, V> = (Option<&'a Arc<V>>, Option<&'a Arc<V>>);

/// Keys are code units; no chunk is empty.
#[derive(Debug)]
pub(crate) struct Chunks<V> {
    chunks: Vec<Arc<Vec<Entry<V>>>>,
    len: usize,
}

impl<V> Clone for Chunks<V> {
    fn clone(&self) -> Self {
        Chunks { chunks: self.chunks.clone(), len: self.len }
    }
}

/// Where an entry lies: its chunk, and its place there.
#[derive(Clone, Copy, Debug)]
struct At(usize, usize);

impl<V> Chunks<V> {
    pub(crate) const fn new() -> Self {
        Chunks { chunks: Vec::new(), len: 0 }
    }

    /// The last entry whose key is not above `key`. Neither allocates nor reads more of `key` than the keys it meets have.
    pub(crate) fn at_most(&self, key: impl Iterator<Item = u16> + Clone) -> Option<(&[u16], &Arc<V>)> {
        let (key, value) = self.entry(self.place_at_most(key)?)?;
        Some((key, value))
    }

    /// The entry of exactly that key.
    pub(crate) fn get(&self, key: impl Iterator<Item = u16> + Clone) -> Option<&Arc<V>> {
        let (found, value) = self.at_most(key.clone())?;
        found.iter().copied().eq(key).then_some(value)
    }

    /// The first entry whose key is above `key`.
    pub(crate) fn above(&self, key: impl Iterator<Item = u16> + Clone) -> Option<(&[u16], &Arc<V>)> {
        let at = match self.place_at_most(key) {
            None => At(0, 0),
            Some(At(chunk, place)) => At(chunk, place.saturating_add(1)),
        };
        let entry = self.entry(at).or_else(|| self.entry(At(at.0.saturating_add(1), 0)));
        entry.map(|(key, value)| (&**key, value))
    }

    /// Puts an entry in; the value that had the key before.
    pub(crate) fn insert(&mut self, key: Arc<[u16]>, value: Arc<V>) -> Option<Arc<V>> {
        let at = self.place_at_most(key.iter().copied());
        if let Some(At(chunk, place)) = at
            && let Some((found, present)) = self.entry_mut(At(chunk, place))
            && *found == key
        {
            return Some(core::mem::replace(present, value));
        }
        self.len = self.len.saturating_add(1);
        let At(number, place) = at.map_or(At(0, 0), |At(chunk, place)| At(chunk, place.saturating_add(1)));
        let is_last = number.saturating_add(1) == self.chunks.len();
        let Some(chunk) = self.chunks.get_mut(number).map(Arc::make_mut) else {
            self.chunks.push(Arc::new(vec![(key, value)]));
            return None;
        };
        if chunk.len() < MOST {
            chunk.insert(place.min(chunk.len()), (key, value));
            return None;
        }
        // What comes in order, as a load does, leaves full chunks behind.
        let middle = if is_last && place == chunk.len() { chunk.len() } else { chunk.len() / 2 };
        let mut upper = chunk.split_off(middle);
        match place.checked_sub(middle) {
            Some(place) => upper.insert(place.min(upper.len()), (key, value)),
            None => chunk.insert(place, (key, value)),
        }
        self.chunks.insert(number.saturating_add(1), Arc::new(upper));
        None
    }

    /// Puts another value in the place of the one of that key; `None`, and nothing else, where there is none.
    pub(crate) fn replace(
        &mut self,
        key: impl Iterator<Item = u16> + Clone,
        value: Arc<V>,
    ) -> Option<Arc<V>> {
        let (_, present) = self.entry_mut(self.place_of(key)?)?;
        Some(core::mem::replace(present, value))
    }

    /// Takes an entry out.
    pub(crate) fn remove(&mut self, key: impl Iterator<Item = u16> + Clone) -> Option<Arc<V>> {
        let At(number, place) = self.place_of(key)?;
        let chunk = Arc::make_mut(self.chunks.get_mut(number)?);
        let (_, value) = chunk.remove(place);
        let left = chunk.len();
        self.len = self.len.saturating_sub(1);
        if left == 0 {
            self.chunks.remove(number);
        } else if left < MOST / 4 {
            self.join(number);
        }
        Some(value)
    }

    /// Joins a chunk that has become small with the next one, where both fit.
    fn join(&mut self, number: usize) {
        let next = number.saturating_add(1);
        let length = |number: usize| self.chunks.get(number).map(|chunk| chunk.len());
        let (Some(here), Some(there)) = (length(number), length(next)) else { return };
        if here.saturating_add(there) <= MOST {
            let upper = self.chunks.remove(next);
            if let Some(chunk) = self.chunks.get_mut(number) {
                Arc::make_mut(chunk).extend(upper.iter().cloned());
            }
        }
    }

    /// The values in the order of their keys.
    pub(crate) fn values(&self) -> Values<'_, V> {
        Values { rest: &self.chunks, here: &[], left: self.len }
    }

    /// What differs between `before` and this: pairs of the value before and the one now, in the order of their keys. Chunks
    /// that both share are passed over.
    pub(crate) fn differences<'a>(&'a self, before: &'a Self) -> Vec<Pair<'a, V>> {
        let mut found = Vec::new();
        let (mut old, mut new) = (Pairs::new(before), Pairs::new(self));
        loop {
            if old.here.is_empty() && new.here.is_empty() {
                match (old.rest.first(), new.rest.first()) {
                    (None, None) => return found,
                    (Some(one), Some(other)) if Arc::ptr_eq(one, other) => {
                        old.pass();
                        new.pass();
                        continue;
                    }
                    _ => {}
                }
            }
            match (old.peek(), new.peek()) {
                (None, None) => return found,
                (Some((was, value)), Some((is, now))) => match was.cmp(is) {
                    Ordering::Less => {
                        found.push((Some(value), None));
                        old.next();
                    }
                    Ordering::Greater => {
                        found.push((None, Some(now)));
                        new.next();
                    }
                    Ordering::Equal => {
                        if !Arc::ptr_eq(value, now) {
                            found.push((Some(value), Some(now)));
                        }
                        old.next();
                        new.next();
                    }
                },
                (Some((_, value)), None) => {
                    found.push((Some(value), None));
                    old.next();
                }
                (None, Some((_, now))) => {
                    found.push((None, Some(now)));
                    new.next();
                }
            }
        }
    }

    fn place_of(&self, key: impl Iterator<Item = u16> + Clone) -> Option<At> {
        let at = self.place_at_most(key.clone())?;
        self.entry(at)?.0.iter().copied().eq(key).then_some(at)
    }

    fn place_at_most(&self, key: impl Iterator<Item = u16> + Clone) -> Option<At> {
        let is_at_most = |entry: &Entry<V>| entry.0.iter().copied().cmp(key.clone()) != Ordering::Greater;
        let chunk =
            self.chunks.partition_point(|chunk| chunk.first().is_some_and(is_at_most)).checked_sub(1)?;
        let place = self.chunks.get(chunk)?.partition_point(is_at_most).checked_sub(1)?;
        Some(At(chunk, place))
    }

    fn entry(&self, At(chunk, place): At) -> Option<&Entry<V>> {
        self.chunks.get(chunk)?.get(place)
    }

    fn entry_mut(&mut self, At(chunk, place): At) -> Option<&mut Entry<V>> {
        Arc::make_mut(self.chunks.get_mut(chunk)?).get_mut(place)
    }
}

/// Entries of chunks, one after another.
struct Pairs<'a, V> {
    rest: &'a [Arc<Vec<Entry<V>>>],
    here: &'a [Entry<V>],
}

impl<'a, V> Pairs<'a, V> {
    fn new(of: &'a Chunks<V>) -> Self {
        Pairs { rest: &of.chunks, here: &[] }
    }

    /// Leaves out the next chunk.
    fn pass(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }

    fn peek(&mut self) -> Option<(&'a [u16], &'a Arc<V>)> {
        if self.here.is_empty() {
            self.here = self.rest.first()?;
            self.pass();
        }
        self.here.first().map(|(key, value)| (&**key, value))
    }

    fn next(&mut self) {
        self.here = self.here.get(1..).unwrap_or_default();
    }
}

/// Values in the order of their keys. Leaving many out costs one step a chunk.
#[derive(Clone, Debug)]
pub(crate) struct Values<'a, V> {
    rest: &'a [Arc<Vec<Entry<V>>>],
    here: &'a [Entry<V>],
    left: usize,
}

impl<'a, V> Iterator for Values<'a, V> {
    type Item = &'a Arc<V>;

    fn next(&mut self) -> Option<Self::Item> {
        self.nth(0)
    }

    fn nth(&mut self, mut count: usize) -> Option<Self::Item> {
        loop {
            if let Some(((_, value), rest)) = self.here.get(count..).and_then(<[_]>::split_first) {
                self.here = rest;
                self.left = self.left.saturating_sub(count.saturating_add(1));
                return Some(value);
            }
            count = count.saturating_sub(self.here.len());
            self.left = self.left.saturating_sub(self.here.len());
            let Some((first, rest)) = self.rest.split_first() else {
                self.here = &[];
                return None;
            };
            (self.here, self.rest) = (first, rest);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<V> ExactSizeIterator for Values<'_, V> {}

#[cfg(test)]
mod tests;
