//! The thread that brings what is set to the volumes, and what is asked of it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use freehold_dtyp::{FileTime, Sid};
use freehold_quotas::{Crossing, FolderQuotaId, Policy, Subject, Threshold};
use parking_lot::Mutex;

use super::auto::{Looks, below};
use super::compile::compile;
use super::notice::Notice;
use super::notifier::{Notifier, Outcome};
use super::store::VolumeStore;
use super::{crossing, folders, members, samples};
use crate::audit::record::{Batch, time_text};
use crate::domain::Domain;
use crate::names::{Asked, Machine, NameBook};
use crate::state::quotas::{GroupMembers, QuotaEdit};
use crate::state::{Change, State};
use crate::vfs::quotas::{FolderChange, PolicyStore};
use crate::vfs::{VfsError, Volume};

/// How often folders with auto quotas and folder quotas are looked at.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(2);
/// After a look because of a new subfolder the next one waits for so many times as long as it took.
const REST: u32 = 4;
/// How often it is looked up who is in the groups.
const GROUPS_EVERY: Duration = Duration::from_secs(5 * 60);
/// After a look-up that failed it is tried again.
const GROUPS_AGAIN: Duration = Duration::from_secs(15);
/// How often the peaks of folder quotas are looked at.
const PEAKS_EVERY: Duration = Duration::from_secs(60);
/// How often a volume that did not take its policy is given it again.
const PUSH_AGAIN: Duration = Duration::from_secs(10);

/// That something was refused is told at most once in this time for each owner and folder.
const REFUSALS_EVERY: Duration = Duration::from_secs(60 * 60);
/// Most crossings that wait for the thread.
const MAX_CROSSINGS: usize = 10_000;

/// What the service works with once the server is put together.
pub struct Surroundings {
    /// Volumes by name, and where each is on disk.
    pub volumes: HashMap<String, (Arc<dyn Volume>, PathBuf)>,
    /// The domain.
    pub domain: Arc<Domain>,
    /// Where look-ups run.
    pub runtime: tokio::runtime::Handle,
    /// Gives records to the audit log; may block.
    pub record: Box<dyn Fn(Batch) + Send + Sync>,
    /// Sessions there are now: their ids, and on demand who has logged on with which groups.
    #[expect(clippy::type_complexity, reason = "a question with a question in it, asked in one place")]
    pub sessions: Box<dyn Fn(&dyn Fn(u64) -> bool) -> Vec<LoggedOn> + Send + Sync>,
    /// This server's NetBIOS name.
    pub computer: String,
    /// Its DNS name.
    pub dns_name: String,
}

/// Somebody who is logged on.
#[derive(Clone, Debug)]
pub struct LoggedOn {
    /// The session.
    pub session: u64,
    /// The user.
    pub user: Sid,
    /// When: what was looked up later knows better.
    pub time: FileTime,
    /// The user's groups, of the domain and of this server, as the logon found them; empty where they were not asked for.
    pub groups: Vec<Sid>,
}

/// Something for the thread.
enum Job {
    /// The volume's limits differ.
    Push(String),
    /// Local groups or the membership differ: who is exempt, who is in groups.
    Accounts,
    /// A subfolder was made in a folder of the volume that has an auto quota.
    Subfolder,
    /// A folder of the volume was renamed, at or below which there are quotas: from, to.
    Moved(String, String, String),
    /// A threshold of the volume was crossed.
    Crossed(String, Crossing, FileTime),
    /// Ends the thread.
    Stop,
}

/// The quotas of a running server.
pub struct QuotaService {
    state: Arc<State>,
    surroundings: OnceLock<Surroundings>,
    jobs: Sender<Job>,
    waiting: Mutex<Option<Receiver<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    notifier: OnceLock<Notifier>,
    /// Held while limits are compiled and put in place.
    pushing: Mutex<()>,
    /// The thread was told of a subfolder, and has not looked yet.
    looks_due: Arc<AtomicBool>,
    /// Crossings in the queue.
    crossings: Arc<AtomicUsize>,
    /// Owners that nothing limits.
    exempt: Mutex<Vec<Sid>>,
    /// Why it could not be looked up who is in a group.
    failures: Mutex<HashMap<Sid, String>>,
}

impl QuotaService {
    /// The service for `state`; it does nothing yet.
    #[must_use]
    pub fn new(state: Arc<State>) -> Arc<Self> {
        let (jobs, waiting) = channel();
        let service = QuotaService {
            exempt: Mutex::new(exempt(&state, &[])),
            state,
            surroundings: OnceLock::new(),
            jobs,
            waiting: Mutex::new(Some(waiting)),
            thread: Mutex::default(),
            notifier: OnceLock::new(),
            pushing: Mutex::default(),
            looks_due: Arc::default(),
            crossings: Arc::default(),
            failures: Mutex::default(),
        };
        Arc::new(service)
    }

    /// Keeps what comes over SMB for the volume called `volume`.
    #[must_use]
    pub fn store(self: &Arc<Self>, volume: &str) -> Arc<dyn PolicyStore> {
        Arc::new(VolumeStore { service: Arc::downgrade(self), volume: volume.to_owned() })
    }

    /// Puts the limits in place as the state has them, then starts working. Blocks on disk.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(self: &Arc<Self>, surroundings: Surroundings) -> std::io::Result<()> {
        let names: Vec<String> = surroundings.volumes.keys().cloned().collect();
        for (name, (volume, _)) in &surroundings.volumes {
            let Some(quotas) = volume.quotas() else { continue };
            quotas.on_folder_change(self.folder_listener(name));
            let (jobs, name, waiting) = (self.jobs.clone(), name.clone(), Arc::clone(&self.crossings));
            quotas.on_crossing(Box::new(move |crossing| {
                let now = FileTime::from_system_time(SystemTime::now());
                if waiting.fetch_add(1, Ordering::Relaxed) >= MAX_CROSSINGS {
                    waiting.fetch_sub(1, Ordering::Relaxed);
                    tracing::warn!(
                        volume = name,
                        ?crossing,
                        "too many quota thresholds wait: this one is not recorded"
                    );
                } else {
                    let _ = jobs.send(Job::Crossed(name.clone(), crossing, now));
                }
            }));
        }
        if self.surroundings.set(surroundings).is_err() {
            return Ok(());
        }
        for name in &names {
            self.push(name);
        }
        let _ = self.notifier.set(Notifier::start(Arc::clone(&self.state))?);
        let jobs = self.jobs.clone();
        self.state.on_change(Box::new(move |change| {
            let job = match change {
                Change::QuotasChanged(volume) => Job::Push(volume.clone()),
                Change::AccountChanged(_) | Change::AccountRemoved(_) | Change::MembershipChanged => {
                    Job::Accounts
                }
                _ => return,
            };
            let _ = jobs.send(job);
        }));
        let Some(waiting) = self.waiting.lock().take() else { return Ok(()) };
        let service = Arc::clone(self);
        let thread =
            std::thread::Builder::new().name("quotas".to_owned()).spawn(move || service.work(&waiting))?;
        *self.thread.lock() = Some(thread);
        Ok(())
    }

    /// Has the thread hear of folders of the volume called `name` that concern quotas.
    fn folder_listener(&self, name: &str) -> Box<dyn Fn(&FolderChange) + Send + Sync> {
        let (jobs, state, looks) = (self.jobs.clone(), Arc::clone(&self.state), Arc::clone(&self.looks_due));
        let name = name.to_owned();
        Box::new(move |change| {
            let (moved, has_subfolder) = folders::concern(&state.quotas().volume(&name), change);
            if let Some((from, to)) = moved {
                let _ = jobs.send(Job::Moved(name.clone(), from, to));
            }
            // However many subfolders are made, one look finds all of them.
            if has_subfolder && !looks.swap(true, Ordering::SeqCst) {
                let _ = jobs.send(Job::Subfolder);
            }
        })
    }

    /// Ends the threads. What thresholds were crossed until now is recorded.
    pub fn stop(&self) {
        let _ = self.jobs.send(Job::Stop);
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
        if let Some(notifier) = self.notifier.get() {
            notifier.stop();
        }
    }

    /// Has the volume called `volume` go by what the state has now. Blocks on disk.
    pub fn apply(&self, volume: &str) {
        // What it did not take it is given again by the thread, which hears of the change too.
        let _ = self.push(volume);
    }

    /// Makes the quotas of subfolders that are there already. Blocks on disk.
    pub fn look(&self) {
        let Some(around) = self.surroundings.get() else { return };
        for (name, (_, root)) in &around.volumes {
            loop {
                let edits = Looks::default().look(name, root, &self.state.quotas());
                if edits.is_empty() {
                    break;
                }
                if let Err(error) = self.state.edit_quotas(&edits) {
                    tracing::error!(%error, "quotas could not be kept");
                    break;
                }
            }
            self.apply(name);
        }
    }

    /// Everybody in a group, sorted; `None` where that cannot be looked up, which is tried again later. Blocks on the network.
    #[must_use]
    pub fn look_up(&self, group: &Sid) -> Option<Vec<Sid>> {
        let around = self.surroundings.get()?;
        match members::members(&self.state.accounts(), &around.domain, &around.runtime, *group) {
            Ok(members) => Some(members),
            Err(error) => {
                self.failures.lock().insert(*group, error.to_string());
                None
            }
        }
    }

    /// Why it could not be looked up who is in a group, the last time.
    #[must_use]
    pub fn failure(&self, group: &Sid) -> Option<String> {
        self.failures.lock().get(group).cloned()
    }

    /// Tells those who are told of thresholds something, as a test. Blocks.
    pub fn test_notification(&self) -> Vec<Outcome> {
        let (Some(notifier), Some(surroundings)) = (self.notifier.get(), self.surroundings.get()) else {
            return Vec::new();
        };
        notifier.test(&Notice {
            event: "Test",
            time: time_text(FileTime::from_system_time(SystemTime::now())),
            server: surroundings.computer.clone(),
            volume: String::new(),
            user: String::new(),
            sid: String::new(),
            path: String::new(),
            disk_space_used: 0,
            threshold: 0,
            threshold_percent: None,
            limit: None,
            message: "a test of quota notices".to_owned(),
        })
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// The policy of a volume as the state has it now. Looks on disk which folders are there.
    pub(super) fn policy(&self, volume: &str) -> Policy {
        let snapshot = self.state.quotas();
        let root =
            self.surroundings.get().and_then(|around| around.volumes.get(volume)).map(|(_, root)| root);
        compile(&snapshot.volume(volume), &snapshot, self.exempt.lock().clone(), |path| {
            root.is_some_and(|root| below(root, path).is_dir())
        })
    }

    /// Puts the limits of a volume in place; false when the volume did not take them.
    fn push(&self, volume: &str) -> bool {
        let Some((opened, _)) = self.surroundings.get().and_then(|around| around.volumes.get(volume)) else {
            return true;
        };
        let Some(quotas) = opened.quotas() else { return true };
        // One after the other: what was compiled first is put in place first.
        let _turn = self.pushing.lock();
        let policy = self.policy(volume);
        if *quotas.policy() == policy {
            return true;
        }
        match quotas.set_policy(Arc::new(policy)) {
            Ok(()) => true,
            // A folder went away in between: at the next look it is known.
            Err(VfsError::NotFound) => false,
            Err(error) => {
                tracing::error!(volume, %error, "the limits of a volume could not be put in place");
                false
            }
        }
    }

    fn work(self: Arc<Self>, waiting: &Receiver<Job>) {
        let mut worker = Worker::new(Arc::clone(&self));
        worker.groups();
        loop {
            match waiting.recv_timeout(worker.until_next()) {
                Ok(Job::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(job) => worker.run(job),
                Err(RecvTimeoutError::Timeout) => worker.tick(),
            }
        }
        // What was crossed before the server was stopped.
        for job in waiting.try_iter() {
            if let Job::Crossed(volume, crossing, time) = job {
                worker.crossed(&volume, &crossing, time);
            }
        }
        worker.peaks();
    }
}

/// Owners that nothing limits: administrators of this server, by themselves or through `through`, and the system.
fn exempt(state: &State, through: &[Sid]) -> Vec<Sid> {
    let local = members::local_members(&state.accounts(), Sid::ADMINISTRATORS);
    let mut exempt: Vec<Sid> = [Sid::ADMINISTRATORS, Sid::SYSTEM].into();
    exempt.extend(local.accounts);
    exempt.extend(local.foreign);
    exempt.extend(through);
    exempt.sort_unstable();
    exempt.dedup();
    exempt
}

/// Hours since 1970.
fn hour_now() -> i64 {
    FileTime::from_system_time(SystemTime::now()).to_unix().0.div_euclid(3_600)
}

/// What the thread remembers.
struct Worker {
    service: Arc<QuotaService>,
    looks: HashMap<String, Looks>,
    next_look: Instant,
    /// Before this no look is due because of a new subfolder.
    may_look: Instant,
    next_groups: Instant,
    next_peaks: Instant,
    sampled_hour: i64,
    /// Volumes that did not take their policy, and when they get it again.
    refused: HashMap<String, Instant>,
    /// When it was told last that something of a subject's was refused.
    refusals: HashMap<(String, Subject), FileTime>,
    /// Sessions that were looked at.
    sessions: HashSet<u64>,
    /// Peaks that the database has.
    peaks: HashMap<FolderQuotaId, u64>,
}

impl Worker {
    fn new(service: Arc<QuotaService>) -> Self {
        let now = Instant::now();
        let peaks = service.state.quota_peaks().unwrap_or_default();
        Worker {
            service,
            looks: HashMap::new(),
            next_look: now,
            may_look: now,
            next_groups: now + GROUPS_EVERY,
            next_peaks: now + PEAKS_EVERY,
            // What is used may still be counted when the server has just been started: the hour's sample stays as it is.
            sampled_hour: hour_now(),
            refused: HashMap::new(),
            refusals: HashMap::new(),
            sessions: HashSet::new(),
            peaks,
        }
    }

    fn until_next(&self) -> Duration {
        let soonest =
            self.refused.values().copied().chain([self.next_look, self.next_groups, self.next_peaks]).min();
        soonest.map_or(LOOK_EVERY, |due| due.saturating_duration_since(Instant::now()))
    }

    fn run(&mut self, job: Job) {
        match job {
            Job::Push(volume) => {
                let snapshot = self.service.state.quotas();
                let quotas = snapshot.volume(&volume);
                let mut unknown = quotas.groups.keys().filter(|group| snapshot.members(group).is_none());
                let is_unknown = unknown.any(|group| !self.service.failures.lock().contains_key(group));
                self.push(&volume);
                if let Some(looks) = self.looks.get_mut(&volume) {
                    looks.forget();
                }
                self.next_look = Instant::now();
                if is_unknown {
                    self.groups();
                }
            }
            Job::Accounts => self.groups(),
            Job::Subfolder => self.next_look = self.next_look.min(self.may_look),
            Job::Moved(volume, from, to) => self.edit(&[QuotaEdit::MoveFolders { volume, from, to }]),
            Job::Crossed(volume, crossing, time) => self.crossed(&volume, &crossing, time),
            Job::Stop => {}
        }
        // However many jobs there are, what is due is done.
        if self.until_next().is_zero() {
            self.tick();
        }
    }

    fn tick(&mut self) {
        let now = Instant::now();
        let due: Vec<String> =
            self.refused.iter().filter(|(_, again)| **again <= now).map(|(name, _)| name.clone()).collect();
        for volume in due {
            self.push(&volume);
        }
        if self.next_look <= now {
            self.next_look = now + LOOK_EVERY;
            self.service.looks_due.store(false, Ordering::SeqCst);
            self.look();
            // Subfolders may be made faster than they are found: most of the time is for other things.
            self.may_look = Instant::now() + now.elapsed() * REST;
            self.logged_on();
            self.sample();
        }
        if self.next_groups <= now {
            self.groups();
        }
        if self.next_peaks <= now {
            self.next_peaks = now + PEAKS_EVERY;
            self.peaks();
        }
    }

    fn push(&mut self, volume: &str) {
        if self.service.push(volume) {
            self.refused.remove(volume);
        } else {
            self.refused.insert(volume.to_owned(), Instant::now() + PUSH_AGAIN);
        }
    }

    fn edit(&self, edits: &[QuotaEdit]) {
        if edits.is_empty() {
            return;
        }
        if let Err(error) = self.service.state.edit_quotas(edits) {
            tracing::error!(%error, "quotas could not be kept");
        }
    }

    fn look(&mut self) {
        let Some(around) = self.service.surroundings.get() else { return };
        let snapshot = self.service.state.quotas();
        let mut edits = Vec::new();
        for (name, (_, root)) in &around.volumes {
            let looks = self.looks.entry(name.clone()).or_default();
            edits.extend(looks.look(name, root, &snapshot));
        }
        self.edit(&edits);
    }

    /// Looks up who is in the groups that rules name, and who is exempt.
    fn groups(&mut self) {
        let service = Arc::clone(&self.service);
        let Some(around) = service.surroundings.get() else { return };
        self.next_groups = Instant::now() + GROUPS_EVERY;
        let (snapshot, accounts) = (service.state.quotas(), service.state.accounts());
        let look_up = |group| members::members(&accounts, &around.domain, &around.runtime, group);
        match look_up(Sid::ADMINISTRATORS) {
            Ok(found) => {
                let exempt = exempt(&service.state, &found);
                let before = std::mem::replace(&mut *service.exempt.lock(), exempt.clone());
                if before != exempt {
                    around.volumes.keys().for_each(|volume| self.push(volume));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "it cannot be looked up who is an administrator: as it was for quotas");
                self.next_groups = Instant::now() + GROUPS_AGAIN;
            }
        }
        let mut groups: Vec<Sid> = snapshot.ruled_groups().copied().collect();
        groups.sort_unstable();
        groups.dedup();
        service.failures.lock().retain(|group, _| groups.contains(group));
        let mut edits = Vec::new();
        for group in groups {
            match look_up(group) {
                Ok(members) => {
                    service.failures.lock().remove(&group);
                    let same = snapshot.members(&group).is_some_and(|known| known.members == members);
                    let as_of = FileTime::from_system_time(SystemTime::now());
                    if !same {
                        tracing::info!(%group, members = members.len(), "a group with a quota rule was looked up");
                        edits.push(QuotaEdit::Members {
                            group,
                            members: Some(GroupMembers { members, as_of }),
                        });
                    }
                }
                Err(error) => {
                    self.next_groups = Instant::now() + GROUPS_AGAIN;
                    if service.failures.lock().insert(group, error.to_string()).is_none() {
                        tracing::warn!(%group, %error, "it cannot be looked up who is in a group with a quota rule: what was known stays in force");
                    }
                }
            }
        }
        self.edit(&edits);
    }

    /// Puts who has logged on since the last look into the groups that the logon says, and out of the others: what is known of groups
    /// may be older. A session is looked at once: later the directory knows better.
    fn logged_on(&mut self) {
        let service = Arc::clone(&self.service);
        let Some(around) = service.surroundings.get() else { return };
        let snapshot = service.state.quotas();
        let ruled: BTreeSet<Sid> = snapshot.ruled_groups().copied().collect();
        if ruled.is_empty() {
            self.sessions.clear();
            return;
        }
        let seen = std::mem::take(&mut self.sessions);
        let sessions = (around.sessions)(&|session| !seen.contains(&session));
        let mut changed: BTreeMap<Sid, GroupMembers> = BTreeMap::new();
        for LoggedOn { session, user, time, groups } in sessions {
            self.sessions.insert(session);
            if seen.contains(&session) {
                continue;
            }
            for group in &ruled {
                let Some(known) = snapshot.members(group).filter(|known| known.as_of < time) else {
                    continue;
                };
                let found = changed.get(group).unwrap_or(known).members.binary_search(&user);
                if found.is_ok() == groups.contains(group) {
                    continue;
                }
                let members =
                    &mut changed.entry(*group).or_insert_with(|| GroupMembers::clone(known)).members;
                match found {
                    Ok(at) => {
                        members.remove(at);
                    }
                    Err(at) => members.insert(at, user),
                }
            }
        }
        let edit = |(group, members)| QuotaEdit::Members { group, members: Some(members) };
        self.edit(&changed.into_iter().map(edit).collect::<Vec<_>>());
    }

    fn crossed(&mut self, volume: &str, crossing: &Crossing, time: FileTime) {
        self.service.crossings.fetch_sub(1, Ordering::Relaxed);
        let service = Arc::clone(&self.service);
        let Some(around) = service.surroundings.get() else { return };
        let Some(quotas) = around.volumes.get(volume).and_then(|(volume, _)| volume.quotas()) else { return };
        let policy = quotas.policy();
        if !crossing::is_told(&policy, crossing) || self.is_repeated(volume, crossing, time) {
            return;
        }
        let context = crossing::Context { computer: &around.computer, volume, policy: &policy, time };
        let notice = crossing::notice(&context, crossing, |owner| self.name_of(around, owner));
        (around.record)(crossing::record(&context, &notice));
        tracing::info!(volume, message = notice.message, "a quota threshold was crossed");
        if let Some(notifier) = self.service.notifier.get() {
            notifier.tell(notice);
        }
    }

    /// Was it told in the last hour that something was refused, as NTFS tells it? Who stays below the limit may try again and again, and
    /// each try is a crossing.
    fn is_repeated(&mut self, volume: &str, crossing: &Crossing, time: FileTime) -> bool {
        if crossing.threshold != Threshold::Limit || crossing.used_bytes > crossing.threshold_bytes {
            return false;
        }
        let is_recent = |told: &FileTime| time < told.saturating_add(REFUSALS_EVERY);
        self.refusals.retain(|_, told| is_recent(told));
        let key = (volume.to_owned(), crossing.subject);
        if self.refusals.contains_key(&key) {
            return true;
        }
        self.refusals.insert(key, time);
        false
    }

    /// The name of an owner; its SID where it has none.
    fn name_of(&self, around: &Surroundings, owner: &Sid) -> String {
        let accounts = self.service.state.accounts();
        let asked = Asked::default();
        let book = |last: bool| {
            asked.begin(last);
            NameBook {
                machine: Machine {
                    netbios_name: &around.computer,
                    dns_name: &around.dns_name,
                    sid: self.service.state.identity().machine_sid,
                },
                accounts: &accounts,
                directory: around.domain.names(),
                asked: &asked,
                now: FileTime::from_system_time(SystemTime::now()),
            }
        };
        let _ = book(false).of_sid(owner);
        let questions = asked.take();
        if let Some(member) = around.domain.member().filter(|_| !questions.is_empty()) {
            around.runtime.block_on(member.directory.look_up(&questions));
        }
        book(true).of_sid(owner).found().map_or_else(|| owner.to_string(), |found| found.full_name())
    }

    fn peaks(&mut self) {
        let Some(around) = self.service.surroundings.get() else { return };
        let mut raised = Vec::new();
        for (volume, _) in around.volumes.values() {
            for (id, used) in samples::folders(volume.as_ref()) {
                let peak = self.peaks.entry(id).or_default();
                if used > *peak {
                    *peak = used;
                    raised.push((id, used));
                }
            }
        }
        if !raised.is_empty()
            && let Err(error) = self.service.state.raise_quota_peaks(&raised)
        {
            tracing::warn!(%error, "peaks of folder quotas could not be kept");
        }
    }

    /// Takes the samples of this hour, once.
    fn sample(&mut self) {
        let Some(around) = self.service.surroundings.get() else { return };
        let hour = hour_now();
        if hour == self.sampled_hour {
            return;
        }
        self.sampled_hour = hour;
        for (name, (volume, _)) in &around.volumes {
            let samples = samples::take(volume.as_ref());
            if let Err(error) = self.service.state.add_quota_samples(name, hour, &samples) {
                tracing::warn!(%error, volume = name, "what is used could not be kept for forecasts");
            }
        }
    }
}
