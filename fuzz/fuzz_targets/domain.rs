//! Whatever a domain controller, a KDC or a directory server sends is read or refused: CLDAP, LDAP with sealed buffers, DCE/RPC,
//! Netlogon, Kerberos errors and sealed tokens.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| freehold::domain::read_any(bytes));
