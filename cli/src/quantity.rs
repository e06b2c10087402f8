//! Quantities as people type them: `20mbit`, `2h`.

use std::time::Duration;

use byte_unit::{Bit, Byte, Unit};
use overlay_core::config::DRAIN_FOR;
use overlay_core::io::Lends;

/// The slowest uplink that is worth a tree edge: one voice with its headers.
const KBPS_MIN: u32 = 64;
/// Beyond this a typing error is likelier than a network.
const KBPS_MAX: u32 = 100_000_000;

/// A quota below this is a typing error.
const QUOTA_MIN: u64 = 1_000_000;
/// Hours shorter than this are over before anybody is fed.
const HOURS_MIN_S: u32 = 600;
const DAY_S: u32 = 24 * 3600;

/// Bits a second, from `20mbit`, `1.5 Mbit`, `800kbit`, `20mbps`.
pub fn rate_kbps(text: &str) -> Result<u32, String> {
    const REMEDY: &str = "write a rate such as 20mbit, 800kbit or 1gbit";
    let typed = text.trim().to_ascii_lowercase();
    let typed = typed.strip_suffix("/s").unwrap_or(&typed);
    let typed = typed.strip_suffix("ps").map_or(typed.to_owned(), |rest| {
        if rest.ends_with('b') { format!("{rest}it") } else { rest.to_owned() }
    });
    if !typed.ends_with("bit") {
        return Err(format!("'{text}' is not a rate: {REMEDY}"));
    }
    let bits = Bit::parse_str(&typed).map_err(|_| format!("'{text}' is not a rate: {REMEDY}"))?;
    let kbps = bits.get_adjusted_unit(Unit::Kbit).get_value();
    if !(f64::from(KBPS_MIN)..=f64::from(KBPS_MAX)).contains(&kbps) {
        return Err(format!("an uplink of '{text}' makes no sense: {REMEDY}, at least {KBPS_MIN}kbit"));
    }
    Ok(kbps as u32)
}

/// Bytes, from `50GB`, `800 MB`, `1TiB`.
pub fn bytes(text: &str) -> Result<u64, String> {
    const REMEDY: &str = "write an amount such as 50GB or 800MB, at least 1MB";
    let typed = text.trim().to_ascii_lowercase();
    let bytes =
        Byte::parse_str(&typed, true).map_err(|_| format!("'{text}' is no amount of data: {REMEDY}"))?;
    if !typed.ends_with('b') || bytes.as_u64() < QUOTA_MIN {
        return Err(format!("'{text}' is no amount of data to lend: {REMEDY}"));
    }
    Ok(bytes.as_u64())
}

/// Hours of the day, in seconds from midnight; over midnight if they end before they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    from: u32,
    to: u32,
}

impl Hours {
    /// True if somebody may be fed at this second of the day, and is not to be moved yet.
    pub fn lends_at(self, second: u32) -> bool {
        let within = |second: u32| match self.from < self.to {
            true => (self.from..self.to).contains(&second),
            false => second >= self.from || second < self.to,
        };
        within(second) && within((second + DRAIN_FOR.as_secs() as u32) % DAY_S)
    }
}

/// Hours of the day, from `18:00-23:00`, `22:00-6:30`.
pub fn hours(text: &str) -> Result<Hours, String> {
    let wrong =
        || format!("'{text}' is no time of the day: write one such as 18:00-23:00, from 00:00 to 23:59");
    let second = |text: &str| {
        let time = jiff::civil::Time::strptime("%H:%M", text.trim()).map_err(|_| wrong())?;
        let of = |number: i8| u32::from(number.unsigned_abs());
        Ok::<u32, String>(of(time.hour()) * 3_600 + of(time.minute()) * 60)
    };
    let (from, to) = text.split_once('-').ok_or_else(wrong)?;
    let (from, to) = (second(from)?, second(to)?);
    if (to + DAY_S - from) % DAY_S < HOURS_MIN_S {
        return Err(format!(
            "'{text}' is too short: ten minutes at least, and leave --hours out to lend all day"
        ));
    }
    Ok(Hours { from, to })
}

/// What `--lend` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lend {
    /// This, this time.
    This(Lends),
    /// The answer of before counts no longer.
    Ask,
}

/// What is lent, from `auto`, `no`, a rate, or `ask`.
pub fn lend(text: &str) -> Result<Lend, String> {
    match text.trim() {
        "ask" => Ok(Lend::Ask),
        text => lends(text).map(Lend::This).ok_or_else(|| {
            format!("'{text}' is none of auto, no, ask, nor a rate such as 1mbit or 800kbit, at least {KBPS_MIN}kbit")
        }),
    }
}

/// The same without `ask`.
pub fn lends(text: &str) -> Option<Lends> {
    match text.trim() {
        "auto" => Some(Lends::Spare),
        "no" => Some(Lends::UpTo(0)),
        rate => rate_kbps(rate).ok().map(Lends::UpTo),
    }
}

/// A time span, from `2h`, `90min`, `1h 30min`.
pub fn span(text: &str) -> Result<Duration, String> {
    let span = humantime::parse_duration(text)
        .map_err(|_| format!("'{text}' is not a time span: write one such as 2h, 90min or 30s"))?;
    if span < Duration::from_secs(1) || span > Duration::from_secs(365 * 24 * 3600) {
        return Err(format!("'{text}' is out of range: one second to one year"));
    }
    Ok(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_people_write_them() {
        for (text, kbps) in [
            ("20mbit", 20_000),
            ("1.5 Mbit", 1_500),
            ("800kbit", 800),
            ("20mbps", 20_000),
            ("1Gbit/s", 1_000_000),
        ] {
            assert_eq!(rate_kbps(text), Ok(kbps), "{text}");
        }
    }

    #[test]
    fn nonsense_rates_say_what_to_write() {
        for text in
            ["", "fast", "20", "-3mbit", "20mb", "0mbit", "1bit", "nanmbit", "infmbit", "99999999tbit"]
        {
            let error = rate_kbps(text).expect_err(text);
            assert!(error.contains("20mbit"), "{text}: {error}");
        }
    }

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (text, amount) in
            [("50GB", 50_000_000_000), ("800 mb", 800_000_000), ("1MiB", 1 << 20), ("1.5gb", 1_500_000_000)]
        {
            assert_eq!(bytes(text), Ok(amount), "{text}");
        }
        for text in ["", "much", "50", "1kb", "-5GB", "50gbit", "99999999999TB"] {
            assert!(bytes(text).expect_err(text).contains("50GB"), "{text}");
        }
    }

    #[test]
    fn hours_go_over_midnight_and_end_a_little_early() {
        let at = |hour: u32, minute: u32, second: u32| hour * 3600 + minute * 60 + second;
        let evening = hours("18:00-23:00").expect("good");
        for (second, lends) in [
            (at(17, 59, 59), false),
            (at(18, 0, 0), true),
            (at(22, 59, 29), true),
            (at(22, 59, 30), false),
            (at(23, 0, 0), false),
        ] {
            assert_eq!(evening.lends_at(second), lends, "{second}");
        }
        let night = hours("22:00-6:30").expect("good");
        for (second, lends) in [
            (at(21, 0, 0), false),
            (at(23, 59, 45), true),
            (0, true),
            (at(6, 29, 45), false),
            (at(12, 0, 0), false),
        ] {
            assert_eq!(night.lends_at(second), lends, "{second}");
        }
        for text in ["", "18:00", "18-23", "25:00-26:00", "18:00-18:05", "9:00-9:00", "evening-night"] {
            assert!(hours(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_lent_is_a_word_or_a_rate() {
        assert_eq!(lend("1.5 Mbit"), Ok(Lend::This(Lends::UpTo(1_500))));
        assert_eq!(lend("no"), Ok(Lend::This(Lends::UpTo(0))));
        assert_eq!(lend("ask"), Ok(Lend::Ask));
        for text in ["", "yes", "1", "10bit", "-1mbit"] {
            assert!(lend(text).expect_err(text).contains("auto"), "{text}");
        }
    }

    #[test]
    fn spans_are_bounded() {
        assert_eq!(span("1h 30min"), Ok(Duration::from_secs(5400)));
        for text in ["", "soon", "0s", "2000days"] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
