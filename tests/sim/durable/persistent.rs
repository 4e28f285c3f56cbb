//! Opens that outlive the server.

use super::*;

/// 3.3.5.9.6: DurableOpenTimeout of the first version is the server's; 3.3.5.9.12: a persistent open is found by its CreateGuid too, and
/// by who says that it is persistent alone.
#[test]
fn a_persistent_open_is_taken_up_as_one() {
    let store = Arc::new(Store::default());
    let mut case = Case::with_store(&store);
    let anna = case.join("anna", ANNA, "available");
    let got = case.create(anna, &Ask::persistent("f")).unwrap();
    assert!(got.durable.is_some_and(|(_, flags)| flags == PERSISTENT));
    case.lose(anna);
    let anna = case.join("anna", ANNA, "available");
    let strange = FileId { persistent: got.id.persistent ^ 1, ..got.id };
    for (ask, status) in [
        (Ask::reconnect("f", got.id, NO_FLAGS), NtStatus::OBJECT_NAME_NOT_FOUND),
        (Ask::reconnect("f", strange, NO_FLAGS), NtStatus::OBJECT_NAME_NOT_FOUND),
        (Ask::reconnect("f", got.id, PERSISTENT).lease(7), NtStatus::OBJECT_NAME_NOT_FOUND),
    ] {
        assert_eq!(case.create(anna, &ask).unwrap_err(), status);
    }
    assert_eq!(case.create(anna, &Ask::reconnect("f", strange, PERSISTENT)).unwrap().id, got.id);
    case.finish();

    let mut case = Case::new();
    let anna = case.join("anna", ANNA, "data");
    let ask = Ask { oplock: OplockLevel::BATCH, ..Ask::new("f") };
    case.create(anna, &ask.with(durable_of(false))).unwrap();
    case.lose(anna);
    case.world.advance(Duration::from_secs(120) - Duration::from_millis(1));
    assert_eq!(case.world.server.disconnected.len(), 1);
    case.world.advance(Duration::from_millis(1));
    assert!(case.world.server.disconnected.is_empty());
    case.finish();
}

#[test]
fn a_persistent_open_that_is_made_resilient_waits_that_long_after_a_restart_too() {
    let store = Arc::new(Store::default());
    let mut case = Case::with_store(&store);
    let anna = case.join("anna", ANNA, "available");
    let got = case.create(anna, &Ask::persistent("f").lease(7)).unwrap();
    assert_eq!(case.resiliency(anna, got.id, 2_000), NtStatus::SUCCESS);
    // It is persistent as before: others are told to come again, or wait.
    case.lose(anna);
    let bert = case.join("bert", BERT, "available");
    let waiting = case.send_create(bert, &Ask::new("f"), false);
    assert!(case.created(bert, waiting).is_none(), "the break waits for its holder");
    case.world.advance(Duration::from_millis(1_999));
    let anna = case.join("anna", ANNA, "available");
    let taken = case.create(anna, &Ask::reconnect("f", got.id, PERSISTENT).lease(7)).unwrap();
    assert_eq!(taken.id, got.id);

    let mut case = case.restart(&store);
    case.world.advance(Duration::from_millis(1_999));
    assert_eq!(store.opens.lock().unwrap().len(), 1);
    case.world.advance(Duration::from_millis(1));
    assert!(store.opens.lock().unwrap().is_empty(), "its time is over");
    let anna = case.join("anna", ANNA, "available");
    let late = case.create(anna, &Ask::reconnect("f", got.id, PERSISTENT).lease(7)).unwrap_err();
    assert_eq!(late, NtStatus::OBJECT_NAME_NOT_FOUND);
    case.finish();
}

#[test]
fn a_persistent_open_outlives_the_server_with_its_locks_and_its_lease() {
    let store = Arc::new(Store::default());
    let mut case = Case::with_store(&store);
    let anna = case.join("anna", ANNA, "available");
    let got = case.create(anna, &Ask::persistent("f").share(0).lease(7)).unwrap();
    assert_eq!(got.durable, Some((300_000, PERSISTENT)));
    let taking = Case::lock_body(got.id, 100, EXCLUSIVE_NOW, 0x25);
    assert_eq!(case.call(anna, Command::LOCK, &taking).header.status, NtStatus::SUCCESS);
    assert_eq!(case.lock(anna, got.id, 200, EXCLUSIVE_NOW), NtStatus::SUCCESS);
    assert_eq!(case.lock(anna, got.id, 200, LockFlags::UNLOCK), NtStatus::SUCCESS);

    let mut case = case.restart(&store);
    let bert = case.join("bert", BERT, "available");
    let waiting = case.send_create(bert, &Ask::new("f"), false);
    assert!(case.created(bert, waiting).is_none(), "the break waits for its holder");
    let anna = case.join("anna", ANNA, "available");
    let taken = case.create(anna, &Ask::reconnect("f", got.id, PERSISTENT).lease(7)).unwrap();
    assert_eq!((taken.id, taken.lease.unwrap().state.bits()), (got.id, 7));
    let (id, _) = case.clients[anna];
    case.world.receive(id).unwrap();
    assert_eq!(case.world.clients[id].notifications.len(), 1, "now it hears of the break");
    assert_eq!(case.call(anna, Command::LOCK, &taking).header.status, NtStatus::SUCCESS, "a replay");
    assert_eq!(
        case.lock(anna, got.id, 100, EXCLUSIVE_NOW),
        NtStatus::LOCK_NOT_GRANTED,
        "its own lock is there"
    );
    assert_eq!(case.lock(anna, got.id, 200, EXCLUSIVE_NOW), NtStatus::SUCCESS, "the other one is not");
    assert_eq!(case.close(anna, got.id), NtStatus::SUCCESS);
    assert!(case.created(bert, waiting).unwrap().is_ok());
    assert!(store.opens.lock().unwrap().is_empty());
    case.finish();
}

#[test]
fn a_lease_of_a_time_when_the_volume_gave_some_stays_until_it_is_broken() {
    for oplocks in [OplockPolicy::Exclusive, OplockPolicy::None] {
        let store = Arc::new(Store::default());
        let mut case = Case::with_store(&store);
        let anna = case.join("anna", ANNA, "available");
        let got = case.create(anna, &Ask::persistent("f").lease(7)).unwrap();

        let mut case = case.restart_giving(&store, oplocks);
        let anna = case.join("anna", ANNA, "available");
        let taken = case.create(anna, &Ask::reconnect("f", got.id, PERSISTENT).lease(7)).unwrap();
        assert_eq!(taken.lease.unwrap().state.bits(), 7, "{oplocks:?}");
        let bert = case.join("bert", BERT, "available");
        let waiting = case.send_create(bert, &Ask::new("f").lease(7), false);
        assert!(case.created(bert, waiting).is_none(), "what is cached is written back first");
        let (id, _) = case.clients[anna];
        case.world.receive(id).unwrap();
        let [notification] = case.world.clients[id].notifications.make_contiguous() else {
            panic!("one break")
        };
        let broken = LeaseBreakNotification::decode(&notification.message).unwrap();
        let states = (broken.current_lease_state.bits(), broken.new_lease_state.bits());
        assert_eq!(states, (7, 0), "all of it goes");
        assert_eq!(case.acknowledge(anna, 0), NtStatus::SUCCESS);
        let beside = case.created(bert, waiting).unwrap().unwrap();
        assert_eq!(beside.lease.unwrap().state.bits(), 0);
        assert_eq!(case.close(bert, beside.id), NtStatus::SUCCESS);
        assert_eq!(case.close(anna, got.id), NtStatus::SUCCESS);
        case.finish();
    }
}

#[test]
fn nobody_opens_a_file_whose_persistent_open_cannot_be_told() {
    let store = Arc::new(Store::default());
    let mut case = Case::with_store(&store);
    let anna = case.join("anna", ANNA, "available");
    let got = case.create(anna, &Ask::persistent("f")).unwrap();
    let bert = case.join("bert", BERT, "available");
    let beside = case.create(bert, &Ask::new("f")).unwrap();
    case.close(bert, beside.id);
    case.lose(anna);
    assert_eq!(case.create(bert, &Ask::new("f")).unwrap_err(), NtStatus::FILE_NOT_AVAILABLE);
    let mut case = case.restart(&store);
    let bert = case.join("bert", BERT, "available");
    assert_eq!(case.create(bert, &Ask::new("f")).unwrap_err(), NtStatus::FILE_NOT_AVAILABLE);
    // A replay of the CREATE takes it up as well.
    let anna = case.join("anna", ANNA, "available");
    assert_eq!(case.replay(anna, &Ask::persistent("f")).unwrap().id, got.id);
    let beside = case.create(bert, &Ask::new("f")).unwrap();
    case.close(bert, beside.id);
    case.lose(anna);
    case.world.advance(Duration::from_secs(300));
    assert!(store.opens.lock().unwrap().is_empty(), "its time is over");
    assert!(case.create(bert, &Ask::new("f")).is_ok());
    case.finish();
}

#[test]
fn a_lease_that_was_broken_comes_back_as_it_was_left() {
    let store = Arc::new(Store::default());
    let mut case = Case::with_store(&store);
    let anna = case.join("anna", ANNA, "available");
    let got = case.create(anna, &Ask::persistent("f").lease(7)).unwrap();
    assert_eq!((got.lease.unwrap().state.bits(), got.epoch()), (7, 1));
    // Somebody opens it beside: the client keeps READ alone.
    let bert = case.join("bert", BERT, "available");
    let waiting = case.send_create(bert, &Ask::new("f"), false);
    assert!(case.created(bert, waiting).is_none());
    assert_eq!(case.acknowledge(anna, 1), NtStatus::SUCCESS);
    case.created(bert, waiting).unwrap().unwrap();

    let mut case = case.restart(&store);
    let anna = case.join("anna", ANNA, "available");
    let ask = Ask::reconnect("f", got.id, PERSISTENT).lease(7);
    let taken = case.create(anna, &ask).unwrap();
    assert_eq!(taken.lease.unwrap().state.bits(), 1, "what the client has given up is not held for it");
    assert!(
        taken.epoch() > 2,
        "a client passes over what is older than what it has heard: {}",
        taken.epoch()
    );
    // So nobody waits for it any more.
    let bert = case.join("bert", BERT, "available");
    let beside = case.create(bert, &Ask::new("f")).unwrap();
    // A break of READ alone is not answered, and counts all the same.
    assert_eq!(case.write(bert, beside.id, false, 0), Some(NtStatus::SUCCESS));
    case.world.settle();
    assert_eq!(store.opens.lock().unwrap().values().next().unwrap().lease.unwrap().state & 1, 0);
    case.finish();
}

#[test]
fn a_file_that_is_to_go_with_its_last_open_goes_after_a_restart_too() {
    let store = Arc::new(Store::default());
    let mut case = Case::with_store(&store);
    let anna = case.join("anna", ANNA, "available");
    let got = case.create(anna, &Ask::persistent("f")).unwrap();
    // Somebody else says so, through an open that does not outlive the server.
    let bert = case.join("bert", BERT, "available");
    let beside = case.create(bert, &Ask::new("f")).unwrap();
    assert_eq!(case.set_info(bert, beside.id, DISPOSITION, &[1]), NtStatus::SUCCESS);

    let mut case = case.restart(&store);
    let bert = case.join("bert", BERT, "available");
    assert_eq!(case.create(bert, &Ask::new("f")).unwrap_err(), NtStatus::DELETE_PENDING);
    let anna = case.join("anna", ANNA, "available");
    assert_eq!(case.create(anna, &Ask::reconnect("f", got.id, PERSISTENT)).unwrap().id, got.id);
    assert!(case.exists("f"));
    assert_eq!(case.close(anna, got.id), NtStatus::SUCCESS);
    assert!(!case.exists("f"));
    case.finish();
}

#[test]
fn a_deletion_that_was_taken_back_is_so_after_a_restart() {
    let store = Arc::new(Store::default());
    let mut case = Case::with_store(&store);
    let anna = case.join("anna", ANNA, "available");
    let got = case.create(anna, &Ask::persistent("f")).unwrap();
    assert_eq!(case.set_info(anna, got.id, DISPOSITION, &[1]), NtStatus::SUCCESS);
    assert_eq!(case.set_info(anna, got.id, DISPOSITION, &[0]), NtStatus::SUCCESS);
    let mut case = case.restart(&store);
    let anna = case.join("anna", ANNA, "available");
    case.create(anna, &Ask::reconnect("f", got.id, PERSISTENT)).unwrap();
    assert_eq!(case.close(anna, got.id), NtStatus::SUCCESS);
    assert!(case.exists("f"));
    case.finish();
}

#[test]
fn delete_on_close_of_another_is_not_forgotten() {
    const DELETE_ON_CLOSE: u32 = 0x1000;
    let store = Arc::new(Store::default());
    let mut case = Case::with_store(&store);
    let anna = case.join("anna", ANNA, "available");
    let got = case.create(anna, &Ask::persistent("f")).unwrap();
    let bert = case.join("bert", BERT, "available");
    let other = Ask { options: 0x40 | DELETE_ON_CLOSE, ..Ask::new("f") };
    let beside = case.create(bert, &other).unwrap();
    assert_eq!(case.close(bert, beside.id), NtStatus::SUCCESS);
    let mut case = case.restart(&store);
    let anna = case.join("anna", ANNA, "available");
    case.create(anna, &Ask::reconnect("f", got.id, PERSISTENT)).unwrap();
    assert_eq!(case.close(anna, got.id), NtStatus::SUCCESS);
    assert!(!case.exists("f"));
    case.finish();
}

#[test]
fn a_stream_is_taken_up_under_its_new_name() {
    let store = Arc::new(Store::default());
    let mut case = Case::with_store(&store);
    let anna = case.join("anna", ANNA, "available");
    let got = case.create(anna, &Ask::persistent("f:before")).unwrap();
    let name: Vec<u8> = ":after".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut rename = vec![0; 16];
    rename.extend(u32::try_from(name.len()).unwrap().to_le_bytes());
    rename.extend(&name);
    rename.extend([0; 8]);
    assert_eq!(case.set_info(anna, got.id, RENAME, &rename), NtStatus::SUCCESS);
    let mut case = case.restart(&store);
    let anna = case.join("anna", ANNA, "available");
    let taken = case.create(anna, &Ask::reconnect("f:after", got.id, PERSISTENT)).unwrap();
    assert_eq!(taken.id, got.id);
    case.finish();
}

#[test]
fn an_application_is_known_after_a_restart() {
    let instance = |ask: Ask, high: u64| {
        let version = AppInstanceVersion { high, low: 0 };
        ask.with(RequestContext::AppInstanceId(Guid([0xD4; 16])))
            .with(RequestContext::AppInstanceVersion(version))
    };
    let store = Arc::new(Store::default());
    let mut case = Case::with_store(&store);
    let anna = case.join("anna", ANNA, "available");
    let first = case.create(anna, &instance(Ask::persistent("f").share(0), 5)).unwrap();
    let mut case = case.restart(&store);
    // Another machine with an older version does not get its files, one with a newer one does.
    let other = case.join("anna", BERT, "available");
    let ask = |high| instance(Ask::new("f").share(0), high);
    assert_eq!(case.create(other, &ask(4)).unwrap_err(), NtStatus::FILE_FORCED_CLOSED);
    let second = case.create(other, &ask(6)).unwrap();
    assert_ne!(second.id, first.id);
    assert!(store.opens.lock().unwrap().is_empty(), "the first one's open is closed");
    case.finish();
}

#[test]
fn a_directory_is_persistent_as_a_file_is() {
    let store = Arc::new(Store::default());
    let mut case = Case::with_store(&store);
    let anna = case.join("anna", ANNA, "available");
    let folder = |ask: Ask| Ask { options: 1, access: 0x12_0089, ..ask };
    let got = case.create(anna, &folder(Ask::persistent("d")).share(0)).unwrap();
    assert_eq!(got.durable, Some((300_000, PERSISTENT)));
    case.lose(anna);
    // What is in it is not kept from others.
    let bert = case.join("bert", BERT, "available");
    assert_eq!(case.create(bert, &folder(Ask::new("d"))).unwrap_err(), NtStatus::FILE_NOT_AVAILABLE);
    let inside = case.create(bert, &Ask::new("d\\f")).unwrap();
    assert_eq!(case.close(bert, inside.id), NtStatus::SUCCESS);
    let anna = case.join("anna", ANNA, "available");
    assert_eq!(case.create(anna, &Ask::reconnect("d", got.id, PERSISTENT)).unwrap().id, got.id);

    let mut case = case.restart(&store);
    let bert = case.join("bert", BERT, "available");
    assert_eq!(case.create(bert, &folder(Ask::new("d"))).unwrap_err(), NtStatus::FILE_NOT_AVAILABLE);
    let anna = case.join("anna", ANNA, "available");
    assert_eq!(case.create(anna, &Ask::reconnect("d", got.id, PERSISTENT)).unwrap().id, got.id);
    assert_eq!(case.create(bert, &folder(Ask::new("d"))).unwrap_err(), NtStatus::SHARING_VIOLATION);
    assert_eq!(case.close(anna, got.id), NtStatus::SUCCESS);
    case.create(bert, &folder(Ask::new("d"))).unwrap();
    case.finish();
}

#[test]
fn a_lease_on_a_persistent_directory_is_there_after_a_restart_and_broken_by_what_changes_in_it() {
    let store = Arc::new(Store::default());
    let mut case = Case::with_store(&store);
    let anna = case.join("anna", ANNA, "available");
    let ask = Ask { options: 1, access: 0x12_0089, lease: Some(0b011), ..Ask::persistent("d") };
    let got = case.create(anna, &ask).unwrap();
    assert_eq!(got.lease.unwrap().state.bits(), 0b011);

    let mut case = case.restart(&store);
    let anna = case.join("anna", ANNA, "available");
    let back = Ask { lease: Some(0b011), ..Ask::reconnect("d", got.id, PERSISTENT) };
    let taken = case.create(anna, &back).unwrap();
    assert_eq!(taken.lease.unwrap().state.bits(), 0b011);
    let bert = case.join("bert", BERT, "available");
    case.create(bert, &Ask::new("d\\f")).unwrap();
    let (id, _) = case.clients[anna];
    case.world.settle();
    case.world.receive(id).unwrap();
    assert_eq!(case.world.clients[id].notifications.len(), 1);
    case.finish();
}

#[test]
fn a_break_that_was_missed_is_told_behind_the_reply_and_counts_from_then_on() {
    let store = Arc::new(Store::default());
    let mut case = Case::with_store(&store);
    let anna = case.join("anna", ANNA, "available");
    let got = case.create(anna, &Ask::persistent("f").lease(7)).unwrap();
    assert_eq!(got.epoch(), 1);
    case.lose(anna);
    let bert = case.join("bert", BERT, "available");
    let waiting = case.send_create(bert, &Ask::new("f"), false);
    assert!(case.created(bert, waiting).is_none());
    let anna = case.join("anna", ANNA, "available");
    let taken = case.create(anna, &Ask::reconnect("f", got.id, PERSISTENT).lease(7)).unwrap();
    assert_eq!((taken.lease.unwrap().state.bits(), taken.epoch()), (7, 1), "what it knew");
    let (id, _) = case.clients[anna];
    let notice = case.world.clients[id].notifications.pop_front().expect("the break");
    let notice = LeaseBreakNotification::decode(&notice.message).unwrap();
    assert_eq!((notice.new_lease_state.bits(), notice.new_epoch), (3, 2));
    assert_eq!(case.acknowledge(anna, 3), NtStatus::SUCCESS);
    case.created(bert, waiting).expect("a reply").unwrap();

    // Once it has been told, it is not told less: the epoch stays when it is lost once more.
    let message = case.send_create(bert, &Ask { access: 0x12_0196, ..Ask::new("f").share(0) }, false);
    let _ = case.created(bert, message);
    let (id, _) = case.clients[anna];
    case.world.receive(id).unwrap();
    let told = case.world.clients[id].notifications.pop_front().expect("the second break");
    let told = LeaseBreakNotification::decode(&told.message).unwrap().new_epoch;
    case.lose(anna);
    let anna = case.join("anna", ANNA, "available");
    let taken = case.create(anna, &Ask::reconnect("f", got.id, PERSISTENT).lease(7)).unwrap();
    assert_eq!(taken.epoch(), told);
    case.finish();
}
