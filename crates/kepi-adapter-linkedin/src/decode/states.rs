//! The present state of a page: followers, who they are, what it ever earned.

use kepi_core::{Account, Body, Cursor, Error, ErrorKind, Job, Page, Result, Traffic, json::Whole};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    answer::{Sheet, part, unknown_shape},
    rows::{Audience, FollowerFacet, PageFacet, PageTotal, Role, ShareTotal, count, sum},
};
use crate::{
    descriptor::ORGANIZATION_ADMIN,
    request::{Step, organization},
};

/// The segment of what is not of days but of all time.
const LIFETIME: (&str, &str) = ("range", "lifetime");

pub(super) fn followers(job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
    if cursor.is_start() && organization(job.account()?)?.is_none() {
        return organizations(job, body);
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Size {
        first_degree_size: Whole,
    }
    let size: Size =
        serde_json::from_slice(&body.bytes).map_err(|error| unknown_shape(job).caused_by(error))?;
    let mut sheet = Sheet::new(job, body)?;
    let mut values = Vec::with_capacity(1);
    count(&mut values, "followers_total", size.first_degree_size);
    sheet.state((Traffic::Total, None), values);
    Ok(sheet.page)
}

/// The account is the one organization that the token's member administers.
fn organizations(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(job, body)?;
    let mut found: Vec<Role> = sheet.elements()?;
    found.dedup_by(|a, b| a.organization == b.organization);
    let [Role { organization }] = found.as_slice() else {
        let names: Vec<&str> = found.iter().map(|role| role.organization.0.as_str()).collect();
        let error = if names.is_empty() {
            Error::new(ErrorKind::Forbidden, "the token's member administers no page").hint(format!(
                "the member must be ADMINISTRATOR of the page and consent to {ORGANIZATION_ADMIN}"
            ))
        } else {
            Error::bad_config("the token's member administers several pages")
                .with("pages", names.join(", "))
                .hint("set platform_id = \"…\" in the [[account]] to the number of one of them")
        };
        return Err(error.with("account", sheet.account));
    };
    let number = organization.0.rsplit(':').next().unwrap_or_default();
    sheet
        .page
        .accounts
        .push(Account { platform_id: Some(number.into()), ..Account::new(sheet.account.clone()) });
    sheet.page.next = Some(Cursor::from_state(&Step::Organization(organization.0.clone()))?);
    Ok(sheet.page)
}

pub(super) fn audience(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(job, body)?;
    for (at, row) in sheet.elements::<Audience<'_, &RawValue>>()?.into_iter().enumerate() {
        if !sheet.is_own(row.organizational_entity.as_deref()) {
            continue;
        }
        for (dimension, key, rows) in row.facets() {
            let facets: Vec<FollowerFacet> = sheet.salvage(&rows, &format!("/elements/{at}/{key}"))?;
            for facet in facets {
                let mut values = Vec::with_capacity(1);
                let number = facet.follower_counts.map(|counts| counts.organic_follower_count);
                count(&mut values, "audience_users", number.unwrap_or_default());
                sheet.state((Traffic::Total, part(dimension, facet.value.0)), values);
            }
        }
    }
    Ok(sheet.page)
}

/// Lifetime totals of what has days too stand apart: the days leave out instant reposts, and do not add up to them.
pub(super) fn totals(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(job, body)?;
    for row in sheet.elements::<ShareTotal<'_>>()? {
        if !sheet.is_own(row.organizational_entity.as_deref()) {
            continue;
        }
        let Some(numbers) = row.total_share_statistics else { continue };
        let mut mentions = Vec::with_capacity(1);
        sum(&mut mentions, "mentions", (numbers.share_mentions_count, numbers.comment_mentions_count));
        sheet.state((Traffic::Total, None), mentions);
        sheet.state((Traffic::Organic, part(LIFETIME.0, LIFETIME.1)), numbers.counts());
    }
    Ok(sheet.page)
}

pub(super) fn page(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(job, body)?;
    for (at, mut row) in sheet.elements::<PageTotal<'_, &RawValue>>()?.into_iter().enumerate() {
        if !sheet.is_own(row.organization.as_deref()) {
            continue;
        }
        let views = row.total_page_statistics.take().and_then(|numbers| numbers.views);
        let all = views.and_then(|views| views.all_page_views).map(|view| view.views());
        sheet.state((Traffic::Total, part(LIFETIME.0, LIFETIME.1)), all.unwrap_or_default());
        for (dimension, key, rows) in row.facets() {
            let facets: Vec<PageFacet> = sheet.salvage(&rows, &format!("/elements/{at}/{key}"))?;
            for facet in facets {
                let views = facet.page_statistics.and_then(|numbers| numbers.views);
                let all = views.and_then(|views| views.all_page_views).map(|view| view.views());
                sheet.state((Traffic::Total, part(dimension, facet.value.0)), all.unwrap_or_default());
            }
        }
    }
    Ok(sheet.page)
}
