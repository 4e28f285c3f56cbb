//! C706 Appendix N and [MS-RPCE] 2.2.2.10: the status of a fault PDU.

use freehold_dtyp::DecodeError;

/// Why a call was not executed, or not to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault(pub(super) u32);

impl Fault {
    /// No fault at all: the call is put aside, and nothing is sent.
    pub(super) const PUT_ASIDE: Fault = Fault(0);
    /// nca_s_op_rng_error: the interface has no such operation.
    pub(super) const OP_RANGE: Fault = Fault(0x1C01_0002);
    /// nca_s_unk_if: no such interface on this presentation context.
    pub(super) const UNKNOWN_INTERFACE: Fault = Fault(0x1C01_0003);
    /// nca_s_fault_context_mismatch: a context handle that was not given out on this pipe.
    pub(super) const CONTEXT_MISMATCH: Fault = Fault(0x1C00_001A);
    /// nca_s_fault_invalid_tag: a union's discriminant that has no arm.
    pub(super) const INVALID_TAG: Fault = Fault(0x1C00_0006);
    /// nca_s_fault_remote_no_memory: a limit of this server.
    pub(super) const NO_MEMORY: Fault = Fault(0x1C00_001B);
    /// RPC_X_BAD_STUB_DATA: the parameters cannot be decoded.
    pub(super) const BAD_STUB_DATA: Fault = Fault(0x0000_06F7);
    /// RPC_S_PROTOCOL_ERROR.
    pub(super) const PROTOCOL_ERROR: Fault = Fault(0x0000_06C0);
    /// RPC_S_SEC_PKG_ERROR: a logon that failed, or a message that its keys do not fit.
    pub(super) const SECURITY_PACKAGE_ERROR: Fault = Fault(0x0000_0721);
    /// ERROR_ACCESS_DENIED.
    pub(super) const ACCESS_DENIED: Fault = Fault(0x0000_0005);
}

impl From<DecodeError> for Fault {
    fn from(_: DecodeError) -> Fault {
        Fault::BAD_STUB_DATA
    }
}
