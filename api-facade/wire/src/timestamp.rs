//! Points in time as the contract has them: microseconds, and the offset the client used or none at all.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

use crate::schema::{Mode, Value};
use crate::{Invalid, Json};

/// A point in time, which keeps how it was written.
///
/// Two timestamps with an offset are equal if they mean the same instant; one without an offset never equals one with.
#[derive(Debug, Clone, Copy)]
pub struct Timestamp {
    /// What calendar and clock show; whole microseconds, a year from 1 to 9999.
    local: DateTime,
    /// Seconds east of Greenwich, less than a day, if the client told.
    offset: Option<i32>,
}

/// The text is no timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a date and time")]
pub struct InvalidTimestamp;

const SECONDS_PER_DAY: i32 = 24 * 60 * 60;

impl Timestamp {
    /// The start of Unix time: the value of fields that the server is about to set.
    pub const EPOCH: Self = Self { local: DateTime::constant(1970, 1, 1, 0, 0, 0, 0), offset: Some(0) };

    /// The server's notion of an instant: in UTC, cut to microseconds.
    #[must_use]
    pub fn now_utc(now: jiff::Timestamp) -> Self {
        let local = Offset::UTC.to_datetime(now);
        let time = Time::constant(0, 0, 0, 0);
        let micros = local.subsec_nanosecond() / 1000 * 1000;
        let time = Time::new(local.hour(), local.minute(), local.second(), micros).unwrap_or(time);
        Self { local: DateTime::from_parts(local.date(), time), offset: Some(0) }
    }

    /// The instant; without an offset, as if it were UTC.
    #[must_use]
    pub fn instant(&self) -> jiff::Timestamp {
        i64::try_from(self.microseconds())
            .ok()
            .and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok())
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }

    /// Whether the client told which offset it means.
    #[must_use]
    pub fn has_offset(&self) -> bool {
        self.offset.is_some()
    }

    /// Microseconds since the start of Unix time.
    fn microseconds(&self) -> i128 {
        let since_epoch = self.local.duration_since(Self::EPOCH.local).as_micros();
        since_epoch - i128::from(self.offset.unwrap_or_default()) * 1_000_000
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(instant: jiff::Timestamp) -> Self {
        Self::now_utc(instant)
    }
}

impl PartialEq for Timestamp {
    fn eq(&self, other: &Self) -> bool {
        self.has_offset() == other.has_offset() && self.microseconds() == other.microseconds()
    }
}

impl Eq for Timestamp {}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, time) = (self.local.date(), self.local.time());
        write!(f, "{:04}-{:02}-{:02}T", date.year(), date.month(), date.day())?;
        write!(f, "{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())?;
        match time.subsec_nanosecond() / 1000 {
            0 => {}
            micros => write!(f, ".{micros:06}")?,
        }
        let Some(offset) = self.offset else { return Ok(()) };
        let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.unsigned_abs() / 60);
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        Reader { rest: text }.timestamp().ok_or(InvalidTimestamp)
    }
}

/// Reads what the contract accepts: `2026-1-2T3:4`, seconds, a fraction and an offset if given, a space instead of `T`.
struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn timestamp(mut self) -> Option<Timestamp> {
        let date = self.date()?;
        if !(self.take('T') || self.take(' ')) {
            return None;
        }
        let time = self.time()?;
        let offset = self.offset()?;
        self.rest.is_empty().then_some(Timestamp { local: DateTime::from_parts(date, time), offset })
    }

    fn date(&mut self) -> Option<Date> {
        let year = self.number(4, 4).filter(|year| *year > 0)?;
        let month = self.take('-').then(|| self.number(1, 2))??;
        let day = self.take('-').then(|| self.number(1, 2))??;
        Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
    }

    fn time(&mut self) -> Option<Time> {
        let hour = i8::try_from(self.number(1, 2)?).ok()?;
        let minute = i8::try_from(self.take(':').then(|| self.number(1, 2))??).ok()?;
        let (second, micros) = if self.take(':') { (self.number(1, 2)?, self.fraction()?) } else { (0, 0) };
        let second = i8::try_from(second).ok().filter(|second| *second < 60)?;
        Time::new(hour, minute, second, micros.checked_mul(1000)?).ok()
    }

    /// Microseconds; digits after the sixth are dropped.
    fn fraction(&mut self) -> Option<i32> {
        if !self.take('.') {
            return Some(0);
        }
        let digits = self.digits(1, 12)?;
        format!("{digits:0<6}").get(..6)?.parse().ok()
    }

    /// The outer `None`: something else stands there. The inner: nothing does.
    #[expect(clippy::option_option, reason = "the offset itself is optional, and may be wrong")]
    fn offset(&mut self) -> Option<Option<i32>> {
        if self.take('Z') {
            return Some(Some(0));
        }
        let sign = match (self.take('+'), self.take('-')) {
            (true, false) => 1,
            (false, true) => -1,
            _ => return Some(None),
        };
        let hours = self.number(2, 2)?;
        let has_minutes = self.take(':') || !self.rest.is_empty();
        let minutes = if has_minutes { self.number(2, 2)? } else { 0 };
        let seconds = hours * 60 * 60 + minutes * 60;
        (seconds < SECONDS_PER_DAY).then_some(Some(sign * seconds))
    }

    fn take(&mut self, character: char) -> bool {
        let rest = self.rest.strip_prefix(character);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn number(&mut self, least: usize, most: usize) -> Option<i32> {
        self.digits(least, most)?.parse().ok()
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<&str> {
        let count = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        (count >= least).then_some(digits)
    }
}

impl Value for Timestamp {
    fn read(json: &Json, _: Mode) -> Result<Self, Invalid> {
        json.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| Invalid::message("Not a valid datetime."))
    }

    fn write(&self, out: &mut Vec<u8>) {
        crate::json::write_str(&self.to_string(), out);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rendered(text: &str) -> Option<String> {
        text.parse::<Timestamp>().ok().map(|timestamp| timestamp.to_string())
    }

    #[test]
    fn a_timestamp_is_rendered_with_the_offset_it_came_with() {
        for (given, expected) in [
            ("2026-11-22T21:38:07.714438+00:00", "2026-11-22T21:38:07.714438+00:00"),
            ("2026-11-22T21:38:07Z", "2026-11-22T21:38:07+00:00"),
            ("2026-1-2 3:4", "2026-01-02T03:04:00"),
            ("2026-01-02T03:04:05.1+0230", "2026-01-02T03:04:05.100000+02:30"),
            ("2026-01-02T03:04:05.123456789012-08", "2026-01-02T03:04:05.123456-08:00"),
            ("2026-01-02T03:04:05.000000-00:30", "2026-01-02T03:04:05-00:30"),
            ("0001-01-01T00:00:00-23:59", "0001-01-01T00:00:00-23:59"),
        ] {
            assert_eq!(rendered(given).as_deref(), Some(expected), "{given}");
        }
    }

    #[test]
    fn what_is_no_timestamp_is_refused() {
        for given in [
            "",
            "2026-01-02",
            "2026-01-02T",
            "2026-01-02T03",
            "26-01-02T03:04",
            "2026-13-02T03:04",
            "2026-02-30T03:04",
            "2026-01-02T24:00",
            "2026-01-02T03:04:60",
            "2026-01-02T03:04.5",
            "2026-01-02T03:04:05.",
            "2026-01-02T03:04:05.1234567890123",
            "2026-01-02T03:04:05 +00:00",
            "2026-01-02T03:04:05+0",
            "2026-01-02T03:04:05+00:",
            "2026-01-02T03:04:05+24:00",
            "2026-01-02t03:04",
            "0000-01-02T03:04",
            "2026-01-02T03:04Zx",
        ] {
            assert_eq!(rendered(given), None, "{given}");
        }
    }

    #[test]
    fn timestamps_are_compared_as_instants() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(at("2026-01-02T03:04:05+02:00"), at("2026-01-02T01:04:05Z"));
        assert_ne!(at("2026-01-02T03:04:05"), at("2026-01-02T03:04:05Z"));
        assert_eq!(at("2026-01-02T03:04:05"), at("2026-01-02 3:4:5.0"));
        assert_eq!(at("2026-01-02T03:04:05+02:00").instant(), "2026-01-02T01:04:05Z".parse().unwrap());
    }

    proptest! {
        #[test]
        fn server_timestamps_survive_a_round_trip(
            seconds in -60_000_000_000_i64..250_000_000_000, nanos in 0..1_000_000_000_i32
        ) {
            let now = jiff::Timestamp::new(seconds, nanos).unwrap();
            let timestamp = Timestamp::now_utc(now);
            prop_assert_eq!(timestamp.to_string().parse(), Ok(timestamp));
            prop_assert!(timestamp.to_string().ends_with("+00:00"));
            prop_assert_eq!(i128::from(timestamp.instant().as_microsecond()), now.as_nanosecond().div_euclid(1000));
        }
    }
}
