//! Security descriptors.
