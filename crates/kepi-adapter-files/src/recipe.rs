//! What a job must hold so that its file decodes to the same page in a year.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use kepi_core::{DateSpan, Error, ErrorKind, InputIdentity, Job, MetricId, Result};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::{layout::Layout, observed::ObservedBy, value::Kind};

/// The input of a file's job. It holds the whole layout or map, so that a layout which is edited or shipped anew
/// does not change what was read before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The file's name.
    pub file: String,
    /// What the file was found to be: a workbook, or a text's encoding.
    pub encoding: SmolStr,
    /// When its numbers were read at the source.
    pub observed_at: Timestamp,
    /// Whether that only stands in for what the source did not say.
    pub observed_estimated: bool,
    /// Where the time comes from.
    pub observed_by: ObservedBy,
    /// The days that the file's name tells, for tables that cover them as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<DateSpan>,
    /// By what another import of the same bytes is known; jobs of an older kepi have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<InputIdentity>,
    /// The currency of its money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<SmolStr>,
    /// What the numbers of its metrics are.
    pub kinds: BTreeMap<MetricId, Kind>,
    /// Posts of the account that rows without an id may be about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<Known>,
    /// The layout or map.
    pub layout: Layout,
}

/// A post that is known by the platform's id, as far as a row without one can be matched with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The platform's id.
    pub id: SmolStr,
    /// The minute in which it was published: sources differ in the seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minute: Option<Timestamp>,
    /// The day on which it was published.
    pub day: Date,
    /// Its form, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<SmolStr>,
    /// Its title, or its words where it has none, as titles are compared.
    pub title: String,
}

impl Recipe {
    /// Whether rows are about posts and have no column for their ids.
    #[must_use]
    pub fn lacks_ids(&self) -> bool {
        let posts = self.layout.tables.iter().filter_map(|table| table.post.as_ref());
        posts.into_iter().any(|post| post.id.is_none())
    }

    /// As the input of a job.
    pub(crate) fn to_input(&self) -> Result<serde_json::Value> {
        serde_json::to_value(self).map_err(|error| {
            Error::new(ErrorKind::Unexpected, "write the layout into the job").caused_by(error)
        })
    }

    /// The recipe of a job.
    ///
    /// # Errors
    /// `BadRequest` when the job is not one of a file.
    pub fn of(job: &Job) -> Result<Self> {
        let input = job.input.clone().ok_or_else(|| {
            Error::new(ErrorKind::BadRequest, "the job of a file without its layout")
                .with("endpoint", &job.endpoint)
        })?;
        serde_json::from_value(input).map_err(|error| {
            Error::new(ErrorKind::BadRequest, "the job's layout cannot be read")
                .with("endpoint", &job.endpoint)
                .hint("was it written by a newer version of kepi?")
                .caused_by(error)
        })
    }
}
