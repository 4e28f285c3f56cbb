//! Seeded simulation of the protocol core: many clients, a virtual clock, delayed and failing operations, lost connections.
//!
//! Each seed is a test of its own run; a failure prints the seed. `FREEHOLD_SIM_SEED=N` runs one seed,
//! `FREEHOLD_SIM_SEEDS=N` that many.

mod audit;
mod data;
mod desk;
mod dfs;
mod durable;
mod expiry;
mod info;
mod local;
mod membership;
mod model;
mod opens;
mod pending;
mod pieces;
mod posix;
mod quotas;
mod script;
mod sentences;
mod storm;
mod waiting;
mod world;
mod write_times;

use freehold::smb2::Command;
use freehold_dtyp::NtStatus;
use world::World;

/// Seeds of an ordinary run.
const SEEDS: u64 = 90;

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
    let mut all = storm::Tally::default();
    let seeds = seeds();
    for seed in &seeds {
        let _named = Named(*seed);
        all.add(storm::run(*seed));
    }
    if std::env::var_os("FREEHOLD_SIM_TRACE").is_some() {
        eprintln!("{all:#?}");
    }
    if seeds.len() < 40 {
        return;
    }
    // All that was to be tried has worked somewhere, and failed somewhere.
    for command in 5..=18 {
        let command = Command(command);
        assert!(
            command == Command::CANCEL || all.of(command, NtStatus::SUCCESS) > 0,
            "{command:?} never worked"
        );
    }
    for (command, status) in [
        (Command::CREATE, NtStatus::SHARING_VIOLATION),
        (Command::CREATE, NtStatus::DELETE_PENDING),
        (Command::CREATE, NtStatus::CANCELLED),
        (Command::WRITE, NtStatus::DISK_FULL),
        (Command::WRITE, NtStatus::FILE_LOCK_CONFLICT),
        (Command::READ, NtStatus::END_OF_FILE),
        (Command::LOCK, NtStatus::LOCK_NOT_GRANTED),
        (Command::LOCK, NtStatus::CANCELLED),
        (Command::CHANGE_NOTIFY, NtStatus::CANCELLED),
        (Command::CHANGE_NOTIFY, NtStatus::NOTIFY_CLEANUP),
        (Command::QUERY_DIRECTORY, NtStatus::NO_MORE_FILES),
        (Command::FLUSH, NtStatus::FILE_CLOSED),
        (Command::ECHO, NtStatus::ACCESS_DENIED),
    ] {
        assert!(all.of(command, status) > 0, "{command:?} never answered {status}");
    }
    let enough = [
        (all.breaks, 100, "breaks"),
        (all.reads_checked, 100, "reads checked"),
        (all.closes_behind, 20, "closes behind what they found under way"),
        (all.taken_up, 20, "opens taken up by who came back"),
        (all.replayed, 20, "requests answered twice"),
        (all.cached_opens, 200, "opens with a cache"),
        (all.locks, 50, "locks"),
        (all.contents_checked, 20, "files compared"),
        (all.writes_in_pieces, 100, "writes in pieces"),
    ];
    for (count, least, what) in enough {
        assert!(count >= least, "only {count} {what}");
    }
}

#[test]
fn a_negotiate_behind_a_cancelled_request_ends_the_connection() {
    use freehold::smb2::create::{
        CreateDisposition, CreateOptions, CreateRequest, ImpersonationLevel, ShareAccess,
    };
    use freehold::smb2::create_context::CreateContexts;
    use freehold::smb2::echo::EchoRequest;
    use freehold::smb2::{OplockLevel, Utf16Buf};

    let mut world = World::new(3);
    let name = Utf16Buf::from("f");
    let create = CreateRequest {
        requested_oplock_level: OplockLevel::BATCH,
        impersonation_level: ImpersonationLevel::IMPERSONATION,
        desired_access: 0x1F_01FF,
        file_attributes: 0,
        share_access: ShareAccess::from_bits_retain(7),
        create_disposition: CreateDisposition::OPEN_IF,
        create_options: CreateOptions::empty(),
        name: name.as_utf16(),
        contexts: CreateContexts::EMPTY,
    };
    let [holder, other] = [(); 2].map(|()| {
        let client = world.connect();
        world.log_on(client).unwrap();
        (client, world.tree_connect(client, "data").unwrap())
    });
    world.send(holder.0, Command::CREATE, holder.1, &create, 1);
    let mut packet = world.clients[other.0].client.compound();
    let client = &mut world.clients[other.0].client;
    let waits = client.append(&mut packet, Command::CREATE, other.1, &create, 1, false);
    let wrong = client.append(&mut packet, Command::NEGOTIATE, other.1, &EchoRequest, 1, false);
    world.send_compound(other.0, packet, &[(waits, Command::CREATE), (wrong, Command::NEGOTIATE)]);
    world.receive(other.0).unwrap();
    world.tolerant = true;
    assert!(world.cancel(other.0, waits.0), "the CREATE waits for the break");
    assert!(!world.is_connected(other.0));
}
