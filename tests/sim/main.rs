//! Seeded simulation of the protocol core: many clients, a virtual clock, delayed and failing operations, lost connections.
//!
//! Each seed is a test of its own run; a failure prints the seed. `FREEHOLD_SIM_SEED=N` runs one seed,
//! `FREEHOLD_SIM_SEEDS=N` that many.

mod data;
mod info;
mod model;
mod opens;
mod storm;
mod world;

use world::World;

/// Seeds of an ordinary run.
const SEEDS: u64 = 60;

fn seeds() -> Vec<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    match number("FREEHOLD_SIM_SEED") {
        Some(seed) => vec![seed],
        None => (1..=number("FREEHOLD_SIM_SEEDS").unwrap_or(SEEDS)).collect(),
    }
}

#[test]
fn a_client_logs_on_and_connects() {
    let mut world = World::new(1);
    let client = world.connect();
    world.log_on(client).unwrap();
    assert!(world.tree_connect(client, "data").unwrap().0 != 0);
    world.disconnect(client);
    world.settle();
    world.check_nothing_left();
}

#[test]
fn a_wrong_password_gets_no_session() {
    let mut world = World::new(2);
    let client = world.connect_as("user", "wrong");
    assert_eq!(world.log_on(client).unwrap_err().to_string(), "the server answered STATUS_LOGON_FAILURE");
    world.disconnect(client);
    world.settle();
    world.check_nothing_left();
}

/// Names the seed when its world fails.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the world of seed {0} failed: FREEHOLD_SIM_SEED={0} runs it again", self.0);
        }
    }
}

#[test]
fn storms_leave_every_promise_kept() {
    for seed in seeds() {
        let _named = Named(seed);
        storm::run(seed);
    }
}
