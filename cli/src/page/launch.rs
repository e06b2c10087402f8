//! Opens the page in the user's browser.

use std::io::Write;
use std::path::PathBuf;

use crate::fail::{Fail, Outcome};

/// Opens `address` where there is a desktop; gives the file that has to stay until the browser has read it.
///
/// What a browser is started with can be read by all users of a machine, and the address ends in the token: so
/// the browser is given a file that only this user can read, and that leads to the address.
pub fn launch(address: &str) -> Outcome<Option<tempfile::TempPath>> {
    if !has_display() {
        return Ok(None);
    }
    let mut file = tempfile::Builder::new()
        .prefix("canopy-")
        .suffix(".html")
        .tempfile()
        .map_err(|error| Fail::failed(format!("the page's link can't be written: {error}")))?;
    // The address is of this program's own making: digits, dots, letters.
    let html = format!(
        "<!doctype html><meta charset=utf-8><title>Canopy</title><meta http-equiv=refresh content=\"0;url={address}\">"
    );
    file.write_all(html.as_bytes()).map_err(Fail::failed)?;
    let path = file.into_temp_path();
    let shown: PathBuf = path.to_path_buf();
    if let Err(error) = open::that_detached(shown) {
        tracing::warn!(%error, "no browser could be started");
    }
    Ok(Some(path))
}

/// True if there is a desktop to open something on.
fn has_display() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(all(unix, not(target_os = "macos"))) || set("DISPLAY") || set("WAYLAND_DISPLAY")
}
