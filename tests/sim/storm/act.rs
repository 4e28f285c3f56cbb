//! What clients do.

use super::*;

impl Storm {
    /// One step: somebody does something, the disk perhaps finishes something, time passes.
    pub fn step(&mut self) {
        let seat = usize::try_from(self.below(self.seats.len() as u64)).unwrap();
        if !self.world.is_connected(self.seats[seat].client) {
            self.sit(seat);
        }
        if self.late_mail && self.world.random.one_in(3) {
            let other = usize::try_from(self.below(self.seats.len() as u64)).unwrap();
            let late = self.seats[other].client;
            if !self.world.late.remove(&late) {
                self.world.late.insert(late);
            }
            self.world.run();
        }
        for _ in 0..=self.below(3) {
            let client = self.seats[seat].client;
            if self.room(seat) && self.world.is_connected(client) {
                self.request(seat);
            }
        }
        for _ in 0..self.below(4) {
            self.world.finish_one();
        }
        if !self.breaks.is_empty() && self.world.random.one_in(2) {
            let at = usize::try_from(self.below(self.breaks.len() as u64)).unwrap();
            self.acknowledge(at);
        }
        match self.below(100) {
            0..=9 => {
                self.world.advance(Duration::from_millis(self.world.now().monotonic.as_millis() as u64 % 997))
            }
            10..=11 => self.world.advance(Duration::from_secs(2)),
            12 => self.world.advance(Duration::from_secs(40)),
            _ => {}
        }
    }

    fn request(&mut self, seat: usize) {
        match self.below(118) {
            0..=24 => self.create(seat),
            25..=32 => self.close(seat),
            33..=42 => self.read(seat),
            43..=54 => self.write(seat),
            55..=56 => self.flush(seat),
            57..=64 => self.lock(seat),
            65..=68 => self.unlock(seat),
            69..=72 => self.ioctl(seat),
            73..=77 => self.query_directory(seat),
            78..=80 => self.change_notify(seat),
            81..=86 => self.query_info(seat),
            87..=95 => self.set_info(seat),
            96 => {
                self.send(seat, Command::ECHO, TreeId::NONE, &body(&EchoRequest), 1);
            }
            97..=101 => self.cancel(seat),
            102..=109 => self.compound(seat),
            110 => self.tree_connect(seat),
            111 => self.tree_disconnect(seat),
            112 => self.logoff(seat),
            113..=114 => {
                self.world.disconnect(self.seats[seat].client);
                self.left(seat);
            }
            115 => self.garbage(seat),
            _ => self.spoilt_signature(seat),
        }
    }

    pub fn create(&mut self, seat: usize) {
        let private = self.world.random.one_in(3);
        let name = if private {
            format!("{}{}", self.prefix(seat), self.below(2))
        } else if self.world.random.one_in(5) {
            self.pick(&FOLDERS).to_owned()
        } else {
            self.pick(&SHARED_FILES).to_owned()
        };
        let folder = FOLDERS.contains(&name.as_str());
        let (access, share, disposition, options) = if private {
            // Nobody else opens it, and each change waits for the one before.
            let changing = self.model.contents.get(&name).is_some_and(|content| content.changing);
            let disposition = if !changing && self.world.random.one_in(6) { 5 } else { 3 };
            (0x12_019F, 7, disposition, 0x40)
        } else {
            let access = match self.below(8) {
                0 => model::READ,
                1 => model::WRITE | 0x80,
                2 => model::READ | model::WRITE,
                3 => 0x80,
                4 => model::DELETE | 0x80,
                5 => model::READ | model::DELETE,
                6 => model::APPEND,
                _ => 0x1F_01FF,
            };
            let share = if self.world.random.one_in(3) { u32::try_from(self.below(8)).unwrap() } else { 7 };
            let disposition =
                if self.world.random.one_in(4) { u32::try_from(self.below(6)).unwrap() } else { 3 };
            let kind = if folder { 0x1 } else { 0x40 };
            let delete = if self.world.random.one_in(12) { 0x1000 } else { 0 };
            let access = if delete != 0 { access | model::DELETE } else { access };
            let backup = if self.world.random.one_in(20) { 0x100 } else { 0 };
            (access, share, if folder { 3 } else { disposition }, kind | delete | backup)
        };
        let empties = private && disposition == 5;
        let lease_state = self.pick(&[0, 1, 3, 5, 7, 7]);
        let leases = self.seats[seat].manner.dialect > Dialect::SMB_2_0_2;
        let lease = (leases && !folder && self.world.random.one_in(4)).then(|| {
            // A key belongs to one name.
            let mut key = [0x5A; 16];
            for (place, byte) in key.iter_mut().zip(name.to_uppercase().bytes()) {
                *place = byte;
            }
            LeaseKey(key)
        });
        let oplock = match lease {
            Some(_) => OplockLevel::LEASE,
            None if self.world.random.one_in(3) => {
                self.pick(&[OplockLevel::II, OplockLevel::EXCLUSIVE, OplockLevel::BATCH])
            }
            None => OplockLevel::NONE,
        };
        let v2 = (self.seats[seat].manner.dialect.is_3x()).then(LeaseV2::default);
        let mut contexts = vec![RequestContext::QueryOnDiskId];
        contexts.extend(lease.map(|key| {
            let state = LeaseState::from_bits_retain(lease_state);
            RequestContext::Lease(Lease { key, state, flags: LeaseFlags::empty(), v2 })
        }));
        if self.world.random.one_in(6) {
            contexts.push(RequestContext::QueryMaximalAccess(None));
        }
        let keeps = lease.is_some() || oplock == OplockLevel::BATCH;
        let durable = keeps && !private && !folder && self.seats[seat].manner.dialect.is_3x();
        let durable = durable && !self.world.random.one_in(3);
        let durable = durable.then(|| self.guid());
        contexts.extend(durable.map(durable::request));
        let wire = Utf16Buf::from(name.as_str());
        let request = CreateRequest {
            requested_oplock_level: oplock,
            impersonation_level: ImpersonationLevel::IMPERSONATION,
            desired_access: access,
            file_attributes: 0,
            share_access: ShareAccess::from_bits_retain(share),
            create_disposition: CreateDisposition(disposition),
            create_options: CreateOptions::from_bits_retain(options),
            name: wire.as_utf16(),
            contexts: CreateContexts::from(contexts.as_slice()),
        };
        let tree = self.tree(seat);
        if empties {
            self.model.change_begins(&name);
        }
        if self.is_traced {
            eprintln!(
                "of {name} for {access:#x}, share {share}, {lease_state} under {lease:?} or {oplock:?}, {disposition}"
            );
        }
        let asked = Asked::Create { name, access, share, lease, tree: tree.0, empties, durable, back: None };
        let request = body(&request);
        self.ask(seat, Command::CREATE, tree, &request, asked.clone());
        if durable.is_some()
            && self.world.random.one_in(3)
            && self.world.is_connected(self.seats[seat].client)
        {
            self.replay(seat, tree, &request, asked);
        }
    }

    fn close(&mut self, seat: usize) {
        let (tree, file_id) = self.file(seat);
        let flags =
            if self.world.random.one_in(2) { CloseFlags::empty() } else { CloseFlags::POSTQUERY_ATTRIB };
        self.model.closing(self.seats[seat].client, file_id);
        let asked = Asked::Close { id: file_id };
        self.ask(seat, Command::CLOSE, tree, &body(&CloseRequest { flags, file_id }), asked);
    }

    fn read(&mut self, seat: usize) {
        let Some(handle) = self.handle(seat) else { return };
        let length = u32::try_from(self.below(9000)).unwrap();
        let offset = self.below(MOST_BYTES);
        let request = ReadRequest {
            padding: 0,
            flags: ReadFlags::empty(),
            length,
            file_offset: offset,
            file_id: handle.id,
            minimum_count: 0,
            channel: Channel::NONE,
            remaining_bytes: 0,
            channel_info: &[],
        };
        let content = handle.private.as_ref().and_then(|name| self.model.contents.get(name));
        let asked = Asked::Read {
            name: handle.private.clone().unwrap_or_default(),
            offset,
            length,
            epoch: content.map_or(0, |content| content.epoch),
            clean: content.is_some_and(|content| !content.changing && !content.unknown),
        };
        self.ask(seat, Command::READ, TreeId(handle.tree), &body(&request), asked);
    }

    fn write(&mut self, seat: usize) {
        let Some(handle) = self.handle(seat) else { return };
        let length = usize::try_from(self.below(6000)).unwrap();
        let first = self.below(256);
        let data: Vec<u8> = (0..length as u64).map(|at| (first + at * 7 + at / 251) as u8).collect();
        // Locks are at the start of a file.
        let offset =
            if self.world.random.one_in(4) { self.below(300) } else { self.below(MOST_BYTES - 6000) };
        let through =
            if self.world.random.one_in(8) { WriteFlags::WRITE_THROUGH } else { WriteFlags::empty() };
        let request = WriteRequest {
            file_offset: offset,
            file_id: handle.id,
            channel: Channel::NONE,
            remaining_bytes: 0,
            channel_info: &[],
            flags: through,
            data_message_offset: 0,
            data: &data,
        };
        let request = body(&request);
        let tree = TreeId(handle.tree);
        match handle.private {
            Some(name) if self.model.contents.get(&name).is_some_and(|content| content.changing) => {}
            Some(name) => {
                self.model.change_begins(&name);
                self.ask(seat, Command::WRITE, tree, &request, Asked::Write { name, offset, data });
            }
            None => {
                self.send(seat, Command::WRITE, tree, &request, 65_536);
            }
        }
    }

    fn flush(&mut self, seat: usize) {
        let (tree, file_id) = self.file(seat);
        self.send(seat, Command::FLUSH, tree, &body(&FlushRequest { reserved1: 0, file_id }), 1);
    }

    fn lock(&mut self, seat: usize) {
        let Some(handle) = self.handle(seat) else { return };
        if handle.private.is_some() {
            return;
        }
        let waits = self.world.random.one_in(3);
        let count = if waits { 1 } else { 1 + self.below(3) };
        let mut ranges = Vec::new();
        for _ in 0..count {
            // A client's own ranges do not overlap within one request.
            let offset = ranges.len() as u64 * 100 + self.below(60);
            ranges.push((offset, 1 + self.below(40), self.world.random.one_in(2)));
        }
        let locks: Vec<LockElement> = ranges
            .iter()
            .map(|(file_offset, length_bytes, exclusive)| {
                let mut flags = if *exclusive { LockFlags::EXCLUSIVE_LOCK } else { LockFlags::SHARED_LOCK };
                if !waits {
                    flags |= LockFlags::FAIL_IMMEDIATELY;
                }
                LockElement { file_offset: *file_offset, length_bytes: *length_bytes, flags }
            })
            .collect();
        let request = LockRequest {
            lock_sequence: LockSequence(0),
            file_id: handle.id,
            locks: locks.as_slice().into(),
        };
        let asked = Asked::Lock { id: handle.id, ranges };
        self.ask(seat, Command::LOCK, TreeId(handle.tree), &body(&request), asked);
    }

    fn unlock(&mut self, seat: usize) {
        let choice = self.world.random.next();
        let client = self.seats[seat].client;
        let Some((file_id, file_offset, length_bytes)) = self.model.a_lock(client, choice) else { return };
        let tree =
            self.model.handles(client).iter().find(|handle| handle.id == file_id).map(|handle| handle.tree);
        let locks = [LockElement { file_offset, length_bytes, flags: LockFlags::UNLOCK }];
        let request = LockRequest { lock_sequence: LockSequence(0), file_id, locks: locks.as_slice().into() };
        self.model.unlocking(client, file_id, file_offset, length_bytes);
        self.send(seat, Command::LOCK, TreeId(tree.unwrap_or(0)), &body(&request), 1);
    }

    fn ioctl(&mut self, seat: usize) {
        let (tree, file_id) = match self.handle(seat) {
            // These codes change data: not of private files.
            Some(handle) if handle.private.is_none() => (TreeId(handle.tree), handle.id),
            _ => (self.tree(seat), FileId::ANY),
        };
        let zero: Vec<u8> = [10u64, 500].iter().flat_map(|number| number.to_le_bytes()).collect();
        let (ctl_code, input): (u32, &[u8]) = match self.below(9) {
            0 => (0x0014_0078, &[]),           // SRV_REQUEST_RESUME_KEY
            1 => (0x0009_80C8, &zero),         // SET_ZERO_DATA
            2 => (0x0009_40CF, &zero),         // QUERY_ALLOCATED_RANGES
            3 => (0x0009_00C4, &[1]),          // SET_SPARSE
            4 => (0x0009_00A8, &[]),           // GET_REPARSE_POINT
            5 => (0x0014_01FC, &[]),           // QUERY_NETWORK_INTERFACE_INFO
            6 => (0x0014_4064, &[]),           // SRV_ENUMERATE_SNAPSHOTS
            7 => (0x0009_00C0, &[]),           // CREATE_OR_GET_OBJECT_ID
            _ => (0x0006_0194, &[3, 0, 0, 0]), // DFS_GET_REFERRALS
        };
        let request = IoctlRequest {
            ctl_code,
            file_id,
            input,
            max_input_response: 0,
            output: &[],
            max_output_response: 4096,
            flags: IoctlFlags::IS_FSCTL,
        };
        self.send(seat, Command::IOCTL, tree, &body(&request), 65_536);
    }

    fn query_directory(&mut self, seat: usize) {
        let (tree, file_id) = self.file(seat);
        let pattern = Utf16Buf::from(self.pick(&["*", "s*", "?0", "nothing"]));
        let request = QueryDirectoryRequest {
            file_information_class: self.pick(&[1, 2, 3, 12, 37, 38, 60, 99]),
            flags: QueryDirectoryFlags::from_bits_retain(self.pick(&[0, 0, 1, 2, 0x10])),
            file_index: 0,
            file_id,
            file_name: pattern.as_utf16(),
            output_buffer_length: self.pick(&[65_536, 300, 120, 20]),
        };
        self.send(seat, Command::QUERY_DIRECTORY, tree, &body(&request), 65_536);
    }

    fn change_notify(&mut self, seat: usize) {
        let (tree, file_id) = self.file(seat);
        let tree_too = self.world.random.one_in(2);
        let request = ChangeNotifyRequest {
            flags: if tree_too { ChangeNotifyFlags::WATCH_TREE } else { ChangeNotifyFlags::empty() },
            output_buffer_length: self.pick(&[65_536, 65_536, 16]),
            file_id,
            completion_filter: CompletionFilter::from_bits_retain(self.pick(&[0xFFF, 3, 0x10])),
        };
        self.send(seat, Command::CHANGE_NOTIFY, tree, &body(&request), 65_536);
    }

    fn query_info(&mut self, seat: usize) {
        let (tree, file_id) = self.file(seat);
        let (info_type, file_info_class) = match self.below(4) {
            0 => (InfoType::FILESYSTEM, self.pick(&[1, 3, 4, 5, 7, 8, 11, 99])),
            1 => (InfoType::SECURITY, 0),
            _ => (InfoType::FILE, self.pick(&[4, 5, 6, 7, 8, 9, 14, 15, 16, 17, 18, 22, 34, 35, 46, 59, 99])),
        };
        let request = QueryInfoRequest {
            info_type,
            file_info_class,
            output_buffer_length: self.pick(&[65_536, 200, 24, 4]),
            additional_information: 7,
            flags: QueryInfoFlags::empty(),
            file_id,
            input_buffer: &[],
        };
        self.send(seat, Command::QUERY_INFO, tree, &body(&request), 65_536);
    }

    fn set_info(&mut self, seat: usize) {
        let Some(handle) = self.handle(seat) else { return };
        let tree = TreeId(handle.tree);
        let (class, buffer, resize) = match (self.below(6), &handle.private) {
            (0 | 1, Some(name)) => {
                if self.model.contents.get(name).is_some_and(|content| content.changing) {
                    return;
                }
                let size = self.below(MOST_BYTES);
                let information = EndOfFileInformation { end_of_file: i64::try_from(size).unwrap() };
                (20, information.to_bytes(), Some((name.clone(), size)))
            }
            (0, None) => (20, EndOfFileInformation { end_of_file: 100 }.to_bytes(), None),
            (1 | 2, None) => {
                let to = if handle.is_directory { self.pick(&FOLDERS) } else { self.pick(&SHARED_FILES) };
                let to: Vec<u8> = to.encode_utf16().flat_map(u16::to_le_bytes).collect();
                let replace_if_exists = self.world.random.one_in(2);
                let information = RenameInformation { replace_if_exists, root_directory: 0, file_name: &to };
                (10, information.to_bytes(), None)
            }
            (3, None) => {
                let delete_pending = self.world.random.one_in(2);
                (13, DispositionInformation { delete_pending }.to_bytes(), None)
            }
            _ => {
                let information = BasicInformation {
                    creation_time: FileTime(0),
                    last_access_time: FileTime(0),
                    last_write_time: FileTime(132_000_000_000_000_000),
                    change_time: FileTime(0),
                    file_attributes: self.pick(&[
                        FileAttributes::empty(),
                        FileAttributes::HIDDEN,
                        FileAttributes::NORMAL,
                    ]),
                };
                (4, information.to_bytes(), None)
            }
        };
        let request = SetInfoRequest {
            info_type: InfoType::FILE,
            file_info_class: class,
            additional_information: 0,
            file_id: handle.id,
            buffer: &buffer,
        };
        let request = body(&request);
        match resize {
            Some((name, size)) => {
                self.model.change_begins(&name);
                self.ask(seat, Command::SET_INFO, tree, &request, Asked::Resize { name, size });
            }
            None => {
                self.send(seat, Command::SET_INFO, tree, &request, 65_536);
            }
        }
    }

    fn cancel(&mut self, seat: usize) {
        let client = self.seats[seat].client;
        let mut waiting: Vec<u64> = self.world.clients[client].open_requests.keys().copied().collect();
        waiting.sort_unstable();
        if waiting.is_empty() {
            return;
        }
        let message = self.pick(&waiting);
        self.world.cancel(client, message);
    }

    /// CREATE, something, CLOSE in one related compound; or requests that have nothing to do with each other.
    fn compound(&mut self, seat: usize) {
        let client = self.seats[seat].client;
        let tree = self.tree(seat);
        let related = self.world.random.one_in(3) || self.handle(seat).is_none();
        let mut parts: Vec<(Command, Body)> = Vec::new();
        if related {
            let name = self.pick(&["k0", "k1", "d0\\k2", "missing\\x"]);
            let wire = Utf16Buf::from(name);
            let request = CreateRequest {
                requested_oplock_level: OplockLevel::NONE,
                impersonation_level: ImpersonationLevel::IMPERSONATION,
                desired_access: 0x1F_01FF,
                file_attributes: 0,
                share_access: ShareAccess::from_bits_retain(self.pick(&[7, 7, 0])),
                create_disposition: CreateDisposition(self.pick(&[1, 2, 3, 5])),
                create_options: CreateOptions::from_bits_retain(self.pick(&[0, 0x40, 0x1000])),
                name: wire.as_utf16(),
                contexts: CreateContexts::EMPTY,
            };
            parts.push((Command::CREATE, body(&request)));
        }
        for _ in 0..=self.below(3) {
            let file_id = if related { FileId::ANY } else { self.file(seat).1 };
            parts.push(match self.below(3) {
                0 => (Command::FLUSH, body(&FlushRequest { reserved1: 0, file_id })),
                1 => {
                    let request = QueryInfoRequest {
                        info_type: InfoType::FILE,
                        file_info_class: 18,
                        output_buffer_length: 1000,
                        additional_information: 0,
                        flags: QueryInfoFlags::empty(),
                        file_id,
                        input_buffer: &[],
                    };
                    (Command::QUERY_INFO, body(&request))
                }
                _ => (Command::ECHO, body(&EchoRequest)),
            });
        }
        if related {
            let request = CloseRequest { flags: CloseFlags::empty(), file_id: FileId::ANY };
            parts.push((Command::CLOSE, body(&request)));
        }
        let mut packet = self.world.clients[client].client.compound();
        let mut sent: Vec<(MessageId, Command)> = Vec::new();
        for (index, (command, body)) in parts.iter().enumerate() {
            let place = &mut self.world.clients[client].client;
            let message = place.append(&mut packet, *command, tree, body, 1000, related && index > 0);
            sent.push((message, *command));
        }
        if related && let [(first, _), rest @ ..] = sent.as_slice() {
            self.behind.extend(rest.iter().map(|(message, _)| ((client, message.0), first.0)));
        }
        self.world.send_compound(client, packet, &sent);
    }

    fn tree_connect(&mut self, seat: usize) {
        use freehold::smb2::tree_connect::{TreeConnectContexts, TreeConnectFlags, TreeConnectRequest};
        let share = self.pick(&["data", "DATA", "sealed", "nothing", "IPC$"]);
        let path = Utf16Buf::from(format!("\\\\sim\\{share}").as_str());
        let request = TreeConnectRequest {
            flags: TreeConnectFlags::empty(),
            path: path.as_utf16(),
            contexts: TreeConnectContexts::EMPTY,
        };
        if share.eq_ignore_ascii_case("data") {
            self.ask(seat, Command::TREE_CONNECT, TreeId::NONE, &body(&request), Asked::TreeConnect);
        } else {
            self.send(seat, Command::TREE_CONNECT, TreeId::NONE, &body(&request), 1);
        }
    }

    fn tree_disconnect(&mut self, seat: usize) {
        let tree = self.tree(seat);
        self.model.tree_closing(self.seats[seat].client, tree.0);
        self.seats[seat].trees.retain(|other| *other != tree);
        self.send(seat, Command::TREE_DISCONNECT, tree, &body(&TreeDisconnectRequest), 1);
    }

    /// After LOGOFF everything that was asked is answered, without anybody's doing: at once, or when the wait for
    /// somebody's break is over.
    fn logoff(&mut self, seat: usize) {
        let client = self.seats[seat].client;
        self.world.clients[client].logged_off = true;
        self.send(seat, Command::LOGOFF, TreeId::NONE, &body(&LogoffRequest), 1);
        self.calmly(World::settle);
        self.model.gone(client);
        self.world.receive(client).expect("protected replies");
        let waits = |command: &Command| matches!(*command, Command::CREATE | Command::SET_INFO);
        for _ in 0..4 {
            let left = &self.world.clients[client].open_requests;
            // What is behind a CREATE that waits in its compound waits with it.
            let behind = |message: &u64| {
                self.behind.get(&(client, *message)).is_some_and(|first| left.get(first).is_some_and(waits))
            };
            let waiting = left.iter().all(|(message, command)| waits(command) || behind(message));
            assert!(waiting, "no reply after LOGOFF to {left:?}");
            if left.is_empty() {
                break;
            }
            self.world.advance(Duration::from_secs(40));
            self.calmly(World::settle);
            self.world.receive(client).expect("protected replies");
        }
        let left = &self.world.clients[client].open_requests;
        assert!(left.is_empty(), "no reply long after LOGOFF to {left:?}");
        self.world.clients[client].replies.clear();
        self.world.disconnect(client);
        self.left(seat);
    }

    /// Bytes that are no request: the connection goes, the server stays.
    fn garbage(&mut self, seat: usize) {
        let client = self.seats[seat].client;
        if self.world.is_sending(client) {
            return;
        }
        let (mut packet, _) =
            self.world.clients[client].client.request(Command::ECHO, TreeId::NONE, &EchoRequest, 1);
        match self.below(5) {
            0 => packet.truncate(usize::try_from(self.below(packet.len() as u64)).unwrap()),
            1 => {
                let at = usize::try_from(self.below(packet.len() as u64)).unwrap();
                packet[at] ^= 1 << self.below(8);
            }
            2 => packet = (0..self.below(300)).map(|_| self.world.random.next() as u8).collect(),
            3 => packet.splice(0..4, *b"\xFFSMB").for_each(drop),
            _ => packet.extend((0..self.below(300)).map(|_| self.world.random.next() as u8)),
        }
        self.world.tolerant = true;
        self.world.deliver(client, &packet);
        self.world.tolerant = false;
        // What was sent is not in the client's books: it goes in any case.
        if self.world.is_connected(client) {
            self.world.disconnect(client);
        }
        self.left(seat);
    }

    /// A signature that is wrong is refused; a seal that is wrong ends the connection.
    fn spoilt_signature(&mut self, seat: usize) {
        let client = self.seats[seat].client;
        if self.seats[seat].manner.protection == Protection::Clear {
            return;
        }
        let (mut packet, message) =
            self.world.clients[client].client.request(Command::ECHO, TreeId::NONE, &EchoRequest, 1);
        let sealed = matches!(self.seats[seat].manner.protection, Protection::Sealed(_));
        let at = if sealed { packet.len() - 1 } else { Smb2Header::SIGNATURE_OFFSET };
        packet[at] ^= 0x40;
        self.world.tolerant = true;
        let open = &mut self.world.clients[client];
        if !sealed {
            open.open_requests.insert(message.0, Command::ECHO);
            open.spoilt.insert(message.0);
        }
        self.world.deliver(client, &packet);
        self.world.tolerant = false;
        if sealed {
            assert!(!self.world.is_connected(client), "a seal that is wrong was accepted");
            self.left(seat);
        } else {
            assert!(self.world.is_connected(client), "dropped for one signature");
        }
    }

    /// Answers a break: keeps what may be kept, or less.
    pub fn acknowledge(&mut self, at: usize) {
        let (seat, client, cacher, to) = self.breaks.swap_remove(at);
        if self.seats[seat].client != client || !self.world.is_connected(client) || !self.room(seat) {
            return;
        }
        let less = self.world.random.one_in(4);
        let (tree, acknowledgement) = match cacher {
            Cacher::Oplock(_, file_id) => {
                let oplock_level = if less || to == 0 { OplockLevel::NONE } else { OplockLevel::II };
                let handles = self.model.handles(client);
                let Some(handle) = handles.iter().find(|handle| handle.id == file_id) else { return };
                let acknowledgement =
                    OplockBreakAcknowledgment::Oplock(OplockBreak { oplock_level, file_id });
                (TreeId(handle.tree), acknowledgement)
            }
            Cacher::Lease(_, lease_key) => {
                let lease_state = LeaseState::from_bits_retain(if less { to & !CACHE_HANDLE } else { to });
                let acknowledgement = OplockBreakAcknowledgment::Lease(LeaseBreak { lease_key, lease_state });
                (self.tree(seat), acknowledgement)
            }
        };
        let asked = Asked::Acknowledge { cacher, told: self.model.times_told(cacher) };
        self.ask(seat, Command::OPLOCK_BREAK, tree, &body(&acknowledgement), asked);
    }
}
