//! The label constraint language as a regular expression for the API server's CEL rules.

/// RE2 pattern that accepts exactly what the label constraint parser accepts.
pub const LABEL_PATTERN: &str = concat!(
    r"^ *(\w([\w.-]{0,251}\w)?/)?\w([\w.-]{0,61}\w)?",
    r"( *(==|=|!=) *\w([\w.-]{0,61}\w)?",
    r"| +is *(not *)?\w([\w.-]{0,61}\w)?",
    r"| +(not *)?in *\( *\w([\w.-]{0,61}\w)?( *, *\w([\w.-]{0,61}\w)?)*( *,)* *\)) *$",
);

/// What is right, for people whose constraint was refused.
pub const LABEL_HELP: &str = "each label constraint must read `key is value`, `key is not value`, `key in (a, b)` or \
     `key not in (a, b)`; `=`, `==` and `!=` work too";
