//! Constraints in JSON: their texts.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{LabelConstraint, MetricConstraint};

impl Serialize for LabelConstraint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for MetricConstraint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LabelConstraint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for MetricConstraint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constraint_is_its_text() {
        let texts = r#"["location in (DE, SK)","tier is not gold"]"#;
        let labels: Vec<LabelConstraint> = serde_json::from_str(texts).unwrap();
        assert_eq!(serde_json::to_string(&labels).unwrap(), texts);
        let metric: MetricConstraint = serde_json::from_str(r#""load>=.5""#).unwrap();
        assert_eq!(serde_json::to_string(&metric).unwrap(), r#""load greater than or equal .5""#);
    }

    #[test]
    fn a_text_that_is_no_constraint_is_refused_with_the_reason() {
        let refusal = serde_json::from_str::<MetricConstraint>(r#""load > abc""#).unwrap_err().to_string();
        assert!(refusal.starts_with("`abc` is not a number; the value must be one, e.g. `load < 0.5`"), "{refusal}");
        assert!(serde_json::from_str::<LabelConstraint>(r#""location < DE""#).is_err());
    }
}
