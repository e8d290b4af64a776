//! The events of a streamed answer: server-sent events, a document a line, or one document for all.

use crate::assistant::provider::ModelError;
use bytes::{Buf, Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use reqwest::Response;

/// Bytes of one line, and of a document that comes whole: an answer has some ten thousand, and its settings repeated.
const LINE_BYTES: usize = 1024 * 1024;
/// Bytes of an answer with all that stands around it: each token may come in an event of some 300.
const ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// How the events of an answer are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Server-sent events.
    Sse,
    /// A document a line.
    Lines,
    /// One document.
    Whole,
}

impl Kind {
    /// As a content type says. What says nothing that is known is taken for server-sent events.
    #[must_use]
    pub fn of(content_type: &str) -> Self {
        match content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "application/json" => Self::Whole,
            "application/x-ndjson" | "application/jsonl" | "application/x-jsonlines" => Self::Lines,
            _ => Self::Sse,
        }
    }
}

/// Something that a provider says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// Its name, among server-sent events.
    pub name: String,
    pub data: String,
}

/// The events of an answer that is coming in.
pub struct Events {
    bytes: BoxStream<'static, Result<Bytes, ()>>,
    kind: Kind,
    buffer: BytesMut,
    /// Bytes at the beginning of the buffer in which there is no line's end.
    looked_at: usize,
    came: usize,
    ended: bool,
    event: Event,
}

impl Events {
    /// The events of a response.
    #[must_use]
    pub fn new(response: Response, kind: Kind) -> Self {
        Self::of(response.bytes_stream().map(|bytes| bytes.map_err(|_| ())).boxed(), kind)
    }

    fn of(bytes: BoxStream<'static, Result<Bytes, ()>>, kind: Kind) -> Self {
        let (buffer, event) = (BytesMut::new(), Event::default());
        Self { bytes, kind, buffer, looked_at: 0, came: 0, ended: false, event }
    }

    /// The next event; `None` at the end.
    ///
    /// # Errors
    /// What is too long, no text, or breaks off in the middle of a line.
    pub async fn next(&mut self) -> Result<Option<Event>, ModelError> {
        if self.kind == Kind::Whole {
            while self.more().await? {
                self.check_length()?;
            }
            let data = std::mem::take(&mut self.buffer);
            if data.is_empty() {
                return Ok(None);
            }
            return Ok(Some(Event { name: String::new(), data: text(&data)? }));
        }
        while let Some(line) = self.line().await? {
            if self.kind == Kind::Lines {
                if !line.trim().is_empty() {
                    return Ok(Some(Event { name: String::new(), data: line }));
                }
            } else if let Some(event) = self.take_field(&line)? {
                return Ok(Some(event));
            }
        }
        // Some services end their last event with the stream instead of an empty line.
        let last = std::mem::take(&mut self.event);
        Ok((!last.data.is_empty()).then_some(last))
    }

    /// A line of a server-sent event; the event, when the line ends one.
    fn take_field(&mut self, line: &str) -> Result<Option<Event>, ModelError> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return Ok((!event.data.is_empty()).then_some(event));
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => {
                if self.event.data.len() + value.len() > LINE_BYTES {
                    return Err(ModelError::TooLarge);
                }
                if !self.event.data.is_empty() {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            "event" => value.clone_into(&mut self.event.name),
            // Comments, which keep the connection busy, and what has no meaning here.
            _ if line.starts_with(':') || matches!(name, "id" | "retry") => {}
            _ => return Err(ModelError::Garbled),
        }
        Ok(None)
    }

    /// The next line without its end; `None` at the end of all.
    async fn line(&mut self) -> Result<Option<String>, ModelError> {
        loop {
            if let Some(at) = memchr::memchr(b'\n', self.buffer.get(self.looked_at..).unwrap_or_default()) {
                let mut line = self.buffer.split_to(self.looked_at + at);
                self.buffer.advance(1);
                self.looked_at = 0;
                if line.last() == Some(&b'\r') {
                    line.truncate(line.len() - 1);
                }
                return text(&line).map(Some);
            }
            self.looked_at = self.buffer.len();
            self.check_length()?;
            if !self.more().await? {
                self.looked_at = 0;
                let rest = std::mem::take(&mut self.buffer);
                return if rest.is_empty() { Ok(None) } else { text(&rest).map(Some) };
            }
        }
    }

    fn check_length(&self) -> Result<(), ModelError> {
        if self.buffer.len() > LINE_BYTES { Err(ModelError::TooLarge) } else { Ok(()) }
    }

    /// Waits for more bytes; false at the end.
    async fn more(&mut self) -> Result<bool, ModelError> {
        if self.ended {
            return Ok(false);
        }
        match self.bytes.next().await {
            Some(Ok(bytes)) => {
                self.came = self.came.saturating_add(bytes.len());
                if self.came > ANSWER_BYTES {
                    return Err(ModelError::TooLarge);
                }
                self.buffer.extend_from_slice(&bytes);
                Ok(true)
            }
            Some(Err(())) => Err(ModelError::BrokenOff),
            None => {
                self.ended = true;
                Ok(false)
            }
        }
    }
}

fn text(bytes: &[u8]) -> Result<String, ModelError> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| ModelError::Garbled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use proptest::prelude::*;

    /// All events of what comes in pieces, and how it ended.
    fn read(pieces: Vec<Vec<u8>>, kind: Kind) -> (Vec<Event>, Result<(), ModelError>) {
        let bytes = stream::iter(pieces.into_iter().map(|piece| Ok(Bytes::from(piece)))).boxed();
        let mut events = Events::of(bytes, kind);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut all = Vec::new();
            loop {
                match events.next().await {
                    Ok(Some(event)) => all.push(event),
                    Ok(None) => return (all, Ok(())),
                    Err(error) => return (all, Err(error)),
                }
            }
        })
    }

    fn event(name: &str, data: &str) -> Event {
        Event { name: name.to_owned(), data: data.to_owned() }
    }

    const STREAM: &str = ": hello\r\n\r\nevent: a\r\ndata: {\"é\":1}\r\n\r\ndata:one\ndata: two\nid: 7\n\n\ndata: last";

    #[test]
    fn server_sent_events_are_read() {
        let (events, end) = read(vec![STREAM.as_bytes().to_vec()], Kind::Sse);
        assert_eq!(events, [event("a", "{\"é\":1}"), event("", "one\ntwo"), event("", "last")]);
        assert_eq!(end, Ok(()));
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(cuts in prop::collection::vec(1..9usize, 0..60)) {
            let (mut rest, mut pieces) = (STREAM.as_bytes(), Vec::new());
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece.to_vec());
                rest = after;
            }
            pieces.push(rest.to_vec());
            prop_assert_eq!(read(pieces, Kind::Sse), read(vec![STREAM.as_bytes().to_vec()], Kind::Sse));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            for kind in [Kind::Sse, Kind::Lines, Kind::Whole] {
                let _ = read(vec![bytes.clone()], kind);
            }
        }
    }

    #[test]
    fn lines_are_documents() {
        let (events, _) = read(vec![b"{\"a\":1}\n\n{\"b\"".to_vec(), b":2}\n{\"c\":3}".to_vec()], Kind::Lines);
        assert_eq!(events, [event("", "{\"a\":1}"), event("", "{\"b\":2}"), event("", "{\"c\":3}")]);
    }

    #[test]
    fn a_whole_document_is_one_event() {
        assert_eq!(read(vec![b"{\n".to_vec(), b"}\n".to_vec()], Kind::Whole).0, [event("", "{\n}\n")]);
        assert_eq!(read(vec![], Kind::Whole).0, []);
    }

    #[test]
    fn what_is_too_long_is_not_kept() {
        let long = |bytes| vec![vec![b'x'; bytes]];
        assert_eq!(read(long(LINE_BYTES + 1), Kind::Whole).1, Err(ModelError::TooLarge));
        assert_eq!(read(long(LINE_BYTES + 1), Kind::Sse).1, Err(ModelError::TooLarge));
        let many = vec![format!("data: {}\n\n", "x".repeat(100_000)).into_bytes(); 100];
        let (events, end) = read(many, Kind::Sse);
        assert_eq!((events.len(), end), (ANSWER_BYTES / 100_008, Err(ModelError::TooLarge)));
        let one_event = vec![format!("data: {}\n", "x".repeat(100_000)).into_bytes(); 20];
        assert_eq!(read(one_event, Kind::Sse), (vec![], Err(ModelError::TooLarge)));
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert_eq!(read(vec![b"data: \xff\n\n".to_vec()], Kind::Sse).1, Err(ModelError::Garbled));
        assert_eq!(read(vec![b"<html>\n\n".to_vec()], Kind::Sse).1, Err(ModelError::Garbled));
    }
}
