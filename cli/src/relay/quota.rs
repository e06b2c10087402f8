//! What this machine's relays have sent in this calendar month: kept over restarts, and shared by all that run at once.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::fail::{Fail, Outcome};
use crate::{clock, folder, home};

/// Where it is kept, in the user's folder.
const FILE: &str = "relayed.json";

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    /// Such as `2026-11`, in local time.
    month: String,
    bytes: u64,
}

/// The owner's limit on what all relays of this user send in a month, headers included.
pub struct Quota {
    path: PathBuf,
    most: u64,
    /// What of this relay's is kept already, bytes.
    kept: u64,
    /// What all had left when it was.
    left: u64,
}

impl Quota {
    /// Fails if nothing is left.
    pub fn open(most: u64) -> Outcome<Quota> {
        let path = folder::of_user()?.join(FILE);
        let mut quota = Quota { path, most, kept: 0, left: 0 };
        quota.keep(0)?;
        match quota.left {
            0 => Err(Fail::usage(
                "the quota is used up: this machine's relays have sent as much this month. Give a larger --quota, or \
                 lend again next month",
            )),
            _ => Ok(quota),
        }
    }

    /// Keeps what this relay has sent so far, bytes.
    pub fn keep(&mut self, sent: u64) -> Outcome {
        let fresh = sent.saturating_sub(self.kept);
        let all = home::locked(&self.path, || add(&self.path, &clock::month(), fresh))?;
        (self.kept, self.left) = (sent.max(self.kept), self.most.saturating_sub(all));
        Ok(())
    }

    /// All of a month, bytes.
    pub fn most(&self) -> u64 {
        self.most
    }

    /// What is left of the month, bytes, where this relay has sent so much; what others sent since the last
    /// [`Quota::keep`] is not known.
    pub fn left(&self, sent: u64) -> u64 {
        self.left.saturating_sub(sent.saturating_sub(self.kept))
    }
}

/// Adds to what is kept; gives all that was sent this month.
fn add(path: &Path, month: &str, fresh: u64) -> Outcome<u64> {
    let kept = match home::read(path)? {
        Some(text) => serde_json::from_slice(&text).map_err(|error| {
            Fail::failed(format!(
                "{} is not what this program keeps there ({error}): remove it to count from nothing",
                path.display()
            ))
        })?,
        None => Sent::default(),
    };
    let before = if kept.month == month { kept.bytes } else { 0 };
    let sent = Sent { month: month.to_owned(), bytes: before.saturating_add(fresh) };
    if sent != kept {
        home::write(path, &serde_json::to_vec(&sent).map_err(Fail::failed)?)?;
    }
    Ok(sent.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_have_sent_adds_up_until_the_month_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept").join(FILE);
        for (month, fresh, all) in
            [("2026-11", 5, 5), ("2026-11", 0, 5), ("2026-11", 7, 12), ("2026-12", 2, 2), ("2026-12", 1, 3)]
        {
            assert_eq!(add(&path, month, fresh).unwrap(), all);
        }
        #[cfg(unix)]
        {
            let mode =
                std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
            assert_eq!(mode & 0o777, 0o600);
        }
        std::fs::write(&path, "many").unwrap();
        assert!(add(&path, "2026-12", 1).unwrap_err().to_string().contains("remove it"));
    }

    #[test]
    fn what_one_relay_sends_comes_off_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let mut quota = Quota { path, most: 100, kept: 0, left: 100 };
        assert_eq!((quota.left(30), quota.left(130)), (70, 0));
        quota.keep(30).unwrap();
        assert_eq!((quota.left(30), quota.left(50)), (70, 50));
        let mut other = Quota { path: quota.path.clone(), most: 100, kept: 0, left: 100 };
        other.keep(60).unwrap();
        quota.keep(30).unwrap();
        assert_eq!(quota.left(30), 10, "all relays of this user together");
    }
}
