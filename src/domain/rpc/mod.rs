//! The client's side of DCE/RPC over TCP ([MS-RPCE], C706 chapter 12): connections, binding, calls and the endpoint mapper.
//!
//! NDR and the forms that both sides share are [`crate::rpc`]'s. A domain controller is a peer like any other: fragments,
//! responses and waits are bounded, and nothing that it sends can panic.

mod connection;
mod endpoint_mapper;
mod pdu;

use std::net::SocketAddr;

use freehold_dtyp::DecodeError;

pub(super) use connection::{Connection, Protection};
pub(super) use endpoint_mapper::tcp_port;
pub(super) use pdu::Verifier;

#[cfg(test)]
pub(super) mod testing {
    pub(in crate::domain) use super::endpoint_mapper::testing::{INTERFACE, answer};
    pub(in crate::domain) use super::pdu::testing::sealed_response;
}

/// Why a remote procedure call was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum RpcError {
    #[error("{0} cannot be reached: {1}")]
    Connect(SocketAddr, std::io::Error),
    #[error("no answer in time")]
    TimedOut,
    #[error("the connection broke: {0}")]
    Broken(#[from] std::io::Error),
    #[error("malformed answer: {0}")]
    Malformed(#[from] DecodeError),
    #[error("an answer that belongs to no question (PTYPE {0})")]
    Unexpected(u8),
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    #[error("the answer is not protected as agreed")]
    Unprotected,
    #[error("the binding was refused (reason {0})")]
    BindRefused(u16),
    #[error("the interface is not offered there (result {0})")]
    NotOffered(u16),
    #[error("the call failed with fault {0:#010x}")]
    Fault(u32),
    #[error("the endpoint mapper knows no TCP port of the interface (status {0:#010x})")]
    NotMapped(u32),
}

/// For the fuzz target: reads `bytes` as each PDU of a server, and as the endpoint mapper's answer.
#[cfg(fuzzing)]
pub(super) fn read_any(bytes: &[u8]) {
    let body = pdu::plain_body(bytes);
    let _ = (pdu::BindAck::decode(body), pdu::bind_refusal(body), pdu::fault_status(body));
    endpoint_mapper::read_any(bytes);
}
