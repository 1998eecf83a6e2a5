//! `watch OP key=value…`: follows a stream of a running server.

mod screen;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::{ClientFlags, Failure, call, output};
use crate::{
    client::{ClientError, Connection},
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

/// The first pause before it connects again; it doubles up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// What is followed, and how far.
struct Watching {
    params: Value,
    /// Where to go on, if the connection is lost.
    resume: Option<(Value, u64)>,
    left: u64,
    /// How long to wait before connecting again.
    /// Whether the stream was ever open.
    has_begun: bool,
    pause: Duration,
    end: Instant,
    screen: Option<Screen>,
}

/// How following a stream ends.
enum End {
    /// There was enough of it.
    Enough,
    /// It broke off for this reason, and may go on.
    Lost(String),
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    /// As good as for ever.
    const LONG: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
    let endpoint = args.client.endpoint()?;
    let mut connection = args.client.open(&endpoint).await?;
    let described = call::described(&mut connection, &args.operation).await?;
    if described["kind"] != "stream" && !described.is_null() {
        return Err(Failure::usage(format!("{} is no stream; `call` it instead", args.operation)));
    }
    let mut params = call::params_of(&args.params, &described)?;
    if let Some(interval) = args.min_interval {
        params["min_interval_ms"] = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX).into();
    }
    if args.no_snapshot {
        params["snapshot"] = false.into();
    }
    let now = Instant::now();
    let mut watching = Watching {
        params,
        resume: None,
        left: args.count.unwrap_or(u64::MAX),
        has_begun: false,
        pause: FIRST_PAUSE,
        end: args.time.and_then(|time| now.checked_add(time)).unwrap_or(now + LONG),
        screen: output::is_terminal().then(|| Screen::new(&args.operation, &described)),
    };
    loop {
        let mut lost = match watching.follow(&mut connection, &args.operation).await? {
            End::Enough => return Ok(()),
            End::Lost(cause) => cause,
        };
        eprintln!("{lost}; connecting again");
        drop(connection);
        connection = loop {
            let pause = watching.pause;
            if Instant::now() + pause >= watching.end {
                sleep_until(watching.end).await;
                return Ok(());
            }
            sleep(pause).await;
            watching.pause = (pause * 2).min(LAST_PAUSE);
            match args.client.open(&endpoint).await {
                Ok(connection) => break connection,
                Err(error) if !error.may_pass() => return Err(error.into()),
                Err(error) => {
                    let cause = error.to_string();
                    if cause != lost {
                        eprintln!("{cause}; trying again");
                        lost = cause;
                    }
                }
            }
        };
    }
}

impl Watching {
    async fn follow(&mut self, connection: &mut Connection, operation: &str) -> Result<End, Failure> {
        let mut params = self.params.clone();
        if let Some((epoch, update_id)) = &self.resume {
            params["resume"] = json!({ "epoch": epoch, "update_id": update_id });
        }
        let settings = match connection.call(operation, &params).await {
            Ok(answer) => serde_json::from_str::<Value>(answer.result.get()).map_err(Failure::new)?,
            // The server may not know yet that the connection before is gone.
            Err(error) if self.has_begun && error.code() == Some("LIMIT_EXCEEDED") => {
                return Ok(End::Lost(error.to_string()));
            }
            Err(error) => return broken(error),
        };
        self.has_begun = true;
        self.pause = FIRST_PAUSE;
        if let Some(screen) = &mut self.screen {
            screen.begin(&settings);
        }
        while self.left > 0 {
            let text = match timeout_at(self.end, next(connection, self.screen.as_mut())).await {
                Err(_) => return Ok(End::Enough),
                Ok(Ok(text)) => text,
                Ok(Err(error)) => return broken(error),
            };
            let message: Value = serde_json::from_str(&text).map_err(Failure::new)?;
            if let Some(update_id) = message["update_id"].as_u64() {
                self.resume = Some((settings["epoch"].clone(), update_id));
                self.left -= 1;
            }
            match &mut self.screen {
                Some(screen) => screen.take(&message),
                None if !output::line_if_read(&text)? => return Ok(End::Enough),
                None => {}
            }
            if message["type"] == "stream_end" {
                return match message["reason"].as_str() {
                    Some("forbidden") => {
                        Err(Failure::refused("FORBIDDEN: the login is no longer entitled to this stream"))
                    }
                    reason => {
                        Ok(End::Lost(format!("the stream has ended: {}", reason.unwrap_or("no reason"))))
                    }
                };
            }
        }
        if let Some(screen) = &mut self.screen {
            screen.draw()?;
        }
        Ok(End::Enough)
    }
}

/// How following a stream ends by an error.
fn broken(error: ClientError) -> Result<End, Failure> {
    match error.may_pass() {
        true => Ok(End::Lost(error.to_string())),
        false => Err(error.into()),
    }
}

/// The next message; meanwhile the screen is kept up to date.
async fn next(connection: &mut Connection, screen: Option<&mut Screen>) -> Result<String, ClientError> {
    /// How often the screen is drawn at the most.
    const FRAME: Duration = Duration::from_millis(100);
    let Some(screen) = screen else { return connection.next_message().await };
    let mut message = std::pin::pin!(connection.next_message());
    loop {
        tokio::select! {
            message = &mut message => return message,
            () = sleep_until(screen.drawn + FRAME) => {
                // A screen that is gone is looked at by nobody.
                let _ = screen.draw();
            }
        }
    }
}
