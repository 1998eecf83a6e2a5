//! `serve`: serves the cache of a Redis.

use std::sync::{Arc, atomic::Ordering};

use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use super::{ConfigFlags, Failure, registry, start_logging};
use crate::{
    cache::Cache,
    server::{self, App, RightsReport},
};

/// Serves the cache of a Redis.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigFlags,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let (config, _) = args.config.load()?;
    start_logging(&config)?;
    let registry = registry(&config)?;
    let cache = Cache::redis(config.redis.link_settings().map_err(Failure::usage)?);
    let app = App::new(registry, cache, config);
    let mut rights_are_known = false;
    if app.held_back.load(Ordering::Relaxed) {
        // Where there is a Redis, nobody need be held back.
        app.cache.settled().await;
        if let Ok(report) = server::check_rights(&app.registry, &app.cache).await {
            apply(&app, &report)?;
            rights_are_known = true;
        }
    }
    let listener = server::bind(&app.config).await.map_err(Failure::new)?;
    let (stop, stopping) = watch::channel(false);
    serve_until_stopped(app, listener, stop, stopping, rights_are_known).await
}

/// Serves until a signal comes, or until it turns out that the Redis user may do what it must not.
pub(super) async fn serve_until_stopped(
    app: Arc<App>,
    listener: TcpListener,
    stop: watch::Sender<bool>,
    stopping: watch::Receiver<bool>,
    rights_are_known: bool,
) -> Result<(), Failure> {
    let address = listener.local_addr().map_err(Failure::new)?;
    // Before there is a client that a signal could cut off.
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::new)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::new)?;
    tracing::info!("listening on ws://{address}");
    let mut serving = tokio::spawn(server::run(listener, app.clone(), stopping));
    let mut watching = std::pin::pin!(watch_rights(&app));
    let mut outcome = Ok(());
    tokio::select! {
        // Only a right too many ends it; else this waits for ever.
        failure = &mut watching, if !rights_are_known => outcome = Err(failure),
        _ = terminate.recv() => tracing::info!("asked to stop"),
        _ = interrupt.recv() => tracing::info!("interrupted"),
        ended = &mut serving => return match ended {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Failure::new(format!("cannot start a worker: {error}"))),
            Err(error) => Err(Failure::new(format!("the server failed: {error}"))),
        },
    }
    stop.send_replace(true);
    tokio::select! {
        _ = &mut serving => tracing::info!("stopped"),
        _ = terminate.recv() => tracing::warn!("asked to stop again: stopping at once"),
        _ = interrupt.recv() => tracing::warn!("interrupted again: stopping at once"),
    }
    outcome
}

/// Looks at the Redis user's rights as soon as there is a Redis. Comes back only with a right that the
/// operator said must not be.
async fn watch_rights(app: &App) -> Failure {
    let mut told = String::new();
    loop {
        app.cache.connected().await;
        match server::check_rights(&app.registry, &app.cache).await {
            Ok(report) => {
                return match apply(app, &report) {
                    Err(failure) => failure,
                    Ok(()) => std::future::pending().await,
                };
            }
            Err(error) => {
                // Redis is still loading, or gone again.
                let error = error.to_string();
                if error != told {
                    tracing::warn!("the Redis user's rights cannot be checked yet: {error}");
                    told = error;
                }
                tokio::time::sleep(app.config.redis.reconnect_max.get()).await;
            }
        }
    }
}

fn apply(app: &App, report: &RightsReport) -> Result<(), Failure> {
    for (name, reason) in &report.off {
        if let Some(operation) = app.registry.get(name) {
            operation.switch_off(reason.clone());
        }
        tracing::warn!(operation = %name, "off: {reason}");
    }
    for (name, reason) in &report.doubtful {
        tracing::warn!(operation = %name, "may fail: {reason}");
    }
    let complaint = report.not_read_only.as_ref();
    if let Some(complaint) = complaint {
        tracing::warn!("{complaint}");
    }
    if let Some(line) = &report.proper_user {
        tracing::warn!("a Redis user with just the rights that are needed:\n  {line}");
    }
    if let (Some(complaint), true) = (complaint, app.config.redis.require_read_only) {
        return Err(Failure::new(format!("redis.require_read_only: {complaint}")));
    }
    app.held_back.store(false, Ordering::Relaxed);
    Ok(())
}
