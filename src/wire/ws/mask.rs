//! The mask over a client's payloads. Every byte of a client passes here.

/// Appends `masked` to `out` without its mask; `mask` begins at the first byte of `masked`.
///
/// A copy and then an XOR in place: both are vectorised, and a message still is in the cache for the second.
pub(super) fn append_unmasked(out: &mut Vec<u8>, masked: &[u8], mask: [u8; 4]) {
    let start = out.len();
    out.extend_from_slice(masked);
    if let Some(added) = out.get_mut(start..) {
        apply(added, mask);
    }
}

/// XORs `bytes` with the repeated mask, which puts it on or takes it off.
pub(super) fn apply(bytes: &mut [u8], mask: [u8; 4]) {
    let four = u64::from(u32::from_ne_bytes(mask));
    let eight = four << 32 | four;
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ eight).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_unmasked_like_byte_by_byte() {
        let mask = [0x12, 0x34, 0xAB, 0xFF];
        for length in 0..70_u8 {
            let masked: Vec<u8> = (0..length).collect();
            let expected: Vec<u8> = masked.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
            let mut out = b"kept".to_vec();
            append_unmasked(&mut out, &masked, mask);
            assert_eq!(&out[..4], b"kept");
            assert_eq!(out[4..], expected);
        }
    }
}
