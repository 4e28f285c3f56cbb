//! Walks through trees in memory: what is reached, what is left alone, and what happens around interruptions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use freehold_acl::{
    AccessMask, AceFlags, AclEdit, AclEntry, SecurityDescriptor, Token, create_descriptor, propagate,
};
use freehold_dtyp::{FileTime, Sid, Wtf8};
use parking_lot::Mutex;

use super::super::{AclError, AclJobs, JobReport, Recorder};
use crate::audit::record::Batch;
use crate::fscc::FileAttributes;
use crate::proto::op::{VolumeId, VolumeRef};
use crate::proto::server::{Entropy, Server, ServerConfig};
use crate::state::{AclJobProgress, AclJobStatus, NewAclJob, State};
use crate::vfs::fault::{FaultVolume, Faults, Operation, Outcome};
use crate::vfs::memory::{MemoryOptions, MemoryVolume};
use crate::vfs::{DataUse, Existing, NameCase, NewNode, NodeKind, Opened, VfsError, VfsPath, Volume};

struct Zeros;

impl Entropy for Zeros {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

/// Keeps what is recorded, unless it is full.
#[derive(Default)]
struct Log {
    records: Mutex<Vec<String>>,
    full: AtomicBool,
}

impl Recorder for Log {
    fn record(&self, batch: Batch, _: bool) -> bool {
        let text = |record: &[u8]| String::from_utf8(record.to_vec()).unwrap();
        self.records.lock().extend(batch.records().map(text));
        !self.full.load(Ordering::Relaxed)
    }
}

struct Fixture {
    log: Arc<Log>,
    jobs: Arc<AclJobs>,
    state: Arc<State>,
    volume: Arc<dyn Volume>,
}

fn path(text: &str) -> VfsPath {
    VfsPath::new(text.into()).unwrap()
}

fn now() -> FileTime {
    FileTime::from_system_time(SystemTime::now())
}

fn sd(text: &str) -> Arc<SecurityDescriptor> {
    Arc::new(text.parse().unwrap())
}

fn memory() -> MemoryVolume {
    MemoryVolume::new(MemoryOptions::new(sd("O:BAG:SYD:AI(A;OICI;FA;;;BA)")))
}

impl Fixture {
    fn new(volume: Arc<dyn Volume>) -> Fixture {
        let state = Arc::new(State::in_memory().unwrap());
        let core = Server::new(ServerConfig::default(), Box::new(Zeros));
        let identity = Arc::new(volume.identity().clone());
        let volumes =
            [("data".to_owned(), VolumeRef { id: VolumeId(0), identity, volume: Arc::clone(&volume) })];
        let log = Arc::new(Log::default());
        let jobs =
            AclJobs::new(core, Arc::clone(&state), volumes.into(), Arc::clone(&log) as Arc<dyn Recorder>);
        Fixture { log, jobs, state, volume }
    }

    fn open(&self, at: &str) -> Opened {
        self.volume.open(&path(at), None, DataUse::READ).unwrap_or_else(|error| panic!("{at}: {error:?}"))
    }

    /// As a client does it: inherits from its folder.
    fn make(&self, at: &str, kind: NodeKind) -> Opened {
        let full = path(at);
        let (parent, name) = full.split_last().unwrap();
        let parent = self.volume.open(&parent, None, DataUse::READ).unwrap();
        let is_directory = kind == NodeKind::Directory;
        let security = create_descriptor(Some(&parent.security), None, &Token::system(), is_directory);
        let new = NewNode {
            kind,
            attributes: FileAttributes::empty(),
            security: Arc::new(security.unwrap()),
            extended_attributes: Vec::new(),
            allocation_bytes: 0,
            now: now(),
            case: NameCase::Ignored,
            no_compression: false,
        };
        self.volume.create(&parent.file, name, &new).unwrap()
    }

    /// `folders` folders of `files` files each below `at`, and a folder in each.
    fn tree(&self, at: &str, folders: usize, files: usize) {
        self.make(at, NodeKind::Directory);
        for folder in 0..folders {
            let folder = format!("{at}/d{folder}");
            self.make(&folder, NodeKind::Directory);
            self.make(&format!("{folder}/sub"), NodeKind::Directory);
            for file in 0..files {
                self.make(&format!("{folder}/f{file}"), NodeKind::File);
                self.make(&format!("{folder}/sub/f{file}"), NodeKind::File);
            }
        }
    }

    fn dacl(&self, at: &str) -> String {
        let security = self.open(at).file.0.security().unwrap();
        let text = security.to_sddl();
        text[text.find("D:").unwrap()..].to_owned()
    }

    fn change(&self, at: &str, edit: &AclEdit, recurse: bool) -> i64 {
        self.jobs.change("data", &path(at), edit, recurse, false, false).unwrap().job.unwrap()
    }

    fn ended(&self, id: i64) -> JobReport {
        let begun = Instant::now();
        loop {
            let job = self.jobs.report().unwrap().into_iter().find(|report| report.job.id == id).unwrap();
            if job.job.status.is_ended() {
                return job;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{job:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Every object below `at` that has not what its folder gives; how many were looked at.
    fn wrong_below(&self, at: &str) -> (Vec<String>, usize) {
        let mut wrong = Vec::new();
        let mut seen = 0;
        let mut folders = vec![path(at)];
        while let Some(folder) = folders.pop() {
            let opened = self.volume.open(&folder, None, DataUse::READ).unwrap();
            let above = opened.file.0.security().unwrap();
            opened
                .file
                .0
                .list(Default::default(), &mut |name: Wtf8<'_>, metadata| {
                    seen += 1;
                    let path = folder.join(&VfsPath::new(name.to_owned()).unwrap());
                    let own =
                        self.volume.open(&path, None, DataUse::READ).unwrap().file.0.security().unwrap();
                    let is_directory = metadata.kind == NodeKind::Directory;
                    if propagate(&above, &own, is_directory).unwrap() != *own {
                        wrong.push(path.as_wtf8().to_string());
                    }
                    if is_directory {
                        folders.push(path);
                    }
                    true
                })
                .unwrap();
        }
        (wrong, seen)
    }
}

fn grant(rid: u32, flags: u8) -> AclEdit {
    let sid = "S-1-5-21-1-2-3".parse::<Sid>().unwrap().with_rid(rid).unwrap();
    let mask = AccessMask::FILE_GENERIC_READ;
    AclEdit::Grant {
        entries: vec![AclEntry { sid, flags: AceFlags(flags), mask, denies: false }],
        replace: false,
    }
}

#[test]
fn a_change_reaches_everything_below_and_nothing_else() {
    let fixture = Fixture::new(Arc::new(memory()));
    fixture.tree("a", 3, 70);
    fixture.tree("b", 1, 1);
    let before = fixture.dacl("b/d0/f0");
    let report = fixture.ended(fixture.change("a", &grant(1000, 3), false));
    assert_eq!(report.job.status, AclJobStatus::Done, "{report:?}");
    let expected = "D:AI(A;ID;FR;;;S-1-5-21-1-2-3-1000)(A;ID;FA;;;BA)";
    assert_eq!(fixture.dacl("a/d2/sub/f69"), expected);
    assert_eq!(fixture.dacl("a/d0/f0"), expected);
    assert_eq!(fixture.dacl("b/d0/f0"), before);
    let (wrong, seen) = fixture.wrong_below("a");
    assert_eq!((wrong, seen), (Vec::new(), 426));
    assert_eq!(
        (report.job.progress.visited, report.job.progress.changed, report.job.progress.failed),
        (426, 426, 0)
    );
    // Once more: nothing to do.
    let report = fixture.ended(fixture.change("a", &grant(1000, 3), false));
    assert_eq!((report.job.progress.visited, report.job.progress.changed), (426, 0));
}

#[test]
fn protected_folders_and_own_entries_stay() {
    let fixture = Fixture::new(Arc::new(memory()));
    fixture.tree("a", 2, 2);
    fixture.ended(fixture.change("a/d0", &AclEdit::InheritDisable, false));
    fixture.ended(fixture.change("a/d1", &grant(1001, 3), false));
    let protected = fixture.dacl("a/d0/sub/f0");
    fixture.ended(fixture.change("a", &grant(1000, 3), false));
    assert_eq!(fixture.dacl("a/d0"), "D:PAI(A;OICI;FA;;;BA)");
    assert_eq!(fixture.dacl("a/d0/sub/f0"), protected);
    let own = "S-1-5-21-1-2-3-1001";
    let from_above = "S-1-5-21-1-2-3-1000";
    assert_eq!(
        fixture.dacl("a/d1"),
        format!("D:AI(A;OICI;FR;;;{own})(A;OICIID;FR;;;{from_above})(A;OICIID;FA;;;BA)")
    );
    assert_eq!(
        fixture.dacl("a/d1/f1"),
        format!("D:AI(A;ID;FR;;;{own})(A;ID;FR;;;{from_above})(A;ID;FA;;;BA)")
    );
    assert_eq!(fixture.wrong_below("a").0, Vec::<String>::new());
}

#[test]
fn a_change_of_each_object_is_made_and_inherits_too() {
    let fixture = Fixture::new(Arc::new(memory()));
    fixture.tree("a", 2, 3);
    let report = fixture.ended(fixture.change("a", &grant(1000, 0), true));
    assert_eq!(report.job.status, AclJobStatus::Done);
    let anna = "S-1-5-21-1-2-3-1000";
    assert_eq!(fixture.dacl("a/d1/sub/f2"), format!("D:AI(A;;FR;;;{anna})(A;ID;FA;;;BA)"));
    let reset = fixture.ended(fixture.change("a", &AclEdit::Reset, true));
    assert_eq!(reset.job.status, AclJobStatus::Done);
    assert_eq!(fixture.dacl("a/d1/sub/f2"), "D:AI(A;ID;FA;;;BA)");
    assert_eq!(fixture.wrong_below("").0, Vec::<String>::new());
}

#[test]
fn the_last_of_several_changes_stays() {
    let fixture = Fixture::new(Arc::new(memory()));
    fixture.tree("a", 3, 40);
    let mut last = 0;
    for round in 0..6 {
        let edit = match round % 2 {
            0 => grant(1000 + round, 3),
            _ => AclEdit::Reset,
        };
        last = fixture.change("a", &edit, false);
    }
    last = last.max(fixture.change("a", &grant(1010, 3), false));
    fixture.ended(last);
    assert_eq!(fixture.dacl("a/d2/f39"), "D:AI(A;ID;FR;;;S-1-5-21-1-2-3-1010)(A;ID;FA;;;BA)");
    assert_eq!(fixture.wrong_below("a").0, Vec::<String>::new());
}

/// What a server that was killed leaves: some of the tree done, a position, a job that runs.
#[test]
fn an_interrupted_job_goes_on_and_looks_at_everything_once_more() {
    for position in [None, Some("d0"), Some("d1/f3"), Some("d1/no-such"), Some("d1/sub"), Some("d9")] {
        let fixture = Fixture::new(Arc::new(memory()));
        fixture.tree("a", 3, 5);
        let changed = sd("O:BAG:SYD:AI(A;OICI;FR;;;WD)(A;OICIID;FA;;;BA)");
        fixture.open("a").file.0.set_security(changed, now()).unwrap();
        let work = NewAclJob {
            volume: "data".to_owned(),
            path: "a".into(),
            edit: None,
            continue_on_error: false,
            sacl: false,
            root: None,
        };
        let id = fixture.state.add_acl_job(&work).unwrap();
        let progress =
            AclJobProgress { position: position.map(Into::into), visited: 4, ..Default::default() };
        fixture.state.keep_acl_job(id, AclJobStatus::Running, &progress).unwrap();
        fixture.jobs.resume();
        let report = fixture.ended(id);
        assert_eq!(report.job.status, AclJobStatus::Done);
        assert_eq!(fixture.wrong_below("a"), (Vec::new(), 36), "{position:?}");
        assert_eq!(report.job.progress.changed, 36, "{position:?}");
    }
}

/// Where the way goes on the second time, each object of a recursive change is done once.
#[test]
fn an_interrupted_change_of_each_object_skips_what_is_done() {
    let fixture = Fixture::new(Arc::new(memory()));
    fixture.tree("a", 3, 2);
    let work = NewAclJob {
        volume: "data".to_owned(),
        path: "a".into(),
        edit: Some(grant(1000, 0)),
        continue_on_error: false,
        sacl: false,
        root: None,
    };
    let id = fixture.state.add_acl_job(&work).unwrap();
    let progress = AclJobProgress { position: Some("d1/f1".into()), ..Default::default() };
    fixture.state.keep_acl_job(id, AclJobStatus::Running, &progress).unwrap();
    fixture.jobs.resume();
    assert_eq!(fixture.ended(id).job.status, AclJobStatus::Done);
    let has = |at: &str| fixture.dacl(at).contains("-1000)");
    for done in ["a/d0", "a/d0/sub/f1", "a/d1", "a/d1/f0", "a/d1/f1"] {
        assert!(!has(done), "{done} was looked at again");
    }
    for left in ["a/d1/sub", "a/d1/sub/f0", "a/d2", "a/d2/sub/f1"] {
        assert!(has(left), "{left} was forgotten");
    }
}

#[test]
fn a_root_that_was_being_prepared_gets_its_descriptor() {
    for others in [false, true] {
        let fixture = Fixture::new(Arc::new(memory()));
        fixture.tree("a", 1, 2);
        let before = fixture.open("a").file.0.security().unwrap();
        let after = sd("O:BAG:SYD:AI(A;OICI;FR;;;WD)(A;OICIID;FA;;;BA)");
        let work = NewAclJob {
            volume: "data".to_owned(),
            path: "a".into(),
            edit: None,
            continue_on_error: false,
            sacl: false,
            root: Some((SecurityDescriptor::clone(&before), SecurityDescriptor::clone(&after))),
        };
        let id = fixture.state.add_acl_job(&work).unwrap();
        let others_change = sd("O:BAG:SYD:AI(A;OICI;FW;;;WD)(A;OICIID;FA;;;BA)");
        if others {
            fixture.open("a").file.0.set_security(Arc::clone(&others_change), now()).unwrap();
        }
        fixture.jobs.resume();
        fixture.ended(id);
        let expected = if others { others_change } else { after };
        assert_eq!(fixture.open("a").file.0.security().unwrap(), expected);
        assert_eq!(fixture.wrong_below("a"), (Vec::new(), 6));
    }
}

/// Files that are made and moved while the walk is under way, by the rules that CREATE and rename follow.
#[test]
fn what_happens_in_the_tree_meanwhile_is_not_missed() {
    let fixture = Fixture::new(Arc::new(memory()));
    fixture.tree("a", 8, 60);
    let core = Arc::clone(fixture.jobs.core());
    let mover = std::thread::scope(|scope| {
        let moving = scope.spawn(|| {
            let mut moved = 0;
            for round in 0..120 {
                let from = format!("a/d{}/sub/f{}", 7 - round % 8, round % 60);
                let to = format!("a/d{}/moved{round}", round % 8);
                let Ok(opened) = fixture.volume.open(&path(&from), None, DataUse::WRITE) else { continue };
                if fixture.volume.rename(&opened.file, &path(&to), Existing::Keep, now()).is_ok() {
                    core.inheritance.moved(VolumeId(0), &path(&from), &path(&to));
                    moved += 1;
                }
            }
            // Folders with all that is in them, too.
            for round in 0..8 {
                let (from, to) = (format!("a/d{round}/sub"), format!("a/d{}/sub{round}", 7 - round));
                let opened = fixture.volume.open(&path(&from), None, DataUse::WRITE).unwrap();
                fixture.volume.rename(&opened.file, &path(&to), Existing::Keep, now()).unwrap();
                core.inheritance.moved(VolumeId(0), &path(&from), &path(&to));
            }
            moved
        });
        let first = fixture.change("a", &grant(1000, 3), false);
        let last = fixture.change("a", &grant(1001, 3), false);
        let moved = moving.join().unwrap();
        fixture.ended(first);
        fixture.ended(last);
        moved
    });
    assert!(mover > 60, "only {mover} files were moved");
    assert_eq!(fixture.wrong_below("a"), (Vec::new(), 8 * 122));
}

#[test]
fn what_cannot_be_changed_is_named_and_ends_a_change_of_each_object() {
    let faults = Faults::new(1);
    let fixture = Fixture::new(Arc::new(FaultVolume::new(memory(), Arc::clone(&faults))));
    fixture.tree("a", 2, 3);
    // The first is the root, which the request itself changes.
    faults.fail_once(Operation::Change, 2, Outcome::Failed(VfsError::Io));
    let report = fixture.ended(fixture.change("a", &grant(1000, 3), false));
    assert_eq!((report.job.status, report.job.progress.failed), (AclJobStatus::Done, 1));
    assert_eq!(report.job.progress.errors, "a/d0/f0: input/output error\n");
    faults.fail_once(Operation::Change, 2, Outcome::Failed(VfsError::Io));
    let report = fixture.ended(fixture.change("a", &grant(1001, 0), true));
    assert_eq!((report.job.status, report.job.progress.failed), (AclJobStatus::Failed, 1));
}

#[test]
fn a_request_that_cannot_be_done_changes_nothing() {
    let fixture = Fixture::new(Arc::new(memory()));
    let change = |volume: &str, at: &str, edit: &AclEdit, only_say| {
        fixture.jobs.change(volume, &path(at), edit, false, false, only_say)
    };
    assert!(matches!(change("other", "", &AclEdit::Reset, false), Err(AclError::NoVolume(_))));
    assert!(matches!(change("data", "", &AclEdit::Reset, false), Err(AclError::NothingToInherit)));
    assert!(matches!(change("data", "missing", &AclEdit::Reset, false), Err(AclError::Node(_))));
    let before = fixture.dacl("");
    let said = change("data", "", &grant(1000, 3), true).unwrap();
    assert!(said.job.is_none() && said.after != said.before);
    assert_eq!(fixture.dacl(""), before);
    assert!(fixture.jobs.report().unwrap().is_empty());
}

#[test]
fn a_tree_is_read_folders_first_and_put_back_exactly() {
    let fixture = Fixture::new(Arc::new(memory()));
    fixture.tree("a", 2, 70);
    fixture.ended(fixture.change("a/d1", &AclEdit::InheritDisable, false));
    let read = |at: &str| {
        let mut all = Vec::new();
        fixture
            .jobs
            .read("data", &path(at), true, &mut |found| {
                all.push((found.path.as_wtf8().to_string(), found.security.unwrap()));
                true
            })
            .unwrap();
        all
    };
    let saved = read("a");
    assert_eq!(saved.len(), 285);
    assert_eq!(saved[0].0, "");
    assert!(saved.is_sorted_by(|a, b| a.0 <= b.0));
    fixture.ended(fixture.change("a", &AclEdit::InheritRemove, true));
    assert_ne!(read("a"), saved);
    for (below, security) in &saved {
        let at = path("a").join(&VfsPath::new(below.as_str().into()).unwrap());
        fixture.jobs.restore("data", &at, security).unwrap();
    }
    assert_eq!(read("a"), saved);
}

#[test]
fn a_server_that_stops_leaves_its_jobs_for_the_next() {
    let fixture = Fixture::new(Arc::new(memory()));
    fixture.tree("a", 8, 60);
    let id = fixture.change("a", &grant(1000, 3), false);
    fixture.jobs.stop();
    let job = fixture.jobs.report().unwrap().into_iter().find(|report| report.job.id == id).unwrap().job;
    let again = AclJobs::new(
        Arc::clone(fixture.jobs.core()),
        Arc::clone(&fixture.state),
        fixture.jobs.volumes.clone(),
        Arc::clone(&fixture.jobs.recorder),
    );
    again.resume();
    let next = Fixture {
        log: Arc::clone(&fixture.log),
        jobs: again,
        state: Arc::clone(&fixture.state),
        volume: Arc::clone(&fixture.volume),
    };
    next.ended(id);
    assert_eq!(next.wrong_below("a"), (Vec::new(), 8 * 122), "{job:?}");
}

#[test]
fn what_a_sacl_asks_for_is_recorded() {
    let fixture = Fixture::new(Arc::new(memory()));
    fixture.tree("a", 1, 1);
    fixture.ended(fixture.change("a", &grant(1000, 3), false));
    assert!(fixture.log.records.lock().is_empty());
    let sacl = AclEdit::Set { descriptor: "S:AI(AU;OICISA;FA;;;WD)".parse().unwrap() };
    fixture.ended(fixture.change("a", &sacl, false));
    let events = |id: u16| {
        let wanted = format!("\"EventId\":{id},");
        let mut records = std::mem::take(&mut *fixture.log.records.lock());
        records.retain(|record| record.contains(&wanted) && record.contains("S-1-5-18"));
        records.len()
    };
    // The folder itself, and the four objects that inherit its SACL.
    assert_eq!(events(4907), 5);
    fixture.ended(fixture.change("a", &grant(1001, 3), false));
    assert_eq!(events(4670), 5);
    // While the log cannot be written nothing is done that it must tell of.
    fixture.jobs.core().audit_refuses.store(true, Ordering::Relaxed);
    let before = fixture.dacl("a");
    let refused = fixture.jobs.change("data", &path("a"), &grant(1002, 3), false, false, false);
    assert!(matches!(refused, Err(AclError::Node(_))), "{refused:?}");
    assert_eq!(fixture.dacl("a"), before);
}
