//! `canopy link`: has an XDG desktop open `canopy:` links with this program; `canopy follow` is what it then starts.
//!
//! A desktop hands a link over as an argument, which every user of the machine can read while the process shows it. So
//! whoever is started with a link starts `canopy join -` in its own place at once, and gives it the link by a pipe.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use directories::BaseDirs;

use crate::args::{Follow, Link};
use crate::fail::{Fail, Outcome};

const FILE: &str = "canopy-link.desktop";
const SCHEME: &str = "x-scheme-handler/canopy";
/// A pipe takes this much before anybody reads it; an invite has 16 KiB at the most.
const LINK_MAX: usize = 16 * 1024;

/// Writes the desktop's file, or removes it.
pub fn run(args: Link) -> Outcome {
    let folder = folder()?;
    let path = folder.join(FILE);
    let wrong = |error: io::Error| Fail::failed(format!("{} can't be changed: {error}", path.display()));
    if args.remove {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(wrong(error)),
            _ => {}
        }
        told("update-desktop-database", &[&folder.display().to_string()]);
        eprintln!("canopy: links are not opened by this program any longer.");
        return Ok(());
    }
    let program = std::env::current_exe().map_err(Fail::failed)?;
    fs::create_dir_all(&folder).map_err(wrong)?;
    fs::write(&path, entry(&program)).map_err(wrong)?;
    told("update-desktop-database", &[&folder.display().to_string()]);
    let chosen = told("xdg-mime", &["default", FILE, SCHEME]);
    eprintln!("canopy: links are opened by {} from now on: {} says so.", program.display(), path.display());
    if !chosen {
        eprintln!("If they are not, choose it: xdg-mime default {FILE} {SCHEME}");
    }
    eprintln!(
        "A link that is clicked can be seen for a moment by other users of this machine; one that is pasted can't."
    );
    Ok(())
}

/// Where this user's desktop files are.
fn folder() -> Outcome<PathBuf> {
    let dirs = BaseDirs::new().ok_or_else(|| Fail::failed("this user has no home folder"))?;
    Ok(dirs.data_dir().join("applications"))
}

/// Asks one of the desktop's programs to take note. False if it is not there, or fails.
fn told(program: &str, args: &[&str]) -> bool {
    let status = Command::new(program).args(args).stdin(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn entry(program: &Path) -> String {
    format!(
        "[Desktop Entry]\nType=Application\nName=Canopy\nComment=Take part in a meeting\n\
         Exec={} follow -- %u\nTerminal=false\nNoDisplay=true\nMimeType={SCHEME};\n",
        quoted(&program.display().to_string())
    )
}

/// A word of an Exec line: quoted, then escaped once more as every text of such a file is.
fn quoted(word: &str) -> String {
    let mut text = String::from("\"");
    for letter in word.chars() {
        match letter {
            '"' | '`' | '$' => _ = write!(text, "\\\\{letter}"),
            '\\' => text.push_str("\\\\\\\\"),
            '%' => text.push_str("%%"),
            _ => text.push(letter),
        }
    }
    text + "\""
}

/// Joins by a link that the desktop was asked to open.
pub fn follow(args: Follow) -> Outcome {
    let link = args.link;
    if link.len() > LINK_MAX {
        return Err(Fail::usage("this link is too long for an invite: copy it again, whole"));
    }
    let (reader, mut writer) = io::pipe().map_err(Fail::failed)?;
    writer.write_all(link.as_bytes()).map_err(Fail::failed)?;
    drop(writer);
    let program = std::env::current_exe().map_err(Fail::failed)?;
    // Comes back only if it fails.
    Err(Fail::failed(Command::new(program).args(["join", "-"]).stdin(reader).exec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_paths_stay_one_word() {
        assert_eq!(quoted("/opt/my apps/canopy"), r#""/opt/my apps/canopy""#);
        assert_eq!(quoted(r#"/a"b$c%d\e"#), r#""/a\\"b\\$c%%d\\\\e""#);
    }
}
