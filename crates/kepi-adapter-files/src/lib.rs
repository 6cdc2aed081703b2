//! Native export files and user-described tables: bytes in, pages out.
//!
//! What a platform's back end exports is known as data, in *layouts* (`config/exports/*.toml` of the repository);
//! any other table can be described by its user in a *map*. [`Files::recognise`] finds the layout by content and
//! fixes all that decoding needs into a job; [`Files`] then is the decoder of that job.
//!
//! ```
//! use kepi_adapter_files::{Choice, FileInput, Files};
//! use kepi_core::{AccountRef, Body, Cursor, Decoder};
//!
//! let account = AccountRef::new("x/demo".parse()?, "UTC");
//! let bytes = b"Date,Impressions,Engagements,New follows\n\"Fri, Jun 5, 2026\",\"1,204\",31,2\n";
//! let input = FileInput {
//!     name: "overview_2026-06-06.csv",
//!     bytes,
//!     mtime: None,
//!     observed_at: None,
//!     account: &account,
//!     currency: None,
//! };
//! let files = Files::builtin()?;
//! let job = files.recognise(&input, Choice::Detect)?;
//! assert_eq!(job.endpoint, "x-account-overview");
//!
//! let body = Body { bytes: bytes.to_vec(), content_type: None, observed_at: job.planned_at };
//! let page = files.decode(&job, &Cursor::default(), &body)?;
//! assert_eq!(page.measurements.len(), 1);
//! # Ok::<(), kepi_core::Error>(())
//! ```
#![warn(missing_docs)]

mod decode;
mod files;
pub mod layout;
mod locate;
mod map;
mod nearest;
mod observed;
mod read;
mod recipe;
mod sheet;
mod time;
mod value;

pub use files::{Choice, FileInput, Files};
pub use layout::Layout;
pub use map::Map;
pub use observed::ObservedBy;
pub use recipe::Recipe;
pub use value::{Kind, Rates};

#[cfg(test)]
mod tests;
