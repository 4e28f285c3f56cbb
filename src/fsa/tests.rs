//! Oplocks, leases, share modes and deletion of a [`Node`] as scripts with an expected transcript.
//!
//! One action a line, and after `=>` what comes of it: the decision, then notifications, then wakes.
//! `open a rwd/rwd RWH@1` opens as `a` with access and share mode, asking for a lease state under key 1; `batch`, `excl`,
//! `two` ask for oplocks, `-` for nothing; `!` after the name overwrites, `~` opens for attributes only. `gives exclusive`:
//! from now on the volume gives no more.

use std::collections::BTreeMap;
use std::time::Duration;

use freehold_acl::AccessMask;
use freehold_dtyp::Guid;

use super::*;

const TIMEOUT: Duration = Duration::from_secs(35);

#[derive(Default)]
struct World {
    node: Node,
    names: BTreeMap<String, OpenId>,
    policy: OplockPolicy,
    now: Duration,
    next: u64,
}

fn state_of(text: &str) -> CacheState {
    let bit = |letter| match letter {
        'R' => CacheState::READ,
        'W' => CacheState::WRITE,
        'H' => CacheState::HANDLE,
        _ => CacheState::empty(),
    };
    text.chars().map(bit).fold(CacheState::empty(), CacheState::union)
}

fn show(state: CacheState) -> String {
    let letters = [(CacheState::READ, 'R'), (CacheState::WRITE, 'W'), (CacheState::HANDLE, 'H')];
    let text: String =
        letters.iter().filter(|(bit, _)| state.contains(*bit)).map(|(_, letter)| letter).collect();
    if text.is_empty() { "0".to_owned() } else { text }
}

fn lease(key: u8) -> LeaseId {
    LeaseId { client: Guid::default(), key: [key; 16] }
}

impl World {
    fn name(&self, id: OpenId) -> &str {
        self.names.iter().find(|(_, other)| **other == id).map_or("?", |(name, _)| name)
    }

    fn actor(&self, name: &str) -> Actor {
        let open = self.names[name];
        Actor { open, lease: self.node.lease_of(open) }
    }

    fn effects(&self, effects: Effects) -> String {
        let mut text = String::new();
        for notice in effects.notices {
            let who = match notice.id {
                HolderId::Oplock(open) => self.name(open).to_owned(),
                HolderId::Lease(id) => format!("@{}", id.key[0]),
            };
            let ack = if notice.acknowledge { "" } else { " noack" };
            text += &format!("; {who} {}->{}{ack}", show(notice.from), show(notice.to));
        }
        for waiter in effects.wake {
            text += &format!("; wake {}", self.name(OpenId(waiter.chain)));
        }
        text
    }

    fn open(&mut self, name: &str, rights: &str, wanted: &str, retried: bool) -> String {
        let overwrites = name.contains('!');
        let stat = name.contains('~');
        let name = name.trim_end_matches(['!', '~']);
        let (stream, rights) = match rights.split_once(':') {
            Some((stream, rights)) => (self.node.stream(stream.into()), rights),
            None => (StreamId::UNNAMED, rights),
        };
        let (access_text, share_text) = rights.split_once('/').unwrap();
        let mut access = AccessMask::FILE_READ_ATTRIBUTES;
        if !stat {
            for (letter, right) in [
                ('r', AccessMask::FILE_READ_DATA),
                ('w', AccessMask::FILE_WRITE_DATA),
                ('d', AccessMask::DELETE),
            ] {
                access = access.with(right, access_text.contains(letter));
            }
        }
        let mut share = ShareAccess::empty();
        share.set(ShareAccess::READ, share_text.contains('r'));
        share.set(ShareAccess::WRITE, share_text.contains('w'));
        share.set(ShareAccess::DELETE, share_text.contains('d'));
        let cache = match wanted {
            "-" => CacheRequest::Oplock(OplockLevel::None),
            "two" => CacheRequest::Oplock(OplockLevel::II),
            "excl" => CacheRequest::Oplock(OplockLevel::Exclusive),
            "batch" => CacheRequest::Oplock(OplockLevel::Batch),
            lease_text => {
                let (state, key) = lease_text.split_once('@').unwrap();
                CacheRequest::Lease(LeaseRequest {
                    id: lease(key.parse().unwrap()),
                    state: state_of(state),
                    version: 2,
                    epoch: 0,
                    parent: None,
                })
            }
        };
        self.next += 1;
        let id = if retried { self.names[name] } else { OpenId(self.next) };
        let request = OpenRequest {
            id,
            link: LinkId(access_text.chars().find_map(|letter| letter.to_digit(10)).unwrap_or(0).into()),
            stream,
            access,
            implied: if overwrites { AccessMask::FILE_WRITE_DATA } else { AccessMask::EMPTY },
            share,
            overwrites,
            delete_on_close: access_text.contains('x'),
            is_directory: false,
            retried,
            cache,
            policy: self.policy,
            backed_bytes: 0,
            owner: Owner::default(),
            posix: access_text.contains('p'),
        };
        let mut effects = Effects::default();
        let verdict = self.node.reserve(&request, self.now, self.now + TIMEOUT, &mut effects);
        let word = match verdict {
            Ok(Verdict::Reserved) => {
                self.names.insert(name.to_owned(), id);
                match self.node.grant(&request) {
                    Granted::Oplock(OplockLevel::None) => "ok".to_owned(),
                    Granted::Oplock(level) => format!("ok {level:?}").to_lowercase(),
                    Granted::Lease(grant) => {
                        format!("ok {}{}", show(grant.state), if grant.breaking { " breaking" } else { "" })
                    }
                }
            }
            Ok(Verdict::Wait(_)) => {
                self.names.insert(name.to_owned(), id);
                self.node.add_waiter(Waiter { connection: 0, chain: id.0 });
                "wait".to_owned()
            }
            Err(error) => format!("{error:?}"),
        };
        word + &self.effects(effects)
    }

    fn step(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        let deadline = self.now + TIMEOUT;
        match words[..] {
            ["open", name, rights, wanted] => self.open(name, rights, wanted, false),
            ["retry", name, rights, wanted] => self.open(name, rights, wanted, true),
            ["close", name] => {
                let closed = self.node.close(self.names[name], self.now);
                let mut text = "closed".to_owned();
                for (set, word) in [
                    (closed.delete_file, " delete-file"),
                    (closed.delete_stream, " delete-stream"),
                    (closed.file_deletion_waits, " deletion-waits"),
                    (closed.lease_gone.is_some(), " lease-gone"),
                ] {
                    text += if set { word } else { "" };
                }
                text + &self.effects(Effects { notices: Vec::new(), wake: closed.wake, expired: 0 })
            }
            ["ack", name, level] => {
                let level = match level {
                    "two" => OplockLevel::II,
                    "batch" => OplockLevel::Batch,
                    "excl" => OplockLevel::Exclusive,
                    _ => OplockLevel::None,
                };
                match self.node.acknowledge_oplock(self.names[name], Some(level), deadline) {
                    Ok(answered) => {
                        let word = if answered.kept.is_some() { "ok" } else { "refused" };
                        word.to_owned() + &self.effects(answered.effects)
                    }
                    Err(error) => format!("{error:?}"),
                }
            }
            ["ack-lease", key, state] => {
                match self.node.acknowledge_lease(lease(key.parse().unwrap()), state_of(state), deadline) {
                    Ok(effects) => "ok".to_owned() + &self.effects(effects),
                    Err(error) => format!("{error:?}"),
                }
            }
            ["write", name] => {
                let actor = self.actor(name);
                let effects = self.node.break_caches_of_data(StreamId::UNNAMED, actor, deadline);
                "ok".to_owned() + &self.effects(effects)
            }
            ["rename", name] => {
                let actor = self.actor(name);
                let (effects, wait) =
                    self.node.break_caches_of_handles(Some(actor), None, self.now, deadline);
                if wait { "wait" } else { "ok" }.to_owned() + &self.effects(effects)
            }
            ["delete", name] => {
                self.node.set_delete_pending(self.names[name], true);
                "ok".to_owned()
            }
            ["deleted"] => {
                self.node.deletion_done();
                "ok".to_owned()
            }
            ["gives", what] => {
                self.policy = match what {
                    "exclusive" => OplockPolicy::Exclusive,
                    "none" => OplockPolicy::None,
                    _ => OplockPolicy::All,
                };
                "ok".to_owned()
            }
            ["holds-to-that"] => {
                self.node.hold_to(self.policy);
                "ok".to_owned()
            }
            ["sleep"] => {
                self.now += TIMEOUT;
                "ok".to_owned()
            }
            _ => panic!("{line}"),
        }
    }
}

fn run(script: &str) {
    let mut world = World::default();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (action, expected) = line.split_once("=>").unwrap_or_else(|| panic!("{line}"));
        assert_eq!(world.step(action.trim()), expected.trim(), "in {line}\nof {script}");
    }
}

#[test]
fn a_sole_opener_gets_the_lease_states_that_exist() {
    for (wanted, granted) in [
        ("", "0"),
        ("R", "R"),
        ("H", "0"),
        ("W", "0"),
        ("RH", "RH"),
        ("RW", "RW"),
        ("HW", "0"),
        ("RWH", "RWH"),
    ] {
        run(&format!("open a rwd/rwd {wanted}@1 => ok {granted}"));
    }
}

#[test]
fn a_second_open_under_the_same_key_only_raises_the_state() {
    let states = ["", "R", "RH", "RW", "RWH"];
    for first in states {
        for second in states {
            let (held, asked) = (state_of(first), state_of(second));
            let expected = if asked.contains(held) { asked } else { held };
            run(&format!(
                "open a rwd/rwd {first}@1 => ok {}\nopen b rwd/rwd {second}@1 => ok {}",
                show(held),
                show(expected)
            ));
        }
    }
}

#[test]
fn a_second_lease_takes_cached_writes_and_gets_no_write() {
    for held in ["R", "RH", "RW", "RWH"] {
        for wanted in ["R", "RH", "RW", "RWH"] {
            let (state, kept) = (state_of(held), state_of(held).difference(CacheState::WRITE));
            let granted = show(state_of(wanted).difference(CacheState::WRITE));
            let held_text = show(state);
            if state == kept {
                run(&format!(
                    "open a rwd/rwd {held}@1 => ok {held_text}\nopen b rwd/rwd {wanted}@2 => ok {granted}"
                ));
            } else {
                let kept = show(kept);
                run(&format!(
                    "open a rwd/rwd {held}@1 => ok {held_text}
                     open b rwd/rwd {wanted}@2 => wait; @1 {held_text}->{kept}
                     ack-lease 1 {kept} => ok; wake b
                     retry b rwd/rwd {wanted}@2 => ok {granted}"
                ));
            }
        }
    }
}

#[test]
fn a_link_goes_with_the_last_open_through_it() {
    // The digit is the link that the open came through; without one the file had a single link then.
    run("open a rwd1/rwd - => ok
         open b rwd2/rwd - => ok
         delete a => ok
         open c rwd1/rwd - => DeletePending
         open d rwd2/rwd - => ok
         close b => closed
         close a => closed delete-file
         deleted => ok
         open e rwd2x/rwd - => ok
         close e => closed deletion-waits
         open f rwd2/rwd - => DeletePending
         open g rwd1/rwd - => ok
         close d => closed delete-file
         deleted => ok
         close g => closed");
    run("open a rwd1/rwd - => ok
         open b rwd/rwd - => ok
         delete a => ok
         close a => closed deletion-waits
         open c rwd2/rwd - => ok
         close b => closed delete-file");
}

#[test]
fn a_lease_beside_another_grows_to_all_that_is_asked_for_or_not_at_all() {
    run("open a rwd/rwd R@1 => ok R
         open b rwd/rwd RH@2 => ok RH
         open c rwd/rwd RWH@1 => ok R
         open d rwd/rwd RH@1 => ok RH");
}

#[test]
fn leases_and_oplocks_limit_each_other() {
    run("open a rwd/rwd R@1 => ok R
         open b rwd/rwd batch => ok ii");
    run("open a rwd/rwd RH@1 => ok RH
         open b rwd/rwd excl => ok");
    run("open a rwd/rwd RWH@1 => ok RWH
         open b rwd/rwd two => wait; @1 RWH->RH
         ack-lease 1 RH => ok; wake b
         retry b rwd/rwd two => ok");
    run("open a rwd/rwd two => ok ii
         open b rwd/rwd RWH@1 => ok R");
    run("open a rwd/rwd batch => ok batch
         open b rwd/rwd RH@1 => wait; a RWH->R
         ack a two => ok; wake b
         retry b rwd/rwd RH@1 => ok R");
}

#[test]
fn an_exclusive_oplock_does_not_soften_a_sharing_violation() {
    run("open a rwd/ excl => ok exclusive
         open b rwd/rwd - => SharingViolation
         close a => closed
         open b rwd/ excl => ok exclusive");
}

#[test]
fn a_batch_oplock_may_close_its_handle_before_the_violation() {
    run("open a rwd/ batch => ok batch
         open b rwd/ batch => wait; a RWH->R
         close a => closed; wake b
         retry b rwd/ batch => ok batch");
    run("open a rwd/ batch => ok batch
         open b rwd/ batch => wait; a RWH->R
         ack a two => ok; wake b
         retry b rwd/ batch => SharingViolation");
}

#[test]
fn an_oplock_is_acknowledged_with_a_level_below_it_or_lost() {
    run("open a rwd/rwd batch => ok batch
         open b rwd/rwd - => wait; a RWH->R
         ack a batch => refused; wake b
         ack a two => OplockNotBreaking");
    run("open a rwd/rwd batch => ok batch
         open b rwd/rwd - => wait; a RWH->R
         ack a excl => ok; wake b
         write b => ok");
    run("open a rwd/rwd excl => ok exclusive
         open b rwd/rwd - => wait; a RW->R
         ack a excl => refused; wake b");
}

#[test]
fn only_the_handle_cache_is_taken_for_a_sharing_violation() {
    run("open a rwd/ RWH@1 => ok RWH
         open b! rwd/rwd RWH@2 => wait; @1 RWH->RW
         ack-lease 1 RW => ok; wake b
         retry b! rwd/rwd RWH@2 => SharingViolation");
}

#[test]
fn an_overwrite_empties_caches_and_waits_only_for_writes() {
    run("open a rwd/rwd RH@1 => ok RH
         open b! rwd/rwd - => ok; @1 RH->0
         close b => closed
         open c! rwd/rwd - => ok
         close c => closed
         open d rwd/rwd RH@1 => ok RH breaking
         ack-lease 1 0 => ok
         open e rwd/rwd @1 => ok 0");
    run("open a rwd/rwd R@1 => ok R
         open b! rwd/rwd - => ok; @1 R->0 noack
         ack-lease 1 0 => LeaseNotBreaking");
    run("open a rwd/rwd excl => ok exclusive
         open b!~ /rwd two => wait; a RW->0
         ack a none => ok; wake b
         retry b!~ /rwd two => ok ii");
}

#[test]
fn breaks_that_meet_are_done_step_by_step() {
    run("open a rwd/rwd RWH@1 => ok RWH
         open b rwd/rwd - => wait; @1 RWH->RH
         open c rwd/rwd RWH@1 => ok RWH breaking
         close c => closed; wake b
         retry b rwd/rwd - => wait
         open d! rwd/rwd - => wait
         ack-lease 1 RH => ok; @1 RH->R; wake b; wake d
         retry b rwd/rwd - => wait
         retry d! rwd/rwd - => wait
         ack-lease 1 R => ok; @1 R->0 noack; wake b; wake d
         retry b rwd/rwd - => ok
         retry d! rwd/rwd - => ok");
}

#[test]
fn a_lease_may_be_given_up_further_than_asked_but_not_less() {
    run("open a rwd/rwd RWH@1 => ok RWH
         open b rwd/rwd - => wait; @1 RWH->RH
         ack-lease 1 RWH => LeaseStateTooHigh
         ack-lease 1 0 => ok; wake b
         ack-lease 2 0 => LeaseNotFound");
}

#[test]
fn a_break_without_answer_ends_at_its_deadline() {
    run("open a rwd/rwd RWH@1 => ok RWH
         open b rwd/rwd RWH@2 => wait; @1 RWH->RH
         sleep => ok
         retry b rwd/rwd RWH@2 => ok RH; wake b
         ack-lease 1 RH => LeaseNotBreaking
         open c rwd/rwd @1 => ok 0");
    run("open a rwd/rwd batch => ok batch
         open b rwd/rwd batch => wait; a RWH->R
         sleep => ok
         retry b rwd/rwd batch => ok ii; wake b
         ack a two => OplockNotBreaking");
}

#[test]
fn attribute_opens_break_nothing() {
    run("open a rwd/rwd batch => ok batch
         open b~ /rwd batch => ok
         open c~ /rwd R@1 => ok 0");
    run("open a~ / batch => ok batch
         open b rw/rwd batch => wait; a RWH->R
         ack a two => ok; wake b
         retry b rw/rwd batch => ok ii");
}

#[test]
fn writes_break_readers_and_level_two_even_of_the_writer() {
    run("open a rwd/rwd batch => ok batch
         write a => ok
         open b rwd/rwd two => wait; a RWH->R
         ack a two => ok; wake b
         retry b rwd/rwd two => ok ii
         write a => ok; a R->0 noack; b R->0 noack
         write b => ok
         ack b none => OplockProtocol
         ack b none => OplockNotBreaking");
    run("open a rwd/rwd RH@1 => ok RH
         open b rwd/rwd R@2 => ok R
         write a => ok; @2 R->0 noack
         write b => ok; @1 RH->0
         write b => ok");
}

#[test]
fn renames_and_deletions_wait_for_cached_handles_of_others() {
    run("open a rwd/rwd RH@1 => ok RH
         open b rwd/rwd RH@2 => ok RH
         rename a => wait; @2 RH->R
         rename a => wait
         ack-lease 2 R => ok
         rename a => ok");
}

#[test]
fn an_open_that_will_delete_leaves_cached_handles_until_it_is_closed() {
    run("open a rwd/rwd RH@1 => ok RH
         open b dx/rwd - => ok
         rename b => wait; @1 RH->R
         ack-lease 1 R => ok
         rename b => ok
         close b => closed deletion-waits");
    run("open a rwd/rwd RWH@1 => ok RWH
         open b dx/rwd - => wait; @1 RWH->RH
         ack-lease 1 RH => ok; wake b
         retry b dx/rwd - => ok");
}

#[test]
fn a_pending_deletion_refuses_opens_and_is_done_by_the_last_close() {
    run("open a rwd/rwd - => ok
         open b rwd/rwd - => ok
         delete a => ok
         open c r/rwd - => DeletePending
         close a => closed deletion-waits
         open c s:r/rwd - => DeletePending
         close b => closed delete-file");
}

#[test]
fn delete_on_close_acts_when_its_own_open_closes() {
    run("open a rwdx/rwd - => ok
         open b rwd/rwd - => ok
         close b => closed
         open c rwd/rwd - => ok
         close a => closed deletion-waits
         open d r/rwd - => DeletePending
         close c => closed delete-file");
}

#[test]
fn streams_are_shared_and_deleted_on_their_own() {
    run("open a S:rw/ - => ok
         open b rw/rwd - => ok
         open c S:r/rwd - => SharingViolation
         open d d/rwd - => SharingViolation
         open e T:rwx/rwd batch => ok batch
         close e => closed delete-stream
         open x r/rwd - => wait
         deleted => ok
         close a => closed; wake x
         open f S:rw/rwd - => ok
         open g d/rwd - => ok
         delete g => ok
         close g => closed deletion-waits
         close b => closed deletion-waits
         close f => closed delete-file");
}

#[test]
fn who_may_delete_a_file_keeps_out_streams_that_do_not_share_it() {
    run("open a rd/rwd - => ok
         open b S:r/rw - => SharingViolation
         open c S:r/rwd - => ok
         close a => closed
         open d S:r/rw - => ok
         open e rw/ - => ok");
}

#[test]
fn the_lease_goes_with_its_last_open() {
    run("open a rwd/rwd RH@1 => ok RH
         open b rwd/rwd RH@1 => ok RH
         close a => closed
         close b => closed lease-gone
         ack-lease 1 0 => LeaseNotFound");
}

#[test]
fn where_only_exclusive_caches_are_given_all_others_are_none() {
    for (wanted, granted) in
        [("", "0"), ("R", "0"), ("RH", "0"), ("RW", "RW"), ("RWH", "RWH"), ("W", "0"), ("HW", "0")]
    {
        run(&format!("gives exclusive => ok\nopen a rwd/rwd {wanted}@1 => ok {granted}"));
    }
    for (wanted, granted) in [("two", "ok"), ("excl", "ok exclusive"), ("batch", "ok batch")] {
        run(&format!("gives exclusive => ok\nopen a rwd/rwd {wanted} => {granted}"));
    }
    run("gives exclusive => ok
         open a rwd/rwd - => ok
         open b rwd/rwd batch => ok
         open c rwd/rwd RWH@1 => ok 0
         close a => closed
         close b => closed
         open d rwd/rwd RWH@1 => ok RWH
         open e rwd/rwd R@1 => ok RWH");
}

#[test]
fn where_only_exclusive_caches_are_given_a_break_leaves_none() {
    for (wanted, held) in [("excl", "RW"), ("batch", "RWH")] {
        run(&format!(
            "gives exclusive => ok
             open a rwd/rwd {wanted} => ok {}
             open b rwd/rwd batch => wait; a {held}->0
             ack a none => ok; wake b
             retry b rwd/rwd batch => ok
             write b => ok",
            if wanted == "excl" { "exclusive" } else { "batch" }
        ));
    }
    for held in ["RW", "RWH"] {
        run(&format!(
            "gives exclusive => ok
             open a rwd/rwd {held}@1 => ok {held}
             open b rwd/rwd RWH@2 => wait; @1 {held}->0
             ack-lease 1 R => LeaseStateTooHigh
             ack-lease 1 0 => ok; wake b
             retry b rwd/rwd RWH@2 => ok 0"
        ));
    }
    run("gives exclusive => ok
         open a rwd/ batch => ok batch
         open b rwd/ batch => wait; a RWH->0
         close a => closed; wake b
         retry b rwd/ batch => ok batch");
}

#[test]
fn where_only_exclusive_caches_are_given_a_handle_goes_without_the_writes() {
    run("gives exclusive => ok
         open a rwd/ RWH@1 => ok RWH
         open b rwd/ RWH@2 => wait; @1 RWH->RW
         ack-lease 1 RW => ok; wake b
         retry b rwd/ RWH@2 => SharingViolation
         open c rwd/rwd RWH@1 => SharingViolation");
    run("gives exclusive => ok
         open a rwd/rwd RWH@1 => ok RWH
         open b~ /rwd - => ok
         rename b => wait; @1 RWH->RW
         ack-lease 1 RW => ok
         rename b => ok");
    // Who answers with less than was left keeps nothing of it either.
    run("gives exclusive => ok
         open a rwd/ RWH@1 => ok RWH
         open b rwd/ - => wait; @1 RWH->RW
         ack-lease 1 R => ok; @1 R->0 noack; wake b
         open c~ /rwd R@1 => ok 0");
    // Two breaks that meet: what the second one takes goes behind the answer to the first.
    run("gives exclusive => ok
         open a rwd/rwd RWH@1 => ok RWH
         open b rwd/r - => wait; @1 RWH->RW
         open c rwd/rwd - => wait
         ack-lease 1 RW => ok; @1 RW->0; wake b; wake c
         retry c rwd/rwd - => wait
         ack-lease 1 0 => ok; wake c
         retry c rwd/rwd - => ok");
}

#[test]
fn where_nothing_is_given_nobody_waits() {
    for wanted in ["R@1", "RH@1", "RW@1", "RWH@1"] {
        run(&format!(
            "gives none => ok
             open a rwd/rwd {wanted} => ok 0
             open b! rwd/rwd RWH@2 => ok 0
             rename b => ok
             write b => ok"
        ));
    }
    for wanted in ["two", "excl", "batch"] {
        run(&format!(
            "gives none => ok
             open a rwd/ {wanted} => ok
             open b rwd/ {wanted} => SharingViolation"
        ));
    }
}

#[test]
fn what_is_held_when_less_is_given_goes_whole_with_its_break() {
    run("open a rwd/rwd RWH@1 => ok RWH
         gives exclusive => ok
         holds-to-that => ok
         open b rwd/rwd RWH@2 => wait; @1 RWH->0
         ack-lease 1 0 => ok; wake b
         retry b rwd/rwd RWH@2 => ok 0");
    run("open a rwd/rwd batch => ok batch
         gives none => ok
         holds-to-that => ok
         open b rwd/rwd batch => wait; a RWH->0
         sleep => ok
         retry b rwd/rwd batch => ok; wake b");
    run("open a rwd/rwd RH@1 => ok RH
         gives none => ok
         holds-to-that => ok
         open b rwd/rwd RH@2 => ok 0
         rename b => wait; @1 RH->0");
}
