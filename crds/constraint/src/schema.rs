//! The constraint languages as regular expressions for the API server's CEL rules.

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

/// RE2 pattern that accepts exactly what the metric constraint parser accepts.
pub const METRIC_PATTERN: &str = concat!(
    r"^ *(\w([\w.-]{0,251}\w)?/)?\w([\w.-]{0,61}\w)?",
    r"(( [ \t]*)?(==?|!=|>=?|=>|<=?|=<)",
    r"| [ \t]*(is([ \t]*not)?|equals|gte?|lte?",
    r"|(is[ \t]*)?(greater|less|lesser)[ \t]*than([ \t]*or[ \t]*equal([ \t]*to)?)?))",
    r" *[+-]?([0-9]{0,63}\.)?[0-9]{1,63}([eE][+-]?[0-9]{1,2})?( [ \t]*)?$",
);

/// What is right, for people whose constraint was refused.
pub const METRIC_HELP: &str = "each metric constraint must compare a metric with a number, e.g. `load < 0.5`; the \
     comparisons are `is`, `is not`, `greater than`, `greater than or equal`, `less than`, `less than or equal`; \
     `=`, `==`, `!=`, `>`, `>=`, `<` and `<=` work too";
