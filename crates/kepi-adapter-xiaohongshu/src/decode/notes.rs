//! Notes that creators wrote to order, as Pugongying tells them: what each has so far, up to a day.

use std::collections::HashSet;

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
};
use kepi_core::{
    Body, Cursor, DateSpan, Error, Job, MetricId, Page, Post, Reading, Result, Subject, Traffic, Window,
    json::{self, Number, Whole},
    period::add_days,
};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;
use smol_str::SmolStr;

use super::{
    answer::{Of, Sheet, salvage, unknown_shape},
    failure,
    row::{Id, Text, Yuan, yuan},
};
use crate::{
    config::{CreatorPrices, XiaohongshuConfig},
    descriptor::{BY_PUGONGYING, NOTES_PAGE},
    request::{Step, beijing, notes_step, spans},
};

#[derive(Deserialize)]
#[serde(bound(deserialize = "R: Deserialize<'de>"))]
struct Answer<R> {
    data: Option<Data<R>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "R: Deserialize<'de>"))]
struct Data<R> {
    #[serde(default)]
    total: Whole,
    #[serde(default, alias = "totalPage")]
    total_page: Whole,
    #[serde(default, deserialize_with = "json::null_is_empty")]
    datas: Option<Vec<R>>,
}

/// A note of a creator.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Note<'a> {
    date_key: Id,
    note_id: Id,
    #[serde(borrow)]
    note_title: Text<'a>,
    #[serde(borrow)]
    note_link: Text<'a>,
    #[serde(borrow)]
    note_publish_time: Text<'a>,
    imp_num: Whole,
    origin_imp_num: Whole,
    promotion_imp_num: Whole,
    heat_imp_num: Whole,
    read_num: Whole,
    origin_read_num: Whole,
    promotion_read_num: Whole,
    heat_read_num: Whole,
    read_uv: Whole,
    like_num: Whole,
    fav_num: Whole,
    cmt_num: Whole,
    share_num: Whole,
    engage_num: Whole,
    interest_num: Whole,
    feed_interest_num: Whole,
    search_interest_num: Whole,
    other_interest_num: Whole,
    engage_rate: Option<Number>,
    avg_view_time: Option<Number>,
    finish_rate: Option<Number>,
    video_play_5s_rate: Option<Number>,
    kol_price: Yuan,
    total_platform_price: Yuan,
    female_percent: Option<Number>,
    male_percent: Option<Number>,
    age1_percent: Option<Number>,
    age2_percent: Option<Number>,
    age3_percent: Option<Number>,
    age4_percent: Option<Number>,
    age5_percent: Option<Number>,
    #[serde(borrow)]
    province_top1: Text<'a>,
    province_top1_rate: Option<Number>,
    #[serde(borrow)]
    province_top2: Text<'a>,
    province_top2_rate: Option<Number>,
    #[serde(borrow)]
    province_top3: Text<'a>,
    province_top3_rate: Option<Number>,
    #[serde(borrow)]
    interest_top1: Text<'a>,
    interest_top1_rate: Option<Number>,
    #[serde(borrow)]
    interest_top2: Text<'a>,
    interest_top2_rate: Option<Number>,
    #[serde(borrow)]
    interest_top3: Text<'a>,
    interest_top3_rate: Option<Number>,
    #[serde(borrow)]
    phone_top1: Text<'a>,
    phone_top1_rate: Option<Number>,
    #[serde(borrow)]
    phone_top2: Text<'a>,
    phone_top2_rate: Option<Number>,
    #[serde(borrow)]
    phone_top3: Text<'a>,
    phone_top3_rate: Option<Number>,
}

/// Reads a page of notes.
pub(super) fn page(config: &XiaohongshuConfig, job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
    let (span, page) = notes_step(job, cursor)?;
    let mut sheet = Sheet::new(body);
    let Data { total, total_page, datas } = read(job, &mut sheet)?;
    let notes = datas.unwrap_or_default();
    if notes.is_empty()
        && let Some(refusal) = failure::refusal_of_columns(&body.bytes)
    {
        return Err(refusal.error().with("endpoint", &job.endpoint));
    }
    let rows = notes.len() + sheet.page.rejects.len();
    let mut seen = HashSet::with_capacity(notes.len());
    sheet.page.measurements.reserve(notes.len() * 8);
    for note in &notes {
        match note.note_id.0.as_ref() {
            None => sheet.set_aside(job, "/data/datas", "the row names no note", note.name()),
            Some(id) if !seen.insert(id.clone()) => {
                sheet.set_aside(job, "/data/datas", "the note stands twice", id.to_string());
            }
            Some(id) => put(config, job, &mut sheet, id, note)?,
        }
    }
    sheet.page.next = following(job, (span, page), (total, total_page), rows)?;
    Ok(sheet.page)
}

fn read<'a>(job: &Job, sheet: &mut Sheet<'a>) -> Result<Data<Note<'a>>> {
    let bytes = &sheet.body.bytes;
    let data = match serde_json::from_slice::<Answer<Note<'a>>>(bytes) {
        Ok(answer) => answer.data,
        Err(_) => {
            let raw: Answer<&RawValue> =
                serde_json::from_slice(bytes).map_err(|error| unknown_shape(job).caused_by(error))?;
            match raw.data {
                Some(Data { total, total_page, datas }) => {
                    let rejects = &mut sheet.page.rejects;
                    let datas = datas.map(|rows| salvage(job, &rows, "/data/datas", rejects)).transpose()?;
                    Some(Data { total, total_page, datas })
                }
                None => None,
            }
        }
    };
    let data = data.unwrap_or(Data { total: Whole(None), total_page: Whole(None), datas: Some(Vec::new()) });
    match &data.datas {
        None if data.total.0 != Some(0) => Err(unknown_shape(job)),
        _ => Ok(data),
    }
}

/// Where the list goes on: the next page of the span, then the span before it.
fn following(
    job: &Job,
    (span, page): (u16, u32),
    (total, total_page): (Whole, Whole),
    rows: usize,
) -> Result<Option<Cursor>> {
    let size = i64::from(NOTES_PAGE);
    let more = match (total_page.0, total.0) {
        (Some(pages), _) => i64::from(page) < pages,
        (None, Some(total)) => i64::from(page) * size < total,
        (None, None) => i64::try_from(rows).is_ok_and(|rows| rows >= size),
    };
    let step = if more {
        let next = page.checked_add(1);
        let endless = || Error::bad_response("the list of notes does not end").with("page", page);
        Step::Notes { span, page: next.ok_or_else(endless)? }
    } else if usize::from(span) + 1 < spans(job).len() {
        Step::Notes { span: span.saturating_add(1), page: 1 }
    } else {
        return Ok(None);
    };
    Cursor::from_state(&step).map(Some)
}

fn put(
    config: &XiaohongshuConfig,
    job: &Job,
    sheet: &mut Sheet<'_>,
    id: &SmolStr,
    note: &Note<'_>,
) -> Result<()> {
    let account = &job.account()?.id;
    let subject = Subject::post(account.clone(), id.clone());
    let published = note.published();
    let now = Window::At(sheet.body.observed_at);
    let unlikely = note.unlikely();
    if let Some((name, percent)) = unlikely {
        sheet.remark(format!(
            "{name} of note {id} is {percent}, and no share is more than 100: told as it is"
        ));
    }
    let up_to = published.zip(note.day()).and_then(|((day, _), last)| up_to(day, last));
    for window in std::iter::once(now.clone()).chain(up_to) {
        for (traffic, values) in note.whole() {
            let of = Of {
                subject: &subject,
                part: None,
                window: window.clone(),
                traffic,
                provisional: unlikely.is_some(),
            };
            sheet.put(of, values);
        }
    }
    let parts = note.parts().into_iter().map(|(part, reading)| (part, Traffic::Total, reading));
    let prices = note.prices(config.creator_prices).into_iter();
    let prices = prices.map(|(cost, reading)| (("cost", SmolStr::new_static(cost)), Traffic::Paid, reading));
    for (part, traffic, reading) in parts.chain(prices) {
        let of = Of {
            subject: &subject,
            part: Some(part),
            window: now.clone(),
            traffic,
            provisional: unlikely.is_some(),
        };
        sheet.put(of, vec![reading]);
    }
    sheet.page.posts.push(Post {
        published_at: published.map(|(_, at)| at),
        title: note.note_title.0.as_deref().map(str::to_owned),
        url: note.note_link.0.as_deref().map(str::to_owned),
        product_type: Some(SmolStr::new_static("creator")),
        ..Post::new(account.clone(), id.clone())
    });
    Ok(())
}

/// The days from publishing to the day that the figures are told for, that day included.
fn up_to(published: Date, day: Date) -> Option<Window> {
    (published <= day).then(|| Window::Period(DateSpan::new(published, add_days(day, 1))))
}

impl Note<'_> {
    /// What a person finds the note by.
    fn name(&self) -> String {
        let text = |text: &Text<'_>| text.0.as_deref().unwrap_or_default().to_owned();
        format!("{} {}", text(&self.note_title), text(&self.note_link))
    }

    /// The day that the figures are told for.
    fn day(&self) -> Option<Date> {
        let text = self.date_key.0.as_deref()?;
        Date::strptime("%Y%m%d", text).or_else(|_| text.parse()).ok()
    }

    /// The day of publishing, and the instant; where only the day is told, its first.
    fn published(&self) -> Option<(Date, Timestamp)> {
        let text = self.note_publish_time.0.as_deref()?.trim();
        let clock: Option<DateTime> = text.parse().ok().or_else(|| {
            let day: Date = text.parse().ok()?;
            Some(day.at(0, 0, 0, 0))
        });
        let clock = clock?;
        let at = clock.to_zoned(beijing()).ok()?.timestamp();
        Some((clock.date(), at))
    }

    /// What the note has, by whose money.
    fn whole(&self) -> [(Traffic, Vec<Reading>); 3] {
        let mut total = Vec::with_capacity(13);
        count(&mut total, "impressions", self.imp_num);
        count(&mut total, "views", self.read_num);
        count(&mut total, "viewers", self.read_uv);
        count(&mut total, "likes", self.like_num);
        count(&mut total, "saves", self.fav_num);
        count(&mut total, "comments", self.cmt_num);
        count(&mut total, "shares", self.share_num);
        let own =
            |reading: Reading| Reading { definition: Some(SmolStr::new_static(BY_PUGONGYING)), ..reading };
        if let Whole(Some(engagements)) = self.engage_num {
            total.push(own(Reading::count(MetricId::from_static("platform_engagements"), engagements)));
        }
        total.extend(fraction("platform_engagement_rate", self.engage_rate).map(own));
        if let Some(seconds) = plain(self.avg_view_time) {
            total.push(Reading::real(MetricId::from_static("avg_view_duration_s"), seconds));
        }
        total.extend(fraction("completion_rate", self.finish_rate));
        total.extend(fraction("completion_rate_5s", self.video_play_5s_rate));
        count(&mut total, "interest_users", self.interest_num);
        let mut organic = Vec::with_capacity(2);
        count(&mut organic, "impressions", self.origin_imp_num);
        count(&mut organic, "views", self.origin_read_num);
        let mut paid = Vec::with_capacity(2);
        count(&mut paid, "impressions", sum(self.promotion_imp_num, self.heat_imp_num));
        count(&mut paid, "views", sum(self.promotion_read_num, self.heat_read_num));
        [(Traffic::Total, total), (Traffic::Organic, organic), (Traffic::Paid, paid)]
    }

    /// Parts of the audience, and people won by where they came from.
    fn parts(&self) -> Vec<((&'static str, SmolStr), Reading)> {
        let known = [
            ("gender", "female", self.female_percent),
            ("gender", "male", self.male_percent),
            ("age", "<18", self.age1_percent),
            ("age", "18-24", self.age2_percent),
            ("age", "25-34", self.age3_percent),
            ("age", "35-44", self.age4_percent),
            ("age", ">44", self.age5_percent),
        ];
        let mut parts: Vec<_> = known
            .into_iter()
            .filter_map(|(dimension, value, percent)| {
                let reading = fraction("audience_share", percent)?;
                Some(((dimension, SmolStr::new_static(value)), reading))
            })
            .collect();
        for (dimension, name, percent) in self.tops() {
            let Some(name) = name.0.as_deref().map(SmolStr::new) else { continue };
            let told = parts.iter().any(|((known, value), _)| *known == dimension && *value == name);
            if let Some(reading) = fraction("audience_share", percent).filter(|_| !told) {
                parts.push(((dimension, name), reading));
            }
        }
        let sources = [
            ("feed", self.feed_interest_num),
            ("search", self.search_interest_num),
            ("other", self.other_interest_num),
        ];
        for (source, people) in sources {
            if let Whole(Some(people)) = people {
                let reading = Reading::count(MetricId::from_static("interest_users"), people);
                parts.push((("source", SmolStr::new_static(source)), reading));
            }
        }
        parts
    }

    /// The three largest provinces, interests and devices of the audience.
    fn tops(&self) -> [(&'static str, &Text<'_>, Option<Number>); 9] {
        [
            ("province", &self.province_top1, self.province_top1_rate),
            ("province", &self.province_top2, self.province_top2_rate),
            ("province", &self.province_top3, self.province_top3_rate),
            ("interest", &self.interest_top1, self.interest_top1_rate),
            ("interest", &self.interest_top2, self.interest_top2_rate),
            ("interest", &self.interest_top3, self.interest_top3_rate),
            ("device", &self.phone_top1, self.phone_top1_rate),
            ("device", &self.phone_top2, self.phone_top2_rate),
            ("device", &self.phone_top3, self.phone_top3_rate),
        ]
    }

    /// What the creator and the platform were paid, where it is known what that is counted in.
    fn prices(&self, counted: CreatorPrices) -> Vec<(&'static str, Reading)> {
        let scale = match counted {
            CreatorPrices::Unread => return Vec::new(),
            CreatorPrices::Yuan => Decimal::ONE,
            CreatorPrices::Fen => Decimal::new(1, 2),
        };
        let told = [("creator", self.kol_price), ("platform", self.total_platform_price)];
        let price = |(cost, amount): (&'static str, Yuan)| {
            let value = yuan(amount.0?.checked_mul(scale)?);
            Some((cost, Reading { value, ..Reading::count(MetricId::from_static("spend"), 0) }))
        };
        told.into_iter().filter_map(price).collect()
    }

    /// A share of more than everything: are percentages still written as they are believed to be?
    fn unlikely(&self) -> Option<(&'static str, f64)> {
        let shares = [
            ("finish_rate", self.finish_rate),
            ("video_play_5s_rate", self.video_play_5s_rate),
            ("female_percent", self.female_percent),
            ("male_percent", self.male_percent),
            ("age1_percent", self.age1_percent),
            ("age2_percent", self.age2_percent),
            ("age3_percent", self.age3_percent),
            ("age4_percent", self.age4_percent),
            ("age5_percent", self.age5_percent),
        ];
        let tops = self.tops().map(|(dimension, _, percent)| (dimension, percent));
        let percent = |number: Option<Number>| Some(number?.real(-2)? * 100.0);
        let mut all = shares.into_iter().chain(tops).filter_map(|(name, told)| Some((name, percent(told)?)));
        all.find(|(_, percent)| *percent > 100.0 + 1e-9)
    }
}

/// Adds a number that is there.
fn count(readings: &mut Vec<Reading>, metric: &'static str, value: Whole) {
    if let Whole(Some(value)) = value {
        readings.push(Reading::count(MetricId::from_static(metric), value));
    }
}

/// A sum of which both parts must be told.
fn sum(one: Whole, other: Whole) -> Whole {
    Whole(one.0.zip(other.0).and_then(|(one, other)| one.checked_add(other)))
}

/// A percentage as a fraction.
fn fraction(metric: &'static str, percent: Option<Number>) -> Option<Reading> {
    Some(Reading::real(MetricId::from_static(metric), percent?.real(-2)?))
}

/// A number that is no percentage.
fn plain(number: Option<Number>) -> Option<f64> {
    number.filter(|number| !matches!(number, Number::Percent(_)))?.real(0)
}
