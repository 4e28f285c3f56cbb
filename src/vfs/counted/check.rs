//! A check of words that are kept: damage is noticed before anybody relies on them.

/// What was added so far. It is no protection against somebody who means to deceive: who can write the file owns the volume.
#[derive(Clone, Copy)]
pub(super) struct Check(u64);

impl Check {
    /// `place` tells words of one place from those of another.
    #[inline]
    pub(super) const fn of(place: u64) -> Check {
        Check(place ^ 0x51_7C_C1_B7_27_22_0A_95)
    }

    #[inline]
    pub(super) const fn and(self, word: u64) -> Check {
        Check((self.0 ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29))
    }

    /// Never 0: what was never written has no check.
    #[inline]
    pub(super) const fn end(self) -> u64 {
        let mixed = (self.0 ^ self.0 >> 32).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        mixed ^ mixed >> 29 | 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_and_every_place_counts() {
        let one = Check::of(7).and(1).and(2).end();
        assert_ne!(one, 0);
        assert_ne!(one, Check::of(8).and(1).and(2).end());
        assert_ne!(one, Check::of(7).and(2).and(1).end());
        assert_ne!(one, Check::of(7).and(1).and(2).and(0).end());
        for bit in 0..64 {
            assert_ne!(one, Check::of(7).and(1 ^ 1 << bit).and(2).end());
            assert_ne!(one, Check::of(7).and(1).and(2 ^ 1 << bit).end());
        }
    }
}
