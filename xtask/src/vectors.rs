//! `cargo xtask vectors`: real clients' messages as test data.
//!
//! A capture (classic pcap, as `tcpdump -w` writes) becomes one text file in `tests/vectors/`: comment lines that say
//! whence it is, then for each SMB2 message a line `= command-request` or `= command-response` and its bytes in
//! hexadecimal. `tests/vectors.rs` decodes and encodes every one of them.

use std::collections::BTreeMap;
use std::path::Path;

/// [MS-SMB2] 2.2.1.2: the commands by their numbers.
const COMMANDS: [&str; 19] = [
    "negotiate",
    "session-setup",
    "logoff",
    "tree-connect",
    "tree-disconnect",
    "create",
    "close",
    "flush",
    "read",
    "write",
    "lock",
    "ioctl",
    "cancel",
    "echo",
    "query-directory",
    "change-notify",
    "query-info",
    "set-info",
    "oplock-break",
];
/// Longest message that is kept: the rest of a large READ or WRITE teaches nothing.
const MAX_MESSAGE_BYTES: usize = 4096;
/// Messages of one kind that are kept of a capture.
const MAX_ALIKE: usize = 2;
/// Bytes of a line of hexadecimal.
const BYTES_PER_LINE: usize = 64;
/// Length of the SMB2 header.
const HEADER_BYTES: usize = 64;

/// Sender and receiver of a TCP stream: addresses and ports as they are in the packet.
type Flow = ([u8; 4], u16, [u8; 4], u16);

/// Writes the messages of `capture` to a file of that name, at most [`MAX_ALIKE`] of a kind.
///
/// # Errors
/// A message when the capture cannot be read or holds no SMB2.
pub(crate) fn split(root: &Path, capture: &Path, origin: &str) -> Result<(), String> {
    let bytes = std::fs::read(capture).map_err(|error| format!("{}: {error}", capture.display()))?;
    let name = capture.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let mut text = format!("# {origin}\n");
    let mut alike: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    for stream in streams(&bytes)? {
        for message in messages(&stream).into_iter().filter(|message| message.len() <= MAX_MESSAGE_BYTES) {
            let seen = alike.entry(kind(message)).or_default();
            *seen += 1;
            if *seen > MAX_ALIKE {
                continue;
            }
            text.push_str(&format!("= {}\n", title(message)));
            for line in message.chunks(BYTES_PER_LINE) {
                text.extend(line.iter().map(|byte| format!("{byte:02x}")));
                text.push('\n');
            }
        }
    }
    if alike.is_empty() {
        return Err(format!("{}: no SMB2 message in clear", capture.display()));
    }
    let folder = root.join("tests").join("vectors");
    let path = folder.join(format!("{name}.txt"));
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(&path, &text))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    println!("{} messages in {}", text.matches("\n= ").count(), path.display());
    Ok(())
}

/// What makes two messages of one kind: command, direction, status, the first fields (an information class, an oplock
/// level) and the length, for most commands to the nearest power of two.
fn kind(message: &[u8]) -> Vec<u8> {
    let title = title(message);
    let length = if title == "create-request" { message.len() } else { message.len().next_power_of_two() };
    let mut kind = title.into_bytes();
    kind.extend_from_slice(message.get(8..12).unwrap_or_default());
    kind.extend_from_slice(message.get(HEADER_BYTES..HEADER_BYTES + 4).unwrap_or_default());
    kind.extend_from_slice(&length.to_le_bytes());
    kind
}

/// Looks at every file of `tests/vectors/`: an origin, whole bytes, SMB2 headers.
///
/// # Errors
/// The files that are not so.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(root.join("tests").join("vectors")).into_iter().flatten().flatten() {
        let path = entry.path();
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        if let Err(why) = check_one(&text) {
            wrong.push(format!("{}: {why}", path.display()));
        }
    }
    wrong.sort();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn check_one(text: &str) -> Result<(), &'static str> {
    let (head, rest) = text.split_once("\n= ").ok_or("no message in it")?;
    if !head.lines().any(|line| line.starts_with("# ") && line.len() > 10) {
        return Err("no comment line says which client, version and date it is from");
    }
    for part in rest.split("\n= ") {
        let digits: String = part.lines().skip(1).collect();
        if !digits.len().is_multiple_of(2) || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err("not whole bytes in hexadecimal");
        }
        if digits.len() < 2 * HEADER_BYTES || !digits.starts_with("fe534d42") {
            return Err("not an SMB2 message");
        }
    }
    Ok(())
}

fn title(message: &[u8]) -> String {
    let command =
        message.get(12..14).map_or(usize::MAX, |two| usize::from(u16::from_le_bytes([two[0], two[1]])));
    let name = COMMANDS.get(command).copied().unwrap_or("unknown");
    let is_response = message.get(16).is_some_and(|flags| flags & 1 != 0);
    format!("{name}-{}", if is_response { "response" } else { "request" })
}

/// The SMB2 messages of one direction: direct TCP transport ([MS-SMB2] 2.1), compounds taken apart.
fn messages(stream: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut rest = stream;
    while let Some((head, behind)) = rest.split_at_checked(4) {
        let length = usize::from(head[1]) << 16 | usize::from(head[2]) << 8 | usize::from(head[3]);
        let Some((frame, behind)) = behind.split_at_checked(length) else { break };
        rest = behind;
        let mut chain = frame;
        while chain.len() >= HEADER_BYTES && chain.starts_with(b"\xfeSMB") {
            let next = usize::try_from(u32_at(chain, 20)).unwrap_or(0);
            let end = if next == 0 { chain.len() } else { next.min(chain.len()) };
            found.push(&chain[..end]);
            if next == 0 {
                break;
            }
            chain = &chain[end..];
        }
    }
    found
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
}

fn u16_be(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |two| u16::from_be_bytes([two[0], two[1]]))
}

/// The bytes of every TCP stream of a capture, in the order of their first packets.
fn streams(capture: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    if u32_at(capture, 0) != 0xa1b2_c3d4 && u32_at(capture, 0) != 0xa1b2_3c4d {
        return Err("not a little-endian pcap file (tcpdump -w writes one)".to_owned());
    }
    let link = match u32_at(capture, 20) {
        1 => 14,   // Ethernet
        101 => 0,  // raw IP
        113 => 16, // Linux cooked, version 1
        276 => 20, // Linux cooked, version 2
        other => return Err(format!("link type {other} is not known here")),
    };
    let mut order: Vec<Flow> = Vec::new();
    let mut segments: BTreeMap<Flow, BTreeMap<u32, &[u8]>> = BTreeMap::new();
    let mut starts: BTreeMap<Flow, u32> = BTreeMap::new();
    let mut rest = capture.get(24..).unwrap_or_default();
    while let Some((head, behind)) = rest.split_at_checked(16) {
        let length = usize::try_from(u32_at(head, 8)).unwrap_or(usize::MAX);
        let Some((packet, behind)) = behind.split_at_checked(length) else { break };
        rest = behind;
        let ip = packet.get(link..).unwrap_or_default();
        if ip.len() < 20 || ip[0] >> 4 != 4 || ip[9] != 6 {
            continue;
        }
        let total = usize::from(u16_be(ip, 2));
        let tcp_at = usize::from(ip[0] & 15) * 4;
        let Some(tcp) = ip.get(tcp_at..total.min(ip.len())).filter(|tcp| tcp.len() >= 20) else { continue };
        let flow: Flow = (
            [ip[12], ip[13], ip[14], ip[15]],
            u16_be(tcp, 0),
            [ip[16], ip[17], ip[18], ip[19]],
            u16_be(tcp, 2),
        );
        let sequence = u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]);
        if !order.contains(&flow) {
            order.push(flow);
            let is_syn = tcp[13] & 2 != 0;
            starts.insert(flow, if is_syn { sequence.wrapping_add(1) } else { sequence });
        }
        let payload = tcp.get(usize::from(tcp[12] >> 4) * 4..).unwrap_or_default();
        if !payload.is_empty() {
            let start = starts.get(&flow).copied().unwrap_or(sequence);
            let kept = segments.entry(flow).or_default().entry(sequence.wrapping_sub(start)).or_default();
            if payload.len() > kept.len() {
                *kept = payload;
            }
        }
    }
    Ok(order.iter().map(|flow| join(segments.get(flow))).collect())
}

/// Segments in their order up to the first gap.
fn join(segments: Option<&BTreeMap<u32, &[u8]>>) -> Vec<u8> {
    let mut whole: Vec<u8> = Vec::new();
    for (offset, data) in segments.into_iter().flatten() {
        let offset = usize::try_from(*offset).unwrap_or(usize::MAX);
        if offset > whole.len() {
            break;
        }
        let known = whole.len() - offset;
        whole.extend_from_slice(data.get(known..).unwrap_or_default());
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(command: u8, next: u8) -> Vec<u8> {
        let mut bytes = vec![0; 72];
        bytes[..4].copy_from_slice(b"\xfeSMB");
        bytes[12] = command;
        bytes[20] = next;
        bytes
    }

    #[test]
    fn a_compound_is_taken_apart() {
        let mut stream = vec![0, 0, 0, 144];
        stream.extend(message(5, 72));
        stream.extend(message(6, 0));
        stream.extend([0, 0, 0, 72]);
        stream.extend(message(13, 0));
        let titles: Vec<String> = messages(&stream).into_iter().map(title).collect();
        assert_eq!(titles, ["create-request", "close-request", "echo-request"]);
    }

    #[test]
    fn a_stream_is_joined_in_order_and_without_repeats() {
        let segments = BTreeMap::from([(3, &b"defg"[..]), (0, &b"abcd"[..]), (20, &b"late"[..])]);
        assert_eq!(join(Some(&segments)), b"abcdefg");
    }

    #[test]
    fn a_vector_says_whence_it_is() {
        let digits = "fe534d42".to_owned() + &"00".repeat(60);
        assert!(check_one(&format!("= echo-request\n{digits}\n")).is_err());
        assert!(check_one(&format!("# smbclient 4.17, 2026\n= echo-request\n{digits}\n")).is_ok());
        assert!(check_one(&format!("# smbclient 4.17, 2026\n= echo-request\n{digits}0\n")).is_err());
        assert!(
            check_one(&format!("# smbclient 4.17, 2026\n= a\n{digits}\n= b\n{}\n", &digits[2..])).is_err()
        );
    }
}
