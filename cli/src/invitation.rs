//! How an invite gets into the program: asked for, from a file, from standard input, or as an argument.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use dialoguer::Password;
use keyagree::invite::Invite;
use zeroize::Zeroizing;

use crate::clock;
use crate::fail::{Fail, Outcome};

/// No invite is longer, not even one that a chat has wrapped.
const TEXT_MAX: u64 = 64 * 1024;

/// Reads and checks the invite that `argument` names; asks for it if there is none.
pub fn read(argument: Option<&str>) -> Outcome<Invite> {
    let text = match argument {
        None => ask()?,
        Some("-") => all_of(io::stdin().lock(), "standard input")?,
        Some(text) if text.trim_start().starts_with("canopy") && text.contains(':') => {
            eprintln!(
                "canopy: warning: others on this machine can see the invite among the arguments; \
                 better run 'canopy join' and paste it when asked"
            );
            Zeroizing::new(text.to_owned())
        }
        Some(path) => from_file(Path::new(path))?,
    };
    let invite = Invite::from_line(&text).map_err(Fail::failed)?;
    invite.check(clock::unix()).map_err(Fail::failed)?;
    Ok(invite)
}

/// An invite of this text, or of this file, whether it still counts or not.
pub fn any(argument: &str) -> Outcome<Invite> {
    let text = if argument.contains(':') {
        Zeroizing::new(argument.to_owned())
    } else {
        from_file(Path::new(argument))?
    };
    Invite::from_line(&text).map_err(Fail::failed)
}

fn ask() -> Outcome<Zeroizing<String>> {
    if !io::stdin().is_terminal() {
        return Err(Fail::usage(
            "no invite: name a file that holds it, or '-' to read it from standard input",
        ));
    }
    let asked = Password::new().with_prompt("Paste your invite (canopy:…, not shown)").interact();
    asked.map(Zeroizing::new).map_err(|error| Fail::failed(format!("the invite can't be read: {error}")))
}

fn from_file(path: &Path) -> Outcome<Zeroizing<String>> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Fail::usage(format!(
            "'{}' is neither an invite (canopy:…) nor a file that holds one",
            path.display()
        )),
        _ => Fail::usage(format!("{} can't be read: {error}", path.display())),
    })?;
    all_of(file, &path.display().to_string())
}

/// A chat may have wrapped the invite, so all lines belong to it.
fn all_of(input: impl Read, name: &str) -> Outcome<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    input
        .take(TEXT_MAX)
        .read_to_string(&mut text)
        .map_err(|error| Fail::usage(format!("{name} holds no invite: {error}")))?;
    Ok(text)
}
