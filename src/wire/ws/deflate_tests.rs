use super::super::client::{compressed, drain, drain_pieces, masked};
use super::super::{Decoder, Incoming, Limits, Opcode, frame::compressed_frame};
use super::*;
use proptest::prelude::*;

/// The bytes of RFC 7692, section 7.2.3: "Hello".
const HELLO: [u8; 7] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
const PLAIN: Agreement = Agreement { names_server_window: false };

fn decoder(message_bytes: usize) -> Decoder {
    Decoder::new(Limits { message_bytes, fragments: 16 }, Some(PLAIN))
}

/// Compresses whatever it is, also what [`compress`] would leave as it is.
fn squeeze(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() * 2 + 100);
    Compress::new(Compression::best(), false).compress_vec(payload, &mut out, FlushCompress::Sync).unwrap();
    out.truncate(out.len() - FLUSH_TAIL.len());
    out
}

fn negotiated(offers: &[&'static str]) -> Option<&'static str> {
    negotiate(offers.iter().copied()).unwrap().map(Agreement::header)
}

#[test]
fn offers_that_are_accepted() {
    let plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    let named = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15";
    for offer in [
        "permessage-deflate",
        "Permessage-Deflate;client_max_window_bits",
        "permessage-deflate; client_max_window_bits=10; client_no_context_takeover",
        "permessage-deflate; server_no_context_takeover",
        "x-webkit-deflate-frame, permessage-deflate",
        "permessage-deflate; server_max_window_bits=10, permessage-deflate",
    ] {
        assert_eq!(negotiated(&[offer]), Some(plain), "{offer}");
    }
    assert_eq!(negotiated(&["permessage-deflate; server_max_window_bits=15"]), Some(named));
    assert_eq!(negotiated(&["permessage-deflate; server_max_window_bits = \"15\" "]), Some(named));
    assert_eq!(negotiated(&["other; a=b", "permessage-deflate"]), Some(plain));
}

#[test]
fn offers_that_are_declined() {
    for offer in [
        "permessage-deflate; server_max_window_bits=9",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=015",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=x",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        "permessage-deflate; unknown",
        "other",
        "",
    ] {
        assert_eq!(negotiated(&[offer]), None, "{offer}");
    }
}

#[test]
fn offers_that_are_no_offers() {
    for offer in
        ["permessage deflate", "permessage-deflate;", "permessage-deflate; a=", "; a", "permessage-deflate; a=\"b"]
    {
        assert_eq!(negotiate([offer].into_iter()), Err(Malformed), "{offer}");
    }
}

#[test]
fn messages_inflate_whole_and_in_fragments() {
    for fragment in [1, 3, 7] {
        let input = compressed(&HELLO, fragment);
        let every_byte: Vec<usize> = (0..input.len()).collect();
        let expected = (vec![Incoming::Text("Hello".into())], Ok(()));
        assert_eq!(drain(&mut decoder(64), &input), expected);
        assert_eq!(drain_pieces(&mut decoder(64), &input, &every_byte), expected);
    }
    let (incoming, _) = drain(&mut decoder(64), &masked(Opcode::Text, true, b"as it is"));
    assert_eq!(incoming, [Incoming::Text("as it is".into())]);
}

#[test]
fn other_forms_that_the_standard_shows() {
    let stored = [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00];
    let final_block = [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00];
    let two_blocks = [0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00];
    for form in [&stored[..], &final_block, &final_block[..7], &two_blocks] {
        assert_eq!(inflate(form, 5).unwrap(), b"Hello");
    }
    assert_eq!(inflate(&[0x00], 5).unwrap(), b"");
}

#[test]
fn the_limit_holds_for_what_is_inflated() {
    let text = "x".repeat(100_000);
    let small = squeeze(text.as_bytes());
    assert!(small.len() < 1_000);
    for (limit, fits) in [(99_999, false), (100_000, true), (100_001, true)] {
        assert_eq!(inflate(&small, limit).is_ok(), fits);
        let (_, result) = drain(&mut decoder(limit), &compressed(&small, 1_000));
        assert_eq!(result.err().map(|violation| violation.code), (!fits).then_some(CloseCode::TooBig));
    }
}

#[test]
fn a_bomb_allocates_no_more_than_the_limit() {
    let bomb = squeeze(&vec![0; 10_000_000]);
    assert!(bomb.len() < 65_536);
    let mut out = Vec::new();
    let mut inflater = Decompress::new(false);
    assert_eq!(inflate_part(&mut inflater, &bomb, &mut out, 65_536), Err(TOO_LONG));
    assert!(out.capacity() <= 65_537);
    assert!(inflater.total_out() <= 65_537);
}

#[test]
fn corrupt_data_is_refused() {
    let empty_final_blocks = [0x03, 0x00].repeat(1_000);
    let reserved_block = [0x06];
    for wrong in [&empty_final_blocks[..], &reserved_block, &[0x03, 0x00, 0x00, 0x00]] {
        assert_eq!(inflate(wrong, 1_000), Err(CORRUPT));
    }
    assert_eq!(inflate(&HELLO, 1_000).unwrap(), b"Hello", "an error leaves nothing behind");
}

#[test]
fn nothing_of_one_message_can_be_had_by_the_next() {
    let secret = [b's'; 40_000];
    assert_eq!(inflate(&squeeze(&secret), 40_000).unwrap(), secret);
    // An "a", and then three bytes from before it.
    assert_eq!(inflate(&[0x4B, 0x04, 0x12, 0x00], 1_000).unwrap(), [b'a', 0, 0, 0]);
}

#[test]
fn text_is_checked_after_inflating() {
    let (_, result) = drain(&mut decoder(64), &compressed(&squeeze(&[b'o', 0xFF]), 64));
    assert_eq!(result.unwrap_err().code, CloseCode::InvalidData);
}

#[test]
fn the_compression_bit_is_only_for_the_first_frame_of_a_message() {
    for input in [
        [super::super::client::raw(0x41, &HELLO), super::super::client::raw(0xC0, b"")].concat(),
        super::super::client::raw(0xC9, b""),
    ] {
        assert_eq!(drain(&mut decoder(64), &input).1.unwrap_err().code, CloseCode::ProtocolError);
    }
}

#[test]
fn what_is_short_or_random_is_sent_as_it_is() {
    assert_eq!(compress(&[b'x'; COMPRESS_FROM_BYTES - 1]), None);
    assert!(compress(&[b'x'; COMPRESS_FROM_BYTES]).is_some());
    // A xorshift generator: noise that does not get smaller.
    let mut state = 0x9E37_79B9_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_be_bytes()[0]
    })
    .take(5_000)
    .collect();
    assert_eq!(compress(&noise), None);
}

#[test]
fn a_compressed_frame_says_so() {
    assert_eq!(&compressed_frame(Opcode::Text, &HELLO)[..3], [0xC1, 0x07, 0xF2]);
}

proptest! {
    // Few, as each compresses up to 100 KB, more than a window, with an unoptimised compressor.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn what_is_compressed_inflates_to_the_same(numbers in proptest::collection::vec(any::<u16>(), 300..20_000)) {
        let text = numbers.iter().map(|number| format!("{number} ")).collect::<String>();
        let small = compress(text.as_bytes()).unwrap();
        prop_assert!(small.len() < text.len());
        prop_assert_eq!(inflate(&small, text.len()).unwrap(), text.as_bytes());
        prop_assert_eq!(inflate(&small, text.len() - 1), Err(TOO_LONG));
    }
}

proptest! {
    #[test]
    fn random_data_never_panics(payload in proptest::collection::vec(any::<u8>(), 0..3_000)) {
        if let Ok(out) = inflate(&payload, 10_000) {
            prop_assert!(out.len() <= 10_000);
        }
    }
}
