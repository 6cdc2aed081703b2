//! The vocabulary of kepi.
//!
//! Everything the parts of kepi say to each other is said in the words of this crate: [`Platform`],
//! [`AccountId`], [`Post`], the metric [`Catalogue`], [`Measurement`], [`Page`], [`Cursor`], [`Error`], and
//! the seam that every platform stands behind, [`Adapter`]. It is pure: no I/O, no runtime, no Arrow, so
//! that an adapter's author waits seconds for a build.
#![warn(missing_docs)]

pub mod adapter;
pub mod catalogue;
pub mod credential;
pub mod descriptor;
pub mod document;
pub mod error;
pub mod holiday;
pub mod http;
pub mod identity;
pub mod job;
pub mod json;
pub mod measurement;
pub mod metric;
pub mod named;
pub mod page;
pub mod period;
pub mod plan;
pub mod settings;
pub mod tables;

pub use adapter::{Adapter, Calls, Decoder};
pub use catalogue::Catalogue;
pub use credential::{Grant, Placement, Token, TokenFlow, TokenKind};
pub use descriptor::{Cost, Descriptor, Endpoint, Field, Quota, Shape};
pub use error::{Error, ErrorKind, Reach, Result, Retry};
pub use http::{Body, Method, Payload, Request, Response};
pub use identity::{Account, AccountId, AccountRef, Platform, Post, PostRef};
pub use job::{Cursor, InputIdentity, Job, Stream};
pub use measurement::{
    Flags, Measurement, Money, Provenance, Reading, Segment, Subject, SubjectKind, Traffic, Value, Window,
};
pub use metric::{Additivity, Kind, Metric, MetricId, Nature, Unit, WindowKind};
pub use named::{NamedPost, SamePosts, Unclear, normalized, same_posts};
pub use page::{Notice, Page, Reject};
pub use period::{DateSpan, Period};
