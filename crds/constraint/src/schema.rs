//! The label constraint language as a regular expression for the API server's CEL rules.

/// RE2 pattern that accepts exactly what the label constraint parser accepts.
///
/// A tab is a blank only where it touches neither key nor value, hence the distinction between ` ` and `[ \t]`.
pub const LABEL_PATTERN: &str = concat!(
    r"^ *(\w([\w.-]{0,251}\w)?/)?\w([\w.-]{0,61}\w)?",
    r"(( [ \t]*)?(==|=|!=) *\w([\w.-]{0,61}\w)?( [ \t]*)?",
    r"| [ \t]*is([ \t]*not +| *)\w([\w.-]{0,61}\w)?( [ \t]*)?",
    r"| [ \t]*(not[ \t]*)?in[ \t]*\( *\w([\w.-]{0,61}\w)?( [ \t]*)?",
    r"(, *\w([\w.-]{0,61}\w)?( [ \t]*)?)*(, *)*\)[ \t]*)$",
);

/// What is right, for people whose constraint was refused.
pub const LABEL_HELP: &str = "each label constraint must read `key is value`, `key is not value`, `key in (a, b)` or \
     `key not in (a, b)`; `=`, `==` and `!=` work too";
