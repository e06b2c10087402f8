//! The file in which a tester has the core's calls written down, for `netsim replay` (`docs/netsim.md`).

use std::fs::File;
use std::path::Path;

use crate::fail::{Fail, Outcome};

/// Makes the file, if one is wanted.
pub fn create(path: Option<&Path>) -> Outcome<Option<File>> {
    let Some(path) = path else { return Ok(None) };
    let file = File::create(path)
        .map_err(|error| Fail::failed(format!("{} can't be written: {error}", path.display())))?;
    Ok(Some(file))
}
