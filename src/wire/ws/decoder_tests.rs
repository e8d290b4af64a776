use super::super::client::{MASK, decoder, drain, drain_pieces, header, masked, raw, text};
use super::*;
use crate::wire::ws::frame;
use proptest::prelude::*;

/// What the only event of `input` is.
fn only(input: &[u8]) -> Incoming {
    let (mut incoming, result) = drain(&mut decoder(), input);
    assert_eq!(result, Ok(()));
    assert_eq!(incoming.len(), 1);
    incoming.remove(0)
}

/// With which code `input` is refused, however it is cut.
fn refused(input: &[u8]) -> CloseCode {
    let (incoming, result) = drain(&mut decoder(), input);
    let every_byte: Vec<usize> = (0..input.len()).collect();
    let bytewise = drain_pieces(&mut decoder(), input, &every_byte);
    assert_eq!((incoming, result), bytewise);
    result.unwrap_err().code
}

/// Bytes that the decoder holds on the heap.
fn held(decoder: &Decoder) -> usize {
    decoder.control.capacity() + decoder.message.payload.capacity()
}

#[test]
fn whole_messages() {
    assert_eq!(only(&text("Grüße")), Incoming::Text("Grüße".into()));
    assert_eq!(only(&text("")), Incoming::Text(String::new()));
    assert_eq!(only(&masked(Opcode::Binary, true, &[0, 255])), Incoming::Binary(Bytes::from_static(&[0, 255])));
    assert_eq!(only(&masked(Opcode::Ping, true, b"p")), Incoming::Ping(Bytes::from_static(b"p")));
    assert_eq!(only(&masked(Opcode::Pong, true, &[7; 125])), Incoming::Pong(Bytes::from_static(&[7; 125])));
}

#[test]
fn events_come_one_by_one_and_the_rest_stays_in_the_input() {
    let bytes = [text("a"), text("b"), vec![0x81]].concat();
    let mut input = &bytes[..];
    let mut decoder = decoder();
    assert_eq!(decoder.decode(&mut input), Ok(Some(Incoming::Text("a".into()))));
    assert_eq!(input, &bytes[7..]);
    assert_eq!(decoder.decode(&mut input), Ok(Some(Incoming::Text("b".into()))));
    assert_eq!(decoder.decode(&mut input), Ok(None));
    assert!(input.is_empty());
}

#[test]
fn a_ping_between_fragments_that_cut_a_character() {
    let euro = "€".as_bytes();
    let input = [
        masked(Opcode::Text, false, &euro[..1]),
        masked(Opcode::Ping, true, b"?"),
        masked(Opcode::Continuation, false, &euro[1..2]),
        masked(Opcode::Continuation, false, b""),
        masked(Opcode::Continuation, true, &euro[2..]),
    ]
    .concat();
    let every_byte: Vec<usize> = (0..input.len()).collect();
    let (incoming, result) = drain_pieces(&mut decoder(), &input, &every_byte);
    assert_eq!(result, Ok(()));
    assert_eq!(incoming, [Incoming::Ping(Bytes::from_static(b"?")), Incoming::Text("€".into())]);
}

#[test]
fn nothing_is_held_between_messages() {
    let mut decoder = decoder();
    let fragments = [masked(Opcode::Binary, false, &[1; 300]), masked(Opcode::Continuation, true, &[2; 300])].concat();
    assert_eq!(drain_pieces(&mut decoder, &fragments, &[100, 310, 400]).1, Ok(()));
    assert_eq!(drain_pieces(&mut decoder, &masked(Opcode::Ping, true, &[1; 100]), &[20]).1, Ok(()));
    assert_eq!(held(&decoder), 0);
}

#[test]
fn a_whole_message_has_a_buffer_of_its_size() {
    let Incoming::Text(whole) = only(&text(&"x".repeat(777))) else { panic!() };
    assert_eq!(whole.capacity(), 777);
    let (mut incoming, _) = drain_pieces(&mut decoder(), &text(&"x".repeat(777)), &[20, 50, 300]);
    let Some(Incoming::Text(in_pieces)) = incoming.pop() else { panic!() };
    assert_eq!(in_pieces.capacity(), 777);
}

#[test]
fn the_size_limit_holds_for_one_frame_and_for_the_sum() {
    for size in [1_023, 1_024] {
        assert_eq!(only(&text(&"x".repeat(size))), Incoming::Text("x".repeat(size)));
        let fragments = [
            masked(Opcode::Text, false, &vec![b'x'; size - 24]),
            masked(Opcode::Continuation, false, &[b'x'; 20]),
            masked(Opcode::Continuation, true, &[b'x'; 4]),
        ];
        assert_eq!(only(&fragments.concat()), Incoming::Text("x".repeat(size)));
    }
    assert_eq!(refused(&text(&"x".repeat(1_025))), CloseCode::TooBig);
    let sum = [masked(Opcode::Text, false, &[b'x'; 1_000]), header(0x80, 25)].concat();
    assert_eq!(refused(&sum), CloseCode::TooBig);
}

#[test]
fn a_declared_length_over_the_limit_is_refused_by_the_header_alone() {
    for length in [1_025, 1 << 30, u64::MAX >> 1] {
        assert_eq!(refused(&header(0x82, length)), CloseCode::TooBig);
    }
}

#[test]
fn a_declared_length_allocates_nothing() {
    let mut decoder = Decoder::new(Limits { message_bytes: 1 << 30, fragments: 16 }, None);
    let input = [header(0x82, 1 << 30), vec![0; 1_000]].concat();
    assert_eq!(drain(&mut decoder, &input), (vec![], Ok(())));
    assert!(held(&decoder) <= 2_000);
}

#[test]
fn the_number_of_fragments_is_bounded_with_and_without_content() {
    for content in [&b""[..], b"x"] {
        let mut input = masked(Opcode::Text, false, content);
        for _ in 0..14 {
            input.extend(masked(Opcode::Continuation, false, content));
        }
        let last = [&input[..], &masked(Opcode::Continuation, true, content)].concat();
        assert!(matches!(only(&last), Incoming::Text(_)), "sixteen are allowed");
        input.extend(masked(Opcode::Continuation, false, content));
        input.extend(masked(Opcode::Continuation, false, content));
        assert_eq!(refused(&input), CloseCode::TooBig);
    }
}

#[test]
fn broken_frames() {
    let unmasked = [0x81, 0x02, b'h', b'i'];
    let wrong: &[(&str, Vec<u8>)] = &[
        ("unmasked", unmasked.to_vec()),
        ("reserved bits", raw(0xA1, b"x")),
        ("reserved bits", raw(0x91, b"x")),
        ("compression that was not agreed on", raw(0xC1, b"x")),
        ("compression of a control frame", raw(0xC9, b"x")),
        ("reserved opcode", raw(0x83, b"x")),
        ("reserved control opcode", raw(0x8B, b"x")),
        ("long control frame", raw(0x89, &[0; 126])),
        ("fragmented control frame", raw(0x09, b"x")),
        ("continuation of nothing", raw(0x80, b"x")),
        ("message in a message", [raw(0x01, b"x"), raw(0x81, b"x")].concat()),
        ("length in two bytes instead of none", [&[0x82, 0xFE, 0, 125], &MASK[..]].concat()),
        ("length in eight bytes instead of two", [&[0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], &MASK[..]].concat()),
        ("length with the highest bit", [&[0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0], &MASK[..]].concat()),
    ];
    for (what, input) in wrong {
        assert_eq!(refused(input), CloseCode::ProtocolError, "{what}");
    }
}

#[test]
fn the_first_two_bytes_are_judged_when_they_are_there() {
    for start in [[0x81, 0x05], [0xF1, 0x85], [0x83, 0x85], [0x89, 0xFE], [0x09, 0x80]] {
        assert_eq!(refused(&start), CloseCode::ProtocolError);
    }
}

#[test]
fn text_is_refused_at_the_first_byte_that_cannot_be_right() {
    // A surrogate, an overlong form, above U+10FFFF, a lone continuation byte.
    for wrong in [&[0xED, 0xA0][..], &[0xC0], &[0xF4, 0x90], &[0x80]] {
        let whole = raw(0x81, &[b"ok", wrong, b"more"].concat());
        assert_eq!(refused(&whole), CloseCode::InvalidData);
        let arrived = whole.len() - 4;
        assert_eq!(refused(&whole[..arrived]), CloseCode::InvalidData, "the frame is not complete");
        assert_eq!(drain(&mut decoder(), &whole[..arrived - 1]).1, Ok(()));
        let fragments = [raw(0x01, &[b"ok", &wrong[..1]].concat()), raw(0x00, &wrong[1..])].concat();
        assert_eq!(refused(&[fragments, raw(0x00, b"x")].concat()), CloseCode::InvalidData);
    }
    assert_eq!(refused(&raw(0x81, &"€".as_bytes()[..2])), CloseCode::InvalidData, "half a character at the end");
    assert!(matches!(only(&raw(0x82, &[0xFF])), Incoming::Binary(_)));
}

#[test]
fn close_bodies() {
    assert_eq!(only(&raw(0x88, b"")), Incoming::Close(None));
    for code in [1000_u16, 1003, 1007, 1014, 3000, 4999] {
        let body = [&code.to_be_bytes(), "weg €".as_bytes()].concat();
        assert_eq!(only(&raw(0x88, &body)), Incoming::Close(Some((code, "weg €".into()))));
    }
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] {
        assert_eq!(refused(&raw(0x88, &code.to_be_bytes())), CloseCode::ProtocolError);
    }
    assert_eq!(refused(&raw(0x88, &[3])), CloseCode::ProtocolError);
    assert_eq!(refused(&raw(0x88, &[3, 232, 0xFF])), CloseCode::InvalidData);
}

#[test]
fn nothing_comes_after_a_close_or_an_error() {
    for end in [raw(0x88, b""), raw(0x83, b"x")] {
        let mut decoder = decoder();
        let mut input = &[&raw(0x01, b"begun")[..], &end].concat()[..];
        assert!(!matches!(decoder.decode(&mut input), Ok(None)));
        assert_eq!(drain(&mut decoder, &[raw(0x89, b"ping"), raw(0x83, b"x")].concat()), (vec![], Ok(())));
        assert_eq!(held(&decoder), 0);
    }
}

/// A message or control frame of a client.
#[derive(Debug, Clone)]
enum Sent {
    Text(String, Vec<usize>),
    Binary(Vec<u8>, Vec<usize>),
    Control(bool, Vec<u8>),
}

impl Sent {
    fn any() -> impl Strategy<Value = Self> {
        let cuts = || proptest::collection::vec(any::<usize>(), 0..4);
        let bytes = |most| proptest::collection::vec(any::<u8>(), 0..most);
        prop_oneof![
            ("\\PC{0,300}", cuts()).prop_map(|(text, cuts)| Self::Text(text, cuts)),
            (bytes(1_000), cuts()).prop_map(|(bytes, cuts)| Self::Binary(bytes, cuts)),
            (any::<bool>(), bytes(126)).prop_map(|(ping, bytes)| Self::Control(ping, bytes)),
        ]
    }

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Text(text, cuts) => fragmented(Opcode::Text, text.as_bytes(), cuts),
            Self::Binary(bytes, cuts) => fragmented(Opcode::Binary, bytes, cuts),
            Self::Control(ping, bytes) => masked(if *ping { Opcode::Ping } else { Opcode::Pong }, true, bytes),
        }
    }

    fn expected(self) -> Incoming {
        match self {
            Self::Text(text, _) => Incoming::Text(text),
            Self::Binary(bytes, _) => Incoming::Binary(bytes.into()),
            Self::Control(true, bytes) => Incoming::Ping(bytes.into()),
            Self::Control(false, bytes) => Incoming::Pong(bytes.into()),
        }
    }
}

fn fragmented(opcode: Opcode, payload: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (payload.len() + 1)).chain([payload.len()]).collect();
    ends.sort_unstable();
    let mut out = Vec::new();
    let mut start = 0;
    for (index, &end) in ends.iter().enumerate() {
        let opcode = if index == 0 { opcode } else { Opcode::Continuation };
        out.extend(masked(opcode, index + 1 == ends.len(), &payload[start..end]));
        start = end;
    }
    out
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(any::<usize>(), 0..20)
}

proptest! {
    #[test]
    fn what_a_client_sends_arrives_however_it_is_cut(
        sent in proptest::collection::vec(Sent::any(), 0..6),
        cuts in cuts(),
    ) {
        let input: Vec<u8> = sent.iter().flat_map(Sent::encode).collect();
        let expected: Vec<Incoming> = sent.into_iter().map(Sent::expected).collect();
        prop_assert_eq!(drain(&mut decoder(), &input), (expected.clone(), Ok(())));
        let mut decoder = decoder();
        prop_assert_eq!(drain_pieces(&mut decoder, &input, &cuts), (expected, Ok(())));
        prop_assert_eq!(held(&decoder), 0);
    }

    /// Frames with random first bytes, so that most get past the header.
    #[test]
    fn any_frames_end_the_same_however_they_are_cut_and_stay_within_the_limits(
        frames in proptest::collection::vec((any::<u8>(), proptest::collection::vec(any::<u8>(), 0..600)), 0..8),
        damage in proptest::option::of((any::<usize>(), any::<u8>())),
        cuts in cuts(),
    ) {
        let mut input: Vec<u8> = frames.iter().flat_map(|(first, payload)| raw(first & 0x8B, payload)).collect();
        if let Some((at, byte)) = damage && !input.is_empty() {
            let at = at % input.len();
            input[at] = byte;
        }
        let mut whole = decoder();
        let expected = drain(&mut whole, &input);
        let mut pieces = decoder();
        let got = drain_pieces(&mut pieces, &input, &cuts);
        prop_assert_eq!(expected, got);
        prop_assert!(held(&whole) <= 1_024 + frame::CONTROL_BYTES);
        prop_assert!(held(&pieces) <= 1_024 + frame::CONTROL_BYTES);
    }

    #[test]
    fn random_bytes_never_panic(input in proptest::collection::vec(any::<u8>(), 0..2_000), cuts in cuts()) {
        let mut decoder = decoder();
        let (_, result) = drain_pieces(&mut decoder, &input, &cuts);
        prop_assert!(result.is_ok() || held(&decoder) == 0);
    }
}
