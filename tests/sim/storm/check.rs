//! What clients hear, and whether it may be so.

use super::*;

impl Storm {
    /// Takes in what the server has sent to everybody, then looks at the whole.
    pub fn collect(&mut self) {
        for seat in 0..self.seats.len() {
            let client = self.seats[seat].client;
            if !self.world.is_connected(client) {
                continue;
            }
            self.world.receive(client).unwrap_or_else(|error| panic!("client {client}: {error}"));
            let replies = std::mem::take(&mut self.world.clients[client].replies);
            let earlier = self.world.clients[client].reply_count - replies.len() as u64;
            for (at, reply) in replies.into_iter().enumerate() {
                self.notifications(seat, client, earlier + at as u64);
                let key = (reply.header.command.0, reply.header.status.to_string());
                if self.is_traced {
                    eprintln!("client {client} hears of {}: {key:?}", reply.header.message_id.0);
                }
                *self.tally.replies.entry(key).or_default() += 1;
                self.check_order(client, &reply);
                if let Some(asked) = self.asked.remove(&(client, reply.header.message_id.0)) {
                    self.reply(seat, client, &reply, asked);
                }
            }
            self.notifications(seat, client, u64::MAX);
        }
        self.model.check_caches(&self.world.late);
    }

    /// The notifications that came when `replies` replies had come, or fewer.
    fn notifications(&mut self, seat: usize, client: ClientId, replies: u64) {
        while self.world.clients[client].replies_before.front().is_some_and(|before| *before <= replies) {
            self.world.clients[client].replies_before.pop_front();
            let notification = self.world.clients[client].notifications.pop_front().expect("a notification");
            self.notification(seat, client, &notification);
        }
    }

    fn reply(&mut self, seat: usize, client: ClientId, reply: &Reply, asked: Asked) {
        let status = reply.header.status;
        match asked {
            Asked::Create { name, access, share, lease, tree, empties, durable, back } => {
                let created = reply.body::<CreateResponse<'_>>().ok();
                let private = name.starts_with('p').then(|| name.clone());
                if let Some(private) = &private {
                    let content = self.model.contents.entry(private.clone()).or_default();
                    content.there |= created.is_some();
                    if empties {
                        let done = created.is_some();
                        self.model.change_ends(private, done.then_some(Vec::clear));
                    }
                }
                let Some(created) = created else { return };
                if self.seats[seat].trees.iter().all(|other| other.0 != tree) {
                    // The tree was disconnected meanwhile, and the open with it.
                    return;
                }
                let mut file = None;
                let mut granted = None;
                let mut outlives = back.is_some();
                for context in created.contexts.iter() {
                    match context.expect("a context") {
                        ResponseContext::OnDiskId { disk_file_id, .. } => file = Some(disk_file_id),
                        ResponseContext::Lease(lease) => granted = Some(lease),
                        ResponseContext::DurableHandleV2 { .. } => outlives = true,
                        _ => {}
                    }
                }
                let id = created.file_id;
                assert!(back.is_none_or(|back| back == id), "{id:?} where {back:?} was asked for");
                let is_new = match file {
                    Some(file) => self.granted.insert(id, file).is_none(),
                    None => false,
                };
                assert_eq!(
                    file.is_none(),
                    back.is_some(),
                    "the on-disk id that was asked for, at the first time alone"
                );
                let file = self.granted[&id];
                let stream = name.split_once(':').map_or("", |(_, stream)| stream).to_uppercase();
                let (cached, breaking, lease) = match (created.oplock_level, granted) {
                    (OplockLevel::LEASE, Some(granted)) => {
                        assert_eq!(Some(granted.key), lease, "the key of the lease that was asked for");
                        let breaking = granted.flags.contains(LeaseFlags::BREAK_IN_PROGRESS);
                        (granted.state.bits(), breaking, lease)
                    }
                    (OplockLevel::BATCH, _) => (7, false, None),
                    (OplockLevel::EXCLUSIVE, _) => (5, false, None),
                    (OplockLevel::II, _) => (1, false, None),
                    (level, _) => {
                        assert_eq!(level, OplockLevel::NONE, "an oplock level");
                        (0, false, None)
                    }
                };
                self.check_given(cached);
                let is_directory = FOLDERS.contains(&name.as_str());
                if back.is_none() && !is_new {
                    assert!(durable.is_some(), "{id:?} is given twice");
                    self.tally.replayed += 1;
                    return;
                }
                self.tally.taken_up += u64::from(back.is_some());
                if let Some(guid) = durable.filter(|_| outlives) {
                    let place = &self.seats[seat];
                    let kept = Kept {
                        user: place.user,
                        machine: self.world.machine(client),
                        manner: place.manner,
                        name: name.clone(),
                        id,
                        guid,
                        access,
                        share,
                        lease,
                    };
                    self.durable.insert((client, id), kept);
                }
                let stream = (file, stream);
                if self.is_traced {
                    eprintln!(
                        "client {client} has {name}, {stream:?}, as {id:?} for {access:#x}: {cached}, {lease:?}, {breaking}"
                    );
                }
                let handle = Handle { client, tree, id, stream, access, share, lease, is_directory, private };
                self.tally.cached_opens += u64::from(cached != 0);
                self.model.opened(handle, cached, breaking);
            }
            Asked::Read { name, offset, length, epoch, clean } => {
                let Some(content) = self.model.contents.get(&name) else { return };
                if clean && !content.unknown && content.epoch == epoch {
                    check_read(content, reply, offset, length, &name);
                    self.tally.reads_checked += 1;
                }
            }
            Asked::Write { name, offset, data } => {
                let done = reply.body::<WriteResponse>().ok();
                if let Some(written) = done {
                    assert_eq!(written.count as usize, data.len(), "bytes written");
                }
                self.model.change_ends(
                    &name,
                    done.map(|_| {
                        move |bytes: &mut Vec<u8>| {
                            let offset = usize::try_from(offset).unwrap();
                            if !data.is_empty() {
                                bytes.resize(bytes.len().max(offset + data.len()), 0);
                                bytes[offset..offset + data.len()].copy_from_slice(&data);
                            }
                        }
                    }),
                );
            }
            Asked::Resize { name, size } => {
                let size = usize::try_from(size).unwrap();
                let done = !status.is_error();
                self.model
                    .change_ends(&name, done.then_some(move |bytes: &mut Vec<u8>| bytes.resize(size, 0)));
            }
            Asked::Lock { id, ranges } => {
                if status == NtStatus::SUCCESS {
                    for (offset, length, exclusive) in ranges {
                        self.tally.locks += 1;
                        self.model.locked(client, id, offset, length, exclusive);
                    }
                }
            }
            Asked::Acknowledge { cacher, told } => {
                let kept = match reply.body::<OplockBreakResponse>() {
                    Ok(OplockBreakResponse::Oplock(kept)) => {
                        Some(if kept.oplock_level == OplockLevel::II { 1 } else { 0 })
                    }
                    Ok(OplockBreakResponse::Lease(kept)) => Some(kept.lease_state.bits()),
                    _ => None,
                };
                if self.is_traced {
                    eprintln!("client {client} keeps {kept:?} of {cacher:?}");
                }
                self.model.acknowledged(cacher, kept, told);
            }
            Asked::Close { id } => {
                if status == NtStatus::SUCCESS {
                    self.model.closed(client, id);
                    self.durable.remove(&(client, id));
                }
            }
            Asked::TreeConnect => {
                if !status.is_error() {
                    let tree = reply.header.tree_id().expect("a TreeId");
                    self.seats[seat].trees.push(tree);
                }
            }
        }
    }

    /// The reply to a CLOSE is the last of its open: what was asked before it was answered before it.
    fn check_order(&mut self, client: ClientId, reply: &Reply) {
        let message = reply.header.message_id.0;
        let Some(id) = self.named.remove(&(client, message)) else { return };
        if reply.header.command != Command::CLOSE {
            let closed = self.named.iter().any(|((other, later), named)| {
                *other == client && *named == id && *later > message && self.is_close(client, *later)
            });
            self.tally.closes_behind += u64::from(closed);
        } else if reply.header.status == NtStatus::SUCCESS {
            let before = self
                .named
                .iter()
                .find(|((other, earlier), named)| *other == client && **named == id && *earlier < message);
            assert!(
                before.is_none(),
                "client {client}: CLOSE {message} of {id:?} is answered before {before:?}"
            );
        }
    }

    fn is_close(&self, client: ClientId, message: u64) -> bool {
        matches!(self.asked.get(&(client, message)), Some(Asked::Close { .. }))
    }

    /// A volume gives, and leaves after a break, what it was told to.
    fn check_given(&self, state: u32) {
        match self.oplocks {
            OplockPolicy::All => {}
            OplockPolicy::Exclusive => {
                assert!(state == 0 || state & CACHE_WRITE != 0, "{state:#x} is shared")
            }
            OplockPolicy::None => assert_eq!(state, 0, "what is cached"),
        }
    }

    fn notification(&mut self, seat: usize, client: ClientId, notification: &Reply) {
        let (cacher, to, acknowledge) = match OplockBreak::decode(&notification.message) {
            Ok(oplock) => {
                let to = if oplock.oplock_level == OplockLevel::II { 1 } else { 0 };
                let cacher = Cacher::Oplock(client, oplock.file_id);
                // The level held is not in the notification: from level II nothing is to be acknowledged.
                (cacher, to, !self.model.holds_level_ii(cacher))
            }
            Err(_) => {
                let lease = LeaseBreakNotification::decode(&notification.message).expect("a notification");
                let acknowledge = lease.flags.contains(LeaseBreakFlags::ACK_REQUIRED);
                (Cacher::Lease(client, lease.lease_key), lease.new_lease_state.bits(), acknowledge)
            }
        };
        if self.is_traced {
            eprintln!("client {client}: break of {cacher:?} to {to}, acknowledge {acknowledge}");
        }
        self.check_given(to);
        self.tally.breaks += 1;
        self.model.check_break(cacher);
        self.model.breaks(cacher, to, acknowledge);
        if acknowledge {
            self.breaks.push((seat, client, cacher, to));
        }
    }

    /// The end: everything is answered, what was written is there, nobody leaves anything behind.
    pub fn finish(&mut self) {
        (self.world.delay_one_in, self.world.fail_one_in) = (0, 0);
        for _ in 0..12 {
            self.world.settle();
            self.collect();
            while !self.breaks.is_empty() {
                self.acknowledge(0);
            }
            self.world.advance(Duration::from_secs(40));
        }
        self.world.settle();
        self.collect();
        for seat in 0..self.seats.len() {
            let client = self.seats[seat].client;
            if !self.world.is_connected(client) {
                continue;
            }
            let mut waiting: Vec<_> = self.world.clients[client]
                .open_requests
                .iter()
                .map(|(id, command)| (*id, *command))
                .collect();
            waiting.sort_unstable_by_key(|(id, _)| *id);
            for (message, command) in waiting {
                assert!(
                    matches!(command, Command::LOCK | Command::CHANGE_NOTIFY),
                    "{command:?} {message} of client {client} was never answered"
                );
                // An answer to one may have answered another.
                if self.world.clients[client].open_requests.contains_key(&message) {
                    assert!(self.world.cancel(client, message), "{command:?} waits without an interim reply");
                }
                self.collect();
            }
            self.world.settle();
            self.collect();
            let left = &self.world.clients[client].open_requests;
            assert!(left.is_empty(), "no reply to {left:?} of client {client}");
        }
        self.check_contents();
        for seat in 0..self.seats.len() {
            let client = self.seats[seat].client;
            if self.world.is_connected(client) {
                self.world.disconnect(client);
            }
        }
        self.world.settle();
        // What waits for its client is given up.
        self.world.advance(Duration::from_secs(301));
        self.world.settle();
        self.world.check_nothing_left();
    }

    fn check_contents(&mut self) {
        for (name, content) in &self.model.contents {
            if content.unknown || content.changing || !content.there {
                continue;
            }
            let path = VfsPath::new(name.as_str().into()).expect("a path");
            let opened = self.world.volume.open(&path, None, DataUse::READ);
            let opened = opened.unwrap_or_else(|error| panic!("{name} is lost: {error:?}"));
            let mut bytes = vec![0; content.bytes.len() + 1];
            let length = opened.file.0.read(0, &mut bytes, Wait::Allowed).expect("its data");
            bytes.truncate(length);
            assert!(bytes == content.bytes, "{name} has other bytes than were written");
            self.tally.contents_checked += 1;
        }
    }
}

fn check_read(content: &Content, reply: &Reply, offset: u64, length: u32, name: &str) {
    let offset = usize::try_from(offset).unwrap();
    match reply.header.status {
        NtStatus::SUCCESS => {
            let (_, data) = ReadResponse::decode_with_data(&reply.message).expect("a READ reply");
            let end = (offset + length as usize).min(content.bytes.len());
            let expected = content.bytes.get(offset..end).unwrap_or_default();
            assert!(data == expected, "{name} at {offset}: other bytes than were written");
        }
        NtStatus::END_OF_FILE => {
            assert!(offset >= content.bytes.len(), "{name} ends before {offset}");
        }
        _ => {}
    }
}
