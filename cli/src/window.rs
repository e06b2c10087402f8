//! The meeting window: what the page asks for and is told, and its media both ways. The page holds no keys: it
//! encodes and decodes, the node seals and opens.

pub mod api;
mod frame;
pub mod incoming;
pub mod looks;
pub mod network;
pub mod outgoing;
pub mod quality;

use std::sync::Arc;

use crate::fail::Outcome;
use crate::page::{self, Page};
use outgoing::Inlet;

/// A page that is being served, before there is a node behind it.
pub struct Served {
    /// The page.
    pub page: Page,
    /// Where its media comes in.
    pub inlet: Arc<Inlet>,
}

/// Serves the meeting page at `port` of 127.0.0.1; 0 takes a free one.
pub async fn serve(port: u16) -> Outcome<Served> {
    let inlet = Arc::new(Inlet::new());
    let page = page::serve(port, "", Arc::clone(&inlet) as Arc<dyn page::Media>).await?;
    Ok(Served { page, inlet })
}
