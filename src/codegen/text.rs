//! Laying text out.

/// How wide generated code is.
pub(super) const WIDTH: usize = 100;

/// Paragraphs as lines of so many characters, an empty one between them. Further lines of a paragraph begin with
/// `hanging`. A paragraph's own line ends, if there are any, are those of its source, and are not kept.
pub(super) fn wrap(paragraphs: &[String], width: usize, hanging: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for paragraph in paragraphs {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        let mut line = String::new();
        for word in paragraph.split([' ', '\n', '\t']).filter(|word| !word.is_empty()) {
            if !line.trim().is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::replace(&mut line, hanging.to_owned()));
            }
            if !line.is_empty() && line != hanging {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

/// A text with the same before and after it, each part in a line of its own if it does not fit in one.
pub(super) fn fit(indent: usize, open: &str, parts: &[String], close: &str) -> String {
    let one = format!("{}{open}{}{close}", " ".repeat(indent), parts.join(", "));
    if one.chars().count() <= WIDTH {
        return one;
    }
    each(indent, open, parts, close)
}

/// The same with each part in a line of its own.
pub(super) fn each(indent: usize, open: &str, parts: &[String], close: &str) -> String {
    let pad = " ".repeat(indent);
    let lines: String = parts.iter().map(|part| format!("{pad}    {part},\n")).collect();
    format!("{pad}{open}\n{lines}{pad}{close}")
}

/// Whether a line of code is not too wide.
pub(super) fn fits(line: &str) -> bool {
    line.chars().count() <= WIDTH
}
