//! A JSON object as TOML that people like to read: properties in their order, elements of lists a line each.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value whose properties keep their order.
#[derive(Debug)]
enum Ordered {
    Table(Vec<(String, Ordered)>),
    Array(Vec<Ordered>),
    /// As TOML writes it.
    Scalar(String),
}

/// The TOML of a JSON object.
///
/// # Errors
/// When `json` is no object, or has a null.
pub(super) fn toml(json: &str) -> anyhow::Result<String> {
    let Ordered::Table(sections) = serde_json::from_str(json)? else { anyhow::bail!("it is no object") };
    let mut text = String::new();
    for (name, section) in &sections {
        match section {
            Ordered::Table(properties) => write_table(&mut text, &format!("[{name}]"), properties),
            Ordered::Array(elements) if elements.iter().all(|one| matches!(one, Ordered::Table(_))) => {
                if elements.is_empty() {
                    text.insert_str(0, &format!("{name} = []\n\n"));
                }
                for element in elements {
                    if let Ordered::Table(properties) = element {
                        write_table(&mut text, &format!("[[{name}]]"), properties);
                    }
                }
            }
            other => text.insert_str(0, &format!("{name} = {}\n", inline(other))),
        }
    }
    Ok(text)
}

fn write_table(text: &mut String, header: &str, properties: &[(String, Ordered)]) {
    *text += &format!("{header}\n");
    for (name, value) in properties {
        match value {
            Ordered::Array(elements) if elements.len() > 1 => {
                *text += &format!("{name} = [\n");
                for element in elements {
                    *text += &format!("    {},\n", inline(element));
                }
                *text += "]\n";
            }
            value => *text += &format!("{name} = {}\n", inline(value)),
        }
    }
    text.push('\n');
}

fn inline(value: &Ordered) -> String {
    match value {
        Ordered::Scalar(text) => text.clone(),
        Ordered::Array(elements) => {
            format!("[{}]", elements.iter().map(inline).collect::<Vec<_>>().join(", "))
        }
        Ordered::Table(properties) => {
            let properties: Vec<String> =
                properties.iter().map(|(name, value)| format!("{name} = {}", inline(value))).collect();
            format!("{{ {} }}", properties.join(", "))
        }
    }
}

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OrderedVisitor;
        impl<'de> Visitor<'de> for OrderedVisitor {
            type Value = Ordered;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value that TOML has")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Ordered, E> {
                Ok(Ordered::Scalar(value.to_string()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Ordered, E> {
                Ok(Ordered::Scalar(value.to_string()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Ordered, E> {
                Ok(Ordered::Scalar(value.to_string()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Ordered, E> {
                Ok(Ordered::Scalar(toml::Value::String(value.to_owned()).to_string()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Ordered, A::Error> {
                let mut array = Vec::new();
                while let Some(element) = elements.next_element()? {
                    array.push(element);
                }
                Ok(Ordered::Array(array))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Ordered, A::Error> {
                let mut table = Vec::new();
                while let Some(entry) = entries.next_entry()? {
                    table.push(entry);
                }
                Ok(Ordered::Table(table))
            }
        }
        deserializer.deserialize_any(OrderedVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_kept_and_text_is_quoted() {
        let json = r#"{"Z":{"B":true,"A":1},"S":[{"N":"x\"\\\n","L":["a",{"Q":"b"}]},{"N":"é"}],"E":[]}"#;
        let text = toml(json).unwrap();
        let read: toml::Table = text.parse().unwrap();
        assert_eq!(read["S"][0]["N"].as_str(), Some("x\"\\\n"));
        assert_eq!(read["S"][0]["L"][1]["Q"].as_str(), Some("b"));
        assert_eq!(read["E"].as_array().map(Vec::len), Some(0));
        assert!(text.starts_with("E = []\n\n[Z]\nB = true\nA = 1\n"), "{text}");
    }
}
