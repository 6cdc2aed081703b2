//! Posts by others that name the account, counted by day.

use kepi_core::{Body, Cursor, Job, MetricId, Page, Reading, Result, Subject, Window, period::add_days};
use smol_str::SmolStr;

use super::{
    answer::{Sheet, day_of},
    posts::{following, list},
    rows::MentionRow,
};
use crate::{
    descriptor::{AUTHORISED, MENTIONS, MENTIONS_IN_ALL, MENTIONS_PAGE},
    request::{Step, Tally},
};

/// Lists are newest first, so a day is counted when an older one begins, or the list ends because there are no more.
/// A list that was cut off ends within a day, and that day's count is not known. A day that is not over is no day.
pub(super) fn page(job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(body);
    let answer = list(job, body)?;
    let rows: Vec<MentionRow> = sheet.rows(job, answer.statuses, "/statuses")?;
    let step: Option<Step> = cursor.state()?;
    let shown = u32::try_from(rows.len() + sheet.page.rejects.len()).unwrap_or(u32::MAX);
    let seen = step.as_ref().map_or(0, |step| step.seen).saturating_add(shown);
    let mut count = Count {
        sheet: &mut sheet,
        job,
        last: step.as_ref().and_then(|step| step.last.clone()),
        tally: step.and_then(|step| step.tally),
        sure: true,
    };
    if !count.sheet.page.rejects.is_empty() {
        count.spoil();
    }
    let mut older = false;
    for row in &rows {
        older |= count.add(row)?;
    }
    let next = if older { None } else { following(job, cursor, answer.next_cursor)? };
    // Whether all that follows is older than what is asked for, or nothing follows.
    let cut_off = !older && next.is_none() && is_cut_off(shown, seen);
    if next.is_none() && !cut_off {
        count.finish()?;
    }
    let Count { last, tally, .. } = count;
    if let Some(tally) = tally.as_ref().filter(|_| cut_off) {
        sheet.gap(format!(
            "the list ends after {seen} mentions, within {}: there may be more, so that day and those before it are \
             not counted",
            tally.day
        ));
    }
    sheet.page.next = next.map(|from| Cursor::from_state(&Step { from, last, tally, seen })).transpose()?;
    Ok(sheet.page)
}

/// A list that ends with a full page, or with as many rows as Weibo shows at most, was cut off there.
fn is_cut_off(shown: u32, seen: u32) -> bool {
    shown >= u32::from(MENTIONS_PAGE) || seen >= MENTIONS_IN_ALL
}

struct Count<'s, 'b, 'j> {
    sheet: &'s mut Sheet<'b>,
    job: &'j Job,
    /// The post counted last: what is not older was counted before.
    last: Option<SmolStr>,
    /// The day that is being counted.
    tally: Option<Tally>,
    /// All rows of the page can be read.
    sure: bool,
}

impl Count<'_, '_, '_> {
    /// Counts a post; `true` when it is older than what is asked for.
    fn add(&mut self, row: &MentionRow) -> Result<bool> {
        if self.last.as_ref().is_some_and(|last| !is_older(&row.id, last)) {
            return Ok(false);
        }
        self.last = Some(row.id.clone());
        let day = day_of(row.created_at);
        if self.job.window.is_some_and(|window| day < window.start) {
            return Ok(true);
        }
        match &mut self.tally {
            Some(tally) if tally.day == day => tally.posts = tally.posts.map(|posts| posts + 1),
            _ => {
                self.finish()?;
                self.tally = Some(Tally { day, posts: self.sure.then_some(1) });
            }
        }
        Ok(false)
    }

    /// A row could not be read, and no one knows of which day it is: no day of the page is told.
    fn spoil(&mut self) {
        self.sure = false;
        if let Some(tally) = &mut self.tally {
            tally.posts = None;
        }
    }

    fn finish(&mut self) -> Result<()> {
        let Some(Tally { day, posts: Some(posts) }) = self.tally.take() else { return Ok(()) };
        let asked = self.job.window.is_none_or(|window| window.contains(day));
        if !asked || add_days(day, 1) > self.sheet.today() {
            return Ok(());
        }
        let definition = (self.job.endpoint == MENTIONS).then(|| SmolStr::new_static(AUTHORISED));
        let reading =
            Reading { definition, ..Reading::count(MetricId::from_static("mentions"), i64::from(posts)) };
        let subject = Subject::account(self.job.account()?.id.clone());
        self.sheet.whole(&subject, &Window::Day(day), vec![reading]);
        Ok(())
    }
}

/// Ids grow with time; a shorter one is older.
fn is_older(id: &str, than: &str) -> bool {
    (id.len(), id) < (than.len(), than)
}
