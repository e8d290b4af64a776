//! Plain TCP (or TLS) connections: binary frames from the first byte on.

use super::actor::{Arrival, Session};
use super::doors::Doors;
use super::reader::Decoder;
use super::ws::channel;
use crate::chat::channel::Socket;
use crate::chat::event_loop::EventLoop;
use crate::wire::frame;
use crate::wire::outgoing::{Encoding, Format, Framing};
use bytes::Bytes;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Until the first request says otherwise, the server speaks MessagePack.
const ENCODING: Encoding = Encoding { framing: Framing::Bare, format: Format::BinMsgPack };

/// How long it may take to tell a connection without room to come later.
const FAREWELL: Duration = Duration::from_secs(1);

/// Takes a connection in, or tells it to come later.
pub fn serve(doors: &Arc<Doors>, event_loop: &Rc<EventLoop>, socket: Socket) {
    let channel = channel(doors, socket, ENCODING);
    let pass = match doors.enter() {
        Ok(pass) => pass,
        Err(code) => {
            channel.close(code);
            // A socket that was just accepted isn't known to be writable yet, so this takes a moment. It closes as it is dropped.
            actix::spawn(async move {
                let _ = timeout(FAREWELL, poll_fn(|cx| channel.poll_drain(cx))).await;
            });
            return;
        }
    };
    let decoder = Decoder::Bare(frame::Decoder::new(doors.chat.limits.frame_bytes));
    let arrival = Arrival { channel, decoder, early: Bytes::new(), pass, project: None, token: None };
    Session::start_on(doors, event_loop, arrival);
}
