//! Addresses of posts, brought to one form: so that what a content system calls a page and what a platform calls a post
//! meet.
//!
//! Scheme, `www.` and `m.`, the part after `#`, parameters that only say where a visitor came from, and a slash at the
//! end are left out; the host is in small letters. Paths stay as they are: many platforms tell their posts apart by the
//! case of a letter.

use std::sync::LazyLock;

use datafusion::{
    functions::expr_fn::{concat, lower, regexp_replace},
    logical_expr::{Expr, lit},
};
use regex::Regex;

const FRAGMENT: &str = "#.*$";
const BEFORE_HOST: &str = "^([A-Za-z][A-Za-z0-9+.-]*:)?//";
const WWW: &str = "^([wW]{3}|[mM])[.]";
const CAME_FROM: &str = "(?-u:\\b)(utm_[a-z_]+|fbclid|gclid|msclkid|spm|chksm|scene|isappinstalled|share_from|xsec_source)=[^&]*&?";
const AT_THE_END: &str = "[/?&]+$";
const AFTER_HOST: &str = "[/?].*$";
const HOST: &str = "^[^/?]*";

/// The one form of an address.
///
/// ```
/// use kepi_engine::one_address;
/// let told = one_address(" https://www.Example.org/Bikes/7/?utm_source=x&colour=red#top ");
/// assert_eq!(told, "example.org/Bikes/7/?colour=red");
/// assert_eq!(told, one_address("//example.org/Bikes/7/?colour=red&utm_medium=social"));
/// ```
#[must_use]
pub fn one_address(address: &str) -> String {
    static STEPS: LazyLock<Option<[Regex; 7]>> = LazyLock::new(|| {
        let read = |pattern: &str| Regex::new(pattern).ok();
        Some([
            read(FRAGMENT)?,
            read(BEFORE_HOST)?,
            read(WWW)?,
            read(CAME_FROM)?,
            read(AT_THE_END)?,
            read(AFTER_HOST)?,
            read(HOST)?,
        ])
    });
    let Some([fragment, before, www, came_from, end, after_host, host]) = STEPS.as_ref() else {
        return address.trim().to_owned();
    };
    let mut text = address.trim().to_owned();
    for step in [fragment, before, www] {
        text = step.replace(&text, "").into_owned();
    }
    text = came_from.replace_all(&text, "").into_owned();
    text = end.replace(&text, "").into_owned();
    format!("{}{}", after_host.replace(&text, "").to_lowercase(), host.replace(&text, ""))
}

/// The same of a column.
pub(crate) fn one_address_of(column: Expr) -> Expr {
    let without = |text: Expr, pattern: &str| regexp_replace(text, lit(pattern), lit(""), None);
    let mut text = datafusion::functions::expr_fn::btrim(vec![column]);
    for pattern in [FRAGMENT, BEFORE_HOST, WWW] {
        text = without(text, pattern);
    }
    text = regexp_replace(text, lit(CAME_FROM), lit(""), Some(lit("g")));
    text = without(text, AT_THE_END);
    concat(vec![lower(without(text.clone(), AFTER_HOST)), without(text, HOST)])
}
