//! Who does most: a bounded table of users by operations and by bytes.
//!
//! Each session counts on each of its connections for itself ([`Usage`]); what has come together is moved into two sketches when somebody
//! looks, and when sessions have come and gone. A sketch is that of Metwally, Agrawal and El Abbadi ("space-saving"): exact for as many users as it
//! has places, and beyond that never below what one of the most active has done.
//!
//! Lock order: the list's lock is held alone.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::counter::Counter;

/// Users that are told of.
pub const TOP_USERS: usize = 20;
/// Places of a sketch.
const PLACES: usize = 256;
/// Sessions that come before the list is tidied, at least.
const TIDY_AFTER: usize = 256;

/// What one session has done on one connection. Only that connection adds to it.
#[derive(Debug)]
pub struct Usage {
    /// `DOMAIN\user`; empty for an anonymous session.
    pub user: String,
    /// Address of the client.
    pub client: String,
    /// Requests.
    pub operations: Counter,
    /// Bytes of file data that were read.
    pub read_bytes: Counter,
    /// Bytes of file data that were written.
    pub written_bytes: Counter,
}

/// A user of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopUser {
    /// `DOMAIN\user`.
    pub user: String,
    /// At most this much.
    pub count: u64,
    /// Of which this much may have been another's; 0 means that the count is exact.
    pub error: u64,
}

/// The space-saving sketch.
#[derive(Debug, Default)]
struct Sketch(HashMap<String, (u64, u64)>);

impl Sketch {
    fn add(&mut self, user: &str, count: u64) {
        if count == 0 {
            return;
        }
        if let Some((sum, _)) = self.0.get_mut(user) {
            *sum = sum.saturating_add(count);
            return;
        }
        if self.0.len() < PLACES {
            self.0.insert(user.to_owned(), (count, 0));
            return;
        }
        let least = self
            .0
            .iter()
            .min_by_key(|(name, (sum, _))| (*sum, (*name).clone()))
            .map(|(name, _)| name.clone());
        if let Some((least, (sum, _))) = least.and_then(|name| self.0.remove_entry(&name)) {
            drop(least);
            self.0.insert(user.to_owned(), (sum.saturating_add(count), sum));
        }
    }

    fn top(&self) -> Vec<TopUser> {
        let mut all: Vec<TopUser> = self
            .0
            .iter()
            .map(|(user, (count, error))| TopUser { user: user.clone(), count: *count, error: *error })
            .collect();
        all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.user.cmp(&b.user)));
        all.truncate(TOP_USERS);
        all
    }
}

/// A usage and how much of it is in the sketches.
#[derive(Debug)]
struct Listed {
    usage: Arc<Usage>,
    operations: u64,
    bytes: u64,
}

#[derive(Debug, Default)]
struct Table {
    listed: Vec<Listed>,
    tidy_at: usize,
    by_operations: Sketch,
    by_bytes: Sketch,
}

impl Table {
    /// Moves what has come together into the sketches and forgets sessions that are over.
    fn tidy(&mut self) {
        let (by_operations, by_bytes) = (&mut self.by_operations, &mut self.by_bytes);
        self.listed.retain_mut(|listed| {
            let is_over = Arc::strong_count(&listed.usage) == 1;
            let usage = &listed.usage;
            let operations = usage.operations.value();
            let bytes = usage.read_bytes.value().wrapping_add(usage.written_bytes.value());
            by_operations.add(&usage.user, operations.wrapping_sub(listed.operations));
            by_bytes.add(&usage.user, bytes.wrapping_sub(listed.bytes));
            (listed.operations, listed.bytes) = (operations, bytes);
            !is_over
        });
        self.tidy_at = self.listed.len().saturating_mul(2).max(TIDY_AFTER);
    }
}

/// The table.
#[derive(Debug, Default)]
pub struct Users(Mutex<Table>);

/// Who does most, and what each session does.
#[derive(Debug, Default)]
pub struct UserReport {
    /// By requests, the most first.
    pub by_operations: Vec<TopUser>,
    /// By bytes of file data, the most first.
    pub by_bytes: Vec<TopUser>,
    /// Sessions that there are, a row for each of their connections.
    pub live: Vec<Arc<Usage>>,
}

impl Users {
    /// A session has a new connection, perhaps its first.
    pub fn enter(&self, user: String, client: String) -> Arc<Usage> {
        let usage = Arc::new(Usage {
            user,
            client,
            operations: Counter::default(),
            read_bytes: Counter::default(),
            written_bytes: Counter::default(),
        });
        let mut table = self.0.lock();
        if table.listed.len() >= table.tidy_at.max(TIDY_AFTER) {
            table.tidy();
        }
        table.listed.push(Listed { usage: Arc::clone(&usage), operations: 0, bytes: 0 });
        usage
    }

    /// The table as it is now.
    #[must_use]
    pub fn report(&self) -> UserReport {
        let mut table = self.0.lock();
        table.tidy();
        UserReport {
            by_operations: table.by_operations.top(),
            by_bytes: table.by_bytes.top(),
            live: table.listed.iter().map(|listed| Arc::clone(&listed.usage)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_session_did_outlives_it() {
        let users = Users::default();
        let first = users.enter("CORP\\anna".to_owned(), "192.0.2.1".to_owned());
        first.operations.add_alone(5);
        first.read_bytes.add_alone(1_000);
        assert_eq!(users.report().live.len(), 1);
        first.operations.add_alone(2);
        drop(first);
        let second = users.enter("CORP\\bert".to_owned(), "192.0.2.2".to_owned());
        second.operations.add_alone(1);
        let report = users.report();
        let top = |name: &str, count| TopUser { user: format!("CORP\\{name}"), count, error: 0 };
        assert_eq!(report.by_operations, [top("anna", 7), top("bert", 1)]);
        assert_eq!(report.by_bytes, [top("anna", 1_000)]);
        assert_eq!(users.report().by_operations, report.by_operations);
        let live: Vec<_> = users.report().live.iter().map(|usage| usage.user.clone()).collect();
        assert_eq!(live, ["CORP\\bert"]);
    }

    #[test]
    fn the_table_stays_small_and_keeps_who_does_most() {
        let users = Users::default();
        for round in 0..20 {
            for number in 0..2_000 {
                let usage = users.enter(format!("user{number}"), String::new());
                usage.operations.add_alone(if number < 10 { 1_000 } else { 1 });
            }
            let table = users.0.lock();
            assert!(table.listed.len() <= 2 * TIDY_AFTER, "{round}: {}", table.listed.len());
            assert!(table.by_operations.0.len() <= PLACES);
        }
        let top = users.report().by_operations;
        assert_eq!(top.len(), TOP_USERS);
        let mut first: Vec<_> = top[..10].iter().map(|top| top.user.clone()).collect();
        first.sort();
        assert_eq!(first, (0..10).map(|number| format!("user{number}")).collect::<Vec<_>>());
        for user in &top[..10] {
            // Never less than was done, and more only by what is admitted.
            assert!(user.count >= 20_000 && user.count - user.error <= 20_000, "{user:?}");
        }
    }
}
