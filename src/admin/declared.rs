//! What requests about declared state do.

use super::declared_protocol::{DeclaredReply, DeclaredRequest};
use super::service::AdminService;

impl AdminService {
    /// Executes a request about declared state.
    pub(super) fn declared(&self, request: DeclaredRequest) -> anyhow::Result<DeclaredReply> {
        match request {
            DeclaredRequest::Apply { .. } => anyhow::bail!("this server cannot apply a declaration yet"),
            DeclaredRequest::Export => anyhow::bail!("this server cannot export a declaration yet"),
        }
    }
}
