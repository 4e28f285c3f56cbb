//! What the doors call the fields of the model of namespaces.

use freehold_dfs::ModelError;

/// The property that an objection is about; `None` where it is about no single one.
#[must_use]
pub fn field_of(error: &ModelError) -> Option<&'static str> {
    match error {
        ModelError::Name { field, .. } | ModelError::Range { field, .. } => Some(property(field)),
        ModelError::SameTarget(_)
        | ModelError::TooManyTargets(_)
        | ModelError::NoTarget(_)
        | ModelError::Loop { .. } => Some("TargetPaths"),
        ModelError::FolderExists(_) | ModelError::BelowFolder(_) | ModelError::AboveFolder(_) => Some("Path"),
    }
}

/// A field of the model as the doors spell it.
fn property(field: &'static str) -> &'static str {
    match field {
        "TtlSeconds" => "TimeToLiveSec",
        "Comment" => "Description",
        "Server" | "Share" => "TargetPath",
        "Rank" => "ReferralPriorityRank",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_called_as_they_are_given() {
        let range = |field| ModelError::Range { field, value: 0, least: 1, most: 2 };
        assert_eq!(field_of(&range("TtlSeconds")), Some("TimeToLiveSec"));
        assert_eq!(field_of(&range("Rank")), Some("ReferralPriorityRank"));
        assert_eq!(field_of(&ModelError::NoTarget("a".to_owned())), Some("TargetPaths"));
        assert_eq!(field_of(&ModelError::BelowFolder("a".to_owned())), Some("Path"));
    }
}
