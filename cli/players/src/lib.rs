//! A meeting of real processes, as somebody sees it who starts them and reads what they leave behind: `canopy demo` on
//! loopback, and the live runs of `netsim-live` in network namespaces.
//!
//! | module | what |
//! |---|---|
//! | [`player`] | one process: started, heard, killed, stopped |
//! | [`measure`] | figures of two journals: what one got of what the other sent |
//! | [`journal`] | what happened to each frame, as each process writes it down |
//!
//! Each imports only from those below it.

pub mod journal;
pub mod measure;
pub mod player;
