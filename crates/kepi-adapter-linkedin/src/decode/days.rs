//! UTC days of a page: followers gained, what posts earned, views.

use kepi_core::{Body, Job, Page, Reading, Result, Traffic};

use super::{
    answer::{Sheet, part},
    rows::{Click, GainDay, PageDay, PageStatistics, ShareDay, count, sum},
};
use crate::config::LinkedinConfig;

pub(super) fn gains(config: &LinkedinConfig, job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(job, body)?;
    let mut told = Vec::new();
    for row in sheet.elements::<GainDay<'_>>()? {
        if !sheet.is_own(row.organizational_entity.as_deref()) {
            continue;
        }
        let day = row.time_range.0;
        told.push(day);
        let Some(gains) = row.follower_gains else { continue };
        let (organic, paid) = (gains.organic_follower_gain, gains.paid_follower_gain);
        let one = |number| one("follows_gained", number);
        sheet.day(day, (Traffic::Organic, None), one(organic));
        sheet.day(day, (Traffic::Paid, None), one(paid));
        let mut both = Vec::with_capacity(1);
        sum(&mut both, "follows_gained", (organic, paid));
        sheet.day(day, (Traffic::Total, None), both);
    }
    sheet.missing(config, &told);
    Ok(sheet.page)
}

pub(super) fn shares(config: &LinkedinConfig, job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(job, body)?;
    let mut told = Vec::new();
    for row in sheet.elements::<ShareDay<'_>>()? {
        if sheet.is_own(row.organizational_entity.as_deref()) {
            told.push(row.time_range.0);
            let numbers = row.total_share_statistics.unwrap_or_default();
            sheet.day(row.time_range.0, (Traffic::Organic, None), numbers.counts());
        }
    }
    sheet.missing(config, &told);
    Ok(sheet.page)
}

pub(super) fn page(config: &LinkedinConfig, job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(job, body)?;
    let mut told = Vec::new();
    for row in sheet.elements::<PageDay<'_>>()? {
        if !sheet.is_own(row.organization.as_deref()) {
            continue;
        }
        let day = row.time_range.0;
        told.push(day);
        let Some(PageStatistics { clicks, views }) = row.total_page_statistics else { continue };
        if let Some(views) = views {
            let whole = views.all_page_views.map(|view| view.counts()).unwrap_or_default();
            sheet.day(day, (Traffic::Total, None), whole);
            for (dimension, value, view) in views.parts() {
                let values = view.map(|view| view.counts()).unwrap_or_default();
                sheet.day(day, (Traffic::Total, part(dimension, value)), values);
            }
        }
        let Some(clicks) = clicks else { continue };
        for (dimension, buttons) in [
            ("mobile_button", clicks.mobile_custom_button_click_counts),
            ("desktop_button", clicks.desktop_custom_button_click_counts),
        ] {
            for Click { custom_button_type, count } in buttons.into_iter().flatten() {
                let button = part(dimension, custom_button_type.0);
                sheet.day(day, (Traffic::Total, button), one("link_clicks", count));
            }
        }
    }
    sheet.missing(config, &told);
    Ok(sheet.page)
}

fn one(metric: &'static str, number: kepi_core::json::Whole) -> Vec<Reading> {
    let mut values = Vec::with_capacity(1);
    count(&mut values, metric, number);
    values
}
