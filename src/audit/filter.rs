//! Which records a search shows.

use serde_json::Value;

use super::line;

/// What a record must be; what is not given does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Not before this time, in the form of a record's Time.
    pub since: Option<String>,
    /// Before this time, in the form of a record's Time.
    pub until: Option<String>,
    /// Name, `DOMAIN\name` or SID of who did it, or whose logon it is.
    pub user: Option<String>,
    /// What it was done to: see [`matches_glob`].
    pub path: Option<String>,
    /// One of these ids; none for all.
    pub events: Vec<u16>,
    /// Success or failure.
    pub success: Option<bool>,
    /// Through this share.
    pub share: Option<String>,
    /// Logons by this package: `NTLM` or `Kerberos`.
    pub package: Option<String>,
}

impl Filter {
    /// Decides by the bytes of a line what can be decided without reading it: most lines of a long log.
    #[must_use]
    pub fn may_match(&self, text: &[u8]) -> bool {
        let Some(time) = time_of(text) else { return true };
        self.since.as_ref().is_none_or(|since| time >= since.as_bytes())
            && self.until.as_ref().is_none_or(|until| time < until.as_bytes())
    }

    /// Decides on a record.
    #[must_use]
    pub fn matches(&self, record: &Value) -> bool {
        let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or("");
        let time = text("Time");
        let id = record.get("EventId").and_then(Value::as_u64).and_then(|id| u16::try_from(id).ok());
        self.since.as_ref().is_none_or(|since| time >= since.as_str())
            && self.until.as_ref().is_none_or(|until| time < until.as_str())
            && (self.events.is_empty() || id.is_some_and(|id| self.events.contains(&id)))
            && self.success.is_none_or(|success| (text("Keywords") == "Audit Success") == success)
            && self.user.as_ref().is_none_or(|user| is_user(record, user))
            && self.share.as_ref().is_none_or(|share| same(share_name(record), share))
            && self.package.as_ref().is_none_or(|package| same(text("AuthenticationPackageName"), package))
            && self.path.as_ref().is_none_or(|glob| {
                let target = text("RelativeTargetName");
                let through = format!("{}\\{target}", share_name(record));
                [text("ObjectName"), target, &through].iter().any(|name| matches_glob(glob, name))
            })
    }
}

/// The Time of a line, which stands at the same place in all of them, behind the number.
fn time_of(text: &[u8]) -> Option<&[u8]> {
    const TIME: &[u8] = b",\"Time\":\"";
    let rest = line::parse(text)?.content;
    let at = rest.iter().position(|byte| *byte == b',')?;
    let rest = rest.get(at..)?.strip_prefix(TIME)?;
    rest.get(..rest.iter().position(|byte| *byte == b'"')?)
}

fn is_user(record: &Value, user: &str) -> bool {
    let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or("");
    let is = |sid: &str, domain: &str, name: &str| match user.split_once('\\') {
        Some((of, user)) => same(of, domain) && same(user, name),
        None => same(user, name) || same(user, sid),
    };
    is(text("SubjectUserSid"), text("SubjectDomainName"), text("SubjectUserName"))
        || is(text("TargetUserSid"), text("TargetDomainName"), text("TargetUserName"))
}

fn same(left: &str, right: &str) -> bool {
    left.to_lowercase() == right.to_lowercase()
}

/// The share's name without the `\\*\` in front.
#[must_use]
pub fn share_name(record: &Value) -> &str {
    let name = record.get("ShareName").and_then(Value::as_str).unwrap_or("");
    name.strip_prefix(r"\\*\").unwrap_or(name)
}

/// Compares without case: `*` stands for any characters, separators included, `?` for one; `/` and `\` are the same.
#[must_use]
pub fn matches_glob(glob: &str, name: &str) -> bool {
    let fold = |text: &str| -> Vec<char> {
        text.chars().flat_map(char::to_lowercase).map(|c| if c == '/' { '\\' } else { c }).collect()
    };
    let (glob, name) = (fold(glob), fold(name));
    // Where the last `*` was, and how much of the name it stands for: going back there once is enough.
    let (mut at, mut position, mut star) = (0, 0, None);
    while let Some(character) = name.get(position) {
        match glob.get(at) {
            Some('*') => {
                star = Some((at, position));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == character => {
                at += 1;
                position += 1;
            }
            _ => match &mut star {
                Some((star_at, taken)) => {
                    *taken += 1;
                    at = *star_at + 1;
                    position = *taken;
                }
                None => return false,
            },
        }
    }
    glob.get(at..).unwrap_or_default().iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::line::Chain;
    use proptest::prelude::*;
    use serde_json::json;

    fn record() -> Value {
        json!({
            "Seq": 1, "Time": "2026-11-27T14:05:06.1234567Z", "EventId": 4663, "Keywords": "Audit Failure",
            "SubjectUserSid": "S-1-5-21-1-2-3-1001", "SubjectUserName": "Anna", "SubjectDomainName": "HOST",
            "ShareName": "\\\\*\\Projects", "ObjectName": "data:\\docs\\Plan.txt",
        })
    }

    #[test]
    fn a_logon_is_found_by_whose_it_is() {
        let logon = json!({
            "Seq": 1, "Time": "2026-11-27T14:05:06.1234567Z", "EventId": 4624, "Keywords": "Audit Success",
            "SubjectUserSid": "S-1-0-0", "SubjectUserName": "-", "SubjectDomainName": "-",
            "TargetUserSid": "S-1-5-21-1-2-3-1001", "TargetUserName": "Anna", "TargetDomainName": "HOST",
            "AuthenticationPackageName": "NTLM",
        });
        for (user, found) in [
            ("anna", true),
            ("host\\ANNA", true),
            ("s-1-5-21-1-2-3-1001", true),
            ("-\\anna", false),
            ("otto", false),
        ] {
            let filter = Filter { user: Some(user.to_owned()), ..Filter::default() };
            assert_eq!(filter.matches(&logon), found, "{user}");
        }
        for (package, found) in [("ntlm", true), ("Kerberos", false)] {
            let filter = Filter { package: Some(package.to_owned()), ..Filter::default() };
            assert_eq!(filter.matches(&logon), found, "{package}");
        }
        assert!(!Filter { package: Some("NTLM".to_owned()), ..Filter::default() }.matches(&record()));
    }

    #[test]
    fn each_condition_counts() {
        let yes = |filter: Filter| assert!(filter.matches(&record()), "{filter:?}");
        let no = |filter: Filter| assert!(!filter.matches(&record()), "{filter:?}");
        yes(Filter::default());
        for (user, found) in
            [("anna", true), ("host\\ANNA", true), ("s-1-5-21-1-2-3-1001", true), ("x\\anna", false)]
        {
            let filter = Filter { user: Some(user.to_owned()), ..Filter::default() };
            assert_eq!(filter.matches(&record()), found, "{user}");
        }
        yes(Filter { events: vec![4656, 4663], ..Filter::default() });
        no(Filter { events: vec![4656], ..Filter::default() });
        yes(Filter { success: Some(false), ..Filter::default() });
        no(Filter { success: Some(true), ..Filter::default() });
        yes(Filter { share: Some("projects".to_owned()), ..Filter::default() });
        no(Filter { share: Some("proj".to_owned()), ..Filter::default() });
        yes(Filter { path: Some("*/plan.TXT".to_owned()), ..Filter::default() });
        no(Filter { path: Some("*.doc".to_owned()), ..Filter::default() });
        let at = |since: &str, until: &str| Filter {
            since: Some(since.to_owned()),
            until: Some(until.to_owned()),
            ..Filter::default()
        };
        for (since, until, found) in [
            ("2026-11-27T14:05:06.1234567Z", "2026-11-27T14:05:06.1234568Z", true),
            ("2026-11-27T14:05:06.1234568Z", "2026-11-28T00:00:00.0000000Z", false),
            ("2026-11-26T00:00:00.0000000Z", "2026-11-27T14:05:06.1234567Z", false),
        ] {
            let filter = at(since, until);
            assert_eq!(filter.matches(&record()), found);
            let mut text = Vec::new();
            line::write(
                7,
                b"\"Time\":\"2026-11-27T14:05:06.1234567Z\",\"EventId\":1",
                Chain::START,
                &mut text,
            );
            text.pop();
            assert_eq!(filter.may_match(&text), found);
        }
    }

    #[test]
    fn a_share_and_what_is_below_it_is_a_path_too() {
        let record = json!({ "ShareName": "\\\\*\\Projects", "RelativeTargetName": "a\\b.txt" });
        for (glob, found) in [("projects/a/*", true), ("a\\b.txt", true), ("*.txt", true), ("b.txt", false)] {
            let filter = Filter { path: Some(glob.to_owned()), ..Filter::default() };
            assert_eq!(filter.matches(&record), found, "{glob}");
        }
    }

    /// Every way to cut the name, tried one after the other.
    fn naive(glob: &[char], name: &[char]) -> bool {
        match glob.split_first() {
            None => name.is_empty(),
            Some(('*', rest)) => (0..=name.len()).any(|from| naive(rest, &name[from..])),
            Some((first, rest)) => name
                .split_first()
                .is_some_and(|(head, tail)| (*first == '?' || first == head) && naive(rest, tail)),
        }
    }

    proptest! {
        #[test]
        fn globs_are_those_of_the_naive_way(glob in "[ab*?]{0,7}", name in "[ab]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(matches_glob(&glob, &name), naive(&chars(&glob), &chars(&name)), "{} {}", glob, name);
        }
    }
}
