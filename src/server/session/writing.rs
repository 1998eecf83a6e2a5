//! What a session writes: replies that are due, and updates of streams.

use std::{future::poll_fn, pin::pin, task::Poll, time::Instant};

use futures_util::StreamExt as _;

use super::{End, FAIR_SHARE, Session, end_of};
use crate::{
    protocol::{Reply, Texts},
    server::socket,
};

/// About how many bytes of replies go out in one write.
const SHARE: usize = 32 << 10;

impl Session<'_> {
    /// Writes what the streams have, some of it at a time, so that replies never wait for long. Says when one that
    /// takes its time may have more.
    pub(super) async fn stream(&mut self) -> Result<Option<Instant>, End> {
        let pulled = self.bell.pull(&self.desk.hub);
        if pulled.frames.is_empty() {
            return Ok(pulled.again);
        }
        self.send(pulled.frames).await?;
        if pulled.has_more {
            self.bell.ring();
            // What others wait for, this connection's own replies among it, is made by other tasks.
            tokio::task::yield_now().await;
        }
        Ok(pulled.again)
    }

    /// Writes what others could not get out. They leave it with news, and replies that come meanwhile go before those.
    pub(super) async fn flush(&mut self) -> Result<(), End> {
        match socket::has_unsent(&self.socket) {
            true => self.send(Texts::default()).await,
            false => Ok(()),
        }
    }

    /// Writes all replies that are due in as few writes as can be.
    pub(super) async fn write(&mut self) -> Result<(), End> {
        while !self.replies.is_empty() {
            let bytes = std::mem::take(&mut self.bytes);
            let mut replies = std::mem::take(&mut self.replies);
            // Until they are written.
            let _rooms = std::mem::take(&mut self.rooms);
            self.send_all(&mut replies, bytes).await?;
            if self.replies.is_empty() {
                // It has the room for the next ones.
                self.replies = replies;
            }
            if bytes >= FAIR_SHARE {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// Writes replies of so many bytes in all, small ones together.
    async fn send_all(&mut self, replies: &mut Vec<Reply>, bytes: usize) -> Result<(), End> {
        let mut frames = Texts::with_capacity(replies.len(), bytes.min(SHARE));
        for reply in replies.drain(..) {
            frames.push(&[reply.text()]);
            if frames.len() >= SHARE {
                self.send(std::mem::take(&mut frames)).await?;
            }
        }
        match frames.is_empty() {
            true => Ok(()),
            false => self.send(frames).await,
        }
    }

    /// Writes while replies to come are made: a client that is slow to take them holds up no read of its own.
    async fn send(&mut self, frames: Texts) -> Result<(), End> {
        let (mut answered, mut since) = (Vec::new(), None);
        let written = {
            let (socket, waiting) = (&mut self.socket, &mut self.waiting);
            let mut writing = pin!(socket::write(socket, frames));
            poll_fn(|cx| {
                if let Poll::Ready(written) = writing.as_mut().poll(cx) {
                    return Poll::Ready(written);
                }
                since.get_or_insert_with(Instant::now);
                while let Poll::Ready(Some(one)) = waiting.poll_next_unpin(cx) {
                    answered.push(one);
                }
                Poll::Pending
            })
            .await
        };
        if let Some(since) = since {
            answered.into_iter().for_each(|answered| self.finish(answered));
            // Meanwhile the client was not heard.
            self.deadlines.forgive(since.elapsed());
            self.bell.call();
        }
        written.map_err(end_of)
    }
}
