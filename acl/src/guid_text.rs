//! GUIDs from text: [MS-DTYP] 2.3.4.3 GUID--Curly Braced String Representation, without the braces.

use freehold_dtyp::Guid;

/// The GUID that `text` spells; `None` when it spells none.
pub(crate) fn parse(text: &str) -> Option<Guid> {
    let mut parts = text.split('-');
    let mut part = |digits: usize| {
        let part = parts.next()?;
        let hex = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        u64::from_str_radix(part, 16).ok().filter(|_| hex)
    };
    let data1 = u32::try_from(part(8)?).ok()?;
    let data2 = u16::try_from(part(4)?).ok()?;
    let data3 = u16::try_from(part(4)?).ok()?;
    let [a, b] = u16::try_from(part(4)?).ok()?.to_be_bytes();
    let [0, 0, c, d, e, f, g, h] = part(12)?.to_be_bytes() else { return None };
    if parts.next().is_some() {
        return None;
    }
    Some(Guid::new(data1, data2, data3, [a, b, c, d, e, f, g, h]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_is_read_back() {
        let text = "bf967aba-0de6-11d0-a285-00aa003049e2";
        assert_eq!(parse(text).map(|guid| guid.to_string()).as_deref(), Some(text));
        assert_eq!(parse(&text.to_uppercase()), parse(text));
        for bad in
            ["", "bf967aba", "bf967aba-0de6-11d0-a285-00aa003049e", "bf967aba-0de6-11d0-a285-00aa003049e2-"]
        {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
