//! `demo`: serves a simulated market, or a recording, out of the embedded cache.

use std::path::PathBuf;

use tokio::sync::watch;

use super::{
    ConfigFlags, Failure, live, output, reload::Reloader, serve::serve_until_stopped, start_logging,
};
use crate::{
    access::Scope,
    cache::{Cache, Store},
    config::Anonymous,
    demo::{Market, Recording},
    server::{App, HandedOver, Listener},
};

/// Serves a simulated market: a few exchanges with live tickers, trades, bars, orders, positions, bots
/// and processes. Needs neither Redis nor anything else.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Play a recording instead: JSON lines `{"t": seconds, "cmd": ["HSET", …]}`
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// What the simulated market's chances begin with
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    config: ConfigFlags,
}

pub(super) async fn run(args: Args, handed_over: HandedOver) -> Result<(), Failure> {
    let (config, _) = args.config.load()?;
    let logging = start_logging(&config)?;
    let store = Store::new();
    let recording = args.replay.as_deref().map(Recording::read).transpose().map_err(Failure::usage)?;
    let live = live(config)?;
    let listeners = Listener::open_all(&live.config, handed_over).await.map_err(Failure::new)?;
    let app = App::new(live, Cache::embedded(store.clone()));
    let (stop, stopping) = watch::channel(false);
    match recording {
        None => {
            tokio::spawn(Market::new(store, args.seed).run(stopping.clone()));
        }
        Some(recording) => {
            let stopping = stopping.clone();
            tokio::spawn(async move {
                if let Err(error) = recording.run(store, stopping).await {
                    tracing::error!("{error}");
                }
            });
        }
    }
    let auth = &app.live().config.auth;
    let is_open = auth.anonymous == Anonymous::Allow && auth.anonymous_scopes.contains(&Scope::Market);
    let needs_login = auth.has_logins() && !is_open;
    let shown = listeners.first().map(|listener| listener.shown().to_owned()).unwrap_or_default();
    let has_page = app.live().config.http.explorer;
    output::line(&banner(&shown, needs_login, has_page))?;
    let reloader = Reloader::new(args.config, &app.live().config, logging)?;
    serve_until_stopped(app, listeners, reloader, (stop, stopping), None).await
}

fn banner(url: &str, needs_login: bool, has_page: bool) -> String {
    let program = std::env::args().next().unwrap_or_else(|| "fullon-cache-api".to_owned());
    let flag = if url == "ws://127.0.0.1:8765" { String::new() } else { format!(" --url {url}") };
    // It begins as one or the other: ws and http, wss and https.
    let page = match url.strip_prefix("ws").filter(|_| has_page) {
        Some(rest) => format!("Open http{rest} in a browser to see it move and to try all there is.\n\n"),
        None => String::new(),
    };
    let mut notes = String::new();
    if needs_login {
        notes += "export FULLON_CACHE_API_TOKEN=…    # a token of a login that is configured: there is none without\n  ";
    }
    if url.starts_with("wss://") {
        notes += "# by a name that is in its certificate, and with --ca FILE if a private authority vouches for it\n  ";
    }
    format!(
        "A live market at {url}\n\n\
         {page}Try next, in another terminal:\n  \
         {notes}{program} list{flag}\n  \
         {program} call get_ticker exchange=binance symbol=BTC/USDT{flag}\n  \
         {program} watch stream_tickers exchange=binance{flag}\n\n\
         Ctrl-C ends it.\n"
    )
}
