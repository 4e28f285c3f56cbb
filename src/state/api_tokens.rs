//! Tokens of the HTTPS door: who holds one may ask for what its scopes say.
//!
//! Owns the table, the snapshot of it and how a secret becomes its key: SHA-256, since secrets are random and long. The
//! secret itself is kept nowhere. What the names of scopes mean is the administration's business.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use freehold_dtyp::FileTime;
use rusqlite::Connection;
use zeroize::Zeroizing;

use super::{State, StateError, now, time_from_sql, time_to_sql};

/// Longest name in characters.
const MAX_NAME: usize = 64;
/// Most tokens.
const MAX_TOKENS: i64 = 1_000;
/// What every secret begins with, so that scanners of repositories know one when they see it.
const PREFIX: &str = "freehold_";
/// Random bytes of a secret.
const SECRET_BYTES: usize = 32;
/// A use is written down when the last one that was is this old, in FILETIME units: a minute.
const USE_KEPT_EVERY: u64 = 60 * 10_000_000;

/// A token.
#[derive(Debug)]
pub struct ApiToken {
    /// Name.
    pub name: String,
    /// SHA-256 of the secret.
    key: [u8; 32],
    /// Names of its scopes.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created: FileTime,
    /// When it stops to be good.
    pub expires: Option<FileTime>,
    /// When it was used last; 0 for never.
    last_used: AtomicU64,
}

impl ApiToken {
    /// It is past its time.
    #[must_use]
    pub fn is_expired(&self, now: FileTime) -> bool {
        self.expires.is_some_and(|expires| now >= expires)
    }

    /// When it was used last, to the minute.
    #[must_use]
    pub fn last_used(&self) -> Option<FileTime> {
        Some(FileTime(self.last_used.load(Ordering::Relaxed))).filter(|time| time.0 != 0)
    }
}

impl State {
    /// The tokens by name, as of now. Does not block.
    #[must_use]
    pub fn api_tokens(&self) -> Arc<Vec<Arc<ApiToken>>> {
        self.api_tokens.load_full()
    }

    /// The token with this secret, expired or not. Does not block.
    #[must_use]
    pub fn api_token(&self, secret: &str) -> Option<Arc<ApiToken>> {
        let key = key_of(secret);
        // Comparing hashes of what was sent tells nothing of the secret by its time.
        self.api_tokens.load().iter().find(|token| token.key == key).cloned()
    }

    /// Makes a token and returns its secret, which is told here once.
    ///
    /// # Errors
    /// [`StateError::Invalid`] for a name that is none, [`StateError::Exists`], [`StateError::Refused`] when there are too
    /// many.
    pub fn add_api_token(
        &self,
        name: &str,
        scopes: &[&str],
        expires: Option<FileTime>,
    ) -> Result<Zeroizing<String>, StateError> {
        check_name(name)?;
        let secret = new_secret()?;
        let database = self.database.lock();
        let count: i64 = database.query_row("SELECT count(*) FROM api_token", [], |row| row.get(0))?;
        if count >= MAX_TOKENS {
            return Err(StateError::Refused("there are 1,000 tokens already: remove some"));
        }
        let folded = super::accounts::fold_name(name);
        let added = database.execute(
            "INSERT OR IGNORE INTO api_token (folded_name, name, key, scopes, created, expires) VALUES (?, ?, ?, ?, ?, ?)",
            (&folded, name, key_of(&secret), scopes.join(" "), time_to_sql(now()), expires.map(time_to_sql)),
        )?;
        if added == 0 {
            return Err(StateError::Exists { kind: "a token", name: name.to_owned() });
        }
        self.api_tokens.store(Arc::new(load(&database)?));
        Ok(secret)
    }

    /// Removes a token.
    ///
    /// # Errors
    /// [`StateError::NotFound`].
    pub fn remove_api_token(&self, name: &str) -> Result<(), StateError> {
        let database = self.database.lock();
        let folded = super::accounts::fold_name(name);
        if database.execute("DELETE FROM api_token WHERE folded_name = ?", [folded])? == 0 {
            return Err(StateError::NotFound { kind: "token", name: name.to_owned() });
        }
        self.api_tokens.store(Arc::new(load(&database)?));
        Ok(())
    }

    /// Notes that a token was used. True when [`State::keep_api_token_use`] is due.
    pub fn use_api_token(&self, token: &ApiToken) -> bool {
        let now = now().0;
        let before = token.last_used.load(Ordering::Relaxed);
        now.saturating_sub(before) >= USE_KEPT_EVERY
            && token.last_used.compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Writes down when a token was used. Blocks on disk.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_api_token_use(&self, token: &ApiToken) -> Result<(), StateError> {
        let used = i64::try_from(token.last_used.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
        self.database
            .lock()
            .execute("UPDATE api_token SET last_used = ? WHERE key = ?", (used, token.key))?;
        Ok(())
    }
}

fn check_name(name: &str) -> Result<(), StateError> {
    let fits = !name.is_empty()
        && name.chars().count() <= MAX_NAME
        && name.trim() == name
        && !name.chars().any(|c| c.is_control() || c == '/' || c == '\\');
    if fits {
        return Ok(());
    }
    Err(StateError::Invalid {
        field: "name",
        found: format!("{name:?}"),
        allowed: "a token's name has 1 to 64 characters, no slashes, and no blanks around it",
    })
}

fn new_secret() -> Result<Zeroizing<String>, StateError> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut bytes = Zeroizing::new([0u8; SECRET_BYTES]);
    SystemRandom::new().fill(&mut *bytes).map_err(|_| StateError::Random)?;
    let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + 2 * SECRET_BYTES));
    text.push_str(PREFIX);
    for byte in bytes.iter() {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    Ok(text)
}

fn key_of(secret: &str) -> [u8; 32] {
    let mut key = [0; 32];
    key.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
    key
}

/// All tokens by name.
pub(super) fn load(database: &Connection) -> Result<Vec<Arc<ApiToken>>, StateError> {
    let mut statement = database.prepare(
        "SELECT name, key, scopes, created, expires, last_used FROM api_token ORDER BY folded_name",
    )?;
    let rows = statement.query_map([], |row| {
        let scopes: String = row.get(2)?;
        Ok(Arc::new(ApiToken {
            name: row.get(0)?,
            key: row.get(1)?,
            scopes: scopes.split_whitespace().map(str::to_owned).collect(),
            created: time_from_sql(row.get(3)?),
            expires: row.get::<_, Option<i64>>(4)?.map(time_from_sql),
            last_used: AtomicU64::new(time_from_sql(row.get(5)?).0),
        }))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_secret_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        let secret = state.add_api_token("backup", &["shares:read", "quotas:read"], None).unwrap();
        assert_eq!(secret.len(), PREFIX.len() + 64);
        let token = state.api_token(&secret).unwrap();
        assert_eq!((token.name.as_str(), token.scopes.len(), token.last_used()), ("backup", 2, None));
        assert!(state.api_token("").is_none() && state.api_token(&secret[1..]).is_none());
        assert!(state.use_api_token(&token) && !state.use_api_token(&token));
        state.keep_api_token_use(&token).unwrap();
        drop(state);
        let text = std::fs::read(folder.path().join(super::super::DATABASE_FILE)).unwrap();
        assert!(!text.windows(64).any(|window| window == &secret.as_bytes()[PREFIX.len()..]));
        let state = State::open(folder.path()).unwrap();
        assert_eq!(state.api_token(&secret).unwrap().last_used(), token.last_used());
        assert!(matches!(state.add_api_token("BACKUP", &["a"], None), Err(StateError::Exists { .. })));
        state.remove_api_token("Backup").unwrap();
        assert!(state.api_token(&secret).is_none());
        assert!(matches!(state.remove_api_token("backup"), Err(StateError::NotFound { .. })));
    }

    #[test]
    fn a_token_expires_at_its_time() {
        let state = State::in_memory().unwrap();
        let secret = state.add_api_token("a", &["shares:read"], Some(FileTime(1_000))).unwrap();
        let token = state.api_token(&secret).unwrap();
        assert!(!token.is_expired(FileTime(999)) && token.is_expired(FileTime(1_000)));
        for wrong in ["", " a", "a/b", "a\nb"] {
            let error = state.add_api_token(wrong, &["a"], None).unwrap_err();
            assert!(matches!(error, StateError::Invalid { field: "name", .. }), "{wrong:?}");
        }
    }
}
