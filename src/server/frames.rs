//! Looks over the library's shoulder: where in a message a client is. The library reads frames until it has
//! a whole message, however long that takes and however many they are.

/// How many bytes a frame's head has at the most.
const LONGEST_HEAD: usize = 14;

/// Follows the frames in what a client sends.
#[derive(Debug)]
pub(super) struct Frames {
    /// What there is of the next frame's head.
    head: [u8; LONGEST_HEAD],
    have: usize,
    /// How many bytes of a payload are yet to come.
    left: u64,
    /// Whether a message is begun, and how many frames it has so far.
    in_message: bool,
    fragments: usize,
    /// How many a message may have.
    most_fragments: usize,
    /// How many messages are done, and pings and the like between them.
    done: u64,
    bytes: u64,
}

/// A message has too many frames.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooManyFrames;

impl Frames {
    pub(super) fn new(most_fragments: usize) -> Self {
        Self {
            head: [0; LONGEST_HEAD],
            have: 0,
            left: 0,
            in_message: false,
            fragments: 0,
            most_fragments,
            done: 0,
            bytes: 0,
        }
    }

    /// Takes over a reload.
    pub(super) fn adopt(&mut self, most_fragments: usize) {
        self.most_fragments = most_fragments;
    }

    /// How many bytes there have been.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many messages, and pings and the like between them, have come to their end.
    pub(super) fn done(&self) -> u64 {
        self.done
    }

    /// Whether something is begun and not done.
    pub(super) fn is_within(&self) -> bool {
        self.in_message || self.have > 0 || self.left > 0
    }

    /// Takes note of what came in.
    pub(super) fn note(&mut self, mut bytes: &[u8]) -> Result<(), TooManyFrames> {
        self.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            if self.left > 0 {
                let skipped = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.left -= skipped as u64;
                bytes = &bytes[skipped..];
                if self.left == 0 {
                    self.end_frame();
                }
                continue;
            }
            // The first two bytes tell how long the head is.
            let is_new = self.have < 2;
            let length = if is_new { 2 } else { self.head_length() };
            let (part, rest) = bytes.split_at(bytes.len().min(length - self.have));
            self.head[self.have..self.have + part.len()].copy_from_slice(part);
            self.have += part.len();
            bytes = rest;
            if is_new && self.have == 2 {
                self.begin_frame()?;
            }
            if self.have >= 2 && self.have == self.head_length() {
                self.left = self.payload_length();
                if self.left == 0 {
                    self.end_frame();
                }
            }
        }
        Ok(())
    }

    fn is_control(&self) -> bool {
        self.head[0] & 0x08 != 0
    }

    fn begin_frame(&mut self) -> Result<(), TooManyFrames> {
        if !self.is_control() {
            self.in_message = true;
            self.fragments += 1;
            if self.fragments > self.most_fragments {
                return Err(TooManyFrames);
            }
        }
        Ok(())
    }

    fn end_frame(&mut self) {
        let is_last = self.head[0] & 0x80 != 0;
        self.have = 0;
        if self.is_control() {
            // Within a message it is no sign that the message gets on.
            self.done += u64::from(!self.in_message);
        } else if is_last {
            self.done += 1;
            self.in_message = false;
            self.fragments = 0;
        }
    }

    fn head_length(&self) -> usize {
        let extended = match self.head[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if self.head[1] & 0x80 == 0 { 0 } else { 4 };
        2 + extended + mask
    }

    fn payload_length(&self) -> u64 {
        let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        match self.head[1] & 0x7f {
            126 => number(&self.head[2..4]),
            127 => number(&self.head[2..10]),
            short => u64::from(short),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio_tungstenite::tungstenite::protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    };

    use super::*;

    fn frame(opcode: OpCode, length: usize, is_last: bool) -> Vec<u8> {
        let mut frame = Frame::message(vec![b'x'; length], opcode, is_last);
        frame.header_mut().mask = Some([1, 2, 3, 4]);
        let mut bytes = Vec::new();
        frame.format(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_is_begun_is_told_from_what_is_done() {
        let mut frames = Frames::new(3);
        let text = frame(OpCode::Data(Data::Text), 5, true);
        frames.note(&text[..1]).unwrap();
        assert!(frames.is_within() && frames.done() == 0);
        frames.note(&text[1..]).unwrap();
        assert!(!frames.is_within() && frames.done() == 1);

        frames.note(&frame(OpCode::Data(Data::Text), 5, false)).unwrap();
        frames.note(&[0x89, 0x80, 1, 2, 3, 4]).unwrap();
        assert!(frames.is_within() && frames.done() == 1, "a ping within a message does not end it");
        frames.note(&frame(OpCode::Data(Data::Continue), 0, true)).unwrap();
        assert!(!frames.is_within() && frames.done() == 2);
    }

    #[test]
    fn a_message_has_so_many_frames_at_the_most() {
        let mut frames = Frames::new(3);
        for _ in 0..5 {
            frames.note(&frame(OpCode::Data(Data::Text), 1, true)).unwrap();
        }
        frames.note(&frame(OpCode::Data(Data::Text), 1, false)).unwrap();
        for _ in 0..2 {
            frames.note(&frame(OpCode::Data(Data::Continue), 0, false)).unwrap();
        }
        assert_eq!(frames.note(&frame(OpCode::Data(Data::Continue), 0, false)), Err(TooManyFrames));
    }

    proptest! {
        #[test]
        fn frames_of_any_length_are_followed_however_they_are_cut(
            lengths in prop::collection::vec(
                prop_oneof![0..130_usize, 65_530..65_540_usize, 120..130_usize], 1..8),
            cut in 1..5000_usize,
        ) {
            let bytes: Vec<u8> =
                lengths.iter().flat_map(|length| frame(OpCode::Data(Data::Text), *length, true)).collect();
            let mut frames = Frames::new(1);
            for part in bytes.chunks(cut) {
                frames.note(part).unwrap();
            }
            prop_assert_eq!(frames.done(), lengths.len() as u64);
            prop_assert!(!frames.is_within());
            prop_assert_eq!(frames.bytes(), bytes.len() as u64);
        }

        #[test]
        fn no_bytes_make_it_panic(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..64)) {
            let mut frames = Frames::new(10);
            for part in parts {
                if frames.note(&part).is_err() {
                    break;
                }
            }
        }
    }
}
