//! Questions that are being asked: who has the same waits for that answer.

use std::collections::HashMap;
use std::sync::Arc;

use freehold_dtyp::Sid;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::names::{DirectoryName, Questions};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Sid(Sid),
    Name(DirectoryName),
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Flights {
    aloft: Arc<Mutex<HashMap<Key, watch::Receiver<()>>>>,
}

/// Questions that their holder asks. When it is dropped, asked or not, those who wait go on.
pub(super) struct Mine {
    aloft: Arc<Mutex<HashMap<Key, watch::Receiver<()>>>>,
    questions: Questions,
    keys: Vec<Key>,
    _landing: watch::Sender<()>,
}

/// Questions that somebody else asks.
pub(super) struct Others(watch::Receiver<()>);

impl Flights {
    /// Takes those of the questions that nobody asks yet, and says whom to wait for for the rest.
    pub(super) fn board(&self, questions: Questions) -> (Mine, Vec<Others>) {
        let (landing, landed) = watch::channel(());
        let mut others: Vec<Others> = Vec::new();
        let mut mine = Questions::default();
        let mut keys = Vec::new();
        let mut aloft = self.aloft.lock();
        let mut is_free = |key: Key| match aloft.get(&key) {
            Some(other) => {
                if !others.iter().any(|known| known.0.same_channel(other)) {
                    others.push(Others(other.clone()));
                }
                false
            }
            None => {
                aloft.insert(key.clone(), landed.clone());
                keys.push(key);
                true
            }
        };
        for sid in questions.sids {
            if is_free(Key::Sid(sid)) {
                mine.sids.insert(sid);
            }
        }
        for name in questions.names {
            if is_free(Key::Name(name.folded())) {
                mine.names.insert(name);
            }
        }
        drop(aloft);
        (Mine { aloft: Arc::clone(&self.aloft), questions: mine, keys, _landing: landing }, others)
    }
}

impl Mine {
    pub(super) const fn questions(&self) -> &Questions {
        &self.questions
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        let mut aloft = self.aloft.lock();
        for key in &self.keys {
            aloft.remove(key);
        }
    }
}

impl Others {
    /// Waits until the other has its answer or has given up.
    pub(super) async fn landed(mut self) {
        // An error: the sender is gone, which is what is waited for.
        let _ = self.0.changed().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn questions(rids: &[u32]) -> Questions {
        let sid = |rid: &u32| "S-1-5-21-7-8-9".parse::<Sid>().unwrap().with_rid(*rid).unwrap();
        Questions { sids: rids.iter().map(sid).collect(), ..Questions::default() }
    }

    #[tokio::test]
    async fn the_same_question_is_asked_once() {
        let flights = Flights::default();
        let (first, none) = flights.board(questions(&[1, 2]));
        assert!(none.is_empty());
        let (second, others) = flights.board(questions(&[1, 2, 3]));
        assert_eq!((second.questions(), others.len()), (&questions(&[3]), 1));
        let waiting = tokio::spawn(async move {
            for other in others {
                other.landed().await;
            }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(first);
        waiting.await.unwrap();
        drop(second);
        assert!(flights.aloft.lock().is_empty());
        assert_eq!(flights.board(questions(&[1])).0.questions(), &questions(&[1]));
    }
}
