//! Headers: a name and a value on a line, escaped as the version has it.

use super::Version;
use std::borrow::Cow;

/// The text that a client's escaped one stands for; `None` for an escape that the version doesn't have. Nothing is escaped in 1.0,
/// nor where there is no version yet.
pub(super) fn unescape(version: Option<Version>, text: &str) -> Option<Cow<'_, str>> {
    let Some(version @ (Version::V11 | Version::V12)) = version.filter(|_| text.contains('\\')) else {
        return Some(Cow::Borrowed(text));
    };
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        plain.push(match rest.next()? {
            'n' => '\n',
            'c' => ':',
            '\\' => '\\',
            'r' if version == Version::V12 => '\r',
            _ => return None,
        });
    }
    Some(Cow::Owned(plain))
}

/// Appends a header's line. Where the version has no escape for a character that would end the line, a space stands for it.
pub(super) fn put(out: &mut Vec<u8>, version: Option<Version>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    put_escaped(out, version, value);
    out.push(b'\n');
}

fn put_escaped(out: &mut Vec<u8>, version: Option<Version>, value: &str) {
    let escapes = matches!(version, Some(Version::V11 | Version::V12));
    for &byte in value.as_bytes() {
        let escaped: &[u8] = match byte {
            b'\\' if escapes => b"\\\\",
            b':' if escapes => b"\\c",
            b'\n' if escapes => b"\\n",
            b'\r' if version == Some(Version::V12) => b"\\r",
            b'\n' | b'\r' | b'\0' => b" ",
            _ => {
                out.push(byte);
                continue;
            }
        };
        out.extend_from_slice(escaped);
    }
}
