//! Plain HTTP, as a browser or a probe speaks it.

use std::collections::BTreeMap;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// An answer.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    /// By their names, in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Page {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// Asks for a page, with more lines of the head, e.g. `authorization: Bearer …`.
pub async fn get(address: impl ToString, path: &str, head: &[&str]) -> Page {
    ask(address, "GET", path, head).await
}

/// The same by another method.
pub async fn ask(address: impl ToString, method: &str, path: &str, head: &[&str]) -> Page {
    let address = address.to_string();
    let mut socket = TcpStream::connect(&address).await.unwrap();
    let mut lines = vec![format!("{method} {path} HTTP/1.1")];
    if !head.iter().any(|line| line.starts_with("host:")) {
        lines.push(format!("host: {address}"));
    }
    lines.extend(head.iter().map(ToString::to_string));
    socket.write_all(format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let body = answer.split_off(end + 4);
    let head = String::from_utf8(answer).unwrap();
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap().parse().unwrap();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    Page { status, headers, body }
}
