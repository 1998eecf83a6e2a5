//! Laying text out.

use serde_json::Value;

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

/// How a language's code is laid out: the spaces of a level.
pub(super) struct Layout(pub(super) usize);

impl Layout {
    /// Parts between what opens and what closes them, each in a line of its own if they do not fit in one.
    pub(super) fn fit(&self, indent: usize, open: &str, parts: &[String], close: &str) -> String {
        let one = format!("{}{open}{}{close}", " ".repeat(indent), parts.join(", "));
        if fits(&one) { one } else { self.each(indent, open, parts, close) }
    }

    /// The same with each part in a line of its own.
    pub(super) fn each(&self, indent: usize, open: &str, parts: &[String], close: &str) -> String {
        let (pad, level) = (" ".repeat(indent), " ".repeat(self.0));
        let lines: String = parts.iter().map(|part| format!("{pad}{level}{part},\n")).collect();
        format!("{pad}{open}\n{lines}{pad}{close}")
    }
}

/// A text as a literal: that of JSON is one in each language.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A name that a language takes: itself if that is `good`, else one like it.
pub(super) fn ident(name: &str, good: bool) -> String {
    if good {
        return name.to_owned();
    }
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("{name}_")
}

/// Whether a line of code is not too wide.
pub(super) fn fits(line: &str) -> bool {
    line.chars().count() <= WIDTH
}
