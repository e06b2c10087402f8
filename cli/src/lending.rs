//! Whether this machine relays for others in meetings that its user takes part in: only after a yes, which is asked for
//! once.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use dialoguer::{Input, Select};
use overlay_core::io::Lends;

use crate::fail::{Fail, Outcome};
use crate::quantity::Lend;
use crate::{folder, home, quantity};

/// Where the answer is kept, in the user's folder.
const FILE: &str = "lend";

/// What others' media may cost this time: what was typed, else what was answered once, else what is answered now, else
/// nothing. `uplink` is what the node may send in all, kbit/s.
pub fn decide(typed: Option<Lend>, uplink: u32) -> Outcome<Lends> {
    let asked_again = match typed {
        Some(Lend::This(lends)) => return Ok(lends),
        Some(Lend::Ask) => true,
        None => false,
    };
    let path = path()?;
    let answered = home::read(&path)?.and_then(|text| quantity::lends(std::str::from_utf8(&text).ok()?));
    match answered {
        Some(lends) if !asked_again => Ok(lends),
        _ if io::stdin().is_terminal() && io::stderr().is_terminal() => {
            let lends = ask(uplink)?;
            home::write(&path, words(lends).as_bytes())?;
            Ok(lends)
        }
        _ if asked_again => Err(Fail::usage("'--lend ask' needs a terminal: say auto, a rate, or no")),
        _ => {
            eprintln!(
                "This node relays nothing for others, since nobody was asked yet on this machine: '--lend auto' would."
            );
            Ok(Lends::UpTo(0))
        }
    }
}

fn path() -> Outcome<PathBuf> {
    Ok(folder::of_user()?.join(FILE))
}

/// Who only presses return has not said yes.
fn ask(uplink: u32) -> Outcome<Lends> {
    eprintln!(
        "Meetings have no server: somebody has to pass sound and pictures on. May this machine do so for others in the \
         meetings that you\njoin? It sees nothing of them but sealed frames. It sends more data for it, never more than \
         --uplink ({uplink} kbit/s) in all.\nThis is asked once; 'canopy join --lend ask' asks again, and '--lend' says it \
         for one meeting."
    );
    let answers = ["No, only what is mine", "Yes, with what is left of the uplink", "Yes, up to a rate"];
    let wrong = |error: dialoguer::Error| Fail::failed(format!("the answer can't be read: {error}"));
    let answer = Select::new().with_prompt("Relay for others").items(answers).default(0).interact();
    match answer.map_err(wrong)? {
        0 => Ok(Lends::UpTo(0)),
        1 => Ok(Lends::Spare),
        _ => {
            let rate = Input::<String>::new().with_prompt("Up to (such as 1mbit)");
            let rate = rate.validate_with(|text: &String| quantity::rate_kbps(text).map(|_| ()));
            let text = rate.interact_text().map_err(wrong)?;
            quantity::rate_kbps(&text).map(Lends::UpTo).map_err(Fail::usage)
        }
    }
}

fn words(lends: Lends) -> String {
    match lends {
        Lends::Spare => "auto".into(),
        Lends::UpTo(0) => "no".into(),
        Lends::UpTo(kbps) => format!("{kbps}kbit"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_what_can_be_typed() {
        for lends in [Lends::Spare, Lends::UpTo(0), Lends::UpTo(800), Lends::UpTo(1_500_000)] {
            assert_eq!(quantity::lend(&words(lends)), Ok(Lend::This(lends)));
        }
    }
}
