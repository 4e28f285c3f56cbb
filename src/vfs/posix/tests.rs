//! Tests on a temporary directory.

use super::*;
use crate::vfs::conformance;

/// A volume and the directory that goes with it.
struct Scratch {
    volume: PosixVolume,
    directory: tempfile::TempDir,
}

fn scratch() -> Scratch {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let options = PosixOptions::new("test", conformance::descriptor(0x1F01FF));
    let volume = PosixVolume::open(directory.path(), options).expect("a volume");
    Scratch { volume, directory }
}

#[test]
fn conforms() {
    let directories = std::cell::RefCell::new(Vec::new());
    conformance::run(&|| {
        let Scratch { volume, directory } = scratch();
        directories.borrow_mut().push(directory);
        volume
    });
}
