//! Reviews of a place: what stands on its profile, and the newest of them by day.

use std::collections::{BTreeMap, HashMap};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use kepi_core::{
    AccountId, Body, DateSpan, Flags, Job, Measurement, MetricId, Notice, Page, Reading, Reject, Result,
    Segment, Subject, Traffic, Window,
    json::{Number, Whole},
    period::{add_days, local_day, zone},
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::answer::{part, unknown_shape};
use crate::{config::WebConfig, descriptor::REVIEW_DAYS, request::place};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "R: Deserialize<'de>"))]
struct Answer<R> {
    reviews: Option<Vec<R>>,
    average_rating: Option<Number>,
    #[serde(default)]
    total_review_count: Whole,
    next_page_token: Option<IgnoredAny>,
}

impl<R> Answer<R> {
    fn says_nothing(&self) -> bool {
        self.reviews.is_none() && self.average_rating.is_none() && self.total_review_count.0.is_none()
    }
}

/// A place without a review is told by nothing at all.
fn is_empty_object(body: &Body) -> bool {
    serde_json::from_slice::<HashMap<String, IgnoredAny>>(&body.bytes).is_ok_and(|object| object.is_empty())
}

/// A review, without whose it is and what it says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review<'a> {
    #[serde(borrow)]
    name: Option<&'a str>,
    #[serde(borrow)]
    star_rating: Option<&'a str>,
    create_time: Timestamp,
    update_time: Timestamp,
    review_reply: Option<IgnoredAny>,
}

pub(super) fn page(config: &WebConfig, job: &Job, body: &Body) -> Result<Page> {
    let account = job.account()?;
    let mut page = Page::default();
    let answer: Answer<&RawValue> =
        serde_json::from_slice(&body.bytes).map_err(|error| unknown_shape(job).caused_by(error))?;
    if answer.says_nothing() && !is_empty_object(body) {
        return Err(unknown_shape(job));
    }
    let values = standing(&answer);
    if !values.is_empty() {
        page.measurements.push(Measurement {
            traffic: Traffic::Total,
            values,
            ..Measurement::at(Subject::account(account.id.clone()), body.observed_at)
        });
    }
    let raws = answer.reviews.as_deref().unwrap_or_default();
    let own = place(account).ok();
    let mut reviews: Vec<Review<'_>> = Vec::with_capacity(raws.len());
    let mut rejects: Vec<Reject> = Vec::new();
    for (at, raw) in raws.iter().enumerate() {
        match read(raw, own) {
            Ok(review) => reviews.push(review),
            Err(reason) => rejects.push(Reject {
                account: Some(account.id.clone()),
                place: format!("/reviews/{at}"),
                reason,
                raw: raw.get().to_owned(),
            }),
        }
    }
    if let ([first, _, ..], true) = (&rejects[..], reviews.is_empty()) {
        return Err(unknown_shape(job).with("first_row", &first.reason));
    }
    let complete = rejects.is_empty();
    page.rejects = rejects;
    if !config.reviews_by_day || reviews.is_empty() {
        return Ok(page);
    }
    if !complete {
        let text = "a review could not be read, so none is counted by day".to_owned();
        page.notices.push(Notice::Remark { text });
        return Ok(page);
    }
    let zone = zone(&account.zone)?;
    let today = local_day(body.observed_at, &zone);
    let all = answer.next_page_token.is_none()
        && answer.total_review_count.0.is_none_or(|total| usize::try_from(total) == Ok(reviews.len()));
    let days = covered(&reviews, all, today, &zone);
    if days.is_empty() {
        let reason =
            "the newest reviews do not reach back over a whole day: none is counted by day".to_owned();
        page.notices.push(Notice::Gap { reason });
    }
    page.measurements.extend(by_day(&account.id, &reviews, days, &zone, body.observed_at));
    Ok(page)
}

/// What stands on the profile. Google rounds the mean, so the sum of the scores is an estimate.
fn standing(answer: &Answer<&RawValue>) -> Vec<Reading> {
    let mut values = Vec::with_capacity(3);
    let Some(count) = answer.total_review_count.0 else { return values };
    values.push(Reading::count(MetricId::from_static("ratings_total"), count));
    values.push(Reading::count(MetricId::from_static("rating_count"), count));
    let mean = answer.average_rating.filter(|mean| !matches!(mean, Number::Percent(_)));
    if let Some(mean) = mean.and_then(|mean| mean.real(0)) {
        #[expect(clippy::cast_precision_loss, reason = "reviews of a place are far below 2^53")]
        let points = (mean * count as f64 * 1e6).round() / 1e6;
        let reading = Reading::real(MetricId::from_static("rating_points_total"), points);
        values.push(Reading { flags: Flags::ESTIMATED, ..reading });
    }
    values
}

fn read<'a>(raw: &'a RawValue, own: Option<&str>) -> Result<Review<'a>, String> {
    let review: Review<'a> = serde_json::from_str(raw.get()).map_err(|error| error.to_string())?;
    let whose = review.name.and_then(|name| name.split_once("/reviews/")).map(|(place, _)| place);
    if whose.zip(own).is_some_and(|(whose, own)| whose != own) {
        return Err("a place that was not asked for".to_owned());
    }
    match review.star_rating {
        Some(stars) if score(stars).is_some() || stars == UNSPECIFIED => Ok(review),
        Some(_) => Err("an unknown star rating".to_owned()),
        None => Err("no star rating".to_owned()),
    }
}

const STARS: [(&str, &str); 5] = [("ONE", "1"), ("TWO", "2"), ("THREE", "3"), ("FOUR", "4"), ("FIVE", "5")];
const UNSPECIFIED: &str = "STAR_RATING_UNSPECIFIED";

fn score(stars: &str) -> Option<usize> {
    STARS.iter().position(|(word, _)| *word == stars)
}

/// The days of which every review is on the page. It begins with the newest change, and a review is changed no
/// earlier than it is made: so all that were made after the oldest change are here. Today is not over.
fn covered(reviews: &[Review<'_>], all: bool, today: Date, zone: &TimeZone) -> DateSpan {
    let floor = add_days(today, -i32::from(REVIEW_DAYS));
    let oldest = reviews.iter().map(|review| review.update_time).min();
    let first = match oldest {
        Some(oldest) if !all => add_days(local_day(oldest, zone), 1),
        _ => floor,
    };
    DateSpan::new(first.max(floor), today)
}

/// Counts of a day.
#[derive(Default)]
struct Day {
    stars: [i64; 5],
    unspecified: i64,
    answered: i64,
}

/// A day that is covered and has no review had none.
fn by_day(
    account: &AccountId,
    reviews: &[Review<'_>],
    days: DateSpan,
    zone: &TimeZone,
    observed_at: Timestamp,
) -> Vec<Measurement> {
    let mut counts: BTreeMap<Date, Day> = days.iter().map(|day| (day, Day::default())).collect();
    for review in reviews {
        let Some(day) = counts.get_mut(&local_day(review.create_time, zone)) else { continue };
        match review.star_rating.and_then(score).and_then(|stars| day.stars.get_mut(stars)) {
            Some(count) => *count += 1,
            None => day.unspecified += 1,
        }
        day.answered += i64::from(review.review_reply.is_some());
    }
    let mut told = Vec::with_capacity(counts.len() * 8);
    for (day, counts) in counts {
        let mut put = |segment: Option<Segment>, values: Vec<Reading>| {
            told.push(Measurement {
                segment,
                traffic: Traffic::Total,
                values,
                ..Measurement::new(Subject::account(account.clone()), Window::Day(day), observed_at)
            });
        };
        let count = |number| Reading::count(MetricId::from_static("rating_count"), number);
        let all = counts.stars.iter().sum::<i64>() + counts.unspecified;
        let mut whole = vec![count(all)];
        // Of a review without stars the score is not known.
        if counts.unspecified == 0 {
            let points: i32 =
                (1..).zip(counts.stars).map(|(score, n)| score * i32::try_from(n).unwrap_or(0)).sum();
            whole.push(Reading::real(MetricId::from_static("rating_sum"), f64::from(points)));
        }
        put(None, whole);
        for ((_, name), number) in STARS.iter().zip(counts.stars) {
            put(part("stars", name), vec![count(number)]);
        }
        put(part("answered", "yes"), vec![count(counts.answered)]);
        put(part("answered", "no"), vec![count(all - counts.answered)]);
    }
    told
}
