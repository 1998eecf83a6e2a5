//! Times: ISO 8601 or seconds in the cache, always seconds on the wire.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::number::is_number;

/// Seconds since the epoch, as the text of a JSON number, from an ISO 8601 time (UTC where it has no
/// offset) or from a number, which keeps its digits. None where it is neither.
pub(crate) fn unix_seconds(text: &str) -> Option<String> {
    if is_json_number(text) {
        return Some(text.to_owned());
    }
    let time = text.parse::<Timestamp>().ok().or_else(|| {
        let civil = text.parse::<DateTime>().ok()?;
        Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })?;
    Some(decimal(time))
}

fn is_json_number(text: &str) -> bool {
    is_number(text) && serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok()
}

fn decimal(time: Timestamp) -> String {
    let nanoseconds = time.as_nanosecond();
    let (sign, magnitude) = if nanoseconds < 0 { ("-", -nanoseconds) } else { ("", nanoseconds) };
    let fraction = format!("{:09}", magnitude % 1_000_000_000);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction}", magnitude / 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::unix_seconds;

    #[test]
    fn reads_every_form_that_the_cache_holds() {
        for (stored, seconds) in [
            ("2026-11-22T20:28:40.239250+00:00", "1795379320.23925"),
            ("2026-11-22T20:28:40+00:00", "1795379320"),
            ("2026-11-22T20:28:40.239250", "1795379320.23925"),
            ("2026-11-22 20:28:40", "1795379320"),
            ("2026-11-22T21:28:40+01:00", "1795379320"),
            ("1795380452.2698894", "1795380452.2698894"),
            ("1795380452", "1795380452"),
            ("1969-12-31T23:59:59.500Z", "-0.5"),
        ] {
            assert_eq!(unix_seconds(stored).as_deref(), Some(seconds), "{stored}");
        }
        for bad in ["", "yesterday", "2026-13-01T00:00:00Z", "NaN", "12:30", "1e", "01"] {
            assert_eq!(unix_seconds(bad), None, "{bad}");
        }
    }
}
