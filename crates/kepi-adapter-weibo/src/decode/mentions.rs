//! Posts by others that name the account, counted by day.

use kepi_core::{Body, Cursor, Job, MetricId, Page, Reading, Result, Subject, Window, period::add_days};
use smol_str::SmolStr;

use super::{
    answer::{Sheet, day_of},
    posts::{following, list},
    rows::MentionRow,
};
use crate::{
    descriptor::{AUTHORISED, MENTION_DAYS, MENTIONS},
    request::{Step, Tally},
};

/// Lists are newest first, so a day is counted when an older one begins, or the list ends. A day that is not over
/// is no day.
pub(super) fn page(job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
    let mut sheet = Sheet { settles_after: MENTION_DAYS, ..Sheet::new(body) };
    let answer = list(job, body)?;
    let rows: Vec<MentionRow> = sheet.rows(job, answer.statuses, "/statuses")?;
    let step: Option<Step> = cursor.state()?;
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
    if next.is_none() {
        count.finish()?;
    }
    let Count { last, tally, .. } = count;
    sheet.page.next = next.map(|from| Cursor::from_state(&Step { from, last, tally })).transpose()?;
    Ok(sheet.page)
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
