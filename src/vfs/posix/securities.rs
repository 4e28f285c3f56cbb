//! Security descriptors in memory: each once, found by hash when files are opened and by value when they are made.

use std::sync::Arc;

use freehold_acl::SecurityDescriptor;
use parking_lot::Mutex;

use super::recent::Recent;
use super::store::Store;
use super::xattr::{ContentHash, encode_security};
use crate::vfs::VfsError;

/// Descriptors kept of each generation. Files share a few; these are for volumes where many differ.
const CAPACITY: usize = 2048;

#[derive(Debug)]
pub(super) struct Securities {
    by_hash: Mutex<Recent<ContentHash, Arc<SecurityDescriptor>>>,
    /// All of these are in the store.
    by_value: Mutex<Recent<Arc<SecurityDescriptor>, ContentHash>>,
}

impl Securities {
    pub(super) fn new() -> Self {
        Securities { by_hash: Mutex::new(Recent::new(CAPACITY)), by_value: Mutex::new(Recent::new(CAPACITY)) }
    }

    /// The descriptor of that hash.
    ///
    /// # Errors
    /// [`VfsError::Corrupt`] when the store does not have it.
    pub(super) fn load(&self, store: &Store, hash: ContentHash) -> Result<Arc<SecurityDescriptor>, VfsError> {
        if let Some(found) = self.by_hash.lock().get(&hash) {
            return Ok(Arc::clone(found));
        }
        let loaded = Arc::new(store.security(hash)?);
        self.by_hash.lock().insert(hash, Arc::clone(&loaded));
        Ok(loaded)
    }

    /// Keeps a descriptor in the store, unless it is there, and gives its hash.
    pub(super) fn keep(
        &self,
        store: &Store,
        security: &Arc<SecurityDescriptor>,
    ) -> Result<(ContentHash, Arc<SecurityDescriptor>), VfsError> {
        if let Some(hash) = self.by_value.lock().get(&**security) {
            let hash = *hash;
            return Ok((hash, self.load(store, hash)?));
        }
        let hash = ContentHash::of(&encode_security(security));
        store.put_security(hash, security)?;
        let shared = {
            let mut by_hash = self.by_hash.lock();
            match by_hash.get(&hash) {
                Some(found) => Arc::clone(found),
                None => {
                    by_hash.insert(hash, Arc::clone(security));
                    Arc::clone(security)
                }
            }
        };
        self.by_value.lock().insert(Arc::clone(&shared), hash);
        Ok((hash, shared))
    }
}
