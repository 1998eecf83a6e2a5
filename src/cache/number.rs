//! The little arithmetic that results need, exact to the digits that the cache has.

use rust_decimal::Decimal;

/// Whether a JSON text is a number: what begins like one is one, or no JSON.
pub fn is_number(json: &str) -> bool {
    json.starts_with(|c: char| c == '-' || c.is_ascii_digit())
}

/// One number less another, both as JSON has them: `0.3 - 0.1` is `0.2`. None where one is no number.
pub fn difference(minuend: &str, subtrahend: &str) -> Option<String> {
    let exact = decimal(minuend).zip(decimal(subtrahend)).and_then(|(a, b)| a.checked_sub(b));
    match exact {
        Some(exact) => Some(exact.normalize().to_string()),
        // More digits than a decimal holds: what a float can say is better than nothing.
        None => {
            let rest = minuend.parse::<f64>().ok()? - subtrahend.parse::<f64>().ok()?;
            rest.is_finite().then(|| serde_json::Value::from(rest).to_string())
        }
    }
}

fn decimal(text: &str) -> Option<Decimal> {
    Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn is_exact_where_floats_are_not() {
        for (a, b, rest) in [
            ("0.3", "0.1", "0.2"),
            ("0.350567", "0.05", "0.300567"),
            ("5", "5.0", "0"),
            ("1e-05", "1e-06", "0.000009"),
            ("1e300", "1", "1e+300"),
        ] {
            assert_eq!(difference(a, b).as_deref(), Some(rest), "{a} - {b}");
        }
        assert_eq!(difference("null", "1"), None);
    }
}
