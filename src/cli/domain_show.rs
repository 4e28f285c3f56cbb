//! How the membership is shown to people.

use crate::admin::domain_protocol::{CheckRow, DomainStatusRow};

/// Columns of CSV.
pub(super) const JOINED_COLUMNS: [&str; 6] =
    ["Domain", "NetbiosDomain", "ComputerAccount", "ComputerDn", "DomainController", "KeyVersion"];
/// Columns of CSV.
pub(super) const STATUS_COLUMNS: [&str; 10] = [
    "Joined",
    "Domain",
    "ComputerAccount",
    "DomainController",
    "Site",
    "KeyVersion",
    "PasswordChanged",
    "NextPasswordChange",
    "Directory",
    "SecureChannel",
];

/// The membership, a line for each thing that is known.
pub(super) fn status(status: &DomainStatusRow) -> String {
    if !status.joined {
        return "This server is not a member of a domain: `freehold domain join` makes it one.".to_owned();
    }
    let kept: Vec<String> = status.kept_key_versions.iter().map(ToString::to_string).collect();
    let pending = if status.password_change_pending { ", a change is under way" } else { "" };
    let clock = status.clock_offset_seconds.map_or_else(String::new, |offset| {
        let side = if offset < 0 { "behind" } else { "ahead of" };
        format!("{} s {side} the domain controller's", offset.unsigned_abs())
    });
    let controller = match (status.domain_controller.as_str(), status.domain_controller_address.as_str()) {
        ("", _) => "none answers".to_owned(),
        (host, "") => host.to_owned(),
        (host, address) => format!("{host} ({address}, site {})", status.domain_controller_site),
    };
    let lines = [
        ("Domain", format!("{} ({})", status.domain, status.netbios_domain)),
        ("Domain SID", status.domain_sid.clone()),
        ("Forest", status.forest.clone()),
        ("Site", status.site.clone()),
        ("Domain controller", controller),
        ("Computer account", format!("{}, {}", status.computer_account, status.computer_dn)),
        ("Host name", status.dns_host_name.clone()),
        ("Aliases", status.aliases.join(", ")),
        ("Joined", status.joined_at.clone()),
        ("Key version", format!("{} (kept: {})", status.key_version, kept.join(", "))),
        ("Password changed", format!("{}{pending}", status.password_changed)),
        (
            "Next change",
            if status.next_password_change.is_empty() { "never" } else { &status.next_password_change }
                .to_owned(),
        ),
        ("Clock", clock),
        ("Directory", status.directory.clone()),
        ("Secure channel", status.secure_channel.clone()),
    ];
    let shown = lines.iter().filter(|(_, value)| !value.is_empty());
    shown.map(|(name, value)| format!("{name:<18} {value}\n")).collect()
}

/// What was checked, a line each, and what to do below those that failed.
pub(super) fn checks(checks: &[CheckRow]) -> String {
    let width = checks.iter().map(|check| check.check.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for check in checks {
        text.push_str(&format!("{:<8} {:<width$}  {}\n", check.result, check.check, check.detail));
        if !check.advice.is_empty() {
            text.push_str(&format!("{:8} {:width$}  -> {}\n", "", "", check.advice));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_has_no_line() {
        assert!(status(&DomainStatusRow::default()).contains("not a member"));
        let row = DomainStatusRow {
            joined: true,
            domain: "corp.example".to_owned(),
            clock_offset_seconds: Some(-12),
            kept_key_versions: vec![3, 2],
            key_version: 3,
            ..DomainStatusRow::default()
        };
        let text = status(&row);
        assert!(text.contains("Clock              12 s behind") && text.contains("3 (kept: 3, 2)"), "{text}");
        assert!(!text.contains("Site") && text.contains("never") && text.contains("none answers"), "{text}");
    }

    #[test]
    fn advice_stands_below_what_failed() {
        let row = |check: &str, result: &str, advice: &str| CheckRow {
            check: check.to_owned(),
            result: result.to_owned(),
            detail: "x".to_owned(),
            advice: advice.to_owned(),
        };
        let text = checks(&[row("Port 88", "ok", ""), row("Clock", "failed", "set it")]);
        assert_eq!(text.lines().count(), 3);
        assert!(text.lines().nth(2).unwrap().ends_with("-> set it"), "{text}");
    }
}
