//! The content series that ended in October 2025: pairs of people and times.

use jiff::civil::Date;
use kepi_core::{Body, Job, Page, Result, Subject, Window, json::Whole};
use smol_str::SmolStr;

use super::{
    answer::Sheet,
    articles::{end_of, post},
    rows::{OldArticle, OldArticleDay, OldReads, OldShares, OldStat, count},
};

/// The source that stands for all of them.
const ALL_SOURCES: &str = "99999999";

pub(super) fn account_days(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(body);
    let rows: Vec<OldReads> = sheet.rows(job)?;
    let subject = Subject::account(job.account()?.id.clone());
    for row in &rows {
        let window = Window::Day(row.ref_date);
        if row.user_source == ALL_SOURCES {
            sheet.whole(&subject, &window, row.counts());
        } else {
            sheet.part(&subject, &window, ("read_source", read_source(&row.user_source)), row.counts());
        }
    }
    let told: Vec<Date> = rows.iter().map(|row| row.ref_date).collect();
    sheet.missing(job, &told);
    Ok(sheet.page)
}

fn read_source(code: &str) -> SmolStr {
    let name = match code {
        "0" => "session",
        "1" => "friends",
        "2" => "feed",
        "3" => "tencent_weibo",
        "4" => "hist_msg",
        "5" => "other",
        "6" => "kanyikan",
        "7" => "souyisou",
        unknown => return SmolStr::new(unknown),
    };
    SmolStr::new_static(name)
}

pub(super) fn shares(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(body);
    let rows: Vec<OldShares> = sheet.rows(job)?;
    let subject = Subject::account(job.account()?.id.clone());
    for row in &rows {
        let scene = match row.share_scene.as_str() {
            "1" => SmolStr::new_static("friends"),
            "2" => SmolStr::new_static("feed"),
            "3" => SmolStr::new_static("tencent_weibo"),
            "255" => SmolStr::new_static("other"),
            unknown => SmolStr::new(unknown),
        };
        sheet.part(&subject, &Window::Day(row.ref_date), ("share_scene", scene), row.counts());
    }
    let told: Vec<Date> = rows.iter().map(|row| row.ref_date).collect();
    sheet.missing(job, &told);
    Ok(sheet.page)
}

/// Articles with fewer than three actions on a day are left out by WeChat: too small to tell, not zero.
pub(super) fn article_days(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(body);
    let rows: Vec<OldArticleDay<'_>> = sheet.rows(job)?;
    let account = &job.account()?.id;
    for row in &rows {
        let subject = Subject::post(account.clone(), row.msgid.clone());
        sheet.whole(&subject, &Window::Day(row.ref_date), row.counts());
        // The day is that of reading: when it was published is not told here.
        let post = post(account, &row.msgid, row.ref_date, row.title.as_ref(), None);
        sheet.page.posts.push(kepi_core::Post { published_at: None, ..post });
    }
    let told: Vec<Date> = rows.iter().map(|row| row.ref_date).collect();
    sheet.missing(job, &told);
    Ok(sheet.page)
}

/// What the articles of a day of publishing had at the end of each day.
pub(super) fn articles(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(body);
    let rows: Vec<OldArticle<'_>> = sheet.rows(job)?;
    let account = &job.account()?.id;
    for row in &rows {
        let subject = Subject::post(account.clone(), row.msgid.clone());
        for stat in &row.details {
            article(&mut sheet, &subject, &end_of(stat.stat_date), stat);
        }
        let url = row.url.as_deref();
        sheet.page.posts.push(post(account, &row.msgid, row.ref_date, row.title.as_ref(), url));
    }
    let told: Vec<Date> = rows.iter().map(|row| row.ref_date).collect();
    sheet.missing(job, &told);
    Ok(sheet.page)
}

fn article(sheet: &mut Sheet<'_>, subject: &Subject, window: &Window, stat: &OldStat) {
    let mut values = stat.counts();
    count(&mut values, "delivered", stat.target_user);
    sheet.whole(subject, window, values);
    for (source, reads, read_users) in stat.read_sources() {
        let mut values = Vec::new();
        count(&mut values, "reads", reads);
        count(&mut values, "read_users", read_users);
        sheet.part(subject, window, ("read_source", SmolStr::new_static(source)), values);
    }
    for (source, shares, share_users) in stat.feed_share_sources() {
        let mut values = Vec::new();
        count(&mut values, "shares", shares);
        count(&mut values, "share_users", share_users);
        sheet.part(subject, window, ("feed_share_source", SmolStr::new_static(source)), values);
    }
}

impl OldStat {
    /// Where readers came from, with times and people.
    fn read_sources(&self) -> [(&'static str, Whole, Whole); 7] {
        [
            ("session", self.int_page_from_session_read_count, self.int_page_from_session_read_user),
            ("hist_msg", self.int_page_from_hist_msg_read_count, self.int_page_from_hist_msg_read_user),
            ("feed", self.int_page_from_feed_read_count, self.int_page_from_feed_read_user),
            ("friends", self.int_page_from_friends_read_count, self.int_page_from_friends_read_user),
            ("other", self.int_page_from_other_read_count, self.int_page_from_other_read_user),
            ("kanyikan", self.int_page_from_kanyikan_read_count, self.int_page_from_kanyikan_read_user),
            ("souyisou", self.int_page_from_souyisou_read_count, self.int_page_from_souyisou_read_user),
        ]
    }

    /// From where it was shared to moments, with times and people.
    fn feed_share_sources(&self) -> [(&'static str, Whole, Whole); 3] {
        [
            ("session", self.feed_share_from_session_cnt, self.feed_share_from_session_user),
            ("feed", self.feed_share_from_feed_cnt, self.feed_share_from_feed_user),
            ("other", self.feed_share_from_other_cnt, self.feed_share_from_other_user),
        ]
    }
}
