//! The operator's own counters, as it shows them under `/metrics`.

use anyhow::{Context, Result};

/// The text of one look.
pub(super) struct Instruments(String);

impl Instruments {
    /// Asks an operator.
    pub(super) async fn read(client: &reqwest::Client, health_url: &str) -> Result<Self> {
        let answer = client.get(format!("{health_url}/metrics")).send().await.context("ask for instruments")?;
        let text = answer.error_for_status().context("ask for instruments")?.text().await;
        Ok(Self(text.context("read instruments")?))
    }

    /// How often a controller has looked at an object without an error.
    pub(super) fn looks(&self, controller: &str) -> f64 {
        let labels = [format!("controller=\"{controller}\""), "outcome=\"ok\"".to_owned()];
        self.sum("krake_operator_reconciles_total", &labels)
    }

    /// How many statuses a controller has written.
    pub(super) fn status_writes(&self, controller: &str) -> f64 {
        self.sum("krake_operator_status_writes_total", &[format!("controller=\"{controller}\"")])
    }

    /// How many new places have followed from changes of clusters and metrics, whether they are written or not.
    pub(super) fn new_places(&self) -> f64 {
        self.sum("krake_operator_new_places_total", &[])
    }

    /// The sum of all samples of a family that have these labels.
    fn sum(&self, family: &str, labels: &[String]) -> f64 {
        let samples = self.0.lines().filter_map(|line| {
            let (sample, value) = line.rsplit_once(' ')?;
            let rest = sample.strip_prefix(family)?;
            let is_meant =
                (rest.is_empty() || rest.starts_with('{')) && labels.iter().all(|label| rest.contains(label));
            is_meant.then(|| value.parse::<f64>().ok()).flatten()
        });
        // The sum of nothing would be -0.
        samples.fold(0.0, |sum, value| sum + value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_summed_by_label() {
        let text = "# TYPE krake_operator_reconciles counter\n\
                    krake_operator_reconciles_total{controller=\"scheduler\",outcome=\"ok\"} 40\n\
                    krake_operator_reconciles_total{controller=\"scheduler\",outcome=\"conflict\"} 3\n\
                    krake_operator_status_writes_total{controller=\"scheduler\"} 7\n\
                    krake_operator_reconciles_total{controller=\"cluster\",outcome=\"ok\"} 2\n";
        let instruments = Instruments(text.to_owned());
        assert_eq!(instruments.looks("scheduler").to_string(), "40");
        assert_eq!(instruments.status_writes("scheduler").to_string(), "7");
        assert_eq!(instruments.looks("placement").to_string(), "0");
    }
}
