//! The writer against a folder that takes everything, and against one that does not.

use std::sync::mpsc;

use super::*;
use crate::audit::record::Subject;
use crate::audit::verify::{Broken, verify};
use freehold_dtyp::Sid;

fn options(folder: &std::path::Path) -> LogOptions {
    LogOptions {
        folder: folder.to_owned(),
        max_file_bytes: 1 << 20,
        max_file_age: Duration::from_secs(3_600),
        keep_files: 0,
        queue_bytes: 1 << 20,
        sync: true,
        on_failure: OnFailure::Refuse,
        computer: "HOST".to_owned(),
    }
}

fn batch(count: usize) -> Batch {
    let subject = Subject {
        user_sid: Sid::SYSTEM,
        user_name: "anna".to_owned(),
        domain_name: "HOST".to_owned(),
        logon_id: 1,
        ip_address: "192.0.2.7".to_owned(),
        ip_port: 1,
        share_name: "data".to_owned(),
    };
    let mut batch = Batch::default();
    for _ in 0..count {
        batch.push(&Record {
            time: FileTime::from_unix(1_700_000_000, 0),
            success: true,
            computer: "HOST",
            subject: Some(&subject),
            detail: Detail::ShareAccessed { folder: None },
        });
    }
    batch
}

/// Gives a batch to the log, waiting for room, and waits until it is answered for.
fn record(log: &AuditLog, count: usize) -> Result<(), NotRecorded> {
    let (sender, receiver) = mpsc::channel();
    submit(log, batch(count), Box::new(move |result| sender.send(result).unwrap()));
    receiver.recv().unwrap()
}

fn submit(log: &AuditLog, batch: Batch, done: Done) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(log.submit(batch, done));
}

#[test]
fn what_is_answered_for_is_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let refusing = Arc::new(AtomicBool::new(false));
    let log = AuditLog::open(options(folder.path()), Arc::clone(&refusing)).unwrap();
    for count in 1..=20 {
        assert_eq!(record(&log, count), Ok(()));
        assert_eq!(verify(folder.path()).unwrap().records, (1..=count as u64).sum::<u64>());
    }
    assert_eq!(log.written(), 210);
    drop(log);
    // Another one goes on.
    let log = AuditLog::open(options(folder.path()), refusing).unwrap();
    assert_eq!(record(&log, 1), Ok(()));
    let whole = verify(folder.path()).unwrap();
    assert_eq!((whole.files, whole.first_seq, whole.last_seq), (1, 1, 211));
}

#[test]
fn many_writers_lose_nothing_over_many_files() {
    let folder = tempfile::tempdir().unwrap();
    let small = LogOptions { max_file_bytes: 10_000, queue_bytes: 5_000, ..options(folder.path()) };
    let log = AuditLog::open(small, Arc::default()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(record(&log, 5), Ok(()));
                }
            });
        }
    });
    drop(log);
    let whole = verify(folder.path()).unwrap();
    assert_eq!((whole.records, whole.first_seq, whole.last_seq), (2_000, 1, 2_000));
    assert!(whole.files > 10, "{whole:?}");
}

#[test]
fn without_room_nothing_is_taken_and_nothing_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let (sender, receiver) = mpsc::channel();
    let size = u32::try_from(batch(4).size_bytes()).unwrap();
    let log =
        AuditLog::open(LogOptions { queue_bytes: size, ..options(folder.path()) }, Arc::default()).unwrap();
    // The writer is busy with the first one until it may send: the room is taken meanwhile.
    let (go, may_go) = mpsc::channel::<()>();
    let first = log.try_submit(batch(4), Box::new(move |_| may_go.recv().unwrap()));
    assert!(first.is_ok());
    let (back, _) = log.try_submit(batch(2), Box::new(|_| {})).expect_err("no room");
    assert_eq!(back, batch(2));
    std::thread::scope(|scope| {
        let done: Done = Box::new(move |result| sender.send(result).unwrap());
        scope.spawn(|| submit(&log, back, done));
        assert!(receiver.recv_timeout(Duration::from_millis(50)).is_err());
        go.send(()).unwrap();
        assert_eq!(receiver.recv().unwrap(), Ok(()));
    });
    // More than the queue holds at all still goes through, alone.
    assert_eq!(record(&log, 40), Ok(()));
    assert_eq!(verify(folder.path()).unwrap().records, 46);
}

#[test]
fn old_files_are_followed_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let keep = LogOptions { max_file_bytes: 1_000, keep_files: 3, ..options(folder.path()) };
    let log = AuditLog::open(keep, Arc::default()).unwrap();
    for _ in 0..30 {
        assert_eq!(record(&log, 4), Ok(()));
    }
    drop(log);
    let whole = verify(folder.path()).unwrap();
    assert_eq!((whole.files, whole.last_seq), (3, 120));
    assert!(whole.first_seq > 1);
}

/// A file whose age is over is followed at the next record.
#[test]
fn a_file_ends_with_its_age() {
    let folder = tempfile::tempdir().unwrap();
    let short = LogOptions { max_file_age: Duration::from_millis(20), ..options(folder.path()) };
    let log = AuditLog::open(short, Arc::default()).unwrap();
    for _ in 0..3 {
        assert_eq!(record(&log, 1), Ok(()));
        std::thread::sleep(Duration::from_millis(40));
    }
    drop(log);
    assert_eq!(verify(folder.path()).unwrap().files, 3);
}

/// The next file cannot be made while the folder is away: what is a full disk elsewhere.
#[test]
fn a_log_that_cannot_be_written_refuses_and_keeps() {
    let outer = tempfile::tempdir().unwrap();
    let (folder, away) = (outer.path().join("log"), outer.path().join("away"));
    let refusing = Arc::new(AtomicBool::new(false));
    let small = LogOptions { max_file_bytes: 500, queue_bytes: 4_000, ..options(&folder) };
    let log = AuditLog::open(small, Arc::clone(&refusing)).unwrap();
    assert_eq!(record(&log, 2), Ok(()));
    std::fs::rename(&folder, &away).unwrap();
    assert_eq!(record(&log, 1), Err(NotRecorded));
    assert!(refusing.load(Ordering::Acquire));
    // Of what comes all the same, the queue's size is kept, and the rest counted.
    let each = batch(4).size_bytes();
    for _ in 0..(4_000 / each + 3) {
        assert_eq!(record(&log, 4), Err(NotRecorded));
    }
    std::fs::rename(&away, &folder).unwrap();
    let until = std::time::Instant::now() + Duration::from_secs(30);
    while refusing.load(Ordering::Acquire) && std::time::Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(record(&log, 1), Ok(()));
    drop(log);
    let whole = verify(&folder).unwrap();
    let mut text = String::new();
    for file in files::list(&folder).unwrap() {
        text.push_str(&std::fs::read_to_string(file.path).unwrap());
    }
    let shared = text.lines().filter(|line| line.contains("\"EventId\":5140")).count();
    let lost: Vec<serde_json::Value> = text
        .lines()
        .filter(|line| line.contains("\"EventId\":4612"))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lost.len(), 1, "{text}");
    let count = lost[0]["AuditsDiscarded"].as_u64().unwrap();
    assert!(count >= 4);
    assert_eq!(shared as u64 + count, 2 + 1 + 4 * (4_000 / each as u64 + 3) + 1);
    assert_eq!(whole.records, shared as u64 + 1);
}

#[test]
fn a_log_that_may_go_on_answers_while_it_cannot_be_written() {
    let outer = tempfile::tempdir().unwrap();
    let (folder, away) = (outer.path().join("log"), outer.path().join("away"));
    let refusing = Arc::new(AtomicBool::new(false));
    let going_on = LogOptions { max_file_bytes: 500, on_failure: OnFailure::Continue, ..options(&folder) };
    let log = AuditLog::open(going_on, Arc::clone(&refusing)).unwrap();
    assert_eq!(record(&log, 2), Ok(()));
    std::fs::rename(&folder, &away).unwrap();
    for _ in 0..5 {
        assert_eq!(record(&log, 1), Ok(()));
        assert!(!refusing.load(Ordering::Acquire));
    }
    std::fs::rename(&away, &folder).unwrap();
    std::thread::sleep(RETRY_AFTER + Duration::from_millis(500));
    drop(log);
    assert_eq!(verify(&folder).unwrap().records, 7);
}

/// Each way of changing a log that is noticed.
#[test]
fn changes_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let log = AuditLog::open(LogOptions { max_file_bytes: 2_000, ..options(folder.path()) }, Arc::default())
        .unwrap();
    for _ in 0..20 {
        assert_eq!(record(&log, 1), Ok(()));
    }
    drop(log);
    let found = files::list(folder.path()).unwrap();
    assert!(found.len() > 3);
    let second = &found[1].path;
    let text = std::fs::read_to_string(second).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let broken = |text: String| {
        std::fs::write(second, text).unwrap();
        verify(folder.path()).expect_err("a change")
    };
    let changed = text.replacen("anna", "otto", 1);
    assert!(matches!(broken(changed), Broken::Changed { .. }));
    let without = lines.iter().enumerate().filter(|(at, _)| *at != 2).map(|(_, line)| format!("{line}\n"));
    assert!(matches!(broken(without.collect()), Broken::Gap { .. }));
    let swapped = [lines[0], lines[2], lines[1]].map(|line| format!("{line}\n")).concat();
    assert!(matches!(broken(swapped), Broken::Gap { .. }));
    let cut = lines[..lines.len() - 1].iter().map(|line| format!("{line}\n"));
    assert!(matches!(broken(cut.collect()), Broken::Gap { .. }));
    let noise = format!("{text}not a record\n");
    assert!(matches!(broken(noise), Broken::NoRecord { .. }));
    // A line made anew with a chain that fits its own content.
    let parts = line::parse(lines[1].as_bytes()).unwrap();
    let head: files::Head = serde_json::from_str(lines[0]).unwrap();
    let mut forged = Vec::new();
    let body = String::from_utf8_lossy(parts.content).replace("anna", "otto");
    let body = body.split_once(',').unwrap().1;
    line::write(parts.seq, body.as_bytes(), head.chain().unwrap(), &mut forged);
    let forged = text.replacen(&format!("{}\n", lines[1]), &String::from_utf8(forged).unwrap(), 1);
    assert!(matches!(broken(forged), Broken::Changed { .. }));
    std::fs::remove_file(second).unwrap();
    assert!(matches!(verify(folder.path()), Err(Broken::Gap { .. })));
}
