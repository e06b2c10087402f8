//! Quantities as people type them: `20mbit`, `2h`.

use std::time::Duration;

use byte_unit::{Bit, Unit};

/// The slowest uplink that is worth a tree edge: one voice with its headers.
const KBPS_MIN: u32 = 64;
/// Beyond this a typing error is likelier than a network.
const KBPS_MAX: u32 = 100_000_000;

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
    fn spans_are_bounded() {
        assert_eq!(span("1h 30min"), Ok(Duration::from_secs(5400)));
        for text in ["", "soon", "0s", "2000days"] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
