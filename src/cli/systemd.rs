//! What systemd is told, where it runs the server: that it is ready, reloading, stopping, and alive.

use sd_notify::{NotifyState, notify, watchdog_enabled};

use crate::server::App;

/// Tells something. Where nobody listens that does nothing.
fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = notify(state) {
        tracing::debug!(%error, "systemd cannot be told");
    }
}

pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "there is no clock"),
    }
}

pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Tells for ever that the server is alive, as long as each of its threads is.
pub(super) async fn watchdog(app: &App) {
    let Some(limit) = watchdog_enabled() else { return std::future::pending().await };
    let mut ticks = tokio::time::interval(limit / 3);
    loop {
        ticks.tick().await;
        app.responds().await;
        tell(&[NotifyState::Watchdog]);
    }
}
