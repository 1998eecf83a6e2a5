//! `watch OP key=value…`: follows a stream of a running server.

mod screen;

use std::{borrow::Cow, time::Duration};

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::{ClientFlags, Failure, call, output};
use crate::{
    client::{ConnectionState, Event, Gap, RawUpdate, StreamKind, Warning},
    config::parse_duration,
};
use screen::Screen;

/// On a terminal it shows the items as a live table; piped, it writes every message of the stream as a
/// line of JSON. When the connection is lost it connects again and goes on where it was. It ends when the
/// server refuses what trying again cannot help, as with a token that was withdrawn.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The stream, e.g. stream_tickers
    operation: String,
    /// Its params
    #[arg(value_name = "KEY=VALUE")]
    params: Vec<String>,
    /// End after so many updates
    #[arg(short = 'n', long = "count", value_name = "N")]
    count: Option<u64>,
    /// End after this time
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    time: Option<Duration>,
    /// At most one update of an item in this time
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    min_interval: Option<Duration>,
    /// Leave out the present state, begin with the first change
    #[arg(long)]
    no_snapshot: bool,
    #[command(flatten)]
    client: ClientFlags,
}

/// How often the screen is drawn at the most.
const FRAME: Duration = Duration::from_millis(100);

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    /// As good as for ever.
    const LONG: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
    let client = args.client.connect().await?;
    let described = call::described(&client, &args.operation).await?;
    if described["kind"] != "stream" && !described.is_null() {
        return Err(Failure::usage(format!("{} is no stream; `call` it instead", args.operation)));
    }
    let Value::Object(params) = call::params_of(&args.params, &described)? else { return Ok(()) };
    let kind = StreamKind::of(&described);
    let mut screen = output::is_terminal().then(|| Screen::new(&args.operation, &kind));
    let mut opening = client.stream_by_name(&args.operation, params, kind);
    if let Some(interval) = args.min_interval {
        opening = opening.min_interval(interval);
    }
    if args.no_snapshot {
        opening = opening.without_snapshot();
    }
    let now = Instant::now();
    let end = args.time.and_then(|time| now.checked_add(time)).unwrap_or(now + LONG);
    let mut events = opening.events().await?;
    if let (Some(screen), Some(settings)) = (&mut screen, events.settings()) {
        screen.begin(&settings.push);
    }
    let mut left = args.count.unwrap_or(u64::MAX);
    let mut state = client.state();
    let mut complaint = String::new();
    while left > 0 {
        let frame = screen.as_ref().map_or(end, |screen| screen.drawn + FRAME);
        let event = tokio::select! {
            event = events.next() => match event {
                Some(event) => event?,
                None => break,
            },
            Ok(()) = state.changed() => {
                complain(&state.borrow_and_update(), &mut complaint);
                continue;
            }
            () = sleep_until(end) => break,
            () = sleep_until(frame) => {
                if let Some(screen) = &mut screen {
                    // A screen that is gone is looked at by nobody.
                    let _ = screen.draw();
                }
                continue;
            }
        };
        left -= u64::from(matches!(event, Event::Update(_)));
        let Some(line) = line_of(&event) else { continue };
        match &mut screen {
            Some(screen) => screen.take(&serde_json::from_str(&line).map_err(Failure::new)?),
            None if !output::line_if_read(&line)? => break,
            None => {}
        }
    }
    match screen {
        Some(mut screen) if left == 0 => screen.draw(),
        _ => Ok(()),
    }
}

/// Says why there is no connection, once for each reason.
fn complain(state: &ConnectionState, before: &mut String) {
    let ConnectionState::Reconnecting { cause, .. } = state else { return };
    let complaint = format!("{cause}; connecting again");
    if complaint != *before {
        eprintln!("{complaint}");
        *before = complaint;
    }
}

/// What happened, as the server puts it. That the connection is lost is for standard error.
fn line_of(event: &Event<RawUpdate>) -> Option<Cow<'_, str>> {
    let line = match event {
        Event::Update(update) => return Some(update.text.as_str().into()),
        Event::Reconnecting { .. } => return None,
        Event::Fresh => json!({ "type": "stream_fresh" }),
        Event::Stale { since, reason } => json!({ "type": "stream_stale", "since": since, "reason": reason }),
        Event::Gap(Gap { from, to, reason }) => {
            json!({ "type": "stream_gap", "from": from, "to": to, "reason": reason })
        }
        Event::Warning(Warning { error_code, error, item }) => {
            json!({ "type": "stream_warning", "error_code": error_code, "error": error, "item": item })
        }
    };
    Some(line.to_string().into())
}
