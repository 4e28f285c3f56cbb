//! Closing of opens.

use std::collections::VecDeque;
use std::sync::Arc;

use super::event::Now;
use super::op::Op;
use super::open::Open;
use super::server::Server;

/// Closes an open that was taken out of its session.
pub fn close_open(_server: &Server, _open: &Arc<Open>, _ops: &mut VecDeque<Op>, _now: Now) {}
