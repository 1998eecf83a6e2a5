//! Text frames of a WebSocket as a server sends them (RFC 6455, section 5.2), made in the bytes that are written.

/// The first byte of a frame that holds a whole text.
const WHOLE_TEXT: u8 = 0x81;
/// How many bytes come before a text at the most.
const LONGEST_HEAD: usize = 10;

/// Text frames, one after the other.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Texts {
    bytes: Vec<u8>,
    count: usize,
}

impl Texts {
    /// With room for so many texts of so many bytes in all.
    pub(crate) fn with_capacity(texts: usize, bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(texts * LONGEST_HEAD + bytes), count: 0 }
    }

    /// Appends the frame of a text that is in parts.
    pub(crate) fn push(&mut self, parts: &[&str]) {
        let length = parts.iter().map(|part| part.len()).sum();
        self.bytes.reserve(LONGEST_HEAD + length);
        self.push_head(length);
        parts.iter().for_each(|part| self.bytes.extend_from_slice(part.as_bytes()));
    }

    fn push_head(&mut self, length: usize) {
        self.count += 1;
        self.bytes.push(WHOLE_TEXT);
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(length @ ..126), _) => self.bytes.push(length),
            (_, Ok(length)) => {
                self.bytes.push(126);
                self.bytes.extend(length.to_be_bytes());
            }
            _ => {
                self.bytes.push(127);
                self.bytes.extend((length as u64).to_be_bytes());
            }
        }
    }

    /// How many frames there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many bytes they have.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The frames as they are sent.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::{Message, WebSocket, protocol::Role};

    use super::*;

    #[test]
    fn texts_of_any_length_are_what_a_client_of_the_library_reads() {
        let texts: Vec<String> = [0, 1, 125, 126, 127, 65_535, 65_536, 200_000]
            .into_iter()
            .map(|length| "x".repeat(length))
            .collect();
        let mut frames = Texts::default();
        for text in &texts {
            let (first, rest) = text.split_at(text.len() / 3);
            frames.push(&[first, rest]);
        }
        assert_eq!(frames.count(), texts.len());
        let mut client = WebSocket::from_raw_socket(std::io::Cursor::new(frames.bytes), Role::Client, None);
        for text in texts {
            assert_eq!(client.read().unwrap(), Message::text(text));
        }
    }
}
