//! The two ends of a stream, the client's and the writer's. Both cost little, for on a small machine what
//! they take is missing elsewhere: frames are read in place, and only what is asked for is looked at.
// Not every benchmark needs all of it.
#![allow(dead_code)]

pub mod broadcast;

use std::{
    io::{Read as _, Write as _},
    net::TcpStream as BlockingStream,
    ops::Range,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::common::append_command;

/// A WebSocket client that reads whole text frames, and nothing that it need not.
pub struct Client {
    socket: TcpStream,
    buffer: Vec<u8>,
    /// What of the buffer is not read yet.
    unread: Range<usize>,
}

impl Client {
    pub async fn connect(url: &str) -> Self {
        let address = url.trim_start_matches("ws://");
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        let upgrade = format!(
            "GET / HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        socket.write_all(upgrade.as_bytes()).await.unwrap();
        let mut client = Self { socket, buffer: vec![0; 64 << 10], unread: 0..0 };
        loop {
            client.fill().await;
            let head = &client.buffer[client.unread.clone()];
            if let Some(at) = head.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                assert!(head.starts_with(b"HTTP/1.1 101"), "no upgrade: {}", String::from_utf8_lossy(head));
                client.unread.start += at + 4;
                return client;
            }
        }
    }

    pub async fn send(&mut self, text: &str) {
        let mut frame = vec![0x81];
        match u16::try_from(text.len()).unwrap() {
            length @ ..=125 => frame.push(0x80 | length as u8),
            length => {
                frame.push(0x80 | 126);
                frame.extend(length.to_be_bytes());
            }
        }
        // A mask of zeros leaves the text as it is.
        frame.extend([0; 4]);
        frame.extend(text.as_bytes());
        self.socket.write_all(&frame).await.unwrap();
    }

    /// The next text.
    pub async fn next(&mut self) -> &str {
        loop {
            if let Some(text) = self.take_frame() {
                return std::str::from_utf8(&self.buffer[text]).unwrap();
            }
            self.fill().await;
        }
    }

    /// Reads what there is, and says how many frames it was the end of.
    pub async fn count_some(&mut self) -> u64 {
        self.fill().await;
        let mut count = 0;
        while self.take_frame().is_some() {
            count += 1;
        }
        count
    }

    /// Where the text of the next frame is, if all of it is there.
    fn take_frame(&mut self) -> Option<Range<usize>> {
        let (head, length) = match self.buffer[self.unread.clone()] {
            [_, 126, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
            [_, length @ ..=125, ..] => (2, usize::from(length)),
            [_, 127, ..] => panic!("a frame is larger than anything that was asked for"),
            _ => return None,
        };
        let text = self.unread.start + head..self.unread.start + head + length;
        if text.end > self.unread.end {
            return None;
        }
        let kind = self.buffer[self.unread.start];
        self.unread.start = text.end;
        let shown = || String::from_utf8_lossy(&self.buffer[text.clone()]);
        assert!(kind == 0x81, "frame of type {kind:x}: {}", shown());
        Some(text)
    }

    async fn fill(&mut self) {
        if self.unread.is_empty() {
            self.unread = 0..0;
        } else if self.unread.end == self.buffer.len() {
            self.buffer.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        let count = self.socket.read(&mut self.buffer[self.unread.end..]).await.unwrap();
        assert!(count > 0, "the connection was closed");
        self.unread.end += count;
    }
}

/// The request that opens a stream of tickers.
pub fn opening(id: usize, params: &str) -> String {
    format!(r#"{{"request_id":{id},"operation":"stream_tickers","params":{params}}}"#)
}

/// The number after a name in a JSON text; None where there is none.
pub fn number_after(text: &str, name: &str) -> Option<f64> {
    let rest = &text[text.find(name)? + name.len()..];
    let rest = &rest[rest.find(':')? + 1..];
    let end = rest.find([',', '}'])?;
    rest[..end].parse().ok()
}

/// Microseconds since the epoch.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64
}

/// Writes tickers into Redis and publishes them, as the writers of a real one do.
pub struct Writer {
    socket: BlockingStream,
    /// The price of the next ticker, one more with each.
    pub sequence: u64,
}

impl Writer {
    pub fn connect(port: u16) -> Self {
        let socket = BlockingStream::connect(("127.0.0.1", port)).unwrap();
        socket.set_nodelay(true).unwrap();
        // All have the same number of digits.
        Self { socket, sequence: 1_000_000 }
    }

    /// Writes to some symbols in turn: so many times, at a steady pace, so many tickers.
    pub fn run(&mut self, exchange: &str, symbols: &[String], times: u64, pace: Duration, each: u64) {
        let (mut planned, mut earliest) = (Instant::now(), Instant::now());
        for _ in 0..times {
            thread::sleep(planned.max(earliest).saturating_duration_since(Instant::now()));
            self.write(exchange, symbols, each);
            planned += pace;
            // What is late is caught up, but not all at once: who watches state would get the last only.
            earliest = Instant::now() + pace / 2;
        }
    }

    /// Writes and publishes so many tickers in one pipeline.
    pub fn write(&mut self, exchange: &str, symbols: &[String], count: u64) {
        let mut commands = String::new();
        for _ in 0..count {
            let symbol = &symbols[self.sequence as usize % symbols.len()];
            let ticker = ticker(exchange, symbol, self.sequence);
            append_command(&mut commands, &["HSET", &format!("tickers:{exchange}"), symbol, &ticker]);
            let channel = channel(exchange, symbol);
            append_command(&mut commands, &["PUBLISH", &channel, &ticker]);
            self.sequence += 1;
        }
        self.socket.write_all(commands.as_bytes()).unwrap();
        let mut answered = 0;
        let mut answers = [0; 4096];
        while answered < 2 * count {
            let length = self.socket.read(&mut answers).unwrap();
            assert!(length > 0, "redis-server is gone");
            assert!(!answers[..length].contains(&b'-'), "{}", String::from_utf8_lossy(&answers[..length]));
            answered += answers[..length].iter().filter(|byte| **byte == b'\n').count() as u64;
        }
    }
}

/// Where changes of a symbol are published.
pub fn channel(exchange: &str, symbol: &str) -> String {
    format!("ticker_updates:{exchange}:{symbol}")
}

/// A ticker that tells its number and when it was written.
fn ticker(exchange: &str, symbol: &str, sequence: u64) -> String {
    let now = now();
    format!(
        "{{\"symbol\":\"{symbol}\",\"exchange\":\"{exchange}\",\"price\":{sequence},\
         \"volume\":2738.722328547789,\"time\":{}.{:06},\"bid\":176.81035104330354,\
         \"ask\":176.8457166500729,\"last\":176.82803384668821}}",
        now / 1_000_000,
        now % 1_000_000
    )
}
