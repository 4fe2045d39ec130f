//! What we claim about speed, measured against a named comparison in the same run.
