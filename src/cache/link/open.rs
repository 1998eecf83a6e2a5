//! How a connection is made.

use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, ErrorKind, PushInfo, RedisError, RedisResult,
    Value as Reply, aio::MultiplexedConnection,
};
use tokio::time::timeout;

use super::{Control, LinkSettings, Outage, pool::ServerFacts, whereabouts::Place};

/// A connection to a Redis that has said who it is.
pub(super) struct Opened {
    pub(super) connection: MultiplexedConnection,
    pub(super) facts: ServerFacts,
    pub(super) place: Place,
}

/// Connects to a Redis that was found, logs in, and asks who is there. What Redis tells by itself goes to `hear`, where it
/// speaks RESP3. A Redis, or what stands before it, may have that switched off; then all but that works. A replica that
/// cannot be read is left by all.
pub(super) async fn open(
    place: Place,
    settings: &LinkSettings,
    hear: impl Fn(PushInfo) + Send + Sync + 'static,
) -> Result<Opened, Outage> {
    match try_to_open(&place, settings, hear).await {
        Ok((connection, facts)) => Ok(Opened { connection, facts, place }),
        Err(outage) => Err(place.doubt(outage)),
    }
}

async fn try_to_open(
    place: &Place,
    settings: &LinkSettings,
    hear: impl Fn(PushInfo) + Send + Sync + 'static,
) -> Result<(MultiplexedConnection, ServerFacts), Outage> {
    let greeting = async {
        let hearing = configured().set_push_sender(move |push: PushInfo| {
            hear(push);
            Ok::<(), ()>(())
        });
        let mut connection = match connect(&place.address.0, &hearing).await {
            Err(error) if lacks_resp3(&error) => {
                let connection = connect(&place.address.in_resp2(), &configured()).await?;
                return Ok((connection, ServerFacts { is_mute: true, ..ServerFacts::default() }));
            }
            connected => connected?,
        };
        let hello = connection.send_packed_command(&Control::Hello.to_redis()).await?;
        let [version, role, mode] = ["version", "role", "mode"].map(|name| fact(&hello, name));
        let facts = ServerFacts { version, role, mode, is_mute: false };
        Ok::<_, RedisError>((connection, facts))
    };
    let connecting = async {
        let (mut connection, facts) = greeting.await?;
        let fault = match place.is_replica() {
            true => place.fault(connection.send_packed_command(&place.probe().to_redis()).await),
            false => None,
        };
        Ok::<_, RedisError>((connection, facts, fault))
    };
    let outcome = tokio::select! {
        outcome = timeout(settings.connect_timeout, connecting) => outcome,
        () = place.left() => return Err(Outage::Moved),
    };
    match outcome {
        Ok(Ok((_, _, Some(fault)))) => Err(Outage::Down(fault.into())),
        Ok(Ok((connection, facts, None))) => match place.refusal(&facts) {
            None => Ok((connection, facts)),
            Some(refusal) => Err(refusal),
        },
        Ok(Err(error)) => Err(place.blame(&error)),
        Err(_) => Err(Outage::Silent),
    }
}

/// How a connection is set up. Its times are kept here, not by the library.
pub(super) fn configured() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None)
}

pub(super) async fn connect(
    to: &ConnectionInfo,
    config: &AsyncConnectionConfig,
) -> RedisResult<MultiplexedConnection> {
    Client::open(to.clone())?.get_multiplexed_async_connection_with_config(config).await
}

/// Whether an error says that `HELLO 3` is not to be had.
fn lacks_resp3(error: &RedisError) -> bool {
    let detail = error.detail().unwrap_or_default();
    let is_unknown = detail.starts_with("unknown command") && detail.contains("HELLO");
    is_unknown || error.kind() == ErrorKind::RESP3NotSupported || error.code() == Some("NOPROTO")
}

/// One fact out of the answer to `HELLO`.
fn fact(hello: &Reply, name: &str) -> Option<String> {
    let Reply::Map(facts) = hello else { return None };
    let text = |reply: &Reply| redis::from_redis_value_ref::<String>(reply).ok();
    facts.iter().find(|(key, _)| text(key).as_deref() == Some(name)).and_then(|(_, value)| text(value))
}
