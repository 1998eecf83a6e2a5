//! Asking one of several, whichever answers.

use std::time::Duration;

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use redis::{Cmd, RedisResult, Value as Reply, aio::MultiplexedConnection};
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    Address,
    open::{configured, connect},
};

/// How long one is waited for before the next is asked too.
const HEAD_START: Duration = Duration::from_millis(200);
/// How often they are asked while there is no need to, and how long an answer may take then.
pub(super) const BEAT: Duration = Duration::from_secs(1);

/// Asks one after another, the next one already if one takes its time. The first that answers is believed; if none does,
/// it says what each had to say.
pub(super) async fn first_answer<T, E>(
    mut questions: impl Iterator<Item = impl Future<Output = Result<T, E>>>,
) -> Result<T, Vec<E>> {
    let mut asked = FuturesUnordered::new();
    let mut complaints = Vec::new();
    loop {
        let one_more = questions.next();
        let is_one_more = one_more.is_some();
        asked.extend(one_more);
        tokio::select! {
            biased;
            answer = asked.next() => match answer {
                Some(Ok(answer)) => return Ok(answer),
                Some(Err(complaint)) => complaints.push(complaint),
                None => return Err(complaints),
            },
            () = sleep(HEAD_START), if is_one_more => {}
        }
    }
}

/// Connects to who is to be asked. The error names the address.
pub(super) async fn reach(address: &Address, deadline: Instant) -> Result<MultiplexedConnection, String> {
    let at = address.host_and_port();
    let connecting = async { connect(&address.in_resp2(), &configured()).await };
    match timeout_at(deadline, connecting).await {
        Ok(connected) => connected.map_err(|error| format!("{at}: {error}")),
        Err(_) => Err(format!("{at} does not answer")),
    }
}

/// Asks on a connection. The error names the address.
pub(super) async fn put(
    question: &Cmd,
    (connection, address): (&mut MultiplexedConnection, &Address),
    deadline: Instant,
) -> Result<Reply, String> {
    let answer = try_to_put(question, (connection, address), deadline).await?;
    answer.map_err(|error| format!("{}: {error}", address.host_and_port()))
}

/// The same, where it matters what is wrong with an answer.
pub(super) async fn try_to_put(
    question: &Cmd,
    (connection, address): (&mut MultiplexedConnection, &Address),
    deadline: Instant,
) -> Result<RedisResult<Reply>, String> {
    match timeout_at(deadline, connection.send_packed_command(question)).await {
        Ok(answer) => Ok(answer.and_then(Reply::extract_error)),
        Err(_) => Err(format!("{} does not answer", address.host_and_port())),
    }
}
