//! A port for those alone who watch over the server.

use std::{convert::Infallible, sync::Arc, time::Duration};

use hyper::{Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{sync::Semaphore, time::timeout};

use super::{TEXT, metrics, page, ready};
use crate::{
    metrics::Exposition,
    server::{App, Listener, http::Body},
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
        let Ok(arrived) = arrived else {
            // Out of file descriptors, most likely.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let app = app.clone();
        tokio::spawn(async move {
            let _ = timeout(LASTS, serve(arrived.socket, &app)).await;
            drop(place);
        });
    }
}

async fn serve(socket: Box<dyn Io>, app: &App) {
    let limit = app.live().config.limits.handshake_timeout.get();
    let service = service_fn(async |request: Request<Incoming>| Ok::<_, Infallible>(answer(&request, app)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limit)
        // Who asks every some seconds needs no connection meanwhile.
        .keep_alive(false)
        .serve_connection(TokioIo::new(socket), service);
    // Whoever is gone was not interested.
    let _ = connection.await;
}

fn answer<B>(request: &Request<B>, app: &App) -> Response<Body> {
    match request.uri().path() {
        "/metrics" => page(StatusCode::OK, Exposition::MEDIA_TYPE, metrics::text(app)),
        "/healthz" => page(StatusCode::OK, TEXT, "ok\n"),
        "/readyz" => ready::answer(app),
        _ => page(StatusCode::NOT_FOUND, TEXT, "Nothing here but /metrics, /healthz and /readyz.\n"),
    }
}
