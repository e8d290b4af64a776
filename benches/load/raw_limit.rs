//! What the sockets of this machine allow: a server that only passes on.
//!
//! Two threads, each with its share of the connections. A message is framed once; each thread gathers what has come, joins it
//! by room, and writes to each connection once a round. No users, no rights, no numbers, no database, no bound on what waits.

use bytes::{Bytes, BytesMut};
use palabre::wire::ws::Opcode;
use palabre::wire::ws::frame::put_header;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{LocalSet, spawn_local};

const THREADS: usize = 2;
const READ_BYTES: usize = 64 * 1024;
/// Messages joined at most before they are written.
const BATCH: usize = 256;
/// Rooms there may be.
const ROOMS: usize = 65_536;

type Message = (usize, Bytes);

/// What both threads know.
#[derive(Clone)]
struct Everybody {
    inboxes: [UnboundedSender<Message>; THREADS],
    /// A bit for each thread that has somebody in the room.
    interest: Arc<[AtomicUsize]>,
}

/// One thread's connections.
struct Hub {
    index: usize,
    rooms: RefCell<HashMap<usize, Vec<Rc<Peer>>>>,
    everybody: Everybody,
    filler: Bytes,
}

struct Peer {
    socket: OwnedWriteHalf,
    /// What the socket did not take.
    rest: RefCell<BytesMut>,
    writes: Cell<bool>,
}

/// Serves until it is killed. What it sends is `push_bytes` longer than what it is sent.
pub fn serve(push_bytes: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (first, first_inbox) = unbounded_channel();
    let (second, second_inbox) = unbounded_channel();
    let interest = (0..ROOMS).map(|_| AtomicUsize::new(0)).collect();
    let everybody = Everybody { inboxes: [first, second], interest };
    let (hand_over, arrivals) = unbounded_channel();
    let others = everybody.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        LocalSet::new().block_on(&runtime, thread(1, others, second_inbox, arrivals, push_bytes));
    });
    LocalSet::new().block_on(&runtime, async move {
        let (mine, arrivals) = unbounded_channel();
        spawn_local(thread(0, everybody, first_inbox, arrivals, push_bytes));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        println!("ready: http://{address}, tcp://{address}");
        let threads = [mine, hand_over];
        let mut next = 0;
        while let Ok((socket, _)) = listener.accept().await {
            let socket = socket.into_std().expect("a socket");
            threads[next % THREADS].send(socket).expect("a thread");
            next += 1;
        }
    });
}

async fn thread(
    index: usize,
    everybody: Everybody,
    inbox: UnboundedReceiver<Message>,
    mut arrivals: UnboundedReceiver<std::net::TcpStream>,
    push_bytes: usize,
) {
    let hub = Rc::new(Hub { index, rooms: RefCell::default(), everybody, filler: vec![b' '; push_bytes].into() });
    spawn_local(fan_out(Rc::clone(&hub), inbox));
    while let Some(socket) = arrivals.recv().await {
        let socket = TcpStream::from_std(socket).expect("a socket of this runtime");
        let hub = Rc::clone(&hub);
        spawn_local(async move {
            let _ = connection(hub, socket).await;
        });
    }
}

/// Writes what has gathered.
async fn fan_out(hub: Rc<Hub>, mut inbox: UnboundedReceiver<Message>) {
    let mut batch = Vec::new();
    while inbox.recv_many(&mut batch, BATCH).await > 0 {
        // In their order, since messages of one room follow each other in most batches.
        let mut joined: Vec<(usize, BytesMut)> = Vec::new();
        for (room, bytes) in batch.drain(..) {
            match joined.last_mut() {
                Some((last, all)) if *last == room => all.extend_from_slice(&bytes),
                _ => joined.push((room, BytesMut::from(&bytes[..]))),
            }
        }
        for (room, bytes) in joined {
            let rooms = hub.rooms.borrow();
            for peer in rooms.get(&room).into_iter().flatten() {
                peer.write(&bytes);
            }
        }
        tokio::task::yield_now().await;
    }
}

impl Peer {
    fn write(self: &Rc<Self>, bytes: &[u8]) {
        let taken = if self.writes.get() { 0 } else { self.socket.try_write(bytes).unwrap_or(0) };
        if taken == bytes.len() {
            return;
        }
        self.rest.borrow_mut().extend_from_slice(&bytes[taken..]);
        if !self.writes.replace(true) {
            let peer = Rc::clone(self);
            spawn_local(async move { peer.write_rest().await });
        }
    }

    async fn write_rest(&self) {
        loop {
            let mut rest = self.rest.take();
            if rest.is_empty() {
                return self.writes.set(false);
            }
            while !rest.is_empty() {
                if self.socket.writable().await.is_err() {
                    return;
                }
                match self.socket.try_write(&rest) {
                    Ok(written) => drop(rest.split_to(written)),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return,
                }
            }
        }
    }
}

async fn connection(hub: Rc<Hub>, socket: TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let (mut read, mut write) = socket.into_split();
    let (room, mut input) = handshake(&mut read).await?;
    write.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").await?;
    let peer = Rc::new(Peer { socket: write, rest: RefCell::default(), writes: Cell::new(false) });
    hub.rooms.borrow_mut().entry(room).or_default().push(peer);
    let interest = &hub.everybody.interest[room % ROOMS];
    interest.fetch_or(1 << hub.index, Ordering::Relaxed);
    loop {
        while let Some((payload, length)) = whole_message(&input) {
            let mut frame = Vec::with_capacity(10 + hub.filler.len() + payload.len());
            put_header(&mut frame, Opcode::Text, true, false, hub.filler.len() + payload.len());
            frame.extend_from_slice(&hub.filler);
            frame.extend_from_slice(&input[payload]);
            let frame = Bytes::from(frame);
            let interested = interest.load(Ordering::Relaxed);
            for (index, inbox) in hub.everybody.inboxes.iter().enumerate() {
                if interested & (1 << index) != 0 {
                    let _ = inbox.send((room, frame.clone()));
                }
            }
            drop(input.split_to(length));
        }
        input.reserve(READ_BYTES);
        if read.read_buf(&mut input).await? == 0 {
            return Ok(());
        }
    }
}

/// The room that the address names.
async fn handshake(read: &mut OwnedReadHalf) -> io::Result<(usize, BytesMut)> {
    const END: &[u8] = b"\r\n\r\n";
    let mut input = BytesMut::new();
    loop {
        if read.read_buf(&mut input).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(end) = memchr::memmem::find(&input, END) {
            let head = input.split_to(end + END.len());
            let digits = head.iter().skip_while(|byte| !byte.is_ascii_digit()).take_while(|byte| byte.is_ascii_digit());
            let room = digits.fold(0, |room, digit| room * 10 + usize::from(digit - b'0'));
            return Ok((room, input));
        }
    }
}

/// Where the payload of the first message is, and the length of the whole, once it is there. The generator's mask is zero.
fn whole_message(input: &[u8]) -> Option<(std::ops::Range<usize>, usize)> {
    let (start, length) = match *input.get(1)? & 0x7f {
        126 => (8, usize::from(u16::from_be_bytes(input.get(2..4)?.try_into().ok()?))),
        short => (6, usize::from(short)),
    };
    (input.len() >= start + length).then_some((start..start + length, start + length))
}
