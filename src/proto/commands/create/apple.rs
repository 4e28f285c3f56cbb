//! The AAPL create context: what a Mac learns of this server. It is the same on every share, as Macs ask once per connection.

use freehold_dtyp::{Decode, Encode};

use crate::smb2::apple::{
    AppleRequest, QueryBitmap, ServerCapabilities, ServerQueryResponse, VolumeCapabilities,
};

/// What Finder shows as the server's model.
const MODEL: &str = "Freehold";

/// The answer; `None` for a command that is not known or cannot be read, which then counts for nothing.
pub(super) fn answer(request: &[u8]) -> Option<Vec<u8>> {
    let AppleRequest::ServerQuery { wanted, .. } = AppleRequest::from_bytes(request).ok()? else {
        return None;
    };
    let response = ServerQueryResponse {
        server: wanted.contains(QueryBitmap::SERVER_CAPABILITIES).then_some(ServerCapabilities::UNIX_BASED),
        // Names are looked up without case; every FLUSH reaches the disk.
        volume: wanted.contains(QueryBitmap::VOLUME_CAPABILITIES).then_some(VolumeCapabilities::FULL_SYNC),
        model: wanted.contains(QueryBitmap::MODEL_INFO).then(|| MODEL.into()),
    };
    Some(response.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_answered_with_the_parts_that_it_wants() {
        let mut query = [0; 24];
        query[0] = 1;
        query[8] = 7;
        let response = ServerQueryResponse::from_bytes(&answer(&query).unwrap()).unwrap();
        assert_eq!(response.server, Some(ServerCapabilities::UNIX_BASED));
        assert_eq!(response.volume, Some(VolumeCapabilities::FULL_SYNC));
        assert_eq!(response.model, Some(MODEL.into()));
        query[8] = 2;
        let response = ServerQueryResponse::from_bytes(&answer(&query).unwrap()).unwrap();
        assert_eq!((response.server, response.model), (None, None));
    }

    #[test]
    fn other_commands_and_damaged_ones_count_for_nothing() {
        assert_eq!(answer(&[2, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(answer(&[1, 0, 0, 0]), None);
        assert_eq!(answer(&[]), None);
    }
}
