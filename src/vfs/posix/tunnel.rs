//! [MS-FSA] 2.1.1.1 TunnelCacheList, as far as names go: a program that saves by deleting or renaming a file and making it
//! anew, and knows it by its 8.3 name only, gets the long name back.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use freehold_dtyp::{Wtf8, Wtf8Buf};
use parking_lot::Mutex;

use super::sys::NodeKey;
use crate::fscc::short_name;
use crate::fscc::upcase::eq_ignore_case;

/// How long a name is remembered: as long as NTFS does by default.
const REMEMBERED: Duration = Duration::from_secs(15);
/// Names remembered at a time.
const MAX_NAMES: usize = 1024;

#[derive(Debug)]
struct Gone {
    at: Instant,
    folder: NodeKey,
    short: Wtf8Buf,
    long: Wtf8Buf,
}

/// Long names that went away a moment ago, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Tunnel {
    gone: Mutex<VecDeque<Gone>>,
}

impl Tunnel {
    /// A name went away.
    pub(super) fn removed(&self, folder: NodeKey, long: Wtf8<'_>) {
        let Some(short) = short_name::generated(long) else { return };
        let mut gone = self.gone.lock();
        if gone.len() >= MAX_NAMES {
            gone.pop_front();
        }
        gone.push_back(Gone { at: Instant::now(), folder, short, long: long.to_owned() });
    }

    /// The long name that went away, when `name` was its 8.3 name. It is given back once.
    pub(super) fn restored(&self, folder: NodeKey, name: Wtf8<'_>) -> Option<Wtf8Buf> {
        if !short_name::may_be_generated(name) {
            return None;
        }
        let mut gone = self.gone.lock();
        while gone.front().is_some_and(|oldest| oldest.at.elapsed() > REMEMBERED) {
            gone.pop_front();
        }
        let same = |entry: &Gone| entry.folder == folder && eq_ignore_case(entry.short.as_wtf8(), name);
        let position = gone.iter().rposition(same)?;
        gone.remove(position).map(|entry| entry.long)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_given_back_once_and_in_its_folder() {
        let tunnel = Tunnel::default();
        let (here, there) = (NodeKey { dev: 1, ino: 1 }, NodeKey { dev: 1, ino: 2 });
        let long = "A long name.txt";
        let short = short_name::generated(long.into()).unwrap();
        tunnel.removed(here, long.into());
        assert_eq!(tunnel.restored(there, short.as_wtf8()), None);
        assert_eq!(tunnel.restored(here, "OTHER~1.TXT".into()), None);
        let asked = short.to_string().to_lowercase();
        assert_eq!(tunnel.restored(here, asked.as_str().into()), Some(long.into()));
        assert_eq!(tunnel.restored(here, short.as_wtf8()), None);
    }

    #[test]
    fn no_more_names_than_the_limit_are_remembered() {
        let tunnel = Tunnel::default();
        for number in 0..MAX_NAMES + 10 {
            tunnel.removed(NodeKey { dev: 1, ino: 1 }, format!("a long name {number}").as_str().into());
        }
        assert_eq!(tunnel.gone.lock().len(), MAX_NAMES);
    }
}
