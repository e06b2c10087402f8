//! The page's one socket: text both ways for what is said, binary both ways for media.
//!
//! One page at a time: the newest wins, the one before is told so and closed. A page that can't keep up loses
//! frames of media; if it doesn't even read what is said, its socket is closed, and it begins anew.

#![cfg_attr(not(feature = "ffmpeg"), allow(dead_code, reason = "a relay's page has no media"))]

use std::sync::Arc;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::{Duration, timeout};

/// Bytes of one message: the largest frame and its header fit.
pub const MESSAGE_MAX: usize = 1 << 20;
/// Bytes of one text from the page: the longest chat line fits, whatever is escaped in it.
const TEXT_MAX: usize = 32 * 1024;
/// What the page asks for and nobody has looked at yet; a page that asks more waits.
const REQUESTS_MAX: usize = 64;
/// Texts to the page that wait to be written.
const TEXTS_MAX: usize = 256;
/// Frames of media to the page that wait to be written: about half a second of 16 sources.
const FRAMES_MAX: usize = 512;

/// How long a page that was told to close has to do so.
const FAREWELL: Duration = Duration::from_secs(1);

/// Close codes of our own (RFC 6455, 7.4.2: 4000 and up are private).
const REPLACED: u16 = 4001;
const TOO_SLOW: u16 = 4002;
const TOO_LONG: u16 = 4003;

/// Takes frames of media from the page, on the socket's own task. Must not block.
pub trait Media: Send + Sync {
    /// A page's socket has opened: whatever an earlier one sent is over.
    fn opened(&self);
    /// One binary message.
    fn frame(&self, bytes: &[u8]);
}

/// What happens at the page's end.
#[derive(Debug)]
pub enum Request {
    /// A page is there, and knows nothing yet.
    Opened,
    /// It says something: one text message.
    Said(String),
    /// No page is there any more.
    Closed,
}

/// Where messages to the page go; without a page they go nowhere.
#[derive(Default)]
pub struct Outlet {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    opened: u64,
    current: Option<Current>,
}

struct Current {
    id: u64,
    texts: mpsc::Sender<String>,
    frames: mpsc::Sender<Bytes>,
    end: mpsc::Sender<CloseFrame>,
}

impl Outlet {
    /// Says a text.
    pub fn say(&self, text: String) {
        let mut state = self.state.lock();
        if state.current.as_ref().is_some_and(|current| current.texts.try_send(text).is_err()) {
            close(state.current.take(), TOO_SLOW, "the page doesn't read what it is told");
        }
    }

    /// Sends a frame of media; false if there was no room for it, or no page.
    pub fn frame(&self, bytes: Bytes) -> bool {
        self.state.lock().current.as_ref().is_some_and(|current| current.frames.try_send(bytes).is_ok())
    }

    fn open(&self) -> (u64, Ends) {
        let (texts, texts_out) = mpsc::channel(TEXTS_MAX);
        let (frames, frames_out) = mpsc::channel(FRAMES_MAX);
        let (end, end_out) = mpsc::channel(1);
        let mut state = self.state.lock();
        state.opened += 1;
        let id = state.opened;
        close(
            state.current.replace(Current { id, texts, frames, end }),
            REPLACED,
            "another tab has the meeting now",
        );
        (id, Ends { texts: texts_out, frames: frames_out, end: end_out })
    }

    /// True if the page that closed was the one that counts.
    fn shut(&self, id: u64) -> bool {
        let mut state = self.state.lock();
        let newer = state.current.as_ref().is_some_and(|current| current.id != id);
        if !newer {
            state.current = None;
        }
        !newer
    }

    fn is_current(&self, id: u64) -> bool {
        self.state.lock().current.as_ref().is_some_and(|current| current.id == id)
    }
}

fn close(current: Option<Current>, code: u16, reason: &'static str) {
    if let Some(current) = current {
        let _ = current.end.try_send(CloseFrame { code, reason: reason.into() });
    }
}

/// What a socket's task reads from.
struct Ends {
    texts: mpsc::Receiver<String>,
    frames: mpsc::Receiver<Bytes>,
    end: mpsc::Receiver<CloseFrame>,
}

/// What a new socket is joined to.
#[derive(Clone)]
pub struct Door {
    /// Messages to the page.
    pub outlet: Arc<Outlet>,
    /// What the page asks for.
    pub asked: mpsc::Sender<Request>,
    /// Media from the page.
    pub media: Arc<dyn Media>,
}

/// The queue of what the page asks for.
pub fn queue() -> (mpsc::Sender<Request>, mpsc::Receiver<Request>) {
    mpsc::channel(REQUESTS_MAX)
}

/// Reads and writes one socket until either end closes it.
pub async fn attend(socket: WebSocket, door: Door) {
    let (id, mut ends) = door.outlet.open();
    door.media.opened();
    let (mut sink, mut stream) = socket.split();
    let writing = async {
        loop {
            // What is said is little, and what is heard is more urgent than what is seen late.
            let message = tokio::select! {
                biased;
                Some(end) = ends.end.recv() => {
                    let _ = sink.send(Message::Close(Some(end))).await;
                    return;
                }
                text = ends.texts.recv() => match text {
                    Some(text) => Message::Text(text.into()),
                    None => return,
                },
                Some(frame) = ends.frames.recv() => Message::Binary(frame),
            };
            if sink.send(message).await.is_err() {
                return;
            }
        }
    };
    let reading = async {
        if door.asked.send(Request::Opened).await.is_err() {
            return;
        }
        while let Some(Ok(message)) = stream.next().await {
            match message {
                Message::Binary(bytes) if door.outlet.is_current(id) => door.media.frame(&bytes),
                Message::Text(text) if text.len() > TEXT_MAX => {
                    close(
                        door.outlet.state.lock().current.take_if(|current| current.id == id),
                        TOO_LONG,
                        "too long a text",
                    );
                }
                Message::Text(text) if door.outlet.is_current(id) => {
                    let said = Request::Said(text.as_str().to_owned());
                    if door.asked.send(said).await.is_err() {
                        return;
                    }
                }
                Message::Close(_) => return,
                _ => {}
            }
        }
    };
    tokio::select! {
        () = writing => {}
        () = reading => {}
    }
    if door.outlet.shut(id) {
        let _ = door.asked.send(Request::Closed).await;
    }
    // What the page still sends is read and left: a connection that is closed on unread bytes is reset, and the page
    // would not hear why.
    let _ = timeout(FAREWELL, async { while let Some(Ok(_)) = stream.next().await {} }).await;
}
