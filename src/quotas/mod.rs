//! The quotas of a running server: what administrators set, brought to the volumes, and what comes of it told to people.
//!
//! Owns the compilation of policies from the state ([`freehold_quotas::Policy`]), who is in the groups that rules name, quotas of new
//! subfolders, the samples for forecasts, and the notices of thresholds that were crossed. The counting and the refusing are the
//! volume's ([`crate::vfs::quotas::Quotas`]).
//!
//! # Threads
//! One thread (`service`) does everything that reads the state, the disk and the directory, one thing after the other; another one
//! (`notifier`) tells people. Listeners of the state and of the volumes only put something into their queues. Of two policies that
//! were compiled at the same time the later change wins: whoever changes the state has that thread compile again.

mod auto;
mod command;
mod compile;
mod crossing;
mod folders;
mod forecast;
mod members;
mod notice;
mod notifier;
mod samples;
mod service;
mod store;
mod webhook;

pub use forecast::{Forecast, MIN_HISTORY_HOURS, forecast};
pub use notifier::Outcome;
pub use service::{LoggedOn, QuotaService, Surroundings};
pub use webhook::check_url;
