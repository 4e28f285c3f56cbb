//! Properties of the order; the table of cases is run by `tests/ordering.rs`.

use proptest::prelude::*;

use super::*;

fn arbitrary() -> impl Strategy<Value = Vec<(Target, Distance)>> {
    let distance =
        prop_oneof![Just(Distance::SameSite), Just(Distance::Unknown), (0_u32..4).prop_map(Distance::Cost)];
    let class = proptest::sample::select(&PriorityClass::ALL);
    let target = (distance, class, 0_u8..3).prop_map(|(distance, class, rank)| {
        let target = Target { priority: Priority { class, rank }, ..Target::new("s", "d", "") };
        (target, distance)
    });
    proptest::collection::vec(target, 0..20)
}

#[test]
fn members_of_a_set_come_in_every_order() {
    let targets = [Target::new("a", "d", ""), Target::new("b", "d", ""), Target::new("c", "d", "")];
    let rows: Vec<_> = targets.iter().map(|target| (target, Distance::Unknown)).collect();
    let mut seen = std::collections::HashSet::new();
    for draw in 0..6_usize {
        // The first draw is below 3, the second below 2: all pairs give all orders.
        let mut draws = [draw / 2, draw % 2].into_iter();
        let mut random = |below| {
            let number = draws.next().unwrap();
            assert!(number < below);
            number
        };
        let ordered = order(&rows, Rules::default(), &mut random);
        seen.insert(ordered.iter().map(|placed| placed.target.server.clone()).collect::<String>());
    }
    assert_eq!(seen.len(), 6, "{seen:?}");
}

proptest! {
    #[test]
    fn nobody_is_lost_and_sets_are_sorted(targets in arbitrary(), site_costing: bool, seed: u64) {
        let rows: Vec<_> = targets.iter().map(|(target, distance)| (target, *distance)).collect();
        let rules = Rules { insite_only: false, site_costing };
        let mut state = seed | 1;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            usize::try_from(state >> 33).unwrap() % below
        };
        let ordered = order(&rows, rules, &mut random);
        prop_assert_eq!(ordered.len(), targets.len());
        prop_assert!(ordered.first().is_none_or(|first| first.starts_set));
        for pair in ordered.windows(2) {
            let groups = [group(pair[0].target.priority.class), group(pair[1].target.priority.class)];
            prop_assert!(groups[0] <= groups[1]);
            if pair[0].target.priority != pair[1].target.priority {
                prop_assert!(pair[1].starts_set);
            }
        }
    }

    #[test]
    fn a_random_source_out_of_its_range_does_no_harm(targets in arbitrary(), number: usize) {
        let rows: Vec<_> = targets.iter().map(|(target, distance)| (target, *distance)).collect();
        prop_assert_eq!(order(&rows, Rules::default(), &mut |_| number).len(), targets.len());
    }
}
