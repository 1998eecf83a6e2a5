//! Data goes to standard output, and nothing else does: pretty on a terminal, plain when piped.

use std::io::{self, IsTerminal as _, Write as _};

use super::Failure;

/// Whether a person is looking.
pub(super) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Writes one line, or several.
pub(super) fn line(text: &str) -> Result<(), Failure> {
    // Whoever reads has read enough, if it is nobody any more.
    line_if_read(text).map(|_| ())
}

/// Writes one line, or several. Says whether somebody reads them.
pub(super) fn line_if_read(text: &str) -> Result<bool, Failure> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true).map_err(|error| Failure::new(format!("cannot write: {error}"))),
    }
}

/// Writes JSON: over several lines on a terminal, as it is when piped.
pub(super) fn json(text: &str) -> Result<(), Failure> {
    if is_terminal() { line(&pretty(text)) } else { line(text) }
}

/// JSON over several lines. Only white space changes: numbers keep their digits.
pub(super) fn pretty(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    let mut rest = json.chars().peekable();
    let new_line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(c) = rest.next() {
        if in_string {
            out.push(c);
            in_string = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            continue;
        }
        match c {
            c if c.is_ascii_whitespace() => {}
            '{' | '[' => {
                while rest.next_if(char::is_ascii_whitespace).is_some() {}
                out.push(c);
                match rest.next_if(|next| matches!(next, '}' | ']')) {
                    Some(end) => out.push(end),
                    None => {
                        depth += 1;
                        new_line(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c => {
                in_string = c == '"';
                out.push(c);
            }
        }
    }
    out
}

/// Lines up columns; the last one is as wide as it is.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let line = |row: &Vec<String>| {
        let cells =
            row.iter().enumerate().map(|(column, cell)| format!("{cell:<width$}", width = widths[column]));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::pretty;

    #[test]
    fn only_white_space_changes() {
        let json = r#"{"a": 1.50,"b":[],"c":[1,{ }],"d":"x:{\"\\,"}"#;
        let expected =
            "{\n  \"a\": 1.50,\n  \"b\": [],\n  \"c\": [\n    1,\n    {}\n  ],\n  \"d\": \"x:{\\\"\\\\,\"\n}";
        assert_eq!(pretty(json), expected);
    }
}
