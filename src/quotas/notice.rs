//! What is told of a threshold that was crossed: the JSON document of the webhook and the command's environment.

use std::collections::BTreeMap;

use serde::Serialize;

/// A threshold was crossed upwards. The properties are those of the JSON document that the webhook gets; sizes are in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Notice {
    /// `QuotaWarning`, `QuotaLimit`, `FolderThreshold`, or `Test`.
    pub(super) event: &'static str,
    /// When (ISO 8601, UTC).
    pub(super) time: String,
    /// This server.
    pub(super) server: String,
    /// The volume.
    pub(super) volume: String,
    /// Whose usage it is; empty for a folder's.
    pub(super) user: String,
    /// Its SID; empty for a folder's.
    pub(super) sid: String,
    /// The folder below the volume's root; empty for a user's.
    pub(super) path: String,
    /// Bytes used.
    pub(super) disk_space_used: u64,
    /// The threshold that was crossed, in bytes.
    pub(super) threshold: u64,
    /// The threshold of a folder in percent; null for a user's.
    pub(super) threshold_percent: Option<u16>,
    /// Most bytes; null for no limit.
    pub(super) limit: Option<u64>,
    /// For people.
    pub(super) message: String,
}

impl Notice {
    /// The command's environment.
    pub(super) fn environment(&self) -> BTreeMap<&'static str, String> {
        let number = |value: Option<u64>| value.map_or_else(String::new, |value| value.to_string());
        BTreeMap::from([
            ("FREEHOLD_EVENT", self.event.to_owned()),
            ("FREEHOLD_TIME", self.time.clone()),
            ("FREEHOLD_SERVER", self.server.clone()),
            ("FREEHOLD_VOLUME", self.volume.clone()),
            ("FREEHOLD_USER", self.user.clone()),
            ("FREEHOLD_SID", self.sid.clone()),
            ("FREEHOLD_PATH", self.path.clone()),
            ("FREEHOLD_DISK_SPACE_USED", self.disk_space_used.to_string()),
            ("FREEHOLD_THRESHOLD", self.threshold.to_string()),
            ("FREEHOLD_THRESHOLD_PERCENT", number(self.threshold_percent.map(u64::from))),
            ("FREEHOLD_LIMIT", number(self.limit)),
            ("FREEHOLD_MESSAGE", self.message.clone()),
        ])
    }
}
