//! The messages of [MS-DFSC] 2.2, both directions.

mod request;
mod response;

pub use request::ReferralRequest;
pub use response::{
    Entry, EntryFlags, HeaderFlags, MAX_RESPONSE_BYTES, Referral, ReferralResponse, ResponseError, Row,
    encode_name_list,
};
