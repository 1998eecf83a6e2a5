//! A stream as a live table: items as rows, changed cells marked, rate and age below.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value};
use tokio::time::{Duration, Instant};

use crate::{
    cli::{Failure, output},
    client::StreamKind,
    streams::ENVELOPE,
};

/// How long a changed cell is marked.
const MARKED: Duration = Duration::from_millis(700);
/// Over what time the rate is taken.
const RATE_OVER: Duration = Duration::from_secs(5);
/// How many rows are shown: the first items of a state, the last entries of a log.
const MOST_ROWS: usize = 40;
/// How wide a cell may be.
const MOST_WIDE: usize = 24;

pub(super) struct Screen {
    title: String,
    /// The members that name an item; None for a log, whose entries have no names.
    named_by: Option<Vec<String>>,
    columns: Vec<String>,
    rows: BTreeMap<String, Row>,
    entries: u64,
    times: VecDeque<Instant>,
    state: String,
    /// When it was drawn last.
    pub(super) drawn: Instant,
}

struct Row {
    item: Map<String, Value>,
    changed: BTreeMap<String, Instant>,
}

impl Screen {
    pub(super) fn new(operation: &str, kind: &StreamKind) -> Self {
        let named_by = match kind {
            StreamKind::State(names) => Some(names.clone()),
            StreamKind::Log => None,
        };
        Self {
            title: operation.to_owned(),
            named_by,
            columns: Vec::new(),
            rows: BTreeMap::new(),
            entries: 0,
            times: VecDeque::new(),
            state: String::new(),
            drawn: Instant::now(),
        }
    }

    /// The stream is open.
    pub(super) fn begin(&mut self, push: &str) {
        self.state = format!("by {push}");
    }

    pub(super) fn take(&mut self, message: &Value) {
        match message["type"].as_str() {
            Some("stream_stale") => self.state = format!("STALE: {}", text_of(&message["reason"])),
            Some("stream_fresh") => self.state = "fresh".to_owned(),
            Some("stream_gap") if self.named_by.is_none() => {
                self.state = "a gap: entries were missed".to_owned();
            }
            // All that there is follows.
            Some("stream_gap") => self.rows.clear(),
            Some("stream_warning") => {
                let item = message["item"].as_str().map(|item| format!("{item}: ")).unwrap_or_default();
                self.state = format!("{item}{}", text_of(&message["error"]));
            }
            _ => self.update(message),
        }
    }

    fn update(&mut self, message: &Value) {
        let now = Instant::now();
        self.times.push_back(now);
        let Some(message_members) = message.as_object() else { return };
        let name = match &self.named_by {
            Some(names) => names.iter().map(|name| text_of(&message[name])).collect::<Vec<_>>().join(" "),
            None => format!("{:020}", self.entries),
        };
        self.entries += 1;
        if message["removed"] == true {
            self.rows.remove(&name);
            return;
        }
        let members = message_members.iter().filter(|(name, _)| !ENVELOPE.contains(&name.as_str()));
        let item: Map<String, Value> = members.map(|(name, value)| (name.clone(), value.clone())).collect();
        for column in item.keys().filter(|column| !self.columns.contains(column)).cloned().collect::<Vec<_>>()
        {
            self.columns.push(column);
        }
        let row = self.rows.entry(name).or_insert_with(|| Row { item: Map::new(), changed: BTreeMap::new() });
        for (column, value) in &item {
            if row.item.get(column).is_some_and(|before| before != value) {
                row.changed.insert(column.clone(), now);
            }
        }
        row.item = item;
        while self.named_by.is_none() && self.rows.len() > MOST_ROWS {
            self.rows.pop_first();
        }
    }

    pub(super) fn draw(&mut self) -> Result<(), Failure> {
        /// To the upper left corner, and nothing below. Long lines are cut, not wrapped, while it is drawn.
        const CLEAR: &str = "\x1b[?7l\x1b[H\x1b[2J";
        const WRAP_AGAIN: &str = "\x1b[?7h";
        self.drawn = Instant::now();
        while self.times.front().is_some_and(|time| time.elapsed() > RATE_OVER) {
            self.times.pop_front();
        }
        let mut rows = vec![self.columns.iter().map(|column| plain(column)).collect::<Vec<_>>()];
        let shown: Vec<&Row> = self.rows.values().take(MOST_ROWS).collect();
        for row in &shown {
            rows.push(self.columns.iter().map(|column| cell(row.item.get(column))).collect());
        }
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default())
            .collect();
        let mut screen = format!("{CLEAR}{}\n\n", self.title);
        for (number, cells) in rows.iter().enumerate() {
            for ((cell, width), column) in cells.iter().zip(&widths).zip(&self.columns) {
                let row = number.checked_sub(1).and_then(|number| shown.get(number));
                let changed = row.and_then(|row| row.changed.get(column));
                let is_marked = changed.is_some_and(|at| at.elapsed() < MARKED);
                let (on, off) = if is_marked { ("\x1b[7m", "\x1b[0m") } else { ("", "") };
                let is_number = row.is_some_and(|row| row.item.get(column).is_some_and(Value::is_number));
                screen += &match is_number {
                    true => format!("{on}{cell:>width$}{off}  "),
                    false => format!("{on}{cell:<width$}{off}  "),
                };
            }
            screen.push('\n');
        }
        if self.rows.len() > shown.len() {
            screen += &format!("… and {} more\n", self.rows.len() - shown.len());
        }
        let rate = self.times.len() as f64 / RATE_OVER.as_secs_f64();
        let age = self.times.back().map_or_else(
            || "none of late".to_owned(),
            |time| format!("the last {:.1} s ago", time.elapsed().as_secs_f64()),
        );
        screen += &format!("\n{rate:.1} updates/s, {age}; {}{WRAP_AGAIN}", plain(&self.state));
        output::line(&screen)
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A text that does not steer the terminal, whatever the cache holds.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn cell(value: Option<&Value>) -> String {
    let text = plain(&value.map(text_of).unwrap_or_default());
    match text.chars().count() {
        length if length > MOST_WIDE => text.chars().take(MOST_WIDE - 1).chain(['…']).collect(),
        _ => text,
    }
}
