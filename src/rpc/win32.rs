//! [MS-ERREF] 2.2 Win32 Error Codes and [MS-SRVS] 2.2.2.10 error codes that the interfaces return.

/// A NET_API_STATUS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Win32(pub(super) u32);

#[allow(missing_docs)] // the names are the specification's
impl Win32 {
    pub(super) const SUCCESS: Win32 = Win32(0);
    pub(super) const FILE_NOT_FOUND: Win32 = Win32(2);
    pub(super) const ACCESS_DENIED: Win32 = Win32(5);
    pub(super) const GEN_FAILURE: Win32 = Win32(31);
    pub(super) const NOT_SUPPORTED: Win32 = Win32(50);
    pub(super) const FILE_EXISTS: Win32 = Win32(80);
    pub(super) const INVALID_PARAMETER: Win32 = Win32(87);
    pub(super) const INVALID_NAME: Win32 = Win32(123);
    pub(super) const INVALID_LEVEL: Win32 = Win32(124);
    pub(super) const ALREADY_EXISTS: Win32 = Win32(183);
    pub(super) const MORE_DATA: Win32 = Win32(234);
    pub(super) const NO_MORE_ITEMS: Win32 = Win32(259);
    pub(super) const AUDIT_FAILED: Win32 = Win32(606);
    pub(super) const INVALID_FLAGS: Win32 = Win32(1004);
    pub(super) const NOT_FOUND: Win32 = Win32(1168);
    pub(super) const NERR_UNKNOWN_DEV_DIR: Win32 = Win32(2116);
    pub(super) const NERR_DUPLICATE_SHARE: Win32 = Win32(2118);
    pub(super) const NERR_BUF_TOO_SMALL: Win32 = Win32(2123);
    pub(super) const NERR_USER_NOT_FOUND: Win32 = Win32(2221);
    pub(super) const NERR_NET_NAME_NOT_FOUND: Win32 = Win32(2310);
    pub(super) const NERR_DEVICE_NOT_SHARED: Win32 = Win32(2311);
    pub(super) const NERR_CLIENT_NAME_NOT_FOUND: Win32 = Win32(2312);
    pub(super) const NERR_FILE_ID_NOT_FOUND: Win32 = Win32(2314);
    pub(super) const NERR_INVALID_COMPUTER: Win32 = Win32(2351);
}
