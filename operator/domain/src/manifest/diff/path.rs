//! A place in an object, e.g. `spec.ports[0].port`.

use std::fmt;

/// A place in an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Field(String),
    Index(usize),
}

impl Segment {
    fn name(&self) -> Option<&str> {
        match self {
            Self::Field(name) => Some(name),
            Self::Index(_) => None,
        }
    }
}

impl Path {
    pub(super) fn enter_field(&mut self, name: &str) {
        self.0.push(Segment::Field(name.into()));
    }

    pub(super) fn enter_index(&mut self, index: usize) {
        self.0.push(Segment::Index(index));
    }

    pub(super) fn leave(&mut self) {
        self.0.pop();
    }

    /// The fields on the way, up to the first list in which an element is meant.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map_while(Segment::name)
    }

    /// The names of the last two segments, as far as they are fields.
    pub(super) fn last_fields(&self) -> (Option<&str>, Option<&str>) {
        let from_end = |back: usize| self.0.iter().rev().nth(back).and_then(Segment::name);
        (from_end(1), from_end(0))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Field(name) if position == 0 => f.write_str(name)?,
                Segment::Field(name) => write!(f, ".{name}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
