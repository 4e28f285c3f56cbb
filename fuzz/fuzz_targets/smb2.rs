//! The parsers of SMB2 messages; the first byte of the input chooses which.
#![no_main]

mod smb2 {
    pub mod create_contexts;
    pub mod messages;
    pub mod negotiate_contexts;
    pub mod transform;
}

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((choice, rest)) = input.split_first() else { return };
    match choice % 4 {
        0 => smb2::messages::run(rest),
        1 => smb2::create_contexts::run(rest),
        2 => smb2::negotiate_contexts::run(rest),
        _ => smb2::transform::run(rest),
    }
});
