//! Every key that there is, with a value of the wrong type.

use std::path::Path;

use super::Config;

/// The keys of the packaged file, which shows every one: the section, the key.
fn keys() -> Vec<(String, String)> {
    let mut section = String::new();
    let mut keys = Vec::new();
    for line in include_str!("../../packaging/freehold.toml").lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
        }
        let setting = line.strip_prefix("# ").unwrap_or(line);
        let Some((key, _)) = setting.split_once(" = ") else { continue };
        if key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
            keys.push((section.clone(), key.to_owned()));
        }
    }
    keys
}

/// Line, column and message of the mistakes in a file that has `key = value`, and a volume as the rest of it.
fn mistakes(section: &str, key: &str, value: &str) -> Vec<(usize, usize, String)> {
    let volume = match (section, key) {
        ("volumes.data", "path") => "",
        ("volumes.data", _) => "path = '/srv'\n",
        _ => "[volumes.other]\npath = '/srv'\n",
    };
    let text = if section == "volumes.data" {
        format!("[volumes.data]\n{key} = {value}\n{volume}")
    } else {
        format!("[{section}]\n{key} = {value}\n{volume}")
    };
    let found = Config::parse(&text, Path::new("/etc/freehold"), "host1").err().unwrap_or_default();
    let place = |mistake: &super::Mistake| mistake.line_and_column(&text);
    found.iter().map(|mistake| (place(mistake).0, place(mistake).1, mistake.message.clone())).collect()
}

#[test]
fn a_value_of_the_wrong_type_is_named_with_its_place() {
    let keys = keys();
    assert!(keys.len() > 60, "{keys:?}");
    for (section, key) in keys {
        // Nothing is a table with a name like that, and nothing is a date.
        for wrong in ["{ wrong = 1 }", "1979-05-27"] {
            let found = mistakes(&section, &key, wrong);
            let column = key.chars().count() + 4;
            let place = found.iter().find(|(line, at, _)| (*line, *at) == (2, column));
            let Some((_, _, message)) = place else { panic!("{section}.{key} = {wrong}: {found:?}") };
            assert!(message.contains(&format!("`{section}.{key}`")), "{section}.{key} = {wrong}: {message}");
        }
    }
}

#[test]
fn a_key_that_is_not_there_is_named_in_every_section() {
    let mut sections: Vec<String> = keys().into_iter().map(|(section, _)| section).collect();
    sections.dedup();
    assert!(sections.len() >= 9, "{sections:?}");
    for section in sections {
        let found = mistakes(&section, "no_such_key", "1");
        let is = |(line, column, message): &(usize, usize, String)| {
            (*line, *column) == (2, 1) && message.contains("no_such_key")
        };
        assert!(found.iter().any(is), "{section}: {found:?}");
    }
}

#[test]
fn numbers_out_of_every_range_are_refused() {
    for (section, key) in keys() {
        // A number that fits nothing: what takes numbers refuses it as too large, the others as a number.
        for wrong in ["-1", "99999999999999999999", "9223372036854775807"] {
            let found = mistakes(&section, &key, wrong);
            assert!(found.iter().any(|(line, ..)| *line == 2), "{section}.{key} = {wrong}: {found:?}");
        }
    }
}
