//! When readings are published: soon after something has changed, and not for each of many answers. Pure.

use std::time::Duration;

use tokio::time::Instant;

/// How long answers are collected: each publication makes everybody look at everything.
const PAUSE: Duration = Duration::from_millis(50);

/// What is to be published, and when that may be.
#[derive(Debug, Default)]
pub(super) struct Pace {
    last: Option<Instant>,
    is_wanted: bool,
}

impl Pace {
    /// There is something to publish.
    pub(super) fn want(&mut self) {
        self.is_wanted = true;
    }

    /// When to publish; nothing if there is nothing to publish.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        self.is_wanted.then(|| self.last.map_or(now, |last| last + PAUSE))
    }

    /// Whether to publish now; then it is counted as done.
    pub(super) fn takes(&mut self, now: Instant) -> bool {
        let is_due = self.due(now).is_some_and(|due| due <= now);
        if is_due {
            *self = Self { last: Some(now), is_wanted: false };
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_change_is_published_at_once_and_those_that_follow_together() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        assert_eq!((pace.due(start), pace.takes(start)), (None, false));
        let mut published = Vec::new();
        for millis in 0..120 {
            pace.want();
            if pace.takes(start + Duration::from_millis(millis)) {
                published.push(millis);
            }
        }
        assert_eq!(published, [0, 50, 100]);
        assert_eq!(pace.due(start), Some(start + Duration::from_millis(150)));
    }
}
