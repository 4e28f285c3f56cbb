//! An open that was to empty its file, and could not ([MS-FSA] 2.1.5.1.2): nothing is left of it.

use freehold::fscc::file_info::DispositionInformation;

use super::*;

const OVERWRITE_IF: u32 = 5;
const DELETE_ON_CLOSE: u32 = 0x1000;

impl Desk {
    /// An open whose volume is still emptying the file.
    fn send_overwrite(&mut self, client: usize, name: &str, options: u32) -> u64 {
        let name = Utf16Buf::from(name);
        let request = CreateRequest {
            requested_oplock_level: OplockLevel::NONE,
            impersonation_level: ImpersonationLevel::IMPERSONATION,
            desired_access: ALL.0,
            file_attributes: 0,
            share_access: ShareAccess::from_bits_retain(7),
            create_disposition: CreateDisposition(OVERWRITE_IF),
            create_options: CreateOptions::from_bits_retain(options),
            name: name.as_utf16(),
            contexts: CreateContexts::EMPTY,
        };
        self.world.delay_one_in = 1;
        let message = self.send_on(client, self.tree[client], Command::CREATE, &request, 0);
        assert!(self.world.finish_one(), "what is there is found");
        self.world.delay_one_in = 0;
        message
    }

    /// The volume cannot do what it was asked for last.
    fn fail_last(&mut self) {
        self.world.fail_one_in = 1;
        assert!(self.world.finish_one());
        self.world.fail_one_in = 0;
    }

    fn delete(&mut self, client: usize, file_id: FileId) {
        let buffer = DispositionInformation { delete_pending: true }.to_bytes();
        let request = SetInfoRequest {
            info_type: InfoType::FILE,
            file_info_class: 13,
            additional_information: 0,
            file_id,
            buffer: &buffer,
        };
        let message = self.send_on(client, self.tree[client], Command::SET_INFO, &request, 1024);
        assert_eq!(self.come_one(client, message), NtStatus::SUCCESS);
    }

    /// The status of a request that has been answered; nothing that is under way is moved on.
    fn come_one(&mut self, client: usize, message: u64) -> NtStatus {
        let id = self.clients[client];
        self.world.run();
        self.world.receive(id).unwrap();
        let replies = &mut self.world.clients[id].replies;
        let at = replies.iter().position(|reply| reply.header.message_id.0 == message).expect("an answer");
        replies.remove(at).unwrap().header.status
    }
}

#[test]
fn who_could_not_empty_a_file_does_not_delete_it() {
    let mut desk = Desk::new(1);
    let file = desk.open(0, "f");
    assert_eq!(desk.write(file, 0, b"kept"), NtStatus::SUCCESS);
    desk.close(0, desk.tree[0], file);
    let message = desk.send_overwrite(0, "f", DELETE_ON_CLOSE);
    desk.fail_last();
    assert!(desk.come_one(0, message).is_error());
    let file = desk.open(0, "f");
    assert_eq!(desk.read(file, 0, 10), Ok(b"kept".to_vec()));
    desk.close(0, desk.tree[0], file);
    desk.finish();
}

#[test]
fn what_was_to_be_deleted_goes_when_the_last_open_comes_to_nothing() {
    for name in ["f", "f:s"] {
        let mut desk = Desk::new(2);
        let file = desk.open(0, name);
        let message = desk.send_overwrite(1, name, 0);
        desk.delete(0, file);
        let request = CloseRequest { flags: CloseFlags::empty(), file_id: file };
        let close = desk.send_on(0, desk.tree[0], Command::CLOSE, &request, 0);
        assert_eq!(desk.come_one(0, close), NtStatus::SUCCESS);
        desk.fail_last();
        assert!(desk.come_one(1, message).is_error());
        let path = path("f");
        let stream = name.split_once(':').map(|(_, stream)| freehold_dtyp::Wtf8Buf::from(stream));
        let stream = stream.as_ref().map(|stream| stream.as_wtf8());
        assert!(desk.world.volume.open(&path, stream, DataUse::READ).is_err(), "{name} is still there");
        // Nobody waits for a deletion that nobody does.
        let file = desk.open(1, name);
        desk.close(1, desk.tree[1], file);
        desk.finish();
    }
}
