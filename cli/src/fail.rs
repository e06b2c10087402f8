//! Why the program ends badly: one line that says what is wrong and what to do, and an exit code.

use std::fmt;
use std::process::ExitCode;

/// The end of a command that could not do its job.
#[derive(Debug)]
pub enum Fail {
    /// What was typed or handed over can't be used: exit code 2.
    Usage(String),
    /// The world did not play along: exit code 1.
    Failed(String),
}

/// What commands give back.
pub type Outcome<T = ()> = Result<T, Fail>;

impl Fail {
    /// What was typed can't be used.
    pub fn usage(text: impl fmt::Display) -> Fail {
        Fail::Usage(text.to_string())
    }

    /// Something outside of the program failed.
    pub fn failed(text: impl fmt::Display) -> Fail {
        Fail::Failed(text.to_string())
    }

    /// Prints the line to standard error and gives the exit code.
    pub fn report(&self) -> ExitCode {
        let (text, code) = match self {
            Fail::Usage(text) => (text, 2),
            Fail::Failed(text) => (text, 1),
        };
        eprintln!("canopy: {text}");
        ExitCode::from(code)
    }
}

impl fmt::Display for Fail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fail::Usage(text) | Fail::Failed(text) => f.write_str(text),
        }
    }
}
