//! A reader who believes every event must end up with what etcd has, whatever happened in between.

use std::collections::BTreeMap;

use krake_facade_wire::kubernetes::Application;
use proptest::prelude::*;

use super::*;

/// What somebody does to etcd, or etcd to us.
#[derive(Clone, Debug)]
enum Step {
    Put(u8, u8),
    Delete(u8),
    /// From here on nothing arrives.
    Cut,
    /// What was missed is forgotten but for so many writes; then everything arrives again.
    Compact(usize),
    /// Everything arrives again, and so many writes that were told already once more.
    Resume(usize),
}

/// Something that happened at a revision.
#[derive(Clone, Debug)]
enum Write {
    Put { key: Key, known: Known, created: bool },
    Delete { key: Key },
}

fn key(name: u8) -> Key {
    Key::of::<Application>(Some("n"), &format!("a{name}"))
}

/// A database with all of its history.
#[derive(Default)]
struct Etcd {
    now: BTreeMap<Key, Known>,
    history: Vec<(i64, Write)>,
    revision: i64,
}

impl Etcd {
    fn put(&mut self, name: u8, content: u8) {
        self.revision += 1;
        let (key, revision) = (key(name), self.revision);
        let before = self.now.get(&key);
        let created_revision = before.map_or(revision, |known| known.created_revision);
        let known = Known { revision, created_revision, object: Some(Bytes::copy_from_slice(&[name, content])) };
        self.history.push((revision, Write::Put { key: key.clone(), known: known.clone(), created: before.is_none() }));
        self.now.insert(key, known);
    }

    fn delete(&mut self, name: u8) {
        if self.now.remove(&key(name)).is_some() {
            self.revision += 1;
            self.history.push((self.revision, Write::Delete { key: key(name) }));
        }
    }

    /// All objects as they were.
    fn at(&self, revision: i64) -> Vec<(Key, Known)> {
        let mut then = BTreeMap::new();
        for (_, write) in self.history.iter().filter(|(at, _)| *at <= revision) {
            match write {
                Write::Put { key, known, .. } => drop(then.insert(key.clone(), known.clone())),
                Write::Delete { key } => drop(then.remove(key)),
            }
        }
        then.into_iter().collect()
    }
}

/// The memory, and a reader of its events.
#[derive(Default)]
struct Told {
    memory: Memory,
    seen: BTreeMap<Key, Bytes>,
    events: Vec<Difference>,
}

impl Told {
    fn hear_all(&mut self, events: Vec<Difference>) {
        for event in events {
            self.hear(event);
        }
    }

    fn hear(&mut self, event: Difference) {
        let Difference { kind, key, object, .. } = event.clone();
        let before = match kind {
            EventType::Added | EventType::Modified => self.seen.insert(key, object.clone()),
            EventType::Deleted => self.seen.remove(&key),
        };
        assert_eq!(before.is_none(), kind == EventType::Added, "{event:?}");
        assert!(
            kind != EventType::Deleted || before == Some(object),
            "{event:?} is not the object as it was told last"
        );
        self.events.push(event);
    }

    /// As the hub does it.
    fn take(&mut self, revision: i64, write: &Write) {
        match write {
            Write::Put { key, known, created } if self.memory.is_news(key, revision) => {
                self.memory.put(key.clone(), known.clone());
                let kind = if *created { EventType::Added } else { EventType::Modified };
                self.hear(difference(kind, key, revision, known.object.clone()).unwrap());
            }
            Write::Delete { key } if self.memory.is_news(key, revision) => {
                if let Some(object) = self.memory.delete(key, revision) {
                    self.hear(difference(EventType::Deleted, key, revision, Some(object)).unwrap());
                }
            }
            _ => {}
        }
    }
}

/// Carries out the steps; gives the database and what was told of it in the end.
fn play(steps: &[Step]) -> (Etcd, Told) {
    let (mut etcd, mut told) = (Etcd::default(), Told::default());
    let mut next = 0;
    let mut is_cut = false;
    for step in steps {
        match step {
            Step::Put(name, content) => etcd.put(*name, *content),
            Step::Delete(name) => etcd.delete(*name),
            Step::Cut => is_cut = true,
            Step::Resume(repeated) => {
                is_cut = false;
                next = usize::saturating_sub(next, *repeated);
            }
            Step::Compact(kept) => {
                is_cut = false;
                let cut = etcd.history.len().saturating_sub(*kept);
                if cut > next {
                    let revision = etcd.history[cut - 1].0;
                    let hidden = told.memory.catch_up(etcd.at(revision), revision);
                    told.hear_all(hidden);
                    next = cut;
                }
            }
        }
        while let Some((revision, write)) = etcd.history.get(next).filter(|_| !is_cut) {
            told.take(*revision, write);
            next += 1;
        }
    }
    for (revision, write) in etcd.history.iter().skip(next) {
        told.take(*revision, write);
    }
    (etcd, told)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..4_u8, any::<u8>()).prop_map(|(name, content)| Step::Put(name, content)),
        3 => (0..4_u8).prop_map(Step::Delete),
        2 => Just(Step::Cut),
        1 => (0..4_usize).prop_map(Step::Compact),
        1 => (0..4_usize).prop_map(Step::Resume),
    ]
}

proptest! {
    #[test]
    fn a_reader_ends_up_with_what_there_is(steps in prop::collection::vec(step(), 0..60)) {
        let (etcd, told) = play(&steps);
        let now: BTreeMap<_, _> = etcd.now.into_iter().map(|(key, known)| (key, known.object.unwrap())).collect();
        prop_assert_eq!(told.seen, now);
    }

    #[test]
    fn events_come_in_the_order_of_revisions_and_none_twice(steps in prop::collection::vec(step(), 0..60)) {
        let (_, told) = play(&steps);
        prop_assert!(told.events.is_sorted_by_key(|event| event.revision));
        let mut identities: Vec<_> =
            told.events.iter().map(|event| (&event.key, event.revision, event.kind.as_str())).collect();
        identities.sort_unstable();
        prop_assert!(identities.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn without_a_compaction_every_write_is_told(steps in prop::collection::vec(step(), 0..60)) {
        let steps: Vec<_> = steps.into_iter().filter(|step| !matches!(step, Step::Compact(_))).collect();
        let (etcd, told) = play(&steps);
        let told: Vec<_> = told.events.iter().map(|event| event.revision).collect();
        let written: Vec<_> = etcd.history.iter().map(|(revision, _)| *revision).collect();
        prop_assert_eq!(told, written);
    }

    #[test]
    fn after_etcd_went_back_a_reader_ends_up_with_what_there_is(
        steps in prop::collection::vec(step(), 0..30),
        others in prop::collection::vec(step(), 0..30),
    ) {
        let (_, mut told) = play(&steps);
        let (restored, _) = play(&others);
        let different = told.memory.rewind(restored.at(restored.revision), restored.revision);
        told.hear_all(different);
        let now: BTreeMap<_, _> = restored.now.into_iter().map(|(key, known)| (key, known.object.unwrap())).collect();
        prop_assert_eq!(told.seen, now);
    }
}

#[test]
fn a_list_is_given_only_if_it_is_known_to_be_complete() {
    let (_, Told { memory, .. }) = play(&[Step::Put(2, 1), Step::Put(1, 7)]);
    let all = Collection::of::<Application>(Some("n"));
    let objects = vec![Bytes::from_static(&[1, 7]), Bytes::from_static(&[2, 1])];
    assert_eq!(memory.list(&all, &Census::of_one(9, 2, 2)), Some(objects));
    assert_eq!(memory.list(&Collection::of::<Application>(Some("m")), &Census::of_one(9, 0, 0)), Some(vec![]));
    for (missing, keys, newest) in [("a write", 2, 3), ("a removal", 1, 2), ("a creation", 3, 3)] {
        assert_eq!(memory.list(&all, &Census::of_one(9, keys, newest)), None, "{missing}");
    }
}

#[test]
fn a_key_that_was_removed_and_created_anew_in_a_gap_is_told_as_both() {
    let steps = [Step::Put(1, 1), Step::Cut, Step::Delete(1)];
    let steps = [&steps[..], &[Step::Put(1, 2), Step::Compact(0)]].concat();
    let (_, told) = play(&steps);
    let kinds: Vec<_> = told.events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["ADDED", "DELETED", "ADDED"]);
}

#[test]
fn an_etcd_that_came_back_with_the_same_objects_has_nothing_to_tell() {
    let (_, mut told) = play(&[Step::Put(1, 1), Step::Put(1, 2)]);
    let (rebuilt, _) = play(&[Step::Put(1, 2)]);
    assert_eq!(told.memory.rewind(rebuilt.at(1), 1), []);
}

#[test]
fn what_is_no_object_is_not_told() {
    let mut memory = Memory::default();
    memory.put(key(1), Known { revision: 1, created_revision: 1, object: None });
    assert_eq!(memory.delete(&key(1), 2), None);
}
