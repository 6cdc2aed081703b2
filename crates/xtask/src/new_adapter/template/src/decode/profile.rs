//! The present numbers of accounts.

use kepi_core::{
    Account, Body, Job, Measurement, Page, Result, Subject, Traffic,
    json::{self, Readings},
};
use serde::Deserialize;
use smol_str::SmolStr;

use super::super::descriptor::ProfileNumbers;
use super::answer::{Rows, not_asked_for, rows};

#[derive(Deserialize)]
struct Row {
    #[serde(deserialize_with = "json::id")]
    id: SmolStr,
    name: Option<String>,
    #[serde(default)]
    metrics: Readings<ProfileNumbers>,
}

pub(super) fn page(job: &Job, body: &Body) -> Result<Page> {
    let mut page = Page::default();
    let Rows { rows, .. } = rows::<Row>(job, body, &mut page.rejects)?;
    for row in rows {
        let known = job.accounts.iter().find(|account| account.platform_id.as_ref() == Some(&row.id));
        let Some(account) = known.map(|account| account.id.clone()) else {
            page.rejects.push(not_asked_for("an account", &row.id));
            continue;
        };
        if !row.metrics.values.is_empty() {
            page.measurements.push(Measurement {
                traffic: Traffic::Total,
                values: row.metrics.values,
                ..Measurement::at(Subject::account(account.clone()), body.observed_at)
            });
        }
        page.accounts.push(Account { platform_id: Some(row.id), handle: row.name, ..Account::new(account) });
    }
    Ok(page)
}
