//! Whether the targets of DFS folders answer: asked from time to time, so that clients are not sent to dead ones.
//!
//! A server is asked by a connection and NEGOTIATE, as a client would begin. One that does not answer
//! [`FAILURES_UNTIL_DEAD`] times in a row is left out of referrals, unless a folder has no other; it is back after
//! [`ANSWERS_UNTIL_ALIVE`] answers in a row. Nothing of this is kept over a restart.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use freehold_dfs::{Namespaces, TargetState};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::Shared;
use crate::client::{Client, ClientOptions, Protection};
use crate::crypto::SigningAlgorithm;
use crate::smb2::Dialect;

/// Time between two rounds.
const ROUND: Duration = Duration::from_secs(10);
/// How long a connection may take.
const CONNECT_TIME: Duration = Duration::from_secs(3);
/// How long the answer to NEGOTIATE may take.
const ANSWER_TIME: Duration = Duration::from_secs(3);
/// Servers that are asked at one time.
const AT_A_TIME: usize = 16;
/// Largest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// Port of SMB: DFS has no way to name another.
const PORT: u16 = 445;
/// Failures in a row after which a server is left out.
pub(super) const FAILURES_UNTIL_DEAD: u32 = 3;
/// Answers in a row after which it is back.
pub(super) const ANSWERS_UNTIL_ALIVE: u32 = 2;

/// What came of asking a server: how long its answer took, or why there is none.
pub(super) type Answer = Result<Duration, String>;

/// What is known of a server.
#[derive(Clone, Copy, Debug, Default)]
struct Condition {
    dead: bool,
    /// Answers in a row that are against `dead`.
    against: u32,
}

impl Condition {
    /// Takes in an answer; true when it is dead or alive since.
    fn take(&mut self, answers: bool) -> bool {
        if answers != self.dead {
            self.against = 0;
            return false;
        }
        self.against += 1;
        let enough = if self.dead { ANSWERS_UNTIL_ALIVE } else { FAILURES_UNTIL_DEAD };
        if self.against < enough {
            return false;
        }
        *self = Condition { dead: !self.dead, against: 0 };
        true
    }
}

/// What is known of the servers that folders lead to.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// By folded name.
    conditions: Mutex<HashMap<String, Condition>>,
}

impl Health {
    /// Takes in a round; true when a server is dead or alive since. Servers that were not asked are forgotten.
    fn take(&self, answers: &HashMap<String, Answer>) -> bool {
        let mut conditions = self.conditions.lock();
        let mut changed = false;
        let before = conditions.len();
        conditions.retain(|server, condition| answers.contains_key(server) || !condition.dead);
        changed |= conditions.len() != before;
        for (server, answer) in answers {
            let condition = conditions.entry(server.clone()).or_default();
            if condition.take(answer.is_ok()) {
                changed = true;
                match answer {
                    Ok(_) => tracing::info!(server, "a DFS target answers again and is given to clients"),
                    Err(reason) => {
                        tracing::warn!(
                            server,
                            reason,
                            "a DFS target does not answer and is left out of referrals"
                        );
                    }
                }
            }
        }
        changed
    }

    /// Servers that do not answer.
    pub(super) fn dead(&self) -> HashSet<String> {
        let conditions = self.conditions.lock();
        conditions.iter().filter(|(_, condition)| condition.dead).map(|(server, _)| server.clone()).collect()
    }
}

/// The servers between which a client of some folder can choose, folded.
fn servers(namespaces: &Namespaces) -> Vec<String> {
    let mut servers = HashSet::new();
    for index in namespaces.list() {
        for folder in index.folders() {
            let online = folder.targets.iter().filter(|target| target.state == TargetState::Online);
            if online.clone().count() > 1 {
                servers.extend(online.map(|target| target.server.as_str()));
            }
        }
    }
    // Many folders lead to few servers.
    let folded: BTreeSet<String> = servers.into_iter().map(str::to_lowercase).collect();
    folded.into_iter().collect()
}

/// Asks the servers, round after round, until `stopped`.
pub(super) async fn watch(shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    loop {
        let asked = servers(&shared.state.namespaces());
        if asked.is_empty() {
            // Forgets those of folders that are gone.
            if shared.dfs_health.take(&HashMap::new()) {
                shared.load_namespaces();
            }
        } else {
            let stops = stopped.clone();
            let asking = tokio::task::spawn_blocking(move || probe(&asked, &|| *stops.borrow()));
            tokio::select! {
                // Whom nobody answers for may take long.
                _ = stopped.wait_for(|stopped| *stopped) => return,
                answers = asking => {
                    if answers.is_ok_and(|answers| shared.dfs_health.take(&answers)) {
                        shared.load_namespaces();
                    }
                }
            }
        }
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return,
            () = tokio::time::sleep(ROUND) => {}
        }
    }
}

/// Asks each server whether it takes SMB connections, no further one once `stopped`. Blocks.
pub(super) fn probe(servers: &[String], stopped: &(dyn Fn() -> bool + Sync)) -> HashMap<String, Answer> {
    let answers = Mutex::new(HashMap::with_capacity(servers.len()));
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME.min(servers.len()) {
            scope.spawn(|| {
                while !stopped()
                    && let Some(server) = servers.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let begun = Instant::now();
                    let answer = ask(server).map(|()| begun.elapsed()).map_err(|error| format!("{error:#}"));
                    answers.lock().insert(server.clone(), answer);
                }
            });
        }
    });
    answers.into_inner()
}

fn ask(server: &str) -> anyhow::Result<()> {
    let addresses: Vec<_> = (server, PORT)
        .to_socket_addrs()
        .with_context(|| format!("the name {server} has no address"))?
        .collect();
    let mut last = None;
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT_TIME) {
            Ok(stream) => return negotiate(stream).with_context(|| format!("{address} does not speak SMB")),
            Err(error) => {
                last = Some(anyhow::Error::new(error).context(format!("cannot connect to {address}")))
            }
        }
    }
    Err(last.unwrap_or_else(|| anyhow::anyhow!("the name {server} has no address")))
}

fn negotiate(mut stream: TcpStream) -> anyhow::Result<()> {
    stream.set_read_timeout(Some(ANSWER_TIME))?;
    stream.set_write_timeout(Some(ANSWER_TIME))?;
    let mut client = Client::new(ClientOptions {
        dialects: vec![
            Dialect::SMB_2_0_2,
            Dialect::SMB_2_1,
            Dialect::SMB_3_0,
            Dialect::SMB_3_0_2,
            Dialect::SMB_3_1_1,
        ],
        signing: vec![SigningAlgorithm::AesCmac],
        protection: Protection::Signed,
        user: String::new(),
        password: String::new(),
        domain: String::new(),
        // Nobody logs on with it.
        random: [0; 48],
    });
    // [MS-SMB2] 2.1: in front of a message a zero byte and its length of 24 bits.
    let request = client.negotiate();
    stream.write_all(&[&u32::try_from(request.len())?.to_be_bytes()[..], &request].concat())?;
    let mut header = [0; 4];
    stream.read_exact(&mut header)?;
    let length = usize::try_from(u32::from_be_bytes(header)).ok();
    let length = length.filter(|length| *length <= MAX_ANSWER_BYTES).context("its answer is too long")?;
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer)?;
    client.on_negotiate(&mut answer)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use freehold_dfs::{Fold, Folder, Kind, Namespace, NamespaceIndex, State as DfsState, Target};
    use freehold_dtyp::Guid;

    use super::*;

    fn namespaces() -> Arc<Namespaces> {
        let namespace = Namespace {
            name: "files".to_owned(),
            guid: Guid::ZERO,
            kind: Kind::StandAlone,
            comment: String::new(),
            state: DfsState::Online,
            ttl_seconds: 300,
            options: freehold_dfs::NamespaceOptions::default(),
            targets: Vec::new(),
        };
        let mut index = NamespaceIndex::new(Arc::new(namespace));
        for (path, targets) in [("both", &["\\\\A\\x", "\\\\b\\x"][..]), ("one", &["\\\\a\\x"])] {
            let folder = Folder {
                path: path.to_owned(),
                guid: Guid::ZERO,
                comment: String::new(),
                state: DfsState::Online,
                ttl_seconds: 60,
                options: freehold_dfs::FolderOptions::default(),
                security: None,
                targets: targets.iter().map(|target| Target::from_unc(target).unwrap()).collect(),
            };
            index.insert(Fold::ASCII, Arc::new(folder)).unwrap();
        }
        Arc::new(Namespaces::new(Fold::ASCII, [index]))
    }

    fn round(answering: &[&str], silent: &[&str]) -> HashMap<String, Answer> {
        let yes = answering.iter().map(|server| ((*server).to_owned(), Ok(Duration::ZERO)));
        let no = silent.iter().map(|server| ((*server).to_owned(), Err("no".to_owned())));
        yes.chain(no).collect()
    }

    fn told(health: &Health, folder: &str) -> Vec<String> {
        use freehold_dfs::{Distance, Surroundings};
        let dead = health.dead();
        let around = Surroundings {
            distance: &|_| Distance::Unknown,
            is_dead: &|target| dead.contains(&target.server.to_lowercase()),
            is_own: &|_| false,
        };
        let path: Vec<u16> = format!(r"\server\files\{folder}").encode_utf16().collect();
        let namespaces = namespaces();
        let answer = namespaces.refer(&path, &around, &mut |_| 0).unwrap();
        answer.told.iter().map(|told| told.target.unc()).collect()
    }

    #[test]
    fn a_server_goes_after_failures_in_a_row_and_comes_back() {
        let health = Health::default();
        assert_eq!(servers(&namespaces()), ["a", "b"]);
        for _ in 0..FAILURES_UNTIL_DEAD - 1 {
            assert!(!health.take(&round(&["b"], &["a"])));
        }
        // An answer between them: counting begins anew.
        assert!(!health.take(&round(&["a", "b"], &[])));
        for _ in 0..FAILURES_UNTIL_DEAD - 1 {
            assert!(!health.take(&round(&["b"], &["a"])));
        }
        assert_eq!(told(&health, "both").len(), 2);
        assert!(health.take(&round(&["b"], &["a"])));
        assert_eq!(told(&health, "both"), ["\\\\b\\x"]);
        // It has no other: better one that may answer than none.
        assert_eq!(told(&health, "one"), ["\\\\a\\x"]);
        for _ in 0..ANSWERS_UNTIL_ALIVE - 1 {
            assert!(!health.take(&round(&["a", "b"], &[])));
        }
        assert!(health.take(&round(&["a", "b"], &[])));
        assert_eq!(told(&health, "both").len(), 2);
    }

    #[test]
    fn all_dead_is_as_none_dead_and_who_is_not_asked_is_forgotten() {
        let health = Health::default();
        for _ in 0..FAILURES_UNTIL_DEAD {
            health.take(&round(&[], &["a", "b"]));
        }
        assert_eq!(told(&health, "both").len(), 2);
        assert!(health.take(&HashMap::new()));
        assert!(health.dead().is_empty());
    }

    #[test]
    fn a_probe_says_why_nobody_answers() {
        let servers = ["no-such-host.invalid".to_owned(), "127.0.0.254".to_owned()];
        let answers = probe(&servers, &|| false);
        assert!(answers[&servers[0]].as_ref().unwrap_err().contains("no-such-host.invalid"));
        assert!(answers[&servers[1]].is_err());
    }

    #[test]
    fn nobody_is_asked_by_a_server_that_stops() {
        let asked = AtomicUsize::new(0);
        let servers: Vec<String> = (0..1_000).map(|number| format!("127.0.0.{}", number % 250 + 2)).collect();
        let answers = probe(&servers, &|| asked.fetch_add(1, Ordering::Relaxed) >= AT_A_TIME);
        assert!(answers.len() <= AT_A_TIME, "{} were asked", answers.len());
    }

    /// A server that reads and writes as [MS-SMB2] 2.1 has it.
    #[test]
    fn who_answers_negotiate_answers() {
        use freehold_dtyp::FileTime;

        use crate::smb2::negotiate::{NegotiateRequest, NegotiateResponse};
        use crate::smb2::negotiate_context::NegotiateContexts;
        use crate::smb2::{
            Capabilities, DecodeMessage as _, HeaderFlags, SecurityMode, Smb2Header, message_bytes,
        };

        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let peer = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut length = [0; 4];
            stream.read_exact(&mut length).unwrap();
            let mut request = vec![0; u32::from_be_bytes(length) as usize];
            stream.read_exact(&mut request).unwrap();
            let header = Smb2Header::decode(&request).unwrap();
            assert!(
                NegotiateRequest::decode(&request).unwrap().dialects.iter().any(|d| d == Dialect::SMB_2_1)
            );
            let header = Smb2Header { flags: HeaderFlags::SERVER_TO_REDIR, ..header };
            let response = NegotiateResponse {
                security_mode: SecurityMode::SIGNING_ENABLED,
                dialect: Dialect::SMB_2_1,
                server_guid: Guid::ZERO,
                capabilities: Capabilities::empty(),
                max_transact_size: 65_536,
                max_read_size: 65_536,
                max_write_size: 65_536,
                system_time: FileTime(0),
                server_start_time: FileTime(0),
                security_buffer: &[],
                contexts: NegotiateContexts::from([].as_slice()),
            };
            let reply = message_bytes(&header, &response);
            stream.write_all(&u32::try_from(reply.len()).unwrap().to_be_bytes()).unwrap();
            stream.write_all(&reply).unwrap();
        });
        negotiate(TcpStream::connect(address).unwrap()).unwrap();
        peer.join().unwrap();
    }

    #[test]
    fn who_does_not_speak_smb_does_not_answer() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let peer = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        });
        assert!(negotiate(TcpStream::connect(address).unwrap()).is_err());
        peer.join().unwrap();
    }
}
