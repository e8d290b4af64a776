//! How large a picture is, from the first bytes of its file, without decoding it.

/// Pixels of a picture that is decoded for a small one: above what cameras of phones make, and 160 MB while it is done.
pub const PIXELS: u64 = 40_000_000;
/// Pixels of either side of such a picture.
pub const SIDE: u32 = 20_000;

/// Whether a picture of this size may be decoded.
#[must_use]
pub fn may_be_decoded(width: u32, height: u32) -> bool {
    (1..=SIDE).contains(&width) && (1..=SIDE).contains(&height) && u64::from(width) * u64::from(height) <= PIXELS
}

/// Width and height as the picture is shown, turned as its Exif data says. `None` where the head does not tell.
#[must_use]
pub fn size(mime: &str, head: &[u8]) -> Option<(u32, u32)> {
    let (width, height, turned) = match mime {
        "image/png" => png(head)?,
        "image/gif" => (u32::from(le16(head, 6)?), u32::from(le16(head, 8)?), false),
        "image/jpeg" => jpeg(head)?,
        "image/webp" => webp(head)?,
        _ => return None,
    };
    let size = if turned { (height, width) } else { (width, height) };
    // Columns of the database have a sign.
    (i32::try_from(width).is_ok() && i32::try_from(height).is_ok() && width > 0 && height > 0).then_some(size)
}

fn at<const N: usize>(bytes: &[u8], from: usize) -> Option<[u8; N]> {
    bytes.get(from..from.checked_add(N)?)?.try_into().ok()
}

fn be16(bytes: &[u8], from: usize) -> Option<u16> {
    at(bytes, from).map(u16::from_be_bytes)
}

fn le16(bytes: &[u8], from: usize) -> Option<u16> {
    at(bytes, from).map(u16::from_le_bytes)
}

fn be32(bytes: &[u8], from: usize) -> Option<u32> {
    at(bytes, from).map(u32::from_be_bytes)
}

fn le32(bytes: &[u8], from: usize) -> Option<u32> {
    at(bytes, from).map(u32::from_le_bytes)
}

/// Chunks: length, name, data, checksum; the first has the size, and one before the pixels may have Exif.
fn png(head: &[u8]) -> Option<(u32, u32, bool)> {
    if head.get(12..16)? != b"IHDR" {
        return None;
    }
    let (width, height) = (be32(head, 16)?, be32(head, 20)?);
    let (mut from, mut turned) = (8_usize, false);
    while let Some(length) = be32(head, from) {
        let length = usize::try_from(length).ok()?;
        let data = from.checked_add(8)?;
        match head.get(from.checked_add(4)?..data) {
            Some(b"IDAT") | None => break,
            Some(b"eXIf") => turned = head.get(data..data.checked_add(length)?).is_some_and(is_turned),
            Some(_) => {}
        }
        from = data.checked_add(length)?.checked_add(4)?;
    }
    Some((width, height, turned))
}

/// Segments: a mark, a length, data; the frame's has the size.
fn jpeg(head: &[u8]) -> Option<(u32, u32, bool)> {
    let (mut from, mut turned) = (2_usize, false);
    loop {
        let [mark, kind] = at(head, from)?;
        if mark != 0xff {
            return None;
        }
        match kind {
            // Filling, and marks without data.
            0xff => {
                from = from.checked_add(1)?;
                continue;
            }
            0x01 | 0xd0..=0xd8 => {
                from = from.checked_add(2)?;
                continue;
            }
            // The pixels begin.
            0xd9 | 0xda => return None,
            _ => {}
        }
        let data = from.checked_add(4)?;
        let end = from.checked_add(2)?.checked_add(usize::from(be16(head, from.checked_add(2)?)?))?;
        match kind {
            0xc4 | 0xc8 | 0xcc => {}
            0xc0..=0xcf => {
                let height = be16(head, data.checked_add(1)?)?;
                return Some((u32::from(be16(head, data.checked_add(3)?)?), u32::from(height), turned));
            }
            0xe1 => {
                let exif = head.get(data..end).and_then(|data| data.strip_prefix(b"Exif\0\0"));
                turned |= exif.is_some_and(is_turned);
            }
            _ => {}
        }
        from = end;
    }
}

/// One of three kinds of chunks has the size; Exif comes behind the pixels.
fn webp(head: &[u8]) -> Option<(u32, u32, bool)> {
    let (width, height) = match head.get(12..16)? {
        b"VP8 " => (u32::from(le16(head, 26)? & 0x3fff), u32::from(le16(head, 28)? & 0x3fff)),
        b"VP8L" => {
            let bits = le32(head, 21)?;
            ((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1)
        }
        b"VP8X" => {
            let side = |from| Some(le32(&[at::<3>(head, from)?.as_slice(), &[0]].concat(), 0)? + 1);
            (side(24)?, side(27)?)
        }
        _ => return None,
    };
    let (mut from, mut turned) = (12_usize, false);
    while let Some(length) = le32(head, from.checked_add(4)?) {
        let length = usize::try_from(length).ok()?;
        let data = from.checked_add(8)?;
        if head.get(from..from.checked_add(4)?) == Some(b"EXIF") {
            turned = head.get(data..data.checked_add(length)?).is_some_and(is_turned);
        }
        from = data.checked_add(length)?.checked_add(length % 2)?;
    }
    Some((width, height, turned))
}

/// Whether Exif data says that width and height are to be swapped: orientations 5 to 8.
fn is_turned(exif: &[u8]) -> bool {
    orientation(exif).is_some_and(|orientation| (5..=8).contains(&orientation))
}

fn orientation(exif: &[u8]) -> Option<u16> {
    const ORIENTATION: u16 = 0x0112;
    let little = match exif.get(..4)? {
        b"II\x2a\0" => true,
        b"MM\0\x2a" => false,
        _ => return None,
    };
    let short = |from| if little { le16(exif, from) } else { be16(exif, from) };
    let directory = usize::try_from(if little { le32(exif, 4)? } else { be32(exif, 4)? }).ok()?;
    let count = usize::from(short(directory)?);
    (0..count).find_map(|entry| {
        let from = directory.checked_add(2)?.checked_add(entry.checked_mul(12)?)?;
        (short(from)? == ORIENTATION).then(|| short(from.checked_add(8)?))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::jpeg::JpegEncoder;
    use image::{DynamicImage, ImageEncoder, ImageFormat};
    use proptest::prelude::*;
    use std::io::Cursor;

    fn encoded(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::new_rgb8(width, height).write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// Exif data that holds an orientation and nothing else.
    fn exif(orientation: u8) -> Vec<u8> {
        let mut exif = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
        exif
    }

    #[test]
    fn sizes_are_in_the_first_bytes() {
        for (format, mime) in [
            (ImageFormat::Png, "image/png"),
            (ImageFormat::Jpeg, "image/jpeg"),
            (ImageFormat::Gif, "image/gif"),
            (ImageFormat::WebP, "image/webp"),
        ] {
            let bytes = encoded(format, 31, 17);
            assert_eq!(size(mime, &bytes), Some((31, 17)), "{mime}");
            assert_eq!(size(mime, &bytes[..5]), None, "{mime}");
        }
        assert_eq!(size("text/plain", b"words"), None);
    }

    #[test]
    fn a_turned_picture_is_as_large_as_it_is_shown() {
        for orientation in 1..=8 {
            let shown = if orientation < 5 { (31, 17) } else { (17, 31) };
            let pixels = DynamicImage::new_rgb8(31, 17);
            let mut jpeg = Vec::new();
            let mut encoder = JpegEncoder::new(&mut jpeg);
            encoder.set_exif_metadata(exif(orientation)).unwrap();
            encoder.encode_image(&pixels).unwrap();
            assert_eq!(size("image/jpeg", &jpeg), Some(shown), "{orientation}");
        }
    }

    #[test]
    fn what_claims_to_be_huge_is_not_decoded() {
        assert!(may_be_decoded(8_000, 5_000) && may_be_decoded(1, 20_000));
        for (width, height) in [(0, 1), (1, 0), (8_000, 5_001), (20_001, 1), (u32::MAX, u32::MAX)] {
            assert!(!may_be_decoded(width, height), "{width} {height}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_comes_breaks_it(
            mut bytes in prop::collection::vec(any::<u8>(), 0..200),
            format in 0usize..4,
            cut in 0usize..120,
        ) {
            let (format, mime) = [
                (ImageFormat::Png, "image/png"),
                (ImageFormat::Jpeg, "image/jpeg"),
                (ImageFormat::Gif, "image/gif"),
                (ImageFormat::WebP, "image/webp"),
            ][format];
            let mut broken = encoded(format, 3, 4);
            broken.truncate(cut);
            broken.append(&mut bytes);
            let _ = size(mime, &broken);
            let _ = orientation(&broken);
        }
    }
}
