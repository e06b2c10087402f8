//! Whether this machine relays for others in meetings that its user takes part in: only after a yes, which is asked for
//! once, at the terminal or in the page.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use dialoguer::{Input, Select};
use overlay_core::io::Lends;
use serde::Serialize;

use crate::args::Join;
use crate::fail::{Fail, Outcome};
use crate::quantity::Lend;
use crate::{folder, home, quantity};

/// Where the answer is kept, in the user's folder.
const FILE: &str = "lend";

const NOTHING: Lends = Lends::UpTo(0);

/// What this node lends, by whose word, and what a yes in its page means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lending {
    lends: Lends,
    yes: Lends,
    word: Word,
}

/// Whose word on lending counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Word {
    /// Nobody was asked yet on this machine: the page asks.
    Unasked,
    /// The answer of this machine, for later meetings too.
    Kept,
    /// `--lend` said it, for this meeting only.
    Typed,
    /// It hides its address and feeds nobody.
    Hidden,
}

impl Lending {
    fn new(lends: Lends, word: Word) -> Lending {
        let yes = if lends == NOTHING { Lends::Spare } else { lends };
        Lending { lends, yes, word }
    }

    /// What others' media may cost now.
    pub fn lends(&self) -> Lends {
        self.lends
    }

    /// Whose word that is.
    pub fn word(&self) -> Word {
        self.word
    }

    /// Its user says yes or no. A yes means what was lent before, else what is left of the uplink.
    pub fn answer(&mut self, yes: bool) -> Outcome {
        match self.word {
            Word::Hidden => {
                return Err(Fail::usage(
                    "This node hides its address and feeds nobody: join without --hide-ip to lend.",
                ));
            }
            Word::Unasked => self.word = Word::Kept,
            Word::Kept | Word::Typed => {}
        }
        self.lends = if yes { self.yes } else { NOTHING };
        Ok(())
    }

    /// Remembers the answer for later meetings. What was typed is for one meeting, and so is what was answered instead.
    pub fn keep(&self) -> Outcome {
        match self.word {
            Word::Kept => home::write(&path()?, words(self.lends).as_bytes()),
            Word::Unasked | Word::Typed | Word::Hidden => Ok(()),
        }
    }
}

/// What others' media may cost: what was typed, else what was answered once, else what is answered now, else nothing.
/// Who hides its address feeds nobody anyway.
pub fn decide(args: &Join) -> Outcome<Lending> {
    if args.hide_ip {
        return Ok(Lending::new(NOTHING, Word::Hidden));
    }
    let asked_again = match args.lend {
        Some(Lend::This(lends)) => return Ok(Lending::new(lends, Word::Typed)),
        Some(Lend::Ask) => true,
        None => false,
    };
    let answered = home::read(&path()?)?.and_then(|text| quantity::lends(std::str::from_utf8(&text).ok()?));
    match answered {
        Some(lends) if !asked_again => Ok(Lending::new(lends, Word::Kept)),
        _ if io::stdin().is_terminal() && io::stderr().is_terminal() => {
            let lending = Lending::new(ask(args.uplink)?, Word::Kept);
            lending.keep()?;
            Ok(lending)
        }
        _ if !args.headless => {
            eprintln!("This node relays nothing for others until somebody says yes in its page.");
            Ok(Lending::new(NOTHING, Word::Unasked))
        }
        _ if asked_again => Err(Fail::usage("'--lend ask' needs a terminal: say auto, a rate, or no")),
        _ => {
            eprintln!(
                "This node relays nothing for others, since nobody was asked yet on this machine: '--lend auto' would."
            );
            Ok(Lending::new(NOTHING, Word::Unasked))
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
        0 => Ok(NOTHING),
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

    #[test]
    fn a_yes_means_what_was_lent_before_else_what_is_left() {
        for (typed, yes) in [(Lends::UpTo(800), Lends::UpTo(800)), (NOTHING, Lends::Spare)] {
            let mut lending = Lending::new(typed, Word::Typed);
            for (answer, lends) in [(false, NOTHING), (true, yes), (false, NOTHING), (true, yes)] {
                lending.answer(answer).unwrap();
                assert_eq!((lending.lends(), lending.word()), (lends, Word::Typed));
            }
        }
    }

    #[test]
    fn who_was_not_asked_lends_nothing_and_has_an_answer_after_a_yes_or_a_no() {
        for (answer, lends) in [(true, Lends::Spare), (false, NOTHING)] {
            let mut lending = Lending::new(NOTHING, Word::Unasked);
            assert_eq!(lending.lends(), NOTHING);
            lending.answer(answer).unwrap();
            assert_eq!((lending.lends(), lending.word()), (lends, Word::Kept));
        }
    }

    #[test]
    fn who_hides_its_address_lends_nothing_whatever_the_page_says() {
        let mut lending = Lending::new(NOTHING, Word::Hidden);
        assert!(lending.answer(true).is_err());
        assert_eq!((lending.lends(), lending.word()), (NOTHING, Word::Hidden));
    }
}
