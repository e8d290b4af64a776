//! Plain TCP (or TLS) connections: binary frames from the first byte on.

use super::actor::{Arrival, Session};
use super::doors::Doors;
use super::reader::{Decoder, turn_away};
use super::ws::channel;
use crate::chat::channel::Socket;
use crate::chat::event_loop::EventLoop;
use crate::wire::frame;
use crate::wire::outgoing::{Encoding, Format, Framing};
use bytes::Bytes;
use std::rc::Rc;
use std::sync::Arc;

/// Until the first request says otherwise, the server speaks MessagePack.
const ENCODING: Encoding = Encoding { framing: Framing::Bare, format: Format::BinMsgPack };

/// Takes a connection in, or tells it to come later.
pub fn serve(doors: &Arc<Doors>, event_loop: &Rc<EventLoop>, socket: Socket) {
    let channel = channel(doors, socket, ENCODING);
    let decoder = Decoder::Bare(frame::Decoder::new(doors.chat.limits.frame_bytes));
    let pass = match doors.enter() {
        Ok(pass) => pass,
        Err(code) => return turn_away(channel, event_loop, decoder, code),
    };
    let arrival = Arrival { channel, decoder, early: Bytes::new(), pass, project: None, token: None };
    Session::start_on(doors, event_loop, arrival);
}
