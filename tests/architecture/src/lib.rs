//! The rules of the house as tests: who may import whom, how large things may grow, and which names and words
//! do not appear.
//!
//! Nothing imports this crate. Each test collects every violation before it fails, so that one run shows all.

#[cfg(test)]
mod imports;
#[cfg(test)]
mod measure;
#[cfg(test)]
mod sizes;
#[cfg(test)]
mod source;
#[cfg(test)]
mod words;
