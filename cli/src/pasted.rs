//! How a line that people paste gets into the program: asked for, from a file, from standard input, or as an argument.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use dialoguer::Password;
use zeroize::Zeroizing;

use crate::fail::{Fail, Outcome};

/// No line is longer, not even one that a chat has wrapped.
const TEXT_MAX: u64 = 64 * 1024;

/// What a line is, as the user is told.
pub struct Kind {
    /// With its article.
    pub name: &'static str,
    pub prefix: &'static str,
    /// The command that asks for it.
    pub asked_by: &'static str,
}

impl Kind {
    /// The text that `argument` names, which may be no line at all; asks for it if there is none.
    pub fn read(&self, argument: Option<&str>) -> Outcome<Zeroizing<String>> {
        match argument {
            None => self.ask(),
            Some("-") => self.all_of(io::stdin().lock(), "standard input"),
            Some(text) if text.trim_start().starts_with("canopy") && text.contains(':') => {
                eprintln!(
                    "canopy: warning: others on this machine can see {} among the arguments; better run \
                     '{}' and paste it when asked",
                    self.name, self.asked_by
                );
                Ok(Zeroizing::new(text.to_owned()))
            }
            Some(path) => self.in_file(Path::new(path)),
        }
    }

    fn ask(&self) -> Outcome<Zeroizing<String>> {
        if !io::stdin().is_terminal() {
            return Err(Fail::usage(format!(
                "{} is needed: name a file that holds it, or '-' to read it from standard input",
                self.name
            )));
        }
        let prompt = format!("Paste {} ({}…, not shown)", self.name, self.prefix);
        let asked = Password::new().with_prompt(prompt).interact();
        asked
            .map(Zeroizing::new)
            .map_err(|error| Fail::failed(format!("{} can't be read: {error}", self.name)))
    }

    fn in_file(&self, path: &Path) -> Outcome<Zeroizing<String>> {
        let shown = path.display();
        let file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Fail::usage(format!(
                "'{shown}' is neither {} ({}…) nor a file that holds one",
                self.name, self.prefix
            )),
            _ => Fail::usage(format!("{shown} can't be read: {error}")),
        })?;
        self.all_of(file, &shown.to_string())
    }

    /// A chat may have wrapped the line, so all lines belong to it.
    fn all_of(&self, input: impl Read, name: &str) -> Outcome<Zeroizing<String>> {
        let mut text = Zeroizing::new(String::new());
        input
            .take(TEXT_MAX)
            .read_to_string(&mut text)
            .map_err(|error| Fail::usage(format!("{name} doesn't hold {}: {error}", self.name)))?;
        Ok(text)
    }
}
