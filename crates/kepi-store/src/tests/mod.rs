//! The store as its users see it. A page of these tests is its own body: JSON of what it decodes to.

mod any_order;
mod facts;
mod filters;
mod mend;
mod places;
mod readings;
mod records;
mod resume;
mod same;
mod support;
mod together;
