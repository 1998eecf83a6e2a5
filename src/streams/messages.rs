//! Which changes of a key its writer's messages explain.

use std::time::{Duration, Instant};

/// Within what time of a change of a key its writer's message explains it.
pub(super) const EXPLAINED: Duration = Duration::from_millis(100);
/// How long before the news of a change a message of it may come: they left Redis together.
const TOGETHER: Duration = Duration::from_millis(5);

/// Holds messages against changes. A writer changes a key and publishes what it wrote. Redis tells of a
/// change at the end of a turn of its loop, so the news comes before the message, or right after it where
/// both were done in one turn. It tells of all changes of one turn at once, so where news and messages do
/// not take turns, one that nobody published may be among them.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// When a message came that no change was told for yet.
    ahead: Option<Instant>,
    /// Changes that no message came for yet.
    unexplained: u32,
    is_doubtful: bool,
    /// Changes that a read took in before their messages came, and until when these may still come.
    owed: u32,
    owed_until: Option<Instant>,
}

impl Messages {
    /// A change was told. Says whether it still wants a message.
    pub(super) fn explain_a_change(&mut self, now: Instant) -> bool {
        let is_explained = self.ahead.take().is_some_and(|at| now.duration_since(at) < TOGETHER);
        self.is_doubtful |= self.unexplained > 0;
        self.unexplained += u32::from(!is_explained);
        !is_explained
    }

    /// A message came. Says whether every change is explained now.
    pub(super) fn count(&mut self, now: Instant) -> bool {
        if let Some(fewer) = self.unexplained.checked_sub(1) {
            self.unexplained = fewer;
        } else if self.owed > 0 && self.owed_until.is_some_and(|until| now < until) {
            // It is of what was read already, and explains nothing that comes after it.
            self.owed -= 1;
        } else {
            self.is_doubtful |= self.ahead.replace(now).is_some();
        }
        self.unexplained == 0
    }

    /// Whether a message came that no change was told for yet.
    pub(super) fn are_ahead(&self) -> bool {
        self.ahead.is_some()
    }

    /// Whether one that nobody published may have been among the changes.
    pub(super) fn are_doubtful(&self) -> bool {
        self.is_doubtful
    }

    /// All is read, so nothing is left to explain. Messages of it may be on their way.
    pub(super) fn forgive(&mut self, now: Instant) {
        let is_owed = self.owed_until.is_some_and(|until| now < until);
        let owed = self.unexplained + if is_owed { self.owed } else { 0 };
        *self = Self { owed, owed_until: Some(now + EXPLAINED), ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_wants_a_message_of_its_own() {
        let (mut messages, now) = (Messages::default(), Instant::now());
        assert!(messages.explain_a_change(now) && messages.count(now), "the message came after the change");
        assert!(messages.count(now) && !messages.explain_a_change(now), "or in the same turn");
        assert!(!messages.are_doubtful());
        assert!(messages.explain_a_change(now), "another change is not explained by them");
        messages.forgive(now);
        messages.count(now);
        assert!(messages.explain_a_change(now + TOGETHER), "nor by one that came long before");
    }

    #[test]
    fn a_message_of_what_is_read_already_explains_nothing_else() {
        let (mut messages, now) = (Messages::default(), Instant::now());
        assert!(messages.explain_a_change(now));
        messages.forgive(now);
        assert!(messages.count(now), "it comes after the read has begun");
        assert!(!messages.are_ahead());
        assert!(messages.explain_a_change(now), "another change, that nobody published");
        // One that does not come is not waited for.
        messages.forgive(now);
        messages.count(now + EXPLAINED);
        assert!(messages.are_ahead());
    }

    #[test]
    fn what_does_not_take_turns_is_doubtful() {
        let (mut messages, now) = (Messages::default(), Instant::now());
        messages.count(now);
        messages.count(now);
        assert!(messages.are_doubtful(), "two messages, perhaps one piece of news");
        messages.forgive(now);
        messages.explain_a_change(now);
        assert!(!messages.are_doubtful());
        messages.explain_a_change(now);
        assert!(messages.are_doubtful(), "two pieces of news");
    }
}
