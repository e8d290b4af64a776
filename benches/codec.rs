//! What it costs to write an event and to read a request, in each encoding.
//!
//! `encode`: one event from its typed form to the bytes that go to a socket: the document, the envelope around it, the header of
//! the binary frame where there is one, and the header of the WebSocket frame. `serde_json` and `rmp-serde` write the document
//! alone, from the same struct, in the same form (maps with keys, ids as strings). The figure in bytes a second counts what each
//! has written, before it is compressed.
//!
//! `decode`: one request from its payload to its typed form. Ours bounds the depth, looks for U+0000 and makes a tree of values
//! first, because errors must name the field at fault; `serde_json` and `rmp-serde` read the same bytes into the same struct at
//! once. `summary` is a large document that no client sends: it is read into a tree of values by all of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that can't go on fails by panicking, helpers included"
)]

#[path = "common/sample.rs"]
mod sample;

use bytes::Bytes;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use palabre::model::{ConversationId, MediaId, MessageId};
use palabre::wire::envelope::{self, Request};
use palabre::wire::frame::{Frame, Kind};
use palabre::wire::outgoing::{Encoding, Format, Framing, Outgoing};
use palabre::wire::{field, msgpack};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

/// The encodings, as the figures call them. Deflated text is what browsers get that ask for compression.
const ENCODINGS: [(&str, Encoding); 4] = [
    ("json text", Encoding { framing: Framing::WebSocket, format: Format::Json }),
    ("json text deflated", Encoding { framing: Framing::WebSocketDeflate, format: Format::Json }),
    ("binary json", Encoding { framing: Framing::WebSocket, format: Format::BinJson }),
    ("binary msgpack", Encoding { framing: Framing::WebSocket, format: Format::BinMsgPack }),
];
/// Bytes of the texts in the messages.
const TEXTS: [usize; 2] = [128, 4096];

/// The data of a `message.text`, as the server reads it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    conversation: Option<ConversationId>,
    to: Option<String>,
    id: MessageId,
    body: String,
    reply_to: Option<MessageId>,
    tone: Option<String>,
    attachments: Option<Vec<Attached>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attached {
    id: MediaId,
}

/// An envelope whose data has this form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u32>,
    #[serde(rename = "type")]
    kind: String,
    data: T,
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    for bytes in TEXTS {
        let message = Arc::new(sample::message(sample::conversation(1), 1, bytes));
        encode_one(&mut group, &bytes.to_string(), "message.text", &message);
    }
    encode_one(&mut group, "summary", "group.summary", &Arc::new(sample::summary()));
    group.finish();
}

fn encode_one<T>(group: &mut BenchmarkGroup<'_, WallTime>, size: &str, kind: &'static str, data: &Arc<T>)
where
    T: Serialize + Send + Sync + 'static,
{
    for (name, encoding) in ENCODINGS {
        let push = || Outgoing::new(kind, Arc::clone(data)).push(encoding);
        // Where it is compressed, what was compressed counts.
        let plain = Encoding { framing: Framing::WebSocket, ..encoding };
        measure(group, name, size, Outgoing::new(kind, Arc::clone(data)).push(plain).len(), push);
    }
    let json = || serde_json::to_vec(data).unwrap();
    measure(group, "serde_json", size, json().len(), json);
    let msgpack = || to_msgpack(data);
    assert_eq!(msgpack(), msgpack::to_vec(data).unwrap());
    measure(group, "rmp-serde", size, msgpack().len(), msgpack);
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for bytes in TEXTS {
        let data = json!({
            "conversation": sample::conversation(1),
            "id": sample::message(sample::conversation(1), 1, 0).id,
            "body": sample::text(bytes),
        });
        let typed = |request: Request| field::from_value::<Text>(request.data).unwrap();
        decode_one::<Text, _>(&mut group, &bytes.to_string(), "message.text", &data, typed);
    }
    let data = serde_json::to_value(sample::summary()).unwrap();
    decode_one::<Value, _>(&mut group, "summary", "group.summary", &data, |request| request.data);
    group.finish();
}

fn decode_one<T, O>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    size: &str,
    kind: &str,
    data: &Value,
    typed: impl Fn(Request) -> O,
) where
    T: DeserializeOwned,
{
    let kind = kind.to_owned();
    let text = serde_json::to_vec(&Envelope { id: Some(7), kind: kind.clone(), data }).unwrap();
    let payload = Envelope { id: None, kind, data };
    let frame = |json: bool, payload: Vec<u8>| Frame {
        kind: Kind::Request,
        json,
        correlation: 7,
        payload: Bytes::from(payload),
    };
    let json = frame(true, serde_json::to_vec(&payload).unwrap());
    let msgpack = frame(false, to_msgpack(&payload));

    measure(group, "json text", size, text.len(), || typed(envelope::parse_json(black_box(&text)).unwrap()));
    for (name, frame) in [("binary json", &json), ("binary msgpack", &msgpack)] {
        let read = || typed(envelope::parse_binary(black_box(frame)).unwrap());
        measure(group, name, size, frame.payload.len(), read);
    }
    measure(group, "serde_json", size, text.len(), || serde_json::from_slice::<Envelope<T>>(black_box(&text)).unwrap());
    let read = || {
        let mut reader = rmp_serde::Deserializer::from_read_ref(black_box(&msgpack.payload)).with_human_readable();
        Envelope::<T>::deserialize(&mut reader).unwrap()
    };
    measure(group, "rmp-serde", size, msgpack.payload.len(), read);
}

/// Of the form in which the protocol has MessagePack.
fn to_msgpack<T: Serialize>(data: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(128);
    data.serialize(&mut rmp_serde::Serializer::new(&mut bytes).with_struct_map().with_human_readable()).unwrap();
    bytes
}

fn measure<O>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    size: &str,
    bytes: usize,
    mut work: impl FnMut() -> O,
) {
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function(BenchmarkId::new(name, size), |bencher| bencher.iter(&mut work));
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .sample_size(20)
        .nresamples(10_000);
    targets = encode, decode
}
criterion_main!(benches);
