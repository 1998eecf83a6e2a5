//! Whether the server can do its work.

use std::sync::atomic::Ordering;

use hyper::{Response, StatusCode};

use super::{TEXT, page};
use crate::server::{App, http::Body};

/// Whether clients do well to come here. If not, what is wrong, a line each.
pub(in crate::server) fn answer(app: &App) -> Response<Body> {
    let faults = faults(app);
    match faults.is_empty() {
        true => page(StatusCode::OK, TEXT, "ready\n"),
        false => page(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("not ready\n{}\n", faults.join("\n"))),
    }
}

fn faults(app: &App) -> Vec<&'static str> {
    let mut faults = Vec::new();
    if app.is_draining.load(Ordering::Relaxed) {
        faults.push("the server is stopping");
    }
    // Why may name hosts and users; the log and `get_server_stats` tell it.
    match app.cache.state().state {
        "connected" | "embedded" => {}
        "connecting" => faults.push("a connection to Redis is being made"),
        "silent" => faults.push("Redis does not answer"),
        _ => faults.push("Redis cannot be reached"),
    }
    if app.held_back.load(Ordering::Relaxed) {
        faults.push("whether the Redis user may only read is not known yet");
    }
    faults
}
