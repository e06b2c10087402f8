//! Control messages and unit headers as bytes.

mod header;
mod message;

pub use header::{HEADER_LEN, NotAHeader};
pub use message::{Message, MessageError, NoteId, Refusal, TreeTick};
