//! The I/O shell: sockets, clocks, random numbers, threads and signals around the protocol core. It has no protocol rules.

pub mod worker;
