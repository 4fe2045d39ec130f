//! A mapping in the configuration file, from which values are taken by name. Hyphens in keys are underscores.
//! Source: the REST contract's chapter on configuration.

use serde_yaml::Value;

use super::Findings;
use crate::yaml;

/// The keys of one mapping.
///
/// Values go into slots. A slot that is full stays as it is: the command line comes before the file, which is checked all
/// the same.
pub(crate) struct Section<'a> {
    path: Vec<String>,
    members: Vec<(String, Value)>,
    /// The keys that were asked for.
    known: Vec<&'static str>,
    findings: &'a mut Findings,
}

impl Section<'_> {
    /// Hands the keys of a mapping to `read`. What it does not ask for is a mistake.
    pub(super) fn explore(
        path: Vec<String>,
        value: Value,
        findings: &mut Findings,
        read: impl FnOnce(&mut Section<'_>),
    ) {
        let Value::Mapping(mapping) = value else {
            findings.fault(path, format!("must be a section of keys and values, not {}", describe(&value)));
            return;
        };
        let mut section = Section { path, members: Vec::with_capacity(mapping.len()), known: Vec::new(), findings };
        for (key, value) in mapping {
            section.add(key, value);
        }
        read(&mut section);
        section.finish();
    }

    fn add(&mut self, key: Value, value: Value) {
        let Value::String(key) = key else {
            self.findings.fault(self.path.clone(), format!("a key must be a string, not {}", describe(&key)));
            return;
        };
        let key = yaml::normal(&key);
        if self.members.iter().any(|(other, _)| *other == key) {
            self.fault(&key, "given twice: hyphens and underscores mean the same".to_owned());
        } else {
            self.members.push((key, value));
        }
    }

    fn finish(self) {
        let Self { path, members, mut known, findings } = self;
        known.sort_unstable();
        for (key, _) in members {
            let message = format!("unknown key; known here: {}", known.join(", "));
            findings.fault(extended(&path, &key), message);
        }
    }

    /// The value of a key, whatever it is.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        let at = self.members.iter().position(|(name, _)| name == key)?;
        Some(self.members.remove(at).1)
    }

    /// Accepts all other keys, unseen; false if there are none.
    pub(crate) fn leave_rest(&mut self) -> bool {
        !std::mem::take(&mut self.members).is_empty()
    }

    /// Reads a key that is a mapping itself.
    pub(crate) fn section(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'_>)) {
        if let Some(value) = self.take(key) {
            Section::explore(extended(&self.path, key), value, self.findings, read);
        }
    }

    /// Reads any string.
    pub(crate) fn text(&mut self, key: &'static str, slot: &mut Option<String>) {
        self.string(key, slot, |text| Ok(text.to_owned()));
    }

    /// Reads a string as the command line would; what looks like a number or a boolean is none.
    pub(crate) fn string<T>(
        &mut self,
        key: &'static str,
        slot: &mut Option<T>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) {
        let Some(value) = self.take(key) else { return };
        let parsed = match &value {
            Value::String(text) => parse(text),
            other if is_scalar(other) => {
                Err(format!("must be a string, not {}; if it is one, quote it", describe(other)))
            }
            other => Err(format!("must be a string, not {}", describe(other))),
        };
        self.settle(key, slot, parsed);
    }

    /// Reads a string, number or boolean as the command line would.
    pub(crate) fn parse<T>(
        &mut self,
        key: &'static str,
        slot: &mut Option<T>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) {
        let Some(value) = self.take(key) else { return };
        let parsed = match &value {
            Value::String(text) => parse(text),
            Value::Number(number) => parse(&number.to_string()),
            Value::Bool(true) => parse("true"),
            Value::Bool(false) => parse("false"),
            other => Err(format!("must be a single value, not {}", describe(other))),
        };
        self.settle(key, slot, parsed);
    }

    /// Reads a list of strings, each as the command line would.
    pub(crate) fn list<T>(
        &mut self,
        key: &'static str,
        slot: &mut Option<Vec<T>>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) {
        let Some(value) = self.take(key) else { return };
        let elements = match value {
            Value::Sequence(elements) if !elements.is_empty() => elements,
            other => {
                return self.fault(key, format!("must be a list of at least one string, not {}", describe(&other)));
            }
        };
        let parsed = elements.iter().map(|element| match element {
            Value::String(text) => parse(text),
            other => Err(format!("must hold strings, not {}", describe(other))),
        });
        self.settle(key, slot, parsed.collect());
    }

    fn settle<T>(&mut self, key: &str, slot: &mut Option<T>, parsed: Result<T, String>) {
        match parsed {
            Ok(value) => *slot = slot.take().or(Some(value)),
            Err(message) => self.fault(key, message),
        }
    }

    /// Tells that the value of a key is wrong.
    pub(crate) fn fault(&mut self, key: &str, message: String) {
        self.findings.fault(extended(&self.path, key), message);
    }

    /// Tells something about the file that is no mistake.
    pub(crate) fn remark(&mut self, sentence: impl Into<String>) {
        self.findings.remark(sentence);
    }
}

fn extended(path: &[String], key: &str) -> Vec<String> {
    path.iter().map(String::as_str).chain([key]).map(str::to_owned).collect()
}

fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::Bool(_) | Value::Number(_))
}

/// The value in words. Strings are not shown: a URL may hold a password.
fn describe(value: &Value) -> String {
    match value {
        Value::Null => "empty".to_owned(),
        Value::Bool(value) => format!("the boolean {value}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(_) => "a string".to_owned(),
        Value::Sequence(_) => "a list".to_owned(),
        Value::Mapping(_) => "a section".to_owned(),
        Value::Tagged(_) => "a value with a tag".to_owned(),
    }
}
