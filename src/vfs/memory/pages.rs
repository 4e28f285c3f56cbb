//! Bytes of one stream in memory: pages that exist only where something was written.

use std::collections::BTreeMap;

/// Bytes of a page; also the volume's allocation unit.
pub(super) const PAGE_BYTES: u64 = 4096;

/// A sparse run of bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Pages {
    pages: BTreeMap<u64, Box<[u8; PAGE_BYTES as usize]>>,
    size_bytes: u64,
    reserved_bytes: u64,
}

/// The part of a range that lies in one page.
struct Part {
    page: u64,
    in_page: usize,
    in_range: usize,
    length: usize,
}

fn parts(offset: u64, length_bytes: u64) -> impl Iterator<Item = Part> {
    let end = offset.saturating_add(length_bytes);
    let mut at = offset;
    std::iter::from_fn(move || {
        if at >= end {
            return None;
        }
        let in_page = at % PAGE_BYTES;
        let length = (PAGE_BYTES - in_page).min(end - at);
        let part = Part {
            page: at / PAGE_BYTES,
            in_page: in_page as usize,
            in_range: (at - offset) as usize,
            length: length as usize,
        };
        at += length;
        Some(part)
    })
}

impl Pages {
    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Pages and what is reserved beyond them.
    pub(super) fn allocated_bytes(&self) -> u64 {
        (self.pages.len() as u64 * PAGE_BYTES).max(self.reserved_bytes)
    }

    pub(super) fn read(&self, offset: u64, buffer: &mut [u8]) -> usize {
        let length = self.size_bytes.saturating_sub(offset).min(buffer.len() as u64);
        for part in parts(offset, length) {
            let to = &mut buffer[part.in_range..part.in_range + part.length];
            match self.pages.get(&part.page) {
                Some(page) => to.copy_from_slice(&page[part.in_page..part.in_page + part.length]),
                None => to.fill(0),
            }
        }
        length as usize
    }

    /// Bytes that [`Pages::allocated_bytes`] grows by when this range is written.
    pub(super) fn growth_of_write(&self, offset: u64, length: u64) -> u64 {
        let new = parts(offset, length).filter(|part| !self.pages.contains_key(&part.page)).count() as u64;
        let pages = (self.pages.len() as u64 + new) * PAGE_BYTES;
        pages.saturating_sub(self.allocated_bytes())
    }

    pub(super) fn write(&mut self, offset: u64, data: &[u8]) {
        for part in parts(offset, data.len() as u64) {
            let page = self.pages.entry(part.page).or_insert_with(|| Box::new([0; PAGE_BYTES as usize]));
            page[part.in_page..part.in_page + part.length]
                .copy_from_slice(&data[part.in_range..part.in_range + part.length]);
        }
        if !data.is_empty() {
            self.size_bytes = self.size_bytes.max(offset + data.len() as u64);
        }
    }

    pub(super) fn set_size(&mut self, size_bytes: u64) {
        if size_bytes < self.size_bytes {
            self.pages.retain(|page, _| page * PAGE_BYTES < size_bytes);
            let in_page = (size_bytes % PAGE_BYTES) as usize;
            if in_page != 0
                && let Some(page) = self.pages.get_mut(&(size_bytes / PAGE_BYTES))
            {
                page[in_page..].fill(0);
            }
            self.reserved_bytes = 0;
        }
        self.size_bytes = size_bytes;
    }

    pub(super) fn reserve(&mut self, allocated_bytes: u64) {
        let whole = allocated_bytes.next_multiple_of(PAGE_BYTES);
        if allocated_bytes > self.size_bytes {
            self.reserved_bytes = self.reserved_bytes.max(whole);
        }
    }

    /// Bytes that [`Pages::allocated_bytes`] grows by when this much is reserved.
    pub(super) fn growth_of_reserve(&self, allocated_bytes: u64) -> u64 {
        if allocated_bytes <= self.size_bytes {
            return 0;
        }
        let whole = allocated_bytes.checked_next_multiple_of(PAGE_BYTES).unwrap_or(u64::MAX);
        whole.saturating_sub(self.allocated_bytes())
    }

    pub(super) fn punch_hole(&mut self, offset: u64, length_bytes: u64) {
        let mut end = offset.saturating_add(length_bytes);
        if end >= self.size_bytes {
            end = self.size_bytes.next_multiple_of(PAGE_BYTES); // the last page holds nothing else
        }
        for part in parts(offset, end.saturating_sub(offset)) {
            if part.length as u64 == PAGE_BYTES {
                self.pages.remove(&part.page);
            } else if let Some(page) = self.pages.get_mut(&part.page) {
                page[part.in_page..part.in_page + part.length].fill(0);
            }
        }
        self.reserved_bytes = 0;
    }

    pub(super) fn allocated_ranges(&self, offset: u64, length_bytes: u64, limit: usize) -> Vec<(u64, u64)> {
        let end = offset.saturating_add(length_bytes).min(self.size_bytes);
        let mut found: Vec<(u64, u64)> = Vec::new();
        for page in self.pages.range(offset / PAGE_BYTES..).map(|(page, _)| *page) {
            let from = (page * PAGE_BYTES).max(offset);
            let to = (page * PAGE_BYTES + PAGE_BYTES).min(end);
            if from >= to {
                break;
            }
            let full = found.len() == limit;
            match found.last_mut() {
                Some((start, length)) if *start + *length == from => *length += to - from,
                _ if full => break,
                _ => found.push((from, to - from)),
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pages_act_like_one_vector(steps in proptest::collection::vec((0..4u8, 0u64..20_000, 0u64..9_000), 1..30)) {
            let (mut pages, mut model) = (Pages::default(), Vec::<u8>::new());
            for (index, (kind, offset, length)) in steps.into_iter().enumerate() {
                let (from, to) = (offset as usize, (offset + length) as usize);
                match kind {
                    0 | 1 => {
                        let growth = pages.growth_of_write(offset, length);
                        let before = pages.allocated_bytes();
                        pages.write(offset, &vec![index as u8 + 1; length as usize]);
                        prop_assert_eq!(pages.allocated_bytes(), before + growth);
                        if length > 0 {
                            model.resize(model.len().max(to), 0);
                            model[from..to].fill(index as u8 + 1);
                        }
                    }
                    2 => {
                        pages.set_size(offset);
                        model.resize(from, 0);
                    }
                    _ => {
                        pages.punch_hole(offset, length);
                        let end = to.min(model.len());
                        model.get_mut(from..end).unwrap_or_default().fill(0);
                    }
                }
                let mut read = vec![0xAA; model.len() + 5];
                prop_assert_eq!(pages.read(0, &mut read), model.len());
                prop_assert_eq!(&read[..model.len()], &model[..]);
                let ranges = pages.allocated_ranges(0, u64::MAX, usize::MAX);
                let covered = |at: u64| ranges.iter().any(|(start, length)| (*start..start + length).contains(&at));
                prop_assert!(model.iter().enumerate().all(|(at, byte)| *byte == 0 || covered(at as u64)));
            }
        }
    }
}
