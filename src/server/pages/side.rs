//! A port for those alone who watch over the server.

use std::{convert::Infallible, sync::Arc, time::Duration};

use hyper::{
    Method, Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{sync::Semaphore, time::timeout};

use super::{TEXT, finished, metrics_page, only_asked_for, page, probe};
use crate::{
    server::{
        App, Listener,
        http::{Body, is_own_name},
    },
    transport::Io,
};

/// How many may ask at a time; further ones wait to be let in.
const AT_ONCE: usize = 32;
/// How long a connection may last, so that who does not read its answer takes no place for ever.
const LASTS: Duration = Duration::from_secs(30);

/// Lets those in who ask for metrics. On a port of their own they need no login.
pub(in crate::server) async fn serve_metrics(listener: Listener, app: Arc<App>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        // An error would mean that it is closed, which it never is.
        let place = places.clone().acquire_owned().await;
        let arrived = match listener.accept().await {
            Ok(guest) => guest.move_here(),
            Err(error) => Err(error),
        };
        let arrived = match arrived {
            Ok(arrived) => arrived,
            Err(error) => {
                // Out of file descriptors, most likely.
                tracing::warn!(%error, "cannot accept a connection for metrics");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let app = app.clone();
        tokio::spawn(async move {
            let is_local = arrived.address.is_none_or(|address| address.is_loopback());
            let _ = timeout(LASTS, serve(arrived.socket, is_local, &app)).await;
            drop(place);
        });
    }
}

async fn serve(socket: Box<dyn Io>, is_local: bool, app: &Arc<App>) {
    let limit = app.live().config.limits.handshake_timeout.get();
    let service = service_fn(async |request: Request<Incoming>| {
        let response = match *request.method() {
            Method::GET | Method::HEAD => answer(&request, is_local, app).await,
            _ => only_asked_for(),
        };
        Ok::<_, Infallible>(finished(response))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limit)
        // Who asks every some seconds needs no connection meanwhile.
        .keep_alive(false)
        .serve_connection(TokioIo::new(socket), service);
    // Whoever is gone was not interested.
    let _ = connection.await;
}

async fn answer<B>(request: &Request<B>, is_local: bool, app: &Arc<App>) -> Response<Body> {
    let path = request.uri().path();
    if let Some(probe) = probe(path, app) {
        return probe;
    }
    // A page of a stranger's name, which it has point to this machine, comes from here too.
    let is_misled = is_local && !is_own_name(request.headers());
    match path {
        "/metrics" if !is_misled && app.live().config.http.metrics => metrics_page(app).await,
        _ => page(StatusCode::NOT_FOUND, TEXT, "Nothing here but /metrics, /healthz and /readyz.\n"),
    }
}
