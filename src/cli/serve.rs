//! `serve`: serves the cache of a Redis.

use std::sync::{Arc, atomic::Ordering};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use super::{ConfigFlags, Failure, live, reload::Reloader, start_logging, systemd};
use crate::{
    cache::{Cache, Moves},
    server::{self, App, HandedOver, Listener, RightsReport},
};

/// Serves the cache of a Redis.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigFlags,
}

pub(super) async fn run(args: Args, handed_over: HandedOver) -> Result<(), Failure> {
    let (config, _) = args.config.load()?;
    let logging = start_logging(&config)?;
    let cache = Cache::redis(config.redis.link_settings().map_err(Failure::usage)?);
    let app = App::new(live(config)?, cache);
    let mut rights_known_at = None;
    if app.held_back.load(Ordering::Relaxed) {
        // Where there is a Redis, nobody need be held back.
        app.cache.settled().await;
        let mut moves = app.cache.moves();
        moves.forget();
        if let Ok(report) = server::check_rights(&app.live_for_long().registry, &app.cache).await {
            apply(&app, &report)?;
            rights_known_at = Some(moves);
        }
    }
    let listeners = Listener::open_all(&app.live_for_long().config, handed_over).await;
    let listeners = listeners.map_err(Failure::new)?;
    let (stop, stopping) = watch::channel(false);
    let reloader = Reloader::new(args.config, &app.live().config, logging)?;
    serve_until_stopped(app, listeners, reloader, (stop, stopping), rights_known_at).await
}

/// Serves until a signal comes, or until it turns out that the Redis user may do what it must not. Where its rights are
/// known already, `rights_known_at` tells if they may be others by now.
pub(super) async fn serve_until_stopped(
    app: Arc<App>,
    listeners: Vec<Listener>,
    reloader: Reloader,
    (stop, stopping): (watch::Sender<bool>, watch::Receiver<bool>),
    rights_known_at: Option<Moves>,
) -> Result<(), Failure> {
    // Before there is a client that a signal could cut off.
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::new)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::new)?;
    for listener in &listeners {
        match listener.is_handed_over() {
            true => tracing::info!("listening on {}, which was handed over", listener.shown()),
            false => tracing::info!("listening on {}", listener.shown()),
        }
    }
    let mut serving = tokio::spawn(server::run(listeners, app.clone(), stopping));
    let mut watching = std::pin::pin!(watch_rights(&app, rights_known_at));
    let mut outcome = Ok(());
    systemd::ready();
    tokio::select! {
        // Only a right too many ends it; else this waits for ever.
        failure = &mut watching => outcome = Err(failure),
        () = reloader.run(app.clone()) => {}
        () = systemd::watchdog(&app) => {}
        _ = terminate.recv() => tracing::info!("asked to stop"),
        _ = interrupt.recv() => tracing::info!("interrupted"),
        ended = &mut serving => return match ended {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Failure::new(format!("cannot start a worker: {error}"))),
            Err(error) => Err(Failure::new(format!("the server failed: {error}"))),
        },
    }
    systemd::stopping();
    stop.send_replace(true);
    tokio::select! {
        _ = &mut serving => tracing::info!("stopped"),
        _ = terminate.recv() => tracing::warn!("asked to stop again: stopping at once"),
        _ = interrupt.recv() => tracing::warn!("interrupted again: stopping at once"),
    }
    outcome
}

/// Looks at the Redis user's rights as soon as there is a Redis, after each reload, and when another Redis has taken its
/// place: each has users of its own. Comes back only with a right that the operator said must not be.
async fn watch_rights(app: &App, known_at: Option<Moves>) -> Failure {
    let mut reloads = app.reloads();
    if app.cache.is_embedded() {
        // It has no users, and so no rights to look at.
        std::future::pending::<()>().await;
    }
    let mut moves = match known_at {
        None => app.cache.moves(),
        Some(mut moves) => {
            until_doubted(&mut reloads, &mut moves).await;
            moves
        }
    };
    let mut told = String::new();
    loop {
        app.cache.connected().await;
        moves.forget();
        match server::check_rights(&app.live_for_long().registry, &app.cache).await {
            Ok(report) => {
                if let Err(failure) = apply(app, &report) {
                    return failure;
                }
                until_doubted(&mut reloads, &mut moves).await;
            }
            Err(error) => {
                // Redis is still loading, or gone again.
                let error = error.to_string();
                if error != told {
                    tracing::warn!("the Redis user's rights cannot be checked yet: {error}");
                    told = error;
                }
                tokio::time::sleep(app.live().config.redis.reconnect_max.get()).await;
            }
        }
    }
}

/// Waits until what is known of the rights may have ceased to be true.
async fn until_doubted(reloads: &mut watch::Receiver<u64>, moves: &mut Moves) {
    tokio::select! {
        // An error means that there will be no more.
        _ = reloads.changed() => {}
        () = moves.next() => {}
    }
}

fn apply(app: &App, report: &RightsReport) -> Result<(), Failure> {
    for operation in app.live().registry.iter() {
        let reason = report.off.get(operation.name());
        operation.switch(reason.cloned());
        if let Some(reason) = reason {
            tracing::warn!(operation = %operation.name(), "off: {reason}");
        }
    }
    for (name, reason) in &report.doubtful {
        tracing::warn!(operation = %name, "may fail: {reason}");
    }
    let complaint = report.not_read_only.as_ref();
    if let Some(complaint) = complaint {
        tracing::warn!("{complaint}");
    }
    if let Some(lacking) = &report.lacking {
        tracing::warn!("{lacking}");
    }
    if let Some(line) = &report.proper_user {
        tracing::warn!("a Redis user with just the rights that are needed:\n  {line}");
    }
    if let (Some(complaint), true) = (complaint, app.live().config.redis.require_read_only) {
        return Err(Failure::new(format!("redis.require_read_only: {complaint}")));
    }
    app.held_back.store(false, Ordering::Relaxed);
    Ok(())
}
