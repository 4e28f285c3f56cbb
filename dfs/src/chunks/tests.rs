//! The map against the standard library's.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn key(number: u16) -> [u16; 2] {
    [number >> 8, number & 0xFF]
}

/// What a sequence of changes makes, in both maps; every map on the way stays what it was.
fn play(steps: &[(u16, bool)]) -> (Chunks<u16>, BTreeMap<[u16; 2], Arc<u16>>) {
    let (mut map, mut model) = (Chunks::new(), BTreeMap::new());
    for (number, add) in steps {
        let key = key(*number);
        if *add {
            let value = Arc::new(*number);
            assert_eq!(map.insert(key.into(), Arc::clone(&value)), model.insert(key, value));
        } else {
            assert_eq!(map.remove(key.iter().copied()), model.remove(&key));
        }
    }
    (map, model)
}

fn check(map: &Chunks<u16>, model: &BTreeMap<[u16; 2], Arc<u16>>) {
    assert!(map.values().eq(model.values()));
    assert_eq!(map.values().len(), model.len());
    assert!(map.chunks.iter().all(|chunk| !chunk.is_empty() && chunk.len() <= MOST));
    for number in (0..1000).step_by(7) {
        let key = key(number);
        assert_eq!(map.get(key.iter().copied()), model.get(&key));
        let below = model.range(..=key).next_back();
        assert_eq!(map.at_most(key.iter().copied()).map(|(_, value)| value), below.map(|(_, value)| value));
        let above = model.range((core::ops::Bound::Excluded(key), core::ops::Bound::Unbounded)).next();
        assert_eq!(map.above(key.iter().copied()).map(|(_, value)| value), above.map(|(_, value)| value));
        let start = usize::from(number);
        assert!(map.values().skip(start).eq(model.values().skip(start)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn it_is_an_ordered_map(steps in prop::collection::vec((0_u16..1000, prop::bool::weighted(0.7)), 0..3000)) {
        let (map, model) = play(&steps);
        check(&map, &model);
    }

    #[test]
    fn differences_are_those_of_the_entries(
        steps in prop::collection::vec((0_u16..1000, prop::bool::weighted(0.7)), 0..2000),
        later in prop::collection::vec((0_u16..1000, any::<bool>()), 0..40),
    ) {
        let (before, model_before) = play(&steps);
        let (mut after, mut model) = (before.clone(), model_before.clone());
        for (number, add) in later {
            let key = key(number);
            if add {
                let value = Arc::new(number);
                after.insert(key.into(), Arc::clone(&value));
                model.insert(key, value);
            } else {
                after.remove(key.iter().copied());
                model.remove(&key);
            }
        }
        check(&before, &model_before);
        check(&after, &model);
        let mut keys: Vec<_> = model_before.keys().chain(model.keys()).collect();
        keys.sort();
        keys.dedup();
        let same = |pair: &(Option<&Arc<u16>>, Option<&Arc<u16>>)| matches!(pair, (Some(one), Some(other)) if Arc::ptr_eq(one, other));
        let wanted: Vec<_> = keys.into_iter().map(|key| (model_before.get(key), model.get(key))).filter(|pair| !same(pair)).collect();
        prop_assert_eq!(after.differences(&before), wanted);
    }
}

#[test]
fn what_comes_in_order_fills_its_chunks() {
    let mut map = Chunks::new();
    for number in 0..1024 {
        map.insert(key(number).into(), Arc::new(number));
    }
    assert_eq!(map.chunks.len(), 1024 / MOST);
}

#[test]
fn a_change_copies_one_chunk() {
    let steps: Vec<_> = (0..10_000).map(|number| (number, true)).collect();
    let (before, _) = play(&steps);
    let mut after = before.clone();
    after.remove(key(5000).iter().copied()).unwrap();
    let shared = after.chunks.iter().filter(|chunk| before.chunks.iter().any(|one| Arc::ptr_eq(one, chunk)));
    assert_eq!(shared.count(), before.chunks.len() - 1);
    assert_eq!(after.differences(&before).len(), 1);
}
